"""The device's WebSocket: the `websockets` library, with a short cut for what comes ten thousand times a second.

Handshake, limits, pings, closing and every unusual frame are the library's. A whole binary message in one frame, which
is all a device needs, is cut out of the received bytes here and handed over at once, without the library's frame
objects, queue and a task's wake-up (four fifths of its cost). The first message that comes in another way (text, or
in fragments) sends the connection back to the library for good, so that order is never in question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # its own choice between C and Python
from websockets.protocol import State

BINARY: Final = 0x82  # the last frame of a message (FIN), opcode 2
CONTROL: Final = 0x08  # opcodes from here on are close, ping, pong
NO_MASK: Final = bytes(4)
BUFFER_BYTES_MAX: Final = 256 * 1024  # what a device may leave unread of what we say


class DeviceSocket(ServerConnection):
    """One device's socket. `sink` is given whole binary messages once it is set; until then the library has them."""

    sink: Callable[[bytes], None] | None = None
    _rest: bytes = b""
    _library_only: bool = False

    def data_received(self, data: bytes) -> None:
        self._receive(data)
        # The library answers pings by itself, before any proof: who never reads the pongs would fill our memory.
        if self.transport.get_write_buffer_size() > BUFFER_BYTES_MAX:
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

    def _cut(self, data: bytes, sink: Callable[[bytes], None]) -> None:
        """Hand over every whole message in `data`; keep the beginning of the next."""
        at, size = 0, len(data)
        while size - at >= 2:
            first, length = data[at], data[at + 1] ^ 0x80  # clients mask: the bit is 0 now, else the length is > 127
            head = 6
            if length == 126:
                if size - at < 4:
                    break
                length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 8
            elif length > 126:
                self._hand_over(data[at:])
                return
            end = at + head + length
            if end > size:
                break
            if first == BINARY:
                mask, body = data[at + head - 4 : at + head], data[at + head : end]
                sink(body if mask == NO_MASK else apply_mask(body, mask))
            elif first & 0x0F >= CONTROL:
                super().data_received(data[at:end])
            else:
                self._hand_over(data[at:])
                return
            at = end
        self._rest = data[at:]

    def _hand_over(self, data: bytes) -> None:
        """From here on the library alone."""
        self._library_only, self._rest = True, b""
        super().data_received(data)
