"""What can go wrong between a device and the hub, each with a code that stays for ever.

A `WireError` travels as an `error` frame: its code and its fields, never a sentence. The English sentence stands in
the class, the Chinese one under the same code in `zh-CN.yaml`. Every one of them ends the connection; `again` says
whether a device may come back by itself with the same recording or a person has to mend something first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecg.errors import CodedError


@dataclass(eq=False)
class WireError(CodedError):
    """Base of what either side of the device wire refuses."""

    status: ClassVar[int] = 422
    again: ClassVar[bool] = False  # may the device reconnect and resume without anybody's help?


@dataclass(eq=False)
class BadFrame(WireError):
    code: ClassVar[str] = "wire.frame"
    what: ClassVar[str] = "A frame cannot be read: {reason}."
    mend: ClassVar[str] = "Compare its bytes with docs/reference/protocol.md."
    reason: str


@dataclass(eq=False)
class BadChecksum(WireError):
    """The session answers with nack; it ends the connection only when it does not stop."""

    code: ClassVar[str] = "wire.crc"
    what: ClassVar[str] = "Frames of stream {stream} arrive damaged: their CRC32 does not fit."
    mend: ClassVar[str] = (
        "CRC32 as in zlib, over the header before it and the body; if that is right, check the memory."
    )
    again: ClassVar[bool] = True
    stream: int


@dataclass(eq=False)
class FrameTooLarge(WireError):
    code: ClassVar[str] = "wire.frame_too_large"
    what: ClassVar[str] = "A frame has more than {bytes_max} bytes."
    mend: ClassVar[str] = "Cut the samples into smaller frames; 200 to 500 ms each is best."
    bytes_max: int


@dataclass(eq=False)
class OutOfOrder(WireError):
    code: ClassVar[str] = "wire.order"
    what: ClassVar[str] = "The frame `{frame}` is not expected now ({state})."
    mend: ClassVar[str] = "Send hello, proof, open, data, end in this order."
    frame: str
    state: str


@dataclass(eq=False)
class VersionRefused(WireError):
    code: ClassVar[str] = "wire.version"
    what: ClassVar[str] = "The device speaks wire version {got}; this hub speaks {accepted}."
    mend: ClassVar[str] = "Update the device's software or the hub."
    got: int
    accepted: int


@dataclass(eq=False)
class UnknownDevice(WireError):
    code: ClassVar[str] = "wire.unknown_device"
    what: ClassVar[str] = "The hub knows no such device."
    mend: ClassVar[str] = "Register the device at the hub (xinlian device add) and give it the new key."


@dataclass(eq=False)
class DeviceRevoked(WireError):
    code: ClassVar[str] = "wire.device_revoked"
    what: ClassVar[str] = "This device has been blocked at the hub."
    mend: ClassVar[str] = "Ask the hub's administrator why, and register it anew if it may be used again."


@dataclass(eq=False)
class BadProof(WireError):
    code: ClassVar[str] = "wire.bad_hmac"
    what: ClassVar[str] = "The device's proof does not fit its key."
    mend: ClassVar[str] = "Give the device the key the hub has for it."


@dataclass(eq=False)
class CertificateDiffers(WireError):
    """Only where the hub asks devices for certificates (mutual TLS)."""

    code: ClassVar[str] = "wire.client_certificate"
    what: ClassVar[str] = "The certificate of this connection does not name the device."
    mend: ClassVar[str] = "Give each device its own: xinlian tls device makes one, with the device's id as common name."


@dataclass(eq=False)
class LeadMapRefused(WireError):
    code: ClassVar[str] = "wire.lead_map"
    what: ClassVar[str] = "The leads cannot be taken: {reason}."
    mend: ClassVar[str] = "Name each lead once, as in ecg/codes/leads.csv, and send one sample a lead in this order."
    reason: str


@dataclass(eq=False)
class RateRefused(WireError):
    code: ClassVar[str] = "wire.sample_rate"
    what: ClassVar[str] = "The recording has {got} samples a second; this hub takes {accepted}."
    mend: ClassVar[str] = "Set the device to one of these."
    got: int
    accepted: tuple[int, ...]


@dataclass(eq=False)
class GainRefused(WireError):
    code: ClassVar[str] = "wire.gain"
    what: ClassVar[str] = "One step of a sample is {got} uV; {least} to {most} uV can be taken."
    mend: ClassVar[str] = "Check gain_uv_per_lsb: microvolts for one step, not steps for one millivolt."
    got: float
    least: float
    most: float


@dataclass(eq=False)
class SampleOutOfRange(WireError):
    code: ClassVar[str] = "wire.sample_range"
    what: ClassVar[str] = "Frame {seq} holds a sample beyond +-{uv_max} uV."
    mend: ClassVar[str] = "Check byte order, gain and offset; send -32768 where there is no signal."
    seq: int
    uv_max: int


@dataclass(eq=False)
class IndexDiffers(WireError):
    code: ClassVar[str] = "wire.index"
    what: ClassVar[str] = "Frame {seq} says it begins at {got}; the hub has counted {expected}."
    mend: ClassVar[str] = "Count every sample (of a file: every byte); send those the device has lost as -32768."
    seq: int
    got: int
    expected: int


@dataclass(eq=False)
class OverCredit(WireError):
    code: ClassVar[str] = "wire.credit"
    what: ClassVar[str] = "Frame {seq} is over the credit: frames below {limit}, {bytes_max} waiting bytes."
    mend: ClassVar[str] = "Wait for an ack before sending more."
    seq: int
    limit: int
    bytes_max: int


@dataclass(eq=False)
class GapStays(WireError):
    code: ClassVar[str] = "wire.gap"
    what: ClassVar[str] = "Frame {expected} did not come although it was asked for {asked} times."
    mend: ClassVar[str] = "After nack, send again from the frame it names."
    expected: int
    asked: int


@dataclass(eq=False)
class OpenDiffers(WireError):
    code: ClassVar[str] = "wire.open_differs"
    what: ClassVar[str] = "This recording was opened before with another {field}."
    mend: ClassVar[str] = "Resume with the same open frame, or take a new uid for a new recording."
    field: str


@dataclass(eq=False)
class TooManyStreams(WireError):
    code: ClassVar[str] = "wire.streams"
    what: ClassVar[str] = "At most {streams_max} recordings can be open on one connection."
    mend: ClassVar[str] = "End one before opening the next."
    streams_max: int


@dataclass(eq=False)
class StreamTooLong(WireError):
    code: ClassVar[str] = "wire.too_long"
    what: ClassVar[str] = "One recording may have {bytes_max} bytes of samples."
    mend: ClassVar[str] = "End it and open the next one; they are shown as a row."
    bytes_max: int


@dataclass(eq=False)
class EndDiffers(WireError):
    code: ClassVar[str] = "wire.end_differs"
    what: ClassVar[str] = "The end names {frames} frames, {samples} samples; the hub has {got_frames}, {got_samples}."
    mend: ClassVar[str] = "Count all frames and samples of the recording, over all connections."
    frames: int
    samples: int
    got_frames: int
    got_samples: int


@dataclass(eq=False)
class ChecksumDiffers(WireError):
    code: ClassVar[str] = "wire.checksum"
    what: ClassVar[str] = "The samples the hub has are not those the device sent (SHA-256 differs)."
    mend: ClassVar[str] = "Send the recording again under a new uid; twice in a row means faulty memory."


@dataclass(eq=False)
class FileRefused(WireError):
    code: ClassVar[str] = "wire.file"
    what: ClassVar[str] = "The file cannot be taken: {reason}."
    mend: ClassVar[str] = "Compare its size, packing and SHA-256 with what deposit said; send it as it was found."
    reason: str


@dataclass(eq=False)
class RateDiffers(WireError):
    """Found at the end of a live recording; it stays in the journal, and a person sees it as refused."""

    code: ClassVar[str] = "wire.rate_differs"
    what: ClassVar[str] = "By its clock the device measured {measured} samples a second; it stated {stated}."
    mend: ClassVar[str] = "State the rate the device samples with; every interval and rate would be wrong."
    stated: int
    measured: int


@dataclass(eq=False)
class HistoryGone(WireError):
    code: ClassVar[str] = "wire.history_gone"
    what: ClassVar[str] = "The hub asks for frame {wanted}; the device keeps only frames from {kept} on."
    mend: ClassVar[str] = "Keep a recording until its receipt. What the hub has stays; send the rest under a new uid."
    wanted: int
    kept: int


@dataclass(eq=False)
class Busy(WireError):
    code: ClassVar[str] = "wire.busy"
    what: ClassVar[str] = "The hub cannot take more at the moment."
    mend: ClassVar[str] = "Come back after {retry_after_s} s; keep the recording."
    again: ClassVar[bool] = True
    retry_after_s: int


@dataclass(eq=False)
class TooManyUnfinished(Busy):
    """A device that begins recordings and ends none: each of them holds a part of the hub's journal."""

    code: ClassVar[str] = "wire.unfinished"
    what: ClassVar[str] = "The device has {unfinished} recordings at the hub that it has not ended; {most} are allowed."
    mend: ClassVar[str] = (
        "Resume and end those that welcome names, or come back after {retry_after_s} s: "
        "what is silent for long is ended by the hub."
    )
    unfinished: int
    most: int


@dataclass(eq=False)
class SilentTooLong(WireError):
    """Said to a device that is connected; one that is away finds out when it opens the recording: it begins anew."""

    code: ClassVar[str] = "wire.silent"
    what: ClassVar[str] = "Nothing of this recording came for {silent_s} s; the hub has ended it as incomplete."
    mend: ClassVar[str] = "Open it again with the same uid and send all of it: the whole one takes its place."
    again: ClassVar[bool] = True
    silent_s: int


@dataclass(eq=False)
class HubStopping(WireError):
    code: ClassVar[str] = "wire.hub_stopping"
    what: ClassVar[str] = "The hub is stopping or starting anew ({reason})."
    mend: ClassVar[str] = "Keep the recording and reconnect; nothing acknowledged is lost."
    again: ClassVar[bool] = True
    reason: str


@dataclass(eq=False)
class TimedOut(WireError):
    code: ClassVar[str] = "wire.timeout"
    what: ClassVar[str] = "The device did not prove itself within {wait_s} s."
    mend: ClassVar[str] = "Send hello at once after connecting and proof at once after challenge."
    again: ClassVar[bool] = True
    wait_s: int


@dataclass(eq=False)
class Superseded(WireError):
    code: ClassVar[str] = "wire.superseded"
    what: ClassVar[str] = "The same device has taken this recording up on a newer connection."
    mend: ClassVar[str] = "Nothing to do, unless two machines share one key: then give each its own."


@dataclass(eq=False)
class HubFault(WireError):
    code: ClassVar[str] = "wire.hub_fault"
    status: ClassVar[int] = 500
    what: ClassVar[str] = "Something failed inside the hub (log entry {ref})."
    mend: ClassVar[str] = "Keep the recording and reconnect; tell the hub's operator if it stays."
    again: ClassVar[bool] = True
    ref: str


@dataclass(eq=False)
class ArchiveDamaged(WireError):
    code: ClassVar[str] = "wire.archive"
    what: ClassVar[str] = "The archive file of a recording cannot be read: {reason}."
    mend: ClassVar[str] = "Restore it from the backup; its blob key names the recording."
    reason: str


@dataclass(eq=False)
class Unreachable(WireError):
    code: ClassVar[str] = "wire.unreachable"
    what: ClassVar[str] = "The hub did not take the recording within {tries} connections; the last said: {last}."
    mend: ClassVar[str] = "Check the address and the line; the recording is still on the device."
    tries: int
    last: str


@dataclass(eq=False)
class CertificateRefused(WireError):
    code: ClassVar[str] = "wire.certificate"
    what: ClassVar[str] = "The hub's certificate is not trusted: {reason}."
    mend: ClassVar[str] = "Give the authority's file (--ca, or SSL_CERT_FILE); `xinlian tls make` wrote it as ca.pem."
    reason: str


@dataclass(eq=False)
class KeyFileRefused(WireError):
    code: ClassVar[str] = "wire.key_file"
    what: ClassVar[str] = "The key file cannot be used: {reason}."
    mend: ClassVar[str] = 'It is JSON: {{"device": id, "key": base64, 16 bytes or more}}; xinlian device add writes it.'
    reason: str


@dataclass(eq=False)
class SettingsRefused(WireError):
    code: ClassVar[str] = "agent.settings"
    what: ClassVar[str] = "The agent's settings cannot be used ({path}): {reason}."
    mend: ClassVar[str] = "Every setting stands in docs/how-to/connect-a-clinic.md."
    path: str
    reason: str


@dataclass(eq=False)
class QueueFull(WireError):
    code: ClassVar[str] = "agent.queue_full"
    status: ClassVar[int] = 507
    what: ClassVar[str] = "The agent's queue takes no more: {reason}."
    mend: ClassVar[str] = "Files stay where they are until there is room. Check the line to the hub."
    reason: str


@dataclass(eq=False)
class FolderUnreadable(WireError):
    code: ClassVar[str] = "agent.folder"
    what: ClassVar[str] = "The folder {path} cannot be read: {reason}."
    mend: ClassVar[str] = "Check that it exists, that the share is connected, and the rights of the agent's account."
    path: str
    reason: str


@dataclass(eq=False)
class FileLeft(WireError):
    code: ClassVar[str] = "agent.file_left"
    what: ClassVar[str] = "{name} is not taken: {reason}."
    mend: ClassVar[str] = "It stays where it is. Look at the file, and at the rights of the agent's account."
    name: str
    reason: str


@dataclass(eq=False)
class InletRefused(WireError):
    code: ClassVar[str] = "agent.inlet"
    what: ClassVar[str] = "{port} cannot be opened: {reason}."
    mend: ClassVar[str] = "Another program may hold it; change the port in the agent's settings."
    port: str
    reason: str


@dataclass(eq=False)
class RefusedByHub(WireError):
    """An error frame whose code this software does not know (a newer hub)."""

    code: ClassVar[str] = "wire.refused"
    what: ClassVar[str] = "The hub refused with the code {hub_code}."
    mend: ClassVar[str] = "Look the code up in the hub's reference of errors."
    hub_code: str
