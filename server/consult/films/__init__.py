"""Films of a room: by consent of all in it, sealed, looked at by its members. How packets become files: `media`."""
