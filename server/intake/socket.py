"""The device's WebSocket: the `websockets` library, with a short cut for what comes ten thousand times a second.

Handshake, limits, pings, closing and every unusual frame are the library's. A whole binary message in one frame, which
is all a device needs, is cut out of the received bytes here and handed over at once, without the library's frame
objects, queue and a task's wake-up (four fifths of its cost). The first message that comes in another way (text, or
in fragments) sends the connection back to the library for good, so that order is never in question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # its own choice between C and Python
from websockets.protocol import State

from server.base.page import unsent_bytes

BINARY: Final = 0x82  # the last frame of a message (FIN), opcode 2
CONTROL: Final = 0x08  # opcodes from here on are close, ping, pong
MASKED: Final = 0x80  # the bit beside the length: clients mask
LENGTH_16: Final = 126  # the length stands in the next two bytes
HEAD_BYTES: Final = 6  # of a masked frame with a short length
BUFFER_BYTES_MAX: Final = 256 * 1024  # what a device may leave unread of what we say


class DeviceSocket(ServerConnection):
    """One device's socket. Once it is set, `sink` is given the whole binary messages that came together; until then the
    library has them.
    """

    sink: Callable[[list[bytes]], None] | None = None
    _rest: bytes = b""
    _library_only: bool = False

    def data_received(self, data: bytes) -> None:
        self._receive(data)
        # The library answers pings by itself, before any proof: who never reads the pongs would fill our memory.
        if unsent_bytes(self.transport) > BUFFER_BYTES_MAX:
            self.transport.abort()

    def _receive(self, data: bytes) -> None:
        if self._library_only:
            super().data_received(data)
        elif not self._is_open():
            super().data_received(data)
            # Bytes behind the handshake are in the library's parser already: who sends them early stays there.
            self._library_only = self._is_open() and not data.endswith(b"\r\n\r\n")
        elif self.sink is None:
            self._hand_over(data)
        else:
            self._cut(self._rest + data if self._rest else data, self.sink)

    def _is_open(self) -> bool:
        return self.protocol.state is State.OPEN

    def _cut(self, data: bytes, sink: Callable[[list[bytes]], None]) -> None:
        """Hand over every whole message in `data`; keep the beginning of the next."""
        at = 0
        while True:
            whole, at = whole_messages(data, at)
            if whole:
                sink(whole)
            first, length = data[at : at + 1], data[at + 1 : at + 2]
            if not length or (first[0] == BINARY and MASKED <= length[0] <= MASKED | LENGTH_16):
                break  # the beginning of a message
            if first[0] & 0x0F < CONTROL or not MASKED <= length[0] < MASKED | LENGTH_16:
                self._hand_over(data[at:])
                return
            end = at + HEAD_BYTES + (length[0] ^ MASKED)
            if end > len(data):
                break
            super().data_received(data[at:end])
            at = end
        self._rest = data[at:]

    def put(self, body: bytes) -> None:
        """Send a binary message without waiting. An ack is one of ten thousand a second: no frame object for it."""
        if len(body) >= LENGTH_16:
            broadcast((self,), body)
        elif self.protocol.state is State.OPEN:
            self.transport.write(bytes((BINARY, len(body))) + body)

    def _hand_over(self, data: bytes) -> None:
        """From here on the library alone."""
        self._library_only, self._rest = True, b""
        super().data_received(data)


def whole_messages(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The binary messages from `at` on that are whole and in one frame, unmasked; where the next byte stands."""
    whole: list[bytes] = []
    size = len(data)
    while size - at >= HEAD_BYTES and data[at] == BINARY:
        length, body_at = data[at + 1] ^ MASKED, at + HEAD_BYTES  # without the mask's bit the length is > 127
        if length == LENGTH_16:
            length, body_at = data[at + 2] << 8 | data[at + 3], body_at + 2
        elif length > LENGTH_16:
            break
        end = body_at + length
        if end > size:
            break
        whole.append(apply_mask(data[body_at:end], data[body_at - 4 : body_at]))
        at = end
    return whole, at
