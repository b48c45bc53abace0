"""Voices of a room over WebSockets, where no media come through."""
