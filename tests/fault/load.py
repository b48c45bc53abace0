"""The mixed load of the crash suites, and its oracle: all that was told to somebody, and whether it is still there.

Five clinics work at once, each recording after recording: live streams and batch files, a reader who signs and
corrects, ventricular tachycardias whose alerts climb, consultations step by step, an auditor who reads the log. Whoever
gets no answer asks again with the same Idempotency-Key, as the pages do.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
import msgspec
import numpy as np

from device import coding
from device.client import DeviceKey, Retry
from device.errors import ArchiveDamaged
from device.frames import Patient, Receipt, Request
from device.simulate import SampledUpload, run_device, upload_of
from ecg import synth
from ecg.record import Meta, Recording
from server import demo
from server.intake.journal import Journal
from server.intake.segment import Kind
from tests.fault.rig import HubProcess, for_a_while
from tests.server.conftest import Browser, Refused
from tests.waiting import until

ANSWER_S: Final = 120.0
READ_S: Final = 900.0
"""For the analysis of a recording: a hub that lives for a second at a time on a busy machine gets few of them done."""
PATIENCE: Final = Retry(tries_max=10_000, wait_s_least=0.05, wait_s_most=0.3)
AUDIT_S: Final = 0.3
LIVE_S: Final = 24.0
SPEED: Final = 3.0  # of the live streams
NORMAL: Final = {"statements": [{"code": "SINUS_RHYTHM", "text": "窦性心律"}], "grade": "normal"}
CONSULT_STEPS: Final = ("submitted", "accepted", "in_progress", "concluding")


@dataclass
class Told:
    """The oracle: what somebody outside was told."""

    uploads: list[SampledUpload] = field(default_factory=list)  # `kept_from`: frames acknowledged
    receipts: dict[bytes, Receipt] = field(default_factory=dict)
    reports: dict[str, tuple[str, int, str]] = field(default_factory=dict)  # report -> recording, version, digest
    alerts: dict[str, tuple[str, int]] = field(default_factory=dict)  # alert -> recording, step it had climbed to
    consults: dict[str, int] = field(default_factory=dict)  # consult -> index in CONSULT_STEPS
    audit: dict[int, tuple[str, str, str]] = field(default_factory=dict)  # line -> at, kind, subject

    @property
    def frames(self) -> int:
        return sum(upload.kept_from for upload in self.uploads)

    @property
    def count(self) -> int:
        """How many things were told."""
        said = (len(self.receipts), len(self.reports), len(self.alerts), len(self.consults), len(self.audit))
        return self.frames + sum(said)

    @property
    def said(self) -> str:
        return (
            f"{self.frames} frames, {len(self.receipts)} receipts, {len(self.reports)} reports,"
            f" {len(self.alerts)} alerts, {len(self.consults)} consultations, {len(self.audit)} lines of the log"
        )


# ---- the load ----


@dataclass
class Load:
    """Clinics and doctors at work until `stop` is set; `tasks` end once each has finished what it began."""

    hub: HubProcess
    keys: dict[str, DeviceKey]
    rng: random.Random
    told: Told = field(default_factory=Told)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    people: dict[str, Browser] = field(default_factory=dict)

    async def begin(self) -> None:
        for login in ("reader", "oncall", "clinic", "admin"):
            self.people[login] = await self.hub.sign_in(login)
        work = (self._streams("org_liugou"), self._streams("org_nanpo"), self._signs("org_songlin"),
                self._consults("org_hewan"), self._alarms("org_shimen"), self._audits())  # fmt: skip
        self.tasks = [asyncio.create_task(flow) for flow in work]

    async def finish(self) -> None:
        """Let everybody finish: whatever was begun has to come to its end."""
        self.stop.set()
        async with asyncio.timeout(READ_S):
            await asyncio.gather(*self.tasks)

    async def get_on(self) -> None:
        """Until one more report is signed or one more alert raised: hubs that live too short for it prove less."""
        told, before = self.told, len(self.told.reports) + len(self.told.alerts)
        more = asyncio.create_task(until(lambda: len(told.reports) + len(told.alerts) > before, READ_S))
        await for_a_while(self.tasks, READ_S, more)
        assert more.done(), "nothing was read in all that time"
        more.result()

    async def abandon(self) -> None:
        """The hub is gone for good."""
        pending = set(self.tasks)
        while pending:  # a device that is just hearing of its dead connection may miss the first call
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.2)

    async def close(self) -> None:
        await self.abandon()
        for browser in self.people.values():
            await browser.http.close()

    async def _streams(self, org: str) -> None:
        while not self.stop.is_set():
            await self._send(org, sinus(self.rng.randrange(4), LIVE_S), "live")

    async def _signs(self, org: str) -> None:
        while not self.stop.is_set():
            receipt = await self._send(org, sinus(self.rng.randrange(4), 10.0), "batch")
            report = await self._sign(receipt.recording)
            if self.rng.random() < 0.5:
                body = {**NORMAL, "reason": "措辞更正"}
                await self._answer("reader", "POST", f"/api/reports/{report}/amend", body)
                await self._note_reports(receipt.recording)

    async def _consults(self, org: str) -> None:
        while not self.stop.is_set():
            receipt = await self._send(org, sinus(self.rng.randrange(4), 10.0), "batch")
            new = {
                "recording": receipt.recording, "invitee_org": "org_city", "purpose": "是否转诊",
                "summary": "胸痛两小时", "priority": "routine", "consent": "written",
                "consent_paper": {"kind": "written", "by": "患者本人", "relation": "self"},
            }  # fmt: skip
            await self._answer("clinic", "POST", "/api/consults", new)
            consult = await self._note_consult(receipt.recording)
            await self._answer("oncall", "POST", f"/api/consults/{consult}/accept", None)
            await self._note_consult(receipt.recording)
            await self._answer("clinic", "POST", f"/api/consults/{consult}/enter", None)
            await self._note_consult(receipt.recording)
            await self._answer("oncall", "POST", f"/api/consults/{consult}/conclude", {"text": "无需转诊"})
            await self._note_consult(receipt.recording)

    async def _alarms(self, org: str) -> None:
        while not self.stop.is_set():
            receipt = await self._send(org, tachycardia(), "batch")

            async def rings(recording: str = receipt.recording) -> Any:
                found = await self._note_alerts()
                if any(alert["recording"] == recording for alert in found):
                    return True
                # Whose analysis cost two workers their lives is read by a person without it.
                row = await self._ask("reader", "GET", f"/api/recordings/{recording}")
                return bool(row["machine"] and row["machine"]["error"] == "analysis.lost")

            await until(rings, READ_S)

    async def _audits(self) -> None:
        while not self.stop.is_set():
            page = await self._ask("admin", "GET", "/api/admin/audit?limit=200")
            assert page["chain_whole"]
            for line in page["lines"]:
                said = (line["at"], line["kind"], line["subject"])
                assert self.told.audit.setdefault(line["id"], said) == said, f"line {line['id']} of the log has changed"
            await self._note_alerts()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AUDIT_S):
                    await self.stop.wait()

    # ---- what is told ----

    async def _send(self, org: str, recording: Recording, mode: Any) -> Receipt:
        patient = Patient(name="马德福", sex="M", age=58, id_no=f"demo-{self.rng.getrandbits(48):x}")
        request = Request(patient=patient, symptoms=("syncope",))
        upload = upload_of(recording, mode=mode, request=request, uid=self.rng.randbytes(16))
        self.told.uploads.append(upload)
        receipt = await run_device(
            upload, self.hub.device_url, self.keys[org], speed=SPEED, retry=PATIENCE, rng=self.rng
        )
        assert receipt.sha256 == upload.sha256
        self.told.receipts[upload.opening.uid] = receipt
        return receipt

    async def _sign(self, recording: str) -> str:
        async def read() -> bool:
            row = await self._ask("reader", "GET", f"/api/recordings/{recording}")
            return bool(row["state"] == "waiting")

        await until(read, READ_S)
        await self._answer("reader", "POST", f"/api/recordings/{recording}/sign", NORMAL)
        return await self._note_reports(recording)

    async def _note_reports(self, recording: str) -> str:
        """What the pages now show as signed; the id of the newest version."""
        reports = await self._ask("reader", "GET", f"/api/recordings/{recording}/reports")
        assert reports, f"{recording}: a signed report is gone"
        for report in reports:
            self.told.reports[report["id"]] = (recording, report["version"], report["digest"])
        return str(max(reports, key=lambda report: int(report["version"]))["id"])

    async def _note_consult(self, recording: str) -> str:
        found = (await self._ask("clinic", "GET", f"/api/consults?recording={recording}"))["consults"]
        assert len(found) == 1, f"{recording}: {len(found)} consultations"
        step = CONSULT_STEPS.index(found[0]["state"])
        self.told.consults[found[0]["id"]] = max(step, self.told.consults.get(found[0]["id"], 0))
        return str(found[0]["id"])

    async def _note_alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._ask("oncall", "GET", "/api/alerts?limit=500"))["alerts"]
        for alert in found:
            _, before = self.told.alerts.get(alert["id"], ("", -1))
            self.told.alerts[alert["id"]] = (alert["recording"], max(before, alert["step"]))
        return found

    async def _answer(self, login: str, method: str, path: str, body: object) -> None:
        """Carry a command out, once: a repeat after a lost answer is told that it is done already. Who signed in half
        an hour ago proves himself again."""
        try:
            await self._ask(login, method, path, body)
        except Refused as refused:
            if refused.code == "sign.locked":
                await self._ask(login, "POST", "/api/session/unlock", {"password": demo.PASSWORD})
                await self._answer(login, method, path, body)
            elif refused.code != "http.already_done":
                raise

    async def _ask(self, login: str, method: str, path: str, body: object = None) -> Any:
        key = str(uuid4())

        async def once() -> Any:
            await self.hub.up.wait()
            try:
                if method == "GET":
                    return (await self.people[login].get(path),)
                return (await self.people[login].post(path, body, key=key, method=method),)
            except Refused as refused:
                if refused.status < 500:
                    raise
                return None  # it is ending, or its disk is full
            except (aiohttp.ClientError, msgspec.DecodeError):
                return None

        return (await until(once, ANSWER_S))[0]


@cache
def sinus(seed: int, seconds: float) -> Recording:
    segment = synth.Segment("sinus", seconds, rate_bpm=60.0 + 7 * seed)
    return synth.twelve_lead(np.random.default_rng(seed), [segment], meta=Meta()).recording


@cache
def tachycardia() -> Recording:
    segment = synth.Segment("vt", 10.0, rate_bpm=200.0)
    return synth.twelve_lead(np.random.default_rng(99), [segment], meta=Meta()).recording


# ---- what is left ----


@dataclass(frozen=True)
class Left:
    """What a data folder still holds of what was told. `lost` names each thing that is gone, frames are counted."""

    lost: tuple[str, ...]
    lost_frames: int
    doubled: tuple[str, ...]
    sound: bool  # SQLite's own integrity check, and no damage in the journal

    @property
    def count(self) -> int:
        """How many told things are gone: frames one by one."""
        return self.lost_frames + len(self.lost)


def what_is_left(data: Path, told: Told) -> Left:
    """Look for everything that was told in a copy of a dead hub's data folder. Nothing in it is touched."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "data"  # but for the files, which nobody changes
        shutil.copytree(data, copy, ignore=lambda folder, _: ["blobs"] if folder == str(data) else [])
        lost: list[str] = []
        lost_frames, damaged = 0, False
        with closing(sqlite3.connect(copy / "hub.sqlite")) as conn:
            sound = conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            conn.row_factory = sqlite3.Row
            sealed = {
                bytes.fromhex(row["uid"]): row
                for row in conn.execute("SELECT uid, id, blob, sha256 FROM recording WHERE sha256 IS NOT NULL")
            }
            lost += _rows_missing(conn, told)
            doubled = _doubled(conn)
        with _journal(copy / "journal") as journal:
            damaged = journal is None
            for upload in told.uploads:
                uid = upload.opening.uid
                if uid in sealed:
                    stored = _archive(data / "blobs" / sealed[uid]["blob"])
                    same = stored is not None and np.array_equal(stored, upload.samples)
                    lost += () if same else (f"samples of sealed {uid.hex()}",)
                elif uid in told.receipts:
                    lost.append(f"receipt of {uid.hex()}")
                else:
                    lost_frames += upload.kept_from - _frames_kept(journal, upload)
    return Left(tuple(lost), lost_frames, doubled, sound and not damaged)


def _rows_missing(conn: sqlite3.Connection, told: Told) -> Iterator[str]:
    reports = {r["id"]: (r["recording"], r["version"], r["digest"]) for r in conn.execute("SELECT * FROM report")}
    alerts = {r["id"]: r["step"] for r in conn.execute("SELECT * FROM alert")}
    consults = {r["id"]: CONSULT_STEPS.index(r["state"]) for r in conn.execute("SELECT * FROM consult")}
    log = {r["id"]: (r["at"], r["kind"], r["subject"]) for r in conn.execute("SELECT * FROM event")}
    yield from (f"report {key}" for key, said in told.reports.items() if reports.get(key) != said)
    yield from (f"alert {key}" for key, (_, step) in told.alerts.items() if alerts.get(key, -2) < step)
    yield from (f"consult {key}" for key, step in told.consults.items() if consults.get(key, -1) < step)
    yield from (f"reaction to line {row['event_id']}, set aside" for row in conn.execute("SELECT * FROM dead_letter"))
    yield from (f"line {key} of the log" for key, said in told.audit.items() if log.get(key) != said)


def _doubled(conn: sqlite3.Connection) -> tuple[str, ...]:
    """What stands there twice and must stand once, where no key of a table forbids it."""
    events = conn.execute(
        "SELECT kind, subject, count(*) AS n FROM event WHERE kind IN ('recording.opened', 'recording.received',"
        " 'alert.raised', 'consult.submitted', 'consult.accepted') GROUP BY kind, subject HAVING n > 1"
    )
    twice = [f"{row['kind']} of {row['subject']}" for row in events]
    for table in ("alert", "consult"):
        found = Counter(row["recording"] for row in conn.execute(f"SELECT recording FROM {table}"))
        twice += [f"{table} of {recording}" for recording, n in found.items() if n > 1]
    final = conn.execute("SELECT recording FROM report WHERE state = 'final' GROUP BY recording HAVING count(*) > 1")
    return (*twice, *(f"final report of {row['recording']}" for row in final))


@contextmanager
def _journal(folder: Path) -> Iterator[Journal | None]:
    """The journal as a start would find it, or None: damage where only a torn tail may be."""
    journal, recovery = Journal.open(folder, lambda: 0)
    try:
        yield None if recovery.damaged or recovery.stranded else journal
    finally:
        journal.close()


def _frames_kept(journal: Journal | None, upload: SampledUpload) -> int:
    """How many of the acknowledged frames the journal holds as the device sent them."""
    state = journal.streams.get(upload.opening.uid) if journal is not None else None
    if journal is None or state is None:
        return 0
    bodies = [record.body for record in journal.read(state) if record.kind == Kind.DATA]
    same = 0
    for seq, body in enumerate(bodies[: upload.kept_from]):
        first = seq * upload.per_frame
        if body != upload.samples[first : first + upload.per_frame].astype("<i2").tobytes():
            break
        same += 1
    return same


def _archive(path: Path) -> Any:
    try:
        return coding.decode(path.read_bytes())[1]
    except (OSError, ArchiveDamaged):
        return None


async def ladders_end(load: Load) -> None:
    """Every alert that was raised climbs to its end, each step told once. With a hub that runs."""

    async def climbed() -> bool:
        return all(alert["state"] == "expired" for alert in await load._note_alerts())

    await until(partial(climbed), ANSWER_S)
