"""The forwarder's process and the words between it and the hub: one line of JSON each way, each bounded.

The hub's end is `embedded`. The process ends when its line does: it never outlives the hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from server.base.clock import SystemClock
from server.base.pool import begin_worker
from server.consult.media.engine import (
    SDP_BYTES_MAX,
    BadSdp,
    Event,
    Film,
    FilmBroke,
    Lost,
    NoSeat,
    Slots,
    Speakers,
    Wanted,
)
from server.consult.media.model import Wish

if TYPE_CHECKING:
    from server.consult.media.forward import Forwarder

log = structlog.get_logger()

LINE_BYTES_MAX: Final = 8 * SDP_BYTES_MAX
"""Six bytes of JSON for one character, at the worst: a longer line would end the process for everybody."""
BEHIND_BYTES_MAX: Final = 8 << 20
"""Not taken by the other end: it does not read any more."""


class Listen(msgspec.Struct, frozen=True):
    """Where to listen: the first thing the process is told, before any line."""

    hosts: tuple[str, ...]
    port: int
    advertised: tuple[str, ...]


class _Numbered(msgspec.Struct, frozen=True):
    number: int


class Join(_Numbered, frozen=True, tag="join"):
    room: str
    account: str
    seat: str
    held: bool = False


class Admit(_Numbered, frozen=True, tag="admit"):
    seat: str


class Answer(_Numbered, frozen=True, tag="answer"):
    seat: str
    sdp: str


class Publish(_Numbered, frozen=True, tag="publish"):
    seat: str
    sdp: str


class Watch(_Numbered, frozen=True, tag="watch"):
    seat: str
    wishes: list[Wish]


class Quiet(_Numbered, frozen=True, tag="quiet"):
    room: str
    accounts: list[str]


class Leave(_Numbered, frozen=True, tag="leave"):
    seat: str


class CloseRoom(_Numbered, frozen=True, tag="close_room"):
    room: str


class BeginFilm(_Numbered, frozen=True, tag="film"):
    film: Film


class EndFilm(_Numbered, frozen=True, tag="end_film"):
    room: str


class Stats(_Numbered, frozen=True, tag="stats"):
    pass


Command = Join | Admit | Answer | Publish | Watch | Quiet | Leave | CloseRoom | BeginFilm | EndFilm | Stats


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """To the command of this number. refused: "" or `sdp`, `seat`, `fault`; ready: the first one, to no command."""

    number: int
    sdp: str = ""
    refused: str = ""
    stats: dict[str, float] = {}


Said = Reply | Slots | Wanted | Speakers | Lost | FilmBroke


def line(message: Command | Reply | Event) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def main(sock: socket.socket, hub: int, listen: Listen) -> None:
    """The life of the process: until the hub (process id `hub`) has closed the line, or has ended."""
    begin_worker(hub, None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the hub ends us in its own time
    asyncio.run(_serve(sock, listen))


async def _serve(sock: socket.socket, listen: Listen) -> None:
    # Late: the hub, which knows these words, does without the cryptography behind them.
    from server.consult.media.dtls import Certificate
    from server.consult.media.forward import TICK_S, Forwarder
    from server.consult.media.port import Port

    reader, writer = await asyncio.open_connection(sock=sock, limit=LINE_BYTES_MAX)

    def say(message: Reply | Event) -> None:
        writer.write(line(message))
        if writer.transport.get_write_buffer_size() > BEHIND_BYTES_MAX:
            os._exit(1)

    port = Port(Certificate(SystemClock().now()), listen.hosts, listen.port, listen.advertised)
    forwarder = Forwarder(port, say)
    gc.freeze()  # what is there now stays: the collector's pauses are heard as gaps
    say(Reply(0))
    ticking = asyncio.create_task(_tick(forwarder.tick, TICK_S))
    decoder = msgspec.json.Decoder(Command)
    with contextlib.suppress(ConnectionError, ValueError):
        while (raw := await reader.readline()).endswith(b"\n"):
            say(_obey(forwarder, decoder.decode(raw)))
    ticking.cancel()
    forwarder.end_films()
    port.close()


async def _tick(tick: Callable[[], None], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            tick()
        except Exception as error:  # of one seat; all the others' pictures hang on the next tick
            log.error("media.tick", error=repr(error)[:200])


def _obey(forwarder: Forwarder, command: Command) -> Reply:
    number, said = command.number, ""
    stats: dict[str, float] = {}
    try:
        match command:
            case Join():
                said = forwarder.join(command.room, command.account, command.seat, held=command.held)
            case Admit():
                forwarder.admit(command.seat)
            case Answer():
                forwarder.answer(command.seat, command.sdp)
            case Publish():
                said = forwarder.publish(command.seat, command.sdp)
            case Watch():
                forwarder.watch(command.seat, command.wishes)
            case Quiet():
                forwarder.quiet(command.room, command.accounts)
            case Leave():
                forwarder.leave(command.seat, "left")
            case CloseRoom():
                forwarder.close_room(command.room)
            case BeginFilm():
                forwarder.film(command.film)
            case EndFilm():
                forwarder.end_film(command.room)
            case Stats():
                used = resource.getrusage(resource.RUSAGE_SELF)
                stats = {"cpu_s": used.ru_utime + used.ru_stime, "rss_mb": used.ru_maxrss / 1024, **forwarder.stats()}
    except BadSdp as error:
        log.warning("media.sdp", why=str(error))
        return Reply(number, refused="sdp")
    except NoSeat:
        return Reply(number, refused="seat")
    except Exception as error:  # one member's words: nobody else's pictures stop for them
        log.error("media.command", error=repr(error)[:200])
        return Reply(number, refused="fault")
    return Reply(number, said, stats=stats)
