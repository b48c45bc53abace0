"""Messages of a case: a thread for each recording, alert or consultation; each message stored exactly once."""

from server.messages.service import Messages

__all__ = ["Messages"]
