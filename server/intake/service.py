"""The hub's side of the device wire: who a device is, which recording it opens, where the sealed file goes.

Implements what the gateway asks (`gateway.Hub`). Every call may come twice. The samples' way to the disk is the
journal's; here rows, blobs and events are written, each change and its event in one transaction.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
import structlog
from sqlalchemy import Connection

from device.coding import header_of
from device.deposit import deposit_of
from device.errors import BadFrame, BadProof, Busy, DeviceRevoked, OpenDiffers, WireError
from device.frames import Deposit, Open, Opening, Request
from device.glance import Glance, read_glance, strip_of
from device.header import Header
from device.session import ClockKnown, DeviceRecord, Rules
from ecg.errors import EcgError, FileBroken, FileEmpty, all_errors
from server.base.blobs import Blobs
from server.base.bus import LocalBus
from server.base.clock import Clock, iso, later
from server.base.context import Ctx
from server.base.database import Database, Tx
from server.base.errors import StorageFull
from server.base.eventlog import Event
from server.base.ids import new_id
from server.base.live import Samples, StreamHead
from server.base.pool import Pool
from server.base.spine import Reaction
from server.devices import service as register
from server.devices import store as devices
from server.intake.files import Imported, import_file, names_another, note_of
from server.intake.gateway import Gateway
from server.intake.hub import SealedReceipt
from server.records import store as records
from server.records.errors import FileNamesAnother, RecordingInterrupted, RecordingReplaced, RecordingSilent
from server.records.model import SYMPTOMS, FileNote, GlanceFinding, GlanceView, HandedOver, PatientFacts
from server.records.service import put_patient

log = structlog.get_logger()

ORDER_S = 30 * 60
"""How long a request form waits for its recording."""
FULL_AFTER_S = 10
NEEDS_A_PERSON: Final = frozenset(
    error.code for error in all_errors() if issubclass(error, WireError) and not error.again
) - {DeviceRevoked.code, BadProof.code}
"""Refusals after which a device does not come back by itself: the register shows them. Who was revoked is known."""


async def _nobody(_recording: str, _findings: bytes) -> None:
    """Where nobody listens."""


class Places(Protocol):
    """Names and reading centres of institutions; `main.py` hands in the people room's."""

    def name(self, org: str) -> str: ...

    def centre(self, org: str) -> str: ...


@dataclass
class Intake:
    """The room, as the gateway sees it."""

    db: Database
    blobs: Blobs
    clock: Clock
    bus: LocalBus[Samples]
    places: Places
    files: Pool
    """Where files are read: a process of its own, so that a hostile one costs nobody else anything."""
    utc_offset_min: int = 480
    """The zone of times that a file states without one (480: China)."""
    refusals: Counter[str] = field(default_factory=Counter)
    disk_full: bool = False
    damage: list[str] = field(default_factory=list)
    live_began: Callable[[str, StreamHead], None] = lambda _recording, _head: None
    """Told when a device begins or resumes a live recording; for the monitors."""
    saving: Callable[[], bool] = lambda: False
    """Whether the disk is so full that what is left is for others; the journal keeps what came."""
    glanced: Callable[[str, bytes], Awaitable[None]] = _nobody
    """Told of the findings of a first-glance packet that has a critical one, as a JSON list; for the alerts."""
    _streams: dict[str, Open] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def device(self, device_id: str) -> DeviceRecord | None:
        def look(conn: Connection) -> DeviceRecord | None:
            row = devices.device_row(conn, device_id)
            if row is None:
                return None
            keys = tuple(devices.valid_keys(conn, device_id).values())
            return DeviceRecord(row["id"], keys, row["org"], bool(row["active"]), self.places.name(row["org"]))

        return await self.db.read(look)

    async def seen(self, device_id: str, software: str, key: bytes) -> None:
        """The device has proven itself with `key`. Raises DeviceRevoked, BadProof: taken back while it did so."""

        def write(tx: Tx) -> bool:
            row = devices.device_row(tx.conn, device_id)
            if row is None or not row["active"]:
                raise DeviceRevoked
            return register.seen(tx, device_id, software, key)

        if not await self.db.write(write, actor=f"device:{device_id}"):
            raise BadProof

    async def opened(self, device: DeviceRecord, opening: Opening, clock: ClockKnown) -> str:
        if self.saving():
            raise Busy(retry_after_s=FULL_AFTER_S)
        glance = self._glance(opening.glance) if isinstance(opening, Deposit) and opening.glance else None
        recording_id = await self.db.write(
            lambda tx: self._open(tx, device, opening, clock, glance=glance), actor=f"device:{device.id}"
        )
        if glance is not None and glance.critical:
            # Paging begins with the first frame on a slow line; the file's own analysis has the last word.
            await self.glanced(recording_id, msgspec.json.encode(glance.findings))
        if isinstance(opening, Open):
            self._streams[recording_id] = opening
            if opening.mode == "live":
                self.live_began(recording_id, StreamHead(opening.fs, opening.leads))
        return recording_id

    def _glance(self, packed: bytes) -> Glance | None:
        """A first glance, or None: one that cannot be read (a newer agent's) must not cost the file that follows."""
        try:
            glance = read_glance(packed)
            strip_of(glance)
        except BadFrame as error:
            self.refusals[error.code] += 1
            log.warning("glance.unreadable", reason=error.reason)
            return None
        return glance

    async def sealed_receipt(self, device: DeviceRecord, opening: Opening) -> SealedReceipt | None:
        def find(conn: Connection) -> SealedReceipt | None:
            if isinstance(opening, Deposit):
                row = records.recording_by_file(conn, device.org, opening.sha256.hex())
                return None if row is None else SealedReceipt(row["id"], opening.sha256)
            row = records.recording_by_uid(conn, opening.uid.hex())
            if row is None or row["device"] != device.id or row["sha256"] is None or row["interrupted"]:
                return None  # a part of it is no reason for the device to forget the whole
            return SealedReceipt(row["id"], bytes.fromhex(row["sha256"]))

        return await self.db.read(find)

    async def sealed(self, device_id: str, recording_id: str, archive: bytes, opening: Open, sha256: bytes) -> None:
        blob = await self._keep_archive(recording_id, archive)
        await self.db.write(
            lambda tx: _seal(tx, recording_id, blob, header_of(archive), sha256.hex()), actor=f"device:{device_id}"
        )
        self._streams.pop(recording_id, None)
        self.bus.end(f"stream:{recording_id}")

    async def deposited(
        self, device_id: str, recording_id: str, file: bytes, deposit: Deposit, *, actor: str | None = None
    ) -> None:
        self._check_room()
        blob = f"originals/{recording_id}"
        await self.blobs.put(blob, file)

        def keep(tx: Tx) -> None:
            row = records.recording_row(tx.conn, recording_id)
            if row["original"] is None:
                records.update_recording(
                    tx.conn,
                    recording_id,
                    original=blob,
                    original_sha256=deposit.sha256.hex(),
                    original_name=deposit.name,
                )
                tx.append("recording.deposited", recording_id, row["org"], {"bytes": len(file)})
                register.move(tx, device_id, "seal", refused=None)

        await self.db.write(keep, actor=actor or f"device:{device_id}")

    async def upload(self, ctx: Ctx, org: str, name: str, file: bytes, form: str = "") -> HandedOver:
        """A file that a person hands over, for the request form he names or for none: whoever chooses a file knows
        whose it is better than the clock does. The same bytes again are the same recording.

        Raises FileEmpty, Forbidden, NotFound (the form has its recording already).
        """
        ctx.see("institution", "recording.read", org)
        ctx.require("recording.order", org)
        if not file:
            raise FileEmpty(path=name)
        sha256 = hashlib.sha256(file).digest()
        known = await self.db.read(lambda conn: records.recording_by_file(conn, org, sha256.hex()))
        if known is None:
            # By place, not by person: a colleague who hands the same file over at the same time means the same ECG.
            source = DeviceRecord(f"upload:{org}", (), org)
            deposit = deposit_of(source.id, name, sha256, len(file), packed=False, made_ms=self.clock.now_ms())
            here = ClockKnown(0, 0)
            recording_id = await self.db.write(
                lambda tx: self._open(tx, source, deposit, here, form=form), actor=ctx.actor
            )
            await self.deposited(source.id, recording_id, file, deposit, actor=ctx.actor)
        else:
            recording_id = known["id"]
        view = await self.db.read(lambda conn: records.view(conn, recording_id))
        return HandedOver(view, known is not None)

    async def read_deposit(self, event: Event) -> None:
        """The reaction to `recording.deposited`: read the file, store what stands in it or say why it cannot be."""
        row = await self.db.read(lambda conn: records.recording_row(conn, event.subject))
        if row["state"] != "receiving":
            return  # told before
        file = await self.blobs.get(row["original"])
        now_ms = self.clock.now_ms()
        name = row["original_name"]
        try:
            found = await self.files.run(import_file, file, name, row["uid"], now_ms, self.utc_offset_min)
        except (BrokenProcessPool, TimeoutError):
            await self._refuse(event, FileBroken(path=name, reason="reading it took too long or too much memory"))
        except EcgError as error:
            await self._refuse(event, error)
        else:
            blob = await self._keep_archive(event.subject, found.archive)
            await self.db.write(lambda tx: _take_in(tx, event.subject, blob, found), actor=event.actor)

    async def _refuse(self, event: Event, error: EcgError) -> None:
        log.warning("file.refused", recording=event.subject, code=error.code)
        self.refusals[error.code] += 1
        notes = msgspec.json.encode([note_of(error)]).decode()

        def refuse(tx: Tx) -> None:
            if records.recording_row(tx.conn, event.subject)["state"] == "receiving":
                facts = {"code": error.code}
                records.move(
                    tx, event.subject, "refuse", "recording.refused", facts, return_reason=error.code, notes=notes
                )
                device = records.recording_row(tx.conn, event.subject)["device"]
                register.move(tx, device, "refuse", refused=error.code)

        await self.db.write(refuse, actor=event.actor)

    async def _keep_archive(self, recording_id: str, archive: bytes) -> str:
        self._check_room()
        blob = f"recordings/{recording_id}.xlecg"
        await self.blobs.put(blob, archive)
        log.info("recording.received", recording=recording_id, bytes=len(archive))
        return blob

    async def interrupted(
        self, device_id: str, recording_id: str, archive: bytes | None, raw: bytes, silent_s: int
    ) -> None:
        """See `Hub.interrupted`."""
        self._check_room()
        if archive is None and raw:
            await self.blobs.put(f"unfinished/{recording_id}.bin", raw)
        blob = None if archive is None else await self._keep_archive(recording_id, archive)
        await self.db.write(
            lambda tx: _interrupt(tx, recording_id, blob, None if archive is None else header_of(archive), silent_s),
            actor=f"device:{device_id}",
        )
        self._streams.pop(recording_id, None)
        self.bus.end(f"stream:{recording_id}")

    def _check_room(self) -> None:
        """Raises StorageFull: files wait, the journal or the reaction holds them."""
        if self.saving():
            raise StorageFull

    async def rejected(self, device_id: str, recording_id: str, code: str) -> None:
        log.warning("recording.refused", recording=recording_id, code=code)

        def refuse(tx: Tx) -> None:
            if records.recording_row(tx.conn, recording_id)["state"] == "receiving":
                records.move(tx, recording_id, "refuse", "recording.refused", {"code": code}, return_reason=code)
            register.move(tx, device_id, "refuse", refused=code)

        await self.db.write(refuse, actor=f"device:{device_id}")
        self._streams.pop(recording_id, None)
        self.bus.end(f"stream:{recording_id}")

    async def device_refused(self, device_id: str | None, code: str) -> None:
        self.refusals[code] += 1
        log.warning("device.refused", device=device_id, code=code)
        if device_id is not None and code in NEEDS_A_PERSON:
            await self.db.write(
                lambda tx: register.move(tx, device_id, "refuse", refused=code), actor=f"device:{device_id}"
            )

    def publish(self, recording_id: str, first_sample: int, samples: bytes) -> None:
        opening = self._streams.get(recording_id)
        if opening is not None and self.bus.has_listeners(f"stream:{recording_id}"):
            packet = Samples(first_sample, len(opening.leads), opening.fs, opening.gain_uv_per_lsb, samples)
            self.bus.publish(f"stream:{recording_id}", packet)

    def device_online(self, device_id: str, online: bool) -> None:
        self._later(self._mark(device_id, "connect" if online else "disconnect"))

    def device_clock(self, device_id: str, clock: ClockKnown) -> None:
        def keep(tx: Tx) -> None:
            register.clock(tx, device_id, clock.offset_ms, clock.uncertainty_ms)

        self._later(self.db.write(keep, actor=f"device:{device_id}"))

    def storage_full(self, full: bool) -> None:
        self.disk_full = full
        log.error("journal.disk_full" if full else "journal.disk_has_room")

    def journal_damaged(self, sentence: str) -> None:
        self.damage.append(sentence)
        log.error("journal.damaged", sentence=sentence)
        self._later(self._tell_damage(sentence))

    async def begin(self) -> None:
        """Before the gateway listens: no device is connected to a hub that has just started."""
        await self.db.write(register.all_away)

    async def stream_head(self, recording_id: str) -> StreamHead | None:
        """Rate and leads of a recording that is arriving, for pages that follow it."""
        opening = self._streams.get(recording_id)
        return None if opening is None else StreamHead(opening.fs, opening.leads)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _mark(self, device_id: str, event: str) -> None:
        await self.db.write(lambda tx: register.move(tx, device_id, event), actor=f"device:{device_id}")

    async def _tell_damage(self, sentence: str) -> None:
        await self.db.write(lambda tx: tx.append("journal.damaged", "journal", "", {"what": sentence}, topic="system"))

    def _open(
        self, tx: Tx, device: DeviceRecord, opening: Opening, clock: ClockKnown, *,
        glance: Glance | None = None, form: str | None = None,
    ) -> str:  # fmt: skip
        """`form`: the request form it answers, "" for none; None: whichever of the place waits for the device."""
        known = records.recording_by_uid(tx.conn, opening.uid.hex())
        if known is not None:
            if known["device"] != device.id:
                raise OpenDiffers(field="device")
            if not known["interrupted"]:
                if known["state"] == "receiving":
                    _begins(tx, device.id, opening)
                return str(known["id"])
            # The hub had ended it; its device sends it whole now. What came before keeps its place under another name.
            records.update_recording(tx.conn, known["id"], uid=f"{known['uid']}.{known['id']}")
        request = opening.request or Request()
        order = None
        if known is not None:
            order = records.order_row(tx.conn, known["order_form"])
        elif form:
            order = records.waiting_order(tx.conn, device.org, form)
        elif form is None and request.patient is None:
            order = records.open_order(tx.conn, device.org, device.id, later(tx.now, -ORDER_S))
        recording_id = new_id("rec")
        symptoms = [s for s in request.symptoms if s in SYMPTOMS] or ["unknown"]
        samples = opening if isinstance(opening, Open) else None
        began_ms = opening.start_ms if isinstance(opening, Open) else opening.made_ms
        records.add_recording(
            tx.conn,
            id=recording_id,
            uid=opening.uid.hex(),
            device=device.id,
            org=device.org,
            org_name=self.places.name(device.org),
            centre=self.places.centre(device.org),
            patient=(
                known["patient"]
                if known
                else order["patient"]
                if order
                else put_patient(tx, device.org, _facts(request))
            ),
            replaces=None if known is None else known["id"],
            order_form=order["id"] if order else None,
            state="receiving",
            kind=samples.kind if samples else "resting",
            urgency=order["urgency"] if order else "routine" if request.urgency == "routine" else "emergency",
            symptoms=order["symptoms"] if order else msgspec.json.encode(symptoms).decode(),
            note=order["note"] if order else request.note,
            fs=float(samples.fs) if samples else 0.0,
            leads=msgspec.json.encode(samples.leads if samples else ()).decode(),
            started_at=iso(self._corrected(began_ms, clock)),
            time_from="device",
            clock_offset_ms=clock.offset_ms,
            clock_uncertainty_ms=clock.uncertainty_ms,
            opened_at=tx.now,
            glance=None if glance is None else msgspec.json.encode(_view_of(glance)),
        )
        if order:
            records.bind_order(tx.conn, order["id"], recording_id)
        _begins(tx, device.id, opening)
        tx.append("recording.opened", recording_id, device.org, {"state": "receiving", "device": device.id})
        return recording_id

    def _corrected(self, device_ms: int, clock: ClockKnown) -> datetime:
        """A time of the device's clock in ours. What would lie in the future is now: that clock has been set since."""
        off_ms = clock.offset_ms if abs(clock.offset_ms) > clock.uncertainty_ms else 0
        now = self.clock.now()
        try:
            return min(now, datetime.fromtimestamp((device_ms + off_ms) / 1000, UTC))
        except (ValueError, OverflowError, OSError):
            return now


def _view_of(glance: Glance) -> GlanceView:
    """What pages show of the packet. Raises BadFrame: its strip cannot be read."""
    strip = bytes(step & 0xFF for step in strip_of(glance))
    return GlanceView(
        rate_bpm=glance.rate_bpm,
        findings=[GlanceFinding(finding.code, finding.grade, finding.say) for finding in glance.findings],
        quality=glance.quality,
        strip_lead=glance.strip_lead,
        strip=base64.b64encode(strip).decode(),
    )


async def end_revoked(gateway: Gateway, intake: Intake, device_id: str) -> None:
    """End the device's connections that its register would no longer let in: all of them, or those of a revoked key."""
    record = await intake.device(device_id)
    if record is None or not record.active:
        await gateway.drop_device(device_id)
        return
    for connection in list(gateway.connections):
        if connection.device_id == device_id and connection.session.proved_by not in record.keys:
            connection.end(BadProof())


def device_rules(rates: tuple[int, ...]) -> Rules:
    """What the gateway accepts, from the configuration."""
    return Rules(rates=rates)


def reactions(room: Intake) -> tuple[Reaction, ...]:
    return (Reaction("intake.deposited", frozenset({"recording.deposited"}), room.read_deposit),)


def _begins(tx: Tx, device_id: str, opening: Opening) -> None:
    """The register's view of a recording that begins or goes on."""
    if isinstance(opening, Deposit):
        register.move(tx, device_id, "open_batch", refused=None)
    else:
        leads = msgspec.json.encode(opening.leads).decode()
        register.move(tx, device_id, f"open_{opening.mode}", fs=opening.fs, leads=leads, refused=None)


def _take_in(tx: Tx, recording_id: str, blob: str, found: Imported) -> None:
    """What stands in a deposited file becomes the recording."""
    row = records.recording_row(tx.conn, recording_id)
    if row["state"] != "receiving":
        return
    header = header_of(found.archive)
    values: dict[str, str | float] = {
        "fs": header.fs,
        "leads": msgspec.json.encode(header.leads).decode(),
        "derived": msgspec.json.encode(header.derived).decode(),
        "format": found.format,
    }
    if found.start_ms is not None:
        values["time_from"] = "file"
        values["started_at"] = iso(datetime.fromtimestamp(found.start_ms / 1000, UTC))
    notes = list(found.notes)
    if found.person is not None:
        patient = records.patient_view(tx.conn, row["patient"])
        if patient.identity == "pending":
            values["patient"] = put_patient(tx, row["org"], found.person)
        elif names_another(found.person.name, patient.name):
            notes.insert(0, note_of(FileNamesAnother(found.person.name, patient.name)))
    values["notes"] = msgspec.json.encode(notes).decode()
    records.update_recording(tx.conn, recording_id, **values)
    _seal(tx, recording_id, blob, header, header.sha256)


def _seal(
    tx: Tx, recording_id: str, blob: str, header: Header, sha256: str, *, interrupted: bool = False
) -> None:  # fmt: skip
    """`sha256` is that of the samples as they were sent. `interrupted`: the hub ended it, more may come."""
    row = records.recording_row(tx.conn, recording_id)
    if row["state"] != "receiving":
        return  # sealed before; the receipt was lost on the way
    patient = records.patient_view(tx.conn, row["patient"])
    body = {
        "blob": blob,
        "sha256": sha256,
        "fs": header.fs,
        "samples": header.n,
        "sex": patient.sex,
        "age_years": patient.age_years,
        "symptoms": msgspec.json.decode(row["symptoms"], type=list[str]),
        "urgency": row["urgency"],
    }
    records.move(
        tx, recording_id, "interrupt" if interrupted else "seal", "recording.received", body, blob=blob, sha256=sha256,
        samples=header.n, received_at=tx.now, interrupted=int(interrupted),
    )  # fmt: skip
    if interrupted:
        return
    register.move(tx, row["device"], "seal", last_ecg_at=tx.now, refused=None)
    if row["replaces"] is not None:
        _withdraw(tx, row["replaces"], recording_id)


def _interrupt(tx: Tx, recording_id: str, blob: str | None, header: Header | None, silent_s: int) -> None:
    """The hub ends a recording. `blob`, `header`: what came of it, if that can be read."""
    row = records.recording_row(tx.conn, recording_id)
    tx.append(
        "recording.interrupted", recording_id, row["org"],
        {"silent_s": silent_s, "samples": header.n if header else 0}, topic="recording",
    )  # fmt: skip
    if row["state"] != "receiving" or header is None or blob is None:
        if row["state"] == "receiving":
            code = RecordingSilent.code
            records.move(tx, recording_id, "refuse", "recording.refused", {"code": code}, return_reason=code)
        records.update_recording(tx.conn, recording_id, interrupted=1)
    else:
        came_s = round(header.n / header.fs, 1)
        notes = [*msgspec.json.decode(row["notes"], type=list[FileNote]), note_of(RecordingInterrupted(came_s))]
        records.update_recording(tx.conn, recording_id, notes=msgspec.json.encode(notes).decode())
        _seal(tx, recording_id, blob, header, header.sha256, interrupted=True)
    device = devices.device_row(tx.conn, row["device"])
    if device is not None and not device["connected"]:
        register.move(tx, row["device"], "refuse", refused=RecordingSilent.code)


def _withdraw(tx: Tx, incomplete: str, whole: str) -> None:
    """The whole recording is here: nobody need read the incomplete one that waits. One that is being read, or was
    reported, stays as it is and says so."""
    row = records.recording_row(tx.conn, incomplete)
    records.update_recording(tx.conn, incomplete, replaced_by=whole)
    if row["state"] == "waiting":
        code = RecordingReplaced.code
        records.move(tx, incomplete, "replace", "recording.replaced", {"whole": whole}, return_reason=code)


def _facts(request: Request) -> PatientFacts | None:
    said = request.patient
    if said is None:
        return None
    return PatientFacts(said.name, said.sex, said.age, said.birth_date or None, said.id_no)
