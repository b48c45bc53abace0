"""The part of STUN that an ICE-lite end needs: to read a binding request and to answer it (RFC 8489, 8445 section 2.5).

An end that is "lite" asks nobody: it has one known address, answers who knows its password, and learns from the
requests where the other side can be reached. `request` is for the tests' members, who ask.
"""

from __future__ import annotations

import hmac
import socket
import struct
import zlib
from hashlib import sha1
from typing import NamedTuple

U32 = struct.Struct("!I")
COOKIE = 0x2112A442
HEAD = struct.Struct("!HHI12s")
REQUEST, RESPONSE = 0x0001, 0x0101
USERNAME, INTEGRITY, MAPPED, PRIORITY, USE, FINGERPRINT, CONTROLLING = (
    0x0006, 0x0008, 0x0020, 0x0024, 0x0025, 0x8028, 0x802A,
)  # fmt: skip
BYTES_MAX = 600


class Binding(NamedTuple):
    """`signed`: what the integrity covers, with the length field as it was when it was made."""

    transaction: bytes
    username: str
    nominates: bool
    signed: bytes
    integrity: bytes

    def is_signed_with(self, password: str) -> bool:
        return hmac.compare_digest(hmac.digest(password.encode(), self.signed, sha1), self.integrity)


def read_binding(data: bytes, kind: int = REQUEST) -> Binding | None:
    """None for anything that is not a whole, signed message of this kind."""
    if not HEAD.size <= len(data) <= BYTES_MAX:
        return None
    found, length, cookie, transaction = HEAD.unpack_from(data)
    if found != kind or cookie != COOKIE or length != len(data) - HEAD.size:
        return None
    username, nominates, at = "", False, HEAD.size
    while at + 4 <= len(data):
        attribute, size = struct.unpack_from("!HH", data, at)
        value = data[at + 4 : at + 4 + size]
        if len(value) != size:
            return None
        if attribute == USERNAME:
            username = value.decode("utf-8", "replace")
        elif attribute == USE:
            nominates = True
        elif attribute == INTEGRITY:
            # What follows is not signed and not read.
            signed = HEAD.pack(found, at + 24 - HEAD.size, COOKIE, transaction) + data[HEAD.size : at]
            return Binding(transaction, username, nominates, signed, value)
        at += 4 + size + -size % 4
    return None


def response(transaction: bytes, address: tuple[str, int], password: str) -> bytes:
    """`address`: IPv4, where the request came from."""
    host = U32.unpack(socket.inet_aton(address[0]))[0] ^ COOKIE
    mapped = struct.pack("!BBHI", 0, 1, address[1] ^ COOKIE >> 16, host)
    return _signed(RESPONSE, transaction, _attribute(MAPPED, mapped), password)


def request(transaction: bytes, username: str, password: str, *, nominates: bool) -> bytes:
    body = _attribute(USERNAME, username.encode()) + _attribute(PRIORITY, struct.pack("!I", 1))
    body += _attribute(CONTROLLING, transaction[:8])
    if nominates:
        body += _attribute(USE, b"")
    return _signed(REQUEST, transaction, body, password)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _signed(kind: int, transaction: bytes, body: bytes, password: str) -> bytes:
    head = HEAD.pack(kind, len(body) + 24, COOKIE, transaction)
    body += _attribute(INTEGRITY, hmac.digest(password.encode(), head + body, sha1))
    head = HEAD.pack(kind, len(body) + 8, COOKIE, transaction)
    return head + body + _attribute(FINGERPRINT, U32.pack(zlib.crc32(head + body) ^ 0x5354554E))
