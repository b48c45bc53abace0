"""The forwarder's sockets: one UDP port for all members, and each member's connections told apart on it.

ICE-lite: this end has known addresses and asks nobody, so a hospital's firewall opens one port and nobody waits for
candidates. A connection is known by the name its checks carry, then by the address they came from. Who sends what is
not decided here (`forward`).
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session

from server.consult.media import stun
from server.consult.media.dtls import Certificate, Dtls, DtlsFailed
from server.consult.media.sdp import OwnEnd

log = structlog.get_logger()

Address = tuple[str, int]
BUFFER_BYTES: Final = 4 << 20
BATCH: Final = 64
"""Datagrams of one socket before anybody else has a turn."""
DATAGRAM_BYTES_MAX: Final = 1320
"""A packet that, sealed again, still fits what libsrtp's wrapper takes (1500 with room for its trailer)."""
ADDRESSES_MAX: Final = 8
"""From which one connection may be heard: a browser with several networks."""
SILENT_S: Final = 15.0
"""A browser checks its connection every few seconds (RFC 7675); one that does not is gone."""
PACKETS_PER_S_MAX: Final = 3000
"""Who sends more is no browser: he loses his seat."""
PASSED_PER_S_MAX, PASSED_BYTES_MAX = 1000, 600_000
"""Of a connection in a second, three times what a member is told he may send: what is beyond it is not even opened."""
REPORTS_PER_S_MAX: Final = 500
HANDSHAKES_PER_S_MAX, CHECKS_PER_S_MAX = 100, 100
SSRCS_MAX: Final = 64
"""Of one connection: the seals keep something for each, for as long as the connection stands."""
HELD_S: Final = 6.0
"""An address is a member's for so long after his last check: somebody else's check does not take it from him."""
SEEN_MAX: Final = 32
FLIGHT_S: Final = 1.0
AWAY_S: Final = 4.0
"""Longer than a browser waits between two checks of a connection that stands."""


class Link:
    """One connection of one member.

    heard  RTP, opened. told  RTCP, opened. ready  keys are there. back  it was away for a while, and is heard again.
    over  the connection has ended, and why.
    """

    def __init__(self, port: Port, now: float) -> None:
        self.ufrag, self.password = secrets.token_hex(6), secrets.token_hex(16)
        self._port = port
        self.made_at = self.heard_at = self._flight_at = now
        self.dtls: Dtls | None = None
        self.receive: Session | None = None
        self.send: Session | None = None
        self.path: tuple[socket.socket, Address] | None = None
        self.addresses: set[Address] = set()
        self.ended = False
        self._waiting: list[bytes] = []
        self._ssrcs: set[bytes] = set()
        self._seen: OrderedDict[bytes, Address] = OrderedDict()
        self._in_second = self._bytes = self._reports = self._handshakes = self._checks = 0
        self.heard: Callable[[bytes], None] = lambda _: None
        self.told: Callable[[bytes], None] = lambda _: None
        self.ready: Callable[[], None] = lambda: None
        self.back: Callable[[], None] = lambda: None
        self.over: Callable[[str], None] = lambda _: None

    @property
    def own(self) -> OwnEnd:
        return OwnEnd(self.ufrag, self.password, self._port.certificate.fingerprint, self._port.addresses)

    def expect(self, fingerprint: str) -> None:
        """The other side's description is known: its handshake, which may have come before, is taken."""
        self.dtls = Dtls(self._port.certificate, server=True, fingerprint=fingerprint)
        waiting, self._waiting = self._waiting, []
        for datagram in waiting:
            self.handshake(datagram)

    def handshake(self, datagram: bytes) -> None:
        self._handshakes += 1
        if self._handshakes > HANDSHAKES_PER_S_MAX:
            return
        if self.dtls is None:
            self._waiting = [*self._waiting[-3:], datagram]
            return
        was_done = self.dtls.done
        try:
            self._out(self.dtls.feed(datagram))
        except DtlsFailed as error:
            self.end(f"dtls: {error}")
            return
        if self.dtls.done and not was_done:
            self.receive, self.send = self.dtls.receive, self.dtls.send
            self.ready()
        elif self.dtls.closed:
            self.end("closed")

    def media(self, datagram: bytes) -> None:
        if self.receive is None:
            return
        self._in_second += 1
        self._bytes += len(datagram)
        if self._in_second > PASSED_PER_S_MAX or self._bytes > PASSED_BYTES_MAX or len(datagram) > DATAGRAM_BYTES_MAX:
            return
        is_report = 192 <= datagram[1] <= 223
        ssrc = datagram[4:8] if is_report else datagram[8:12]
        if ssrc not in self._ssrcs and len(self._ssrcs) >= SSRCS_MAX:
            return
        try:
            opened = self.receive.unprotect_rtcp(datagram) if is_report else self.receive.unprotect(datagram)
        except SrtpError:
            return  # not of this connection, or come twice
        self._ssrcs.add(ssrc)
        if not is_report:
            self.heard(opened)
            return
        self._reports += 1
        if self._reports <= REPORTS_PER_S_MAX:
            self.told(opened)

    def reached(self, sock: socket.socket, address: Address, *, nominated: bool, now: float) -> bool:
        """A check came from there. Returns whether the way to the member is a new one."""
        was_away, self.heard_at = now - self.heard_at > AWAY_S, now
        if was_away:
            self.back()
        if self.path is None or (nominated and self.path != (sock, address)):
            self.path = (sock, address)
            return True
        return False

    def may_ask(self, transaction: bytes, address: Address) -> bool:
        """Whether a signed check is to be answered: not one too many, and none that somebody else sends again."""
        self._checks += 1
        if self._checks > CHECKS_PER_S_MAX or self._seen.setdefault(transaction, address) != address:
            return False
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        return True

    def say(self, rtcp: bytes) -> None:
        if self.send is not None and self.path is not None:
            self._out([self.send.protect_rtcp(rtcp)])

    def look(self, now: float) -> None:
        """Once a second."""
        if now - self.heard_at > SILENT_S:
            self.end("silent")
        elif self._in_second > PACKETS_PER_S_MAX:
            self.end("flood")
        elif (
            self.dtls is not None and self.path is not None and not self.dtls.done and now - self._flight_at > FLIGHT_S
        ):
            self._flight_at = now
            try:
                self._out(self.dtls.again())
            except DtlsFailed as error:
                self.end(f"dtls: {error}")
        self._in_second = self._bytes = self._reports = self._handshakes = self._checks = 0

    def end(self, why: str) -> None:
        if self.ended:
            return
        self.ended = True
        if self.dtls is not None and self.dtls.done:
            self._out(self.dtls.goodbye())
        self._port.drop(self)
        self.over(why)

    def _out(self, datagrams: list[bytes]) -> None:
        if self.path is None:
            return
        sock, address = self.path
        for datagram in datagrams:
            try:
                sock.sendto(datagram, address)
            except OSError:
                return  # no room or no way: it is asked for again, or the connection falls silent


class Port:
    """All connections of this process.

    hosts  addresses to listen on; `advertised`, where a gateway stands before the hub: what members are told in place
           of them.
    """

    def __init__(
        self, certificate: Certificate, hosts: tuple[str, ...], port: int, advertised: tuple[str, ...] = ()
    ) -> None:
        self.certificate = certificate
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._by_name: dict[str, Link] = {}
        self._by_address: dict[Address, Link] = {}
        for host in hosts:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
            sock.bind((host, port))
            port = sock.getsockname()[1]
            self._sockets.append(sock)
            self._loop.add_reader(sock, self._readable, sock)
        self.addresses: tuple[Address, ...] = tuple((host, port) for host in advertised or hosts)
        self.moved: Callable[[], None] = lambda: None
        """Told that some member is reached another way now."""

    def link(self) -> Link:
        made = Link(self, self._loop.time())
        self._by_name[made.ufrag] = made
        return made

    def drop(self, link: Link) -> None:
        self._by_name.pop(link.ufrag, None)
        for address in link.addresses:
            if self._by_address.get(address) is link:
                del self._by_address[address]

    def look(self) -> None:
        """Once a second."""
        now = self._loop.time()
        for link in list(self._by_name.values()):
            link.look(now)

    def close(self) -> None:
        for link in list(self._by_name.values()):
            link.end("closing")
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            sock.close()

    def _readable(self, sock: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                datagram, address = sock.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue  # somebody's host said that nobody listens there
            if not datagram:
                continue
            first = datagram[0]
            if first < 4:
                self._check(sock, datagram, address)
                continue
            link = self._by_address.get(address)
            if link is None:
                continue
            try:
                if 127 < first < 192:
                    if len(datagram) > 12:
                        link.media(datagram)
                elif 19 < first < 64:
                    link.handshake(datagram)
            except Exception as error:  # whatever a member sends costs him his seat and nobody else anything
                log.error("media.fault", error=repr(error)[:200])
                link.end("fault")

    def _check(self, sock: socket.socket, datagram: bytes, address: Address) -> None:
        asked = stun.read_binding(datagram)
        link = None if asked is None else self._by_name.get(asked.username.partition(":")[0])
        if asked is None or link is None or not asked.is_signed_with(link.password):
            return
        now = self._loop.time()
        holder = self._by_address.get(address, link)
        if not link.may_ask(asked.transaction, address) or (holder is not link and now - holder.heard_at < HELD_S):
            return
        if address not in link.addresses:
            if len(link.addresses) >= ADDRESSES_MAX:
                return
            link.addresses.add(address)
        self._by_address[address] = link
        try:
            sock.sendto(stun.response(asked.transaction, address, link.password), address)
        except OSError:
            return
        if link.reached(sock, address, nominated=asked.nominates, now=now):
            self.moved()
