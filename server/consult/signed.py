"""What a signature under a conclusion covers: its canonical bytes, their digest, the account's mark under it.

Pure. The bytes are stored as they were signed (`consult_conclusion.content`), as a report's are. A certificate of a CA
takes the place of `signature_of` later.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from sqlalchemy import RowMapping

from server.consult import papers
from server.consult.model import Conclude

ADVICE_MAX = 20
ADVICE_CHARS_MAX = 500


class Signed(msgspec.Struct, frozen=True):
    """Everything the expert puts his name to. opinions: digests of the opinions that had been signed by then.

    replaces: the digest of the version before it.
    """

    text: str
    advice: list[str] = []
    follow_up: str = ""
    warning_signs: str = ""
    reason: str = ""
    consult: str = ""
    recording: str = ""
    recording_sha256: str | None = None
    patient: str = ""
    requester_org: str = ""
    invitee_org: str = ""
    version: int = 1
    opinions: list[str] = []
    signed_by: str = ""
    signed_name: str = ""
    signed_at: str = ""
    replaces: str | None = None


@dataclass(frozen=True)
class Counter:
    """The other side's signature: whose, and when."""

    by: str
    at: str
    signature: str


def tidied(said: Conclude) -> Conclude:
    """Without blank lines and edges. Raises ConsultTextMissing."""
    papers.need("text", said.text, papers.LONG_MAX)
    advice = [one.strip() for one in said.advice if one.strip()]
    if len(advice) > ADVICE_MAX:
        papers.need("advice", "", ADVICE_MAX)
    for one in advice:
        papers.need("advice", one, ADVICE_CHARS_MAX)
    for name in ("follow_up", "warning_signs", "reason"):
        if getattr(said, name).strip():
            papers.need(name, getattr(said, name), papers.SHORT_MAX)
    return Conclude(said.text.strip(), advice, said.follow_up.strip(), said.warning_signs.strip(), said.reason.strip())


def content_of(row: RowMapping) -> Signed:
    """What was signed; of a row without its bytes, the text alone."""
    return msgspec.json.decode(row["content"], type=Signed) if row["content"] else Signed(row["text"])


def counter_of(consult: RowMapping, row: RowMapping, *, last: bool) -> Counter | None:
    """The countersignature of one version. `last`: it is the consultation's last."""
    if row["countersigned_by"] is not None:
        return Counter(row["countersigned_by"], row["countersigned_at"], row["countersignature"])
    # Rows without their bytes are of before: then a consultation had one countersignature, under its last version.
    if last and not row["content"] and consult["countersigned_by"] is not None:
        return Counter(consult["countersigned_by"], consult["countersigned_at"], consult["countersignature"])
    return None


def bytes_of(signed: Signed) -> bytes:
    """Canonical JSON."""
    return msgspec.json.encode(signed, order="deterministic")


def digest_of(raw: bytes) -> str:
    return sha256(raw).hexdigest()


def signature_of(secret: bytes, account: str, digest: str) -> str:
    return hmac.new(secret, f"consult\n{account}\n{digest}".encode(), sha256).hexdigest()
