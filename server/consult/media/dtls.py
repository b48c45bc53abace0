"""The handshake of a connection and the keys that come of it: DTLS-SRTP (RFC 5763, 5764), fed by datagrams.

No socket and no task: `feed` takes a datagram and gives what is to be sent. `timeout_s` says when to call `again`.
"""

from __future__ import annotations

import datetime
import secrets
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

DATAGRAM_BYTES_MAX: Final = 1200
VALID_DAYS: Final = 30
WINDOW: Final = 1024
"""Packets of an SSRC that may come late."""
CIPHERS: Final = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"
)


@dataclass(frozen=True)
class _Profile:
    name: bytes
    number: int
    key: int
    salt: int


# The first that both sides know is taken: GCM costs a third less than SHA-1.
PROFILES: Final = (
    _Profile(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    _Profile(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
)


class DtlsFailed(Exception):
    """The other side is not who it said it was, or cannot do what is needed."""


class Certificate:
    """Of this process: made at its start, named in every description by its fingerprint, never stored.

    now  today, for the days it is valid.
    """

    def __init__(self, now: datetime.datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(8))])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = fingerprint(made)
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_options(SSL.OP_NO_TICKET)
        # Self-signed on both sides: who it is stands in the description, and is compared after the handshake.
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        self.context.use_certificate(made)
        self.context.use_privatekey(key)
        self.context.set_cipher_list(CIPHERS)
        self.context.set_tlsext_use_srtp(b":".join(p.name for p in PROFILES))


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256, as it stands in a description."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


class Dtls:
    """One connection's handshake. `receive` and `send` are there once `done`.

    server       who waits for the other's first word.
    fingerprint  of the other side, from its description.
    """

    def __init__(self, own: Certificate, *, server: bool, fingerprint: str) -> None:
        self._server, self._fingerprint = server, fingerprint.upper()
        self._ssl = SSL.Connection(own.context)
        self._ssl.set_ciphertext_mtu(DATAGRAM_BYTES_MAX)
        if server:
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()
        self.done = False
        self.closed = False
        self.receive: Session | None = None
        self.send: Session | None = None

    @property
    def timeout_s(self) -> float | None:
        """When the last flight is to be sent again; None: nothing is waited for."""
        return None if self.done else self._ssl.DTLSv1_get_timeout()

    def feed(self, datagram: bytes) -> list[bytes]:
        """Returns what is to be sent now. Raises DtlsFailed."""
        if datagram:
            self._ssl.bio_write(datagram)
        if not self.done:
            return self._handshake()
        try:
            while True:  # a datagram may hold many records, and what is not taken out stays in memory
                self._ssl.recv(1500)
        except SSL.WantReadError:
            pass
        except SSL.Error:  # ZeroReturnError too: the other side has said goodbye
            self.closed = True
        return self._outgoing()

    def again(self) -> list[bytes]:
        """The time is up: the last flight once more. Raises DtlsFailed: often enough."""
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise DtlsFailed("timeout") from error
        return self._outgoing()

    def goodbye(self) -> list[bytes]:
        try:
            self._ssl.shutdown()
        except SSL.Error:
            return []
        return self._outgoing()

    def _handshake(self) -> list[bytes]:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return self._outgoing()
        except SSL.Error as error:
            raise DtlsFailed("handshake") from error
        theirs = self._ssl.get_peer_certificate(as_cryptography=True)
        if theirs is None or fingerprint(theirs) != self._fingerprint:
            raise DtlsFailed("fingerprint")
        profile = next((p for p in PROFILES if p.name == self._ssl.get_selected_srtp_profile()), None)
        if profile is None:
            raise DtlsFailed("profile")
        view = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (profile.key + profile.salt))
        keys = tuple(view[i * profile.key : (i + 1) * profile.key] for i in (0, 1))
        salts = tuple(view[2 * profile.key + i * profile.salt :][: profile.salt] for i in (0, 1))
        mine = 1 if self._server else 0
        try:
            self.send = _session(profile, keys[mine] + salts[mine], Policy.SSRC_ANY_OUTBOUND)
            self.receive = _session(profile, keys[1 - mine] + salts[1 - mine], Policy.SSRC_ANY_INBOUND)
        except SrtpError as error:
            raise DtlsFailed("srtp") from error
        self.done = True
        return self._outgoing()

    def _outgoing(self) -> list[bytes]:
        """Whole records, as many as fit, in each datagram."""
        waiting = b""
        while True:
            try:
                waiting += self._ssl.bio_read(65536)
            except SSL.Error:
                break
        datagrams: list[bytes] = []
        at = 0
        while at + 13 <= len(waiting):
            end = at + 13 + int.from_bytes(waiting[at + 11 : at + 13], "big")
            record = waiting[at:end]
            if datagrams and len(datagrams[-1]) + len(record) <= DATAGRAM_BYTES_MAX:
                datagrams[-1] += record
            else:
                datagrams.append(record)
            at = end
        return datagrams


def _session(profile: _Profile, key: bytes, direction: int) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile.number)
    policy.allow_repeat_tx = True  # what was lost is sent again as it was
    policy.window_size = WINDOW
    return Session(policy)
