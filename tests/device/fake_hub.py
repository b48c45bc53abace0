"""A hub of dictionaries behind the gateway: what `server/intake/service.py` does with a database, in one folder.

Also a program (`python fake_hub.py FOLDER`): a gateway in a process of its own, to be killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from device.client import DeviceKey, clock_ms
from device.errors import OpenDiffers
from device.frames import Deposit, Open, Opening
from server.intake.gateway import Gateway, GatewaySettings
from server.intake.hub import ClockKnown, DeviceRecord, SealedReceipt
from server.intake.journal import JournalFailed

KEY = bytes(range(32))


@dataclass
class FakeHub:
    """`folder` None: forgets at the end; else sealed files stand there, synced, named by uid."""

    folder: Path | None = None
    devices: dict[str, DeviceRecord] = field(default_factory=dict)
    archives: dict[bytes, bytes] = field(default_factory=dict)
    files: dict[bytes, bytes] = field(default_factory=dict)
    clocks: list[tuple[str, ClockKnown]] = field(default_factory=list)
    proven: list[tuple[str, str, bytes]] = field(default_factory=list)
    receipts: dict[bytes, SealedReceipt] = field(default_factory=dict)
    owners: dict[bytes, str] = field(default_factory=dict)
    seal_calls: Counter[bytes] = field(default_factory=Counter)
    refusals: list[tuple[str | None, str]] = field(default_factory=list)
    rejections: list[tuple[str, str]] = field(default_factory=list)
    published: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    online: list[tuple[str, bool]] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    full: list[bool] = field(default_factory=list)
    interruptions: dict[str, tuple[bytes | None, bytes]] = field(default_factory=dict)
    """What came of each recording that the hub ended: its archive, and what stood in the journal."""
    fail_seals: int = 0
    told: asyncio.Event = field(default_factory=asyncio.Event)  # set by every call, for tests that wait

    def add(self, device_id: str, *, active: bool = True) -> DeviceKey:
        self.devices[device_id] = DeviceRecord(device_id, (KEY,), "clinic-1", active)
        return DeviceKey(device_id, KEY)

    async def device(self, device_id: str) -> DeviceRecord | None:
        return self.devices.get(device_id)

    async def seen(self, device_id: str, software: str, key: bytes) -> None:
        self.proven.append((device_id, software, key))

    async def opened(self, device: DeviceRecord, opening: Opening, clock: ClockKnown) -> str:
        await asyncio.sleep(0)
        if self.owners.setdefault(opening.uid, device.id) != device.id:
            raise OpenDiffers(field="device")
        return f"rec-{opening.uid.hex()}"

    async def sealed_receipt(self, device: DeviceRecord, opening: Opening) -> SealedReceipt | None:
        uid = opening.uid
        if self.folder is not None and (self.folder / uid.hex()).exists():
            self.receipts[uid] = SealedReceipt(f"rec-{uid.hex()}", bytes.fromhex((self.folder / uid.hex()).read_text()))
        return self.receipts.get(uid)

    async def sealed(self, device_id: str, recording_id: str, archive: bytes, opening: Open, sha256: bytes) -> None:
        await asyncio.sleep(0)
        self.seal_calls[opening.uid] += 1
        self.told.set()
        if self.fail_seals > 0:
            self.fail_seals -= 1
            raise OSError("the database is away")
        if self.folder is not None:
            (self.folder / f"{opening.uid.hex()}.archive").write_bytes(archive)
            (self.folder / opening.uid.hex()).write_text(sha256.hex())
        self.archives[opening.uid] = archive
        self.receipts[opening.uid] = SealedReceipt(recording_id, sha256)
        self.told.set()

    async def deposited(self, device_id: str, recording_id: str, file: bytes, deposit: Deposit) -> None:
        await asyncio.sleep(0)
        self.seal_calls[deposit.uid] += 1
        self.files[deposit.uid] = file
        self.receipts[deposit.uid] = SealedReceipt(recording_id, deposit.sha256)
        self.told.set()

    async def rejected(self, device_id: str, recording_id: str, code: str) -> None:
        self.rejections.append((recording_id, code))

    async def interrupted(
        self, device_id: str, recording_id: str, archive: bytes | None, raw: bytes, silent_s: int
    ) -> None:
        await asyncio.sleep(0)
        self.interruptions[recording_id] = (archive, raw)
        self.told.set()

    async def device_refused(self, device_id: str | None, code: str) -> None:
        self.refusals.append((device_id, code))
        self.told.set()

    def publish(self, recording_id: str, first_sample: int, samples: bytes) -> None:
        self.published.setdefault(recording_id, []).append((first_sample, samples))

    def device_online(self, device_id: str, online: bool) -> None:
        self.online.append((device_id, online))
        self.told.set()

    def device_clock(self, device_id: str, clock: ClockKnown) -> None:
        self.clocks.append((device_id, clock))
        self.told.set()

    def storage_full(self, full: bool) -> None:
        self.full.append(full)

    def journal_damaged(self, sentence: str) -> None:
        self.damage.append(sentence)


async def _main(folder: Path, port: int) -> None:
    """Serve until killed; says its port on the first line."""
    hub = FakeHub(folder)
    hub.add("cart-1")

    def failed(error: JournalFailed) -> None:
        os._exit(3)

    gateway = Gateway(hub, folder / "journal", GatewaySettings(port=port), clock_ms, failed)
    await gateway.start()
    print("port", gateway.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
