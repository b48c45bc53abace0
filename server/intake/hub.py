"""What the gateway asks of the rest of the hub: who a device is, what id a recording gets, where a sealed file goes.

Only the questions; `service.py` answers them with database and blobs, tests with dictionaries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from device.frames import Deposit, Open, Opening
from device.session import ClockKnown, DeviceRecord

__all__ = ["ClockKnown", "DeviceRecord", "Hub", "SealedReceipt"]


@dataclass(frozen=True)
class SealedReceipt:
    """What the hub says of a recording it has for good."""

    recording: str
    sha256: bytes  # of all sample bytes, as the device sent them; of a file: of the file


class Hub(Protocol):
    """What the gateway asks of the hub. `server/intake/service.py` is the real one.

    Every call may come twice (a device repeats, a process dies between two lines): all are idempotent. A `WireError`
    raised here goes to the device as it is; anything else is logged, counted as `wire.hub_fault`, and the device comes
    back later.
    """

    async def device(self, device_id: str) -> DeviceRecord | None:
        """The device's key, organisation and whether it may be used; None when unknown."""
        ...

    async def seen(self, device_id: str, software: str, key: bytes) -> None:
        """The device has proven itself with `key`. Raises DeviceRevoked, BadProof: taken back while it did so."""
        ...

    async def opened(self, device: DeviceRecord, opening: Opening, clock: ClockKnown) -> str:
        """The id of the recording `opening.uid`: a row in state `receiving` the first time, the same id ever after.

        Also asked when the recording is long sealed: then it changes nothing. Another device's uid: raise OpenDiffers.
        """
        ...

    async def sealed_receipt(self, device: DeviceRecord, opening: Opening) -> SealedReceipt | None:
        """The receipt of a recording of this device that is stored for good, else None. Another device's: None.

        Of a file: also when the same bytes came to its institution another way.
        """
        ...

    async def sealed(self, device_id: str, recording_id: str, archive: bytes, opening: Open, sha256: bytes) -> None:
        """Store blob, row and event `recording.received`. Returns only when they are durable: the receipt follows."""
        ...

    async def deposited(self, device_id: str, recording_id: str, file: bytes, deposit: Deposit) -> None:
        """Store the file as it came and event `recording.deposited`. Returns only when they are durable."""
        ...

    async def rejected(self, device_id: str, recording_id: str, code: str) -> None:
        """The samples do not have the device's checksum: a state that a person sees. They stay in the journal."""
        ...

    async def interrupted(
        self, device_id: str, recording_id: str, archive: bytes | None, raw: bytes, silent_s: int
    ) -> None:
        """The device was silent for so long that the hub has ended the recording; the journal forgets it after this.

        archive  what came of it, to be read as an incomplete recording. None: there is nothing to read (no sample, a
                 part of a file, or samples that were refused); then `raw`, what stood in the journal, is kept for
                 whoever looks into it.
        From here on `opened` with the same uid makes a new recording, and `sealed_receipt` knows of none.
        """
        ...

    async def device_refused(self, device_id: str | None, code: str) -> None:
        """A connection was ended with this error. `device_id` is None before the device has proven itself."""
        ...

    def publish(self, recording_id: str, first_sample: int, samples: bytes) -> None:
        """Live samples (int16 little-endian, one row a sample) that are on the disk. Must not block, must not raise."""
        ...

    def device_online(self, device_id: str, online: bool) -> None:
        """The device's first proven connection began, or its last one ended. Must not block."""
        ...

    def device_clock(self, device_id: str, clock: ClockKnown) -> None:
        """How far the device's clock is from ours, each time it is measured. Must not block."""
        ...

    def storage_full(self, full: bool) -> None:
        """The journal's disk is full (nothing is acknowledged until it is not): the read-only banner."""
        ...

    def journal_damaged(self, sentence: str) -> None:
        """Corruption was found and set aside: an operator has to look. Names segment and range, no patient."""
        ...
