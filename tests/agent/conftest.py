"""The agent's tests speak to the same whole hub as the server's."""

from tests.server.conftest import hub

__all__ = ["hub"]
