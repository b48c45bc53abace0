"""Puts the rooms together from the configuration, starts and stops them. Knows no rule of medicine.

One `Application` is one hub: database, spine, rooms, web side, device gateway. Tests build it as the command line does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import ssl
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Connection

from ecg.record import Recording
from server import adapters, metrics
from server.alerts.escalation import Alerts, raise_alert
from server.alerts.ladder import AlertSettings, Step
from server.alerts.reactions import reactions as alert_reactions
from server.alerts.routes import routes as alert_routes
from server.analysis import service as analysis
from server.analysis.live import Case, LiveWatch
from server.analysis.work import warm_up
from server.base import pages
from server.base.blobs import FileBlobs
from server.base.bus import LocalBus
from server.base.clock import Clock, SystemClock, iso, later
from server.base.context import Ctx
from server.base.database import Database
from server.base.errors import NotFound, StorageFull, TooLarge
from server.base.eventlog import Event
from server.base.http import PUBLIC, SIGNED_IN, Call, Http, Raw, Route, forget_commands
from server.base.live import Live, Samples, TopicKind
from server.base.pool import Pool
from server.base.prints import Prints
from server.base.reserve import Reserve, Room
from server.base.spine import Reaction, Spine
from server.config import Config
from server.consult import Consultations, ConsultSettings, Rooms, topic_kind
from server.consult.after.routes import routes as after_routes
from server.consult.after.service import reactions as after_reactions
from server.consult.conclusion import Printing
from server.consult.conclusion import reactions as conclusion_reactions
from server.consult.conclusion_routes import routes as conclusion_routes
from server.consult.draft_routes import routes as draft_routes
from server.consult.drafting import Drafting
from server.consult.films.routes import routes as film_routes
from server.consult.films.service import Films, FilmSettings
from server.consult.films.views import FilmViews
from server.consult.help.routes import routes as help_routes
from server.consult.media.embedded import Embedded, listen_on
from server.consult.media.engine import Hear, MediaEngine
from server.consult.media.janus import Janus, JanusAt
from server.consult.media.process import Listen
from server.consult.media.seats import Seats
from server.consult.media_routes import routes as media_routes
from server.consult.model import IceServer
from server.consult.planning.routes import routes as planning_routes
from server.consult.reactions import reactions as consult_reactions
from server.consult.routes import routes as consult_routes
from server.consult.service import check_inside
from server.consult.sittings.routes import routes as sitting_routes
from server.consult.sound.routes import Sound
from server.devices import service as devices
from server.devices.routes import routes as device_routes
from server.ground import (
    RUNNING,
    NotLoopback,
    check_disk,
    device_tls_context,
    mark_running,
    port_error,
    tls_context,
)
from server.images import Images
from server.images import worker as image_worker
from server.images.routes import routes as image_routes
from server.intake import archive, files
from server.intake.gateway import Gateway, GatewaySettings
from server.intake.journal import JournalFailed
from server.intake.routes import routes as intake_routes
from server.intake.service import Intake, device_rules, end_revoked
from server.intake.service import reactions as intake_reactions
from server.messages import pictures
from server.messages.routes import routes as message_routes
from server.messages.service import Messages, index_missing
from server.people import service as people
from server.people import store as people_store
from server.people.access import RULES
from server.people.routes import LivePasses
from server.people.routes import routes as people_routes
from server.reading.content import Measured
from server.reading.paper import check_fonts
from server.reading.priority import Promise
from server.reading.reactions import reactions as reading_reactions
from server.reading.routes import routes as reading_routes
from server.reading.service import Reading, ReadingSettings
from server.records import service as records
from server.records import store as records_store
from server.records.routes import routes as records_routes

log = structlog.get_logger()

VERSION = "0.1.0"
UPKEEP_S = 3600
RECHECK_S = 30
DISK_S = 1.0
ECHO_BYTES_MAX = 16 * 1024
COMMANDS_S = 2 * 86400
"""How long a repeat of a command still gets its first answer."""
WARM_AFTER_S = 1.0
"""The processes that analyse load after devices and pages are served, not beside them; a first call fetches them."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class DemoLogin(msgspec.Struct, frozen=True):
    login: str
    password: str
    name: str
    what_zh: str
    what_en: str


class HubInfo(msgspec.Struct, frozen=True):
    """What the sign-in page shows. `logins` only in the demonstration."""

    name: str
    version: str
    demo: bool
    logins: list[DemoLogin]


@dataclass
class Application:
    """A hub. `await start()`, `await stop()`; `port` and `device_port` are what was bound."""

    config: Config
    clock: Clock = field(default_factory=SystemClock)
    demo_logins: tuple[DemoLogin, ...] = ()
    serve_pages: bool = True
    port: int = 0
    device_port: int = 0
    more_reactions: tuple[Reaction, ...] = ()
    failed: bool = False
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Raises an AppError (`start.*`, `report.fonts_missing`) with the one line for the operator."""
        hub = self.config.hub
        if hub.host not in LOOPBACK and not self.config.tls.certificate:
            raise NotLoopback(host=hub.host)
        data = Path(hub.data)
        check_disk(data)
        check_fonts()
        tls = tls_context(self.config)
        self.reserve = Reserve(data, hub.low_disk_mb * 2**20)
        self.reserve.look()
        self.db = Database(hub.database or data / "hub.sqlite", self.clock)
        self.db.relieve = self.reserve.spend
        self.blobs = FileBlobs(data / "blobs")
        self.bus: LocalBus[Samples] = LocalBus()
        self.pool = Pool(self.config.analysis.workers, warm_up)
        self.secret = hub_secret(data)
        self._rooms()
        await self.people.reload()
        await self.films.recover()
        self._web(tls)
        await self.spine.start()
        await self.live.start(self.spine.watch(), self.spine.tail)
        self._runner = web.AppRunner(self.web, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, hub.host, hub.port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise port_error(error, hub.host, hub.port) from None
        self.port = int(self._runner.addresses[0][1])
        self.gateway = self._gateway(data, device_tls_context(self.config))
        await self.intake.begin()
        try:
            await self.gateway.start()
        except OSError as error:
            raise port_error(error, hub.host, self.gateway.settings.port) from None
        self.device_port = self.gateway.port
        self._unclean = mark_running(data)
        self._warming = asyncio.get_running_loop().call_later(WARM_AFTER_S, self.pool.start)
        upkeep = (self._keep_up, self._end_pages, self._end_silent, self._watch_disk, self._index_messages)
        self._upkeep = [asyncio.create_task(work()) for work in upkeep]
        log.info("hub.started", host=hub.host, port=self.port, device_port=self.device_port, tls=tls is not None)

    async def stop(self) -> None:
        self._warming.cancel()
        for task in self._upkeep:
            task.cancel()
        await asyncio.gather(*self._upkeep, return_exceptions=True)
        await self.gateway.stop()
        await self.watch.stop()
        await self.films.close()
        await self.seats.engine.close()
        await self.live.stop()
        await self._runner.cleanup()
        await self.spine.stop()
        self.pool.stop()
        self.intake.files.stop()
        self.pictures.stop()
        self.images.pool.stop()
        await self.db.close()
        self.reserve.release()
        if not self.failed:
            with contextlib.suppress(OSError):
                (Path(self.config.hub.data) / RUNNING).unlink(missing_ok=True)
        log.info("hub.stopped")

    async def _end_pages(self) -> None:
        """Live pages end with their session."""
        while True:
            await asyncio.sleep(RECHECK_S)
            await self.live.recheck(lambda token: people.session_alive(self.people, token))

    async def _watch_disk(self) -> None:
        """Tell operators, administrators and pages when the disk runs full, is full, and has room again."""
        if self._unclean:
            log.error("hub.unclean_stop")
            await self._tell("hub.unclean_stop", {})
        told: Room = "ok"
        while True:
            try:
                room = await self._look_at_disk()
            except OSError as error:  # it fails: who writes to it ends the process
                log.error("storage.unreadable", error=type(error).__name__)
            else:
                if room != told:
                    told, free_mb = room, self.reserve.free_bytes // 2**20
                    (log.info if room == "ok" else log.error)(f"storage.{room}", free_mb=free_mb)
                    self.live.announce(room, free_mb)
                    await self._tell(f"storage.{room}", {"free_mb": free_mb})
            await asyncio.sleep(DISK_S)

    async def _look_at_disk(self) -> Room:
        if self.read_only and self.reserve.spend():
            log.error("storage.reserve_given_up")
        if self.db.full and self.reserve.free_bytes > 0:
            with contextlib.suppress(StorageFull):
                await self.db.write(lambda tx: None)  # writes nothing, and so only finds out that it may
        waits = self.intake.disk_full or self.db.full
        room = await asyncio.to_thread(self.reserve.look, may_take=not waits)
        return "full" if self.read_only else room

    async def _tell(self, kind: str, body: dict[str, int]) -> None:
        """Into the log of events; where that cannot be, the hub's own log and the pages have it."""
        try:
            await self.db.write(lambda tx: tx.append(kind, "hub", "", {**body}, topic="system"))
        except Exception as error:
            log.warning("hub.untold", kind=kind, error=type(error).__name__)

    async def _end_silent(self) -> None:
        """Recordings whose device never ends them."""
        while True:
            await asyncio.sleep(RECHECK_S)
            self.gateway.end_silent(asyncio.get_running_loop().time())

    async def _index_messages(self) -> None:
        """Once: what an earlier version stored comes into the search and the inbox."""
        with contextlib.suppress(StorageFull):
            if count := await index_missing(self.messages):
                log.info("messages.indexed", messages=count)

    async def _keep_up(self) -> None:
        """Once an hour: forget answered commands and ended sessions, read the sealed journal over for rot."""
        while True:
            now = iso(self.clock.now())
            with contextlib.suppress(StorageFull):
                await self.db.write(lambda tx, now=now: forget_commands(tx, later(now, -COMMANDS_S)))  # type: ignore[misc]
                await self.db.write(
                    lambda tx, now=now: people_store.drop_idle_sessions(tx.conn, later(now, -COMMANDS_S))  # type: ignore[misc]
                )
            await self.db.write(devices.forget_codes)
            await self.gateway.scrub()
            await asyncio.sleep(UPKEEP_S)

    def _rooms(self) -> None:
        db, clock, blobs = self.db, self.clock, self.blobs
        self.people = people.People(db, clock, self.config.hub.name, demo=bool(self.demo_logins))
        self.devices = devices.Register(
            db, clock, self.secret, self.people.below, lambda org: self.people.tree[org].name, people_store.names,
            lambda: (self.device_port, bool(self.config.tls.certificate)),
        )  # fmt: skip
        self.records = records.Records(
            db, clock, blobs, archive.stored_signal, analysis.result_json, adapters.machine_result, people_store.names,
            self.people.below, adapters.cases,
        )  # fmt: skip
        self.analysis = analysis.Analysis(
            db, blobs, self.pool, self.config.analysis.profile, archive.recording, adapters.prior
        )
        self.intake = Intake(
            db, blobs, clock, self.bus, adapters.Places(self.people),
            Pool(1, files.warm_up, timeout_s=files.WORKER_S, memory_bytes=files.WORKER_BYTES),
        )  # fmt: skip
        prints = Prints(Path(self.config.hub.data) / "prints", self.config.reading.prints_mb * 1_000_000)
        hub_name = (self.config.hub.name, self.config.hub.name_en or self.config.hub.name)
        self.reading = Reading(
            db, clock, prints, self.secret, self.load, self._measured, self.pool.run, hub_name=hub_name,
            settings=reading_settings(self.config),
        )  # fmt: skip
        self.printing = Printing(prints, self.pool.run, hub_name, self.reading.settings.local)
        self.alerts = Alerts(db, clock, alert_settings(self.config), self.secret, adapters.critical_findings)
        self.watch = LiveWatch(
            self.bus, self.config.analysis.profile, self.config.analysis.watched_max, clock.monotonic, self._case,
            self._found_live,
        )  # fmt: skip
        self.intake.live_began = self.watch.begin
        self.intake.glanced = self._found_live
        self.intake.saving = lambda: self.reserve.spent
        self.seats = Seats(clock, self._media_engine)
        rooms = Rooms(clock)
        self.films = self._films(rooms)
        self.consult = Consultations(
            db, clock, consult_settings(self.config), self.secret, adapters.may_sign(clock), rooms, self.seats,
            self.films,
        )  # fmt: skip
        self.drafting = Drafting(self.consult, self._tell_pages)
        self.pictures = Pool(1, pictures.warm_up, timeout_s=pictures.WORKER_S, memory_bytes=pictures.WORKER_BYTES)
        self.messages = Messages(db, adapters.message_cases(self.people), blobs, self._clean)
        self.images = Images(
            db, blobs, clock,
            Pool(
                1, image_worker.warm_up, timeout_s=image_worker.WORKER_S, memory_bytes=image_worker.WORKER_BYTES
            ),
            adapters.case_patient, adapters.invited, lambda: self.reserve.spent,
        )  # fmt: skip
        self.spine = Spine(
            db,
            clock,
            (
                *analysis.reactions(self.analysis),
                *intake_reactions(self.intake),
                *records.reactions(self.records),
                *reading_reactions(self.reading),
                *alert_reactions(self.alerts),
                *consult_reactions(self.consult),
                *after_reactions(self.consult),
                *conclusion_reactions(self.consult, self.printing),
                Reaction("main.drop_revoked", frozenset({"device.revoked", "device.key_revoked"}), self._drop_revoked),
                *self.more_reactions,
            ),
        )

        self.spine.failed = self.db.failed = self._fail

    def _films(self, rooms: Rooms) -> Films:
        data, said = Path(self.config.hub.data), self.config.consult
        key = own_key(Path(said.film_key) if said.film_key else data / "films.key")
        return Films(
            self.db, self.clock, rooms, self.seats, FilmSettings(said.film_short_days, said.film_case_days),
            data / "films", key, lambda: self.reserve.spent,
        )  # fmt: skip

    async def _drop_revoked(self, event: Event) -> None:
        """A revoked device or key loses its connection at once, not at its next one."""
        await end_revoked(self.gateway, self.intake, event.subject)

    @property
    def read_only(self) -> bool:
        """No room for samples or for rows."""
        return self.intake.disk_full or self.db.full or self.reserve.spent

    def _fail(self, _error: BaseException) -> None:
        self.failed = True
        self.stopped.set()

    def _gateway(self, data: Path, tls: ssl.SSLContext | None) -> Gateway:
        hub, devices = self.config.hub, self.config.devices
        settings = GatewaySettings(
            host=hub.host,
            port=self.port + 1 if hub.device_port is None else hub.device_port,
            rules=device_rules(devices.sample_rates),
            connections_max=devices.connections_max,
            unfinished_max=devices.unfinished_max,
            silent_s=devices.silent_s,
            tls=tls,
        )

        def failed(error: JournalFailed) -> None:
            # The disk refused (fsyncgate): nothing may be acknowledged any more; recovery happens in a new process.
            log.error("journal.failed", error=str(error))
            self._fail(error)

        return Gateway(self.intake, data / "journal", settings, self.clock.now_ms, failed)

    def _media_engine(self, hear: Hear) -> MediaEngine:
        said = self.config.consult
        if said.media == "janus":
            at = JanusAt(said.janus_url, said.janus_secret, said.janus_admin_key, self._media_port)
            return Janus(at, hear, self.clock.monotonic)
        return Embedded(self._media_listen(), hear, self.clock.monotonic)

    def _tell_pages(self, account: str, body: bytes) -> None:
        """What is fleeting, to the open pages of one account."""
        self.live.whisper(f"user:{account}", "", body)

    def _media_listen(self) -> Listen:
        return listen_on(self.config.hub.host, self._media_port, self.config.consult.media_addresses)

    @property
    def _media_port(self) -> int:
        port = self.config.consult.media_port  # HTTP is TCP: the same number is free for UDP
        return self.config.hub.port if port is None else port

    def _web(self, tls: ssl.SSLContext | None) -> None:
        async def who(cookie: str | None) -> Ctx | None:
            return await people.authenticate(self.people, cookie)

        http = self.http = Http(
            db=self.db,
            authenticate=who,
            rules=RULES,
            origins=lambda origin: origin in self.config.hub.origins,
            secure_cookies=tls is not None,
            vital=frozenset(name for name, rule in RULES.items() if rule.vital),
            saving=lambda: self.reserve.spent,
        )
        self.live = Live(
            self.db, self.clock, http, self._topics(), self.people.path_of, self.bus, self.intake.stream_head
        )
        self.seats.present = self.live.present
        self.seats.whisper = lambda topic, body, to: self.live.whisper(topic, "", body, to)
        passes = LivePasses(ticket=lambda call: self.live.ticket(call.ctx, call.ctx.session), revoked=self.live.revoked)
        routes = (
            *people_routes(self.people, passes),
            *device_routes(self.devices),
            *intake_routes(self.intake),
            *records_routes(self.records),
            *reading_routes(self.reading),
            *alert_routes(self.alerts),
            *consult_routes(self.consult),
            *help_routes(self.consult),
            *planning_routes(self.consult),
            *sitting_routes(self.consult),
            *media_routes(self.consult, self.seats),
            *film_routes(self.films, FilmViews(self.films)),
            *conclusion_routes(self.consult, self.printing),
            *after_routes(self.consult),
            *draft_routes(self.consult, self.drafting),
            *message_routes(self.messages),
            *image_routes(self.images),
            *self._hub_routes(http),
        )
        self.web = http.application(routes)
        self.web.router.add_get("/api/ws", self.live.handle)
        sound = Sound(
            self.clock, http, self.live, partial(check_inside, self.consult),
            partial(people.session_alive, self.people), self.seats.whisper, self.consult.rooms.listeners,
        )  # fmt: skip
        self.web.router.add_get("/api/consults/{id}/sound", sound.handle)
        if self.serve_pages:
            self.web.router.add_get("/{path:.*}", pages.handler(Path(self.config.hub.web)))

    def _topics(self) -> dict[str, TopicKind]:
        async def org(ctx: Ctx, topic: str) -> bool:
            return ctx.may("live.org", topic.partition(":")[2])

        async def user(ctx: Ctx, topic: str) -> bool:
            return topic == f"user:{ctx.actor}"

        async def stream(ctx: Ctx, topic: str) -> bool:
            def look(conn: Connection) -> bool:
                try:
                    records.access_recording(conn, ctx, topic.partition(":")[2])
                except NotFound:
                    return False
                return True

            return await self.db.read(look)

        return {
            "org": TopicKind(org),
            "user": TopicKind(user),
            "stream": TopicKind(stream),
            "consult": topic_kind(self.consult),
        }

    def _hub_routes(self, http: Http) -> tuple[Route, ...]:
        async def info(_call: Call) -> HubInfo:
            return HubInfo(self.config.hub.name, VERSION, bool(self.demo_logins), list(self.demo_logins))

        async def health(_call: Call) -> dict[str, str]:
            return {"status": "read_only" if self.read_only else "ok", "version": VERSION}

        async def echo(call: Call) -> Raw:
            if len(call.body) > ECHO_BYTES_MAX:
                raise TooLarge(limit_bytes=ECHO_BYTES_MAX)
            return Raw(call.body, "application/octet-stream", filename="echo", attachment=True)

        async def numbers(_call: Call) -> Raw:
            counts = {"http_problems": http.errors, "device_refusals": self.intake.refusals}
            gauges = {
                "commits": self.db.commits,
                "dead_letters": self.spine.dead_letters,
                "pool_restarts": self.pool.restarts
                + self.intake.files.restarts
                + self.images.pool.restarts
                + self.pictures.restarts,
                "live_watched": self.watch.watched,
                "live_unwatched": self.watch.unwatched,
                "live_dropped": self.watch.dropped,
                "monitor_restarts": self.watch.line.restarts,
                "open_pages": self.live.open_pages,
                "media_seats": self.seats.open_seats,
                "device_connections": len(self.gateway.connections),
                "recordings_unfinished": self.gateway.unfinished,
                "device_frames_damaged": self.gateway.damaged_frames,
                "disk_full": float(self.read_only),
                "disk_free_bytes": self.reserve.free_bytes,
                "reserve_spent": float(self.reserve.spent),
                "unclean_stop": float(self._unclean),
                "journal_damage": len(self.intake.damage),
            }
            return Raw(metrics.page(counts, gauges), CONTENT_TYPE_LATEST.partition(";")[0])

        return (
            Route("GET", "/api/hub", PUBLIC, info, result=HubInfo),
            Route("GET", "/healthz", PUBLIC, health),
            Route("POST", "/api/echo", SIGNED_IN, echo, body=bytes, kept=False),
            Route("GET", "/metrics", PUBLIC, numbers),
        )

    async def _measured(self, recording_id: str) -> Measured | None:
        return await self.db.read(lambda conn: adapters.measured(conn, recording_id))

    async def _case(self, recording_id: str) -> Case:
        return await self.db.read(lambda conn: adapters.live_case(conn, recording_id))

    async def _clean(self, file: bytes) -> pictures.Clean:
        return await self.pictures.run(pictures.clean, file)

    async def _found_live(self, recording_id: str, findings: bytes) -> None:
        await raise_alert(self.alerts, recording_id, *adapters.live_findings(findings))

    async def load(self, recording_id: str) -> Recording:
        """A stored recording in microvolts; for the report."""
        row = await self.db.read(lambda conn: records_store.recording_row(conn, recording_id))
        return await asyncio.to_thread(archive.recording, await self.blobs.get(row["blob"]))


def reading_settings(config: Config) -> ReadingSettings:
    said = config.reading
    promise = Promise(
        critical_s=said.promise_critical_s,
        urgent_s=said.promise_urgent_s,
        soon_s=said.promise_soon_s,
        routine_s=said.promise_routine_s,
    )
    return ReadingSettings(lease_s=said.lease_s, promise=promise)


def alert_settings(config: Config) -> AlertSettings:
    said = config.alerts
    steps = (
        Step(0, "first"),
        Step(said.second_channel_s, "first", channel="second"),
        Step(said.second_line_s, "second"),
        Step(said.head_s, "head"),
        Step(said.expire_s, "desk", expire=True),
    )
    return AlertSettings(steps=steps, unread_wait_s=said.reader_s)


def consult_settings(config: Config) -> ConsultSettings:
    said = config.consult
    servers = (IceServer(list(said.ice_urls), said.ice_username, said.ice_credential),) if said.ice_urls else ()
    return ConsultSettings(servers, said.answer_s, said.emergency_answer_s, turn_secret=said.ice_secret)


def hub_secret(data: Path) -> bytes:
    """The hub's own key (signatures of accounts, read-back choices): made once, readable by the hub alone."""
    return own_key(data / "hub.key")


def own_key(path: Path) -> bytes:
    """A key of 32 bytes, made once and readable by the hub alone."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
    return path.read_bytes()
