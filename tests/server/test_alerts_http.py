"""The three rooms over HTTP: problems with their codes, commands done once, errors in both tongues."""

from __future__ import annotations

import dataclasses
import string
from collections.abc import AsyncIterator
from importlib import import_module, resources
from pathlib import Path

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from ecg.errors import CodedError, all_errors
from server.alerts.errors import AlertError
from server.alerts.routes import routes as alert_routes
from server.base.blobs import FileBlobs
from server.base.context import Ctx
from server.base.http import COOKIE, Http
from server.consult.errors import ConsultError
from server.consult.room import Rooms
from server.consult.routes import routes as consult_routes
from server.consult.service import Consultations, ConsultSettings
from server.messages import pictures
from server.messages.cases import Cases
from server.messages.errors import MessageError
from server.messages.model import ThreadAbout
from server.messages.routes import routes as message_routes
from server.messages.service import Messages
from server.people.access import RULES
from tests.server.test_alerts_town import Town

ROOMS: dict[str, type[CodedError]] = {
    "alerts": AlertError, "consult": ConsultError, "consult.planning": ConsultError, "consult.sittings": ConsultError,
    "messages": MessageError,
}  # fmt: skip
Client = TestClient[Request, Application]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = Town(tmp_path / "hub.db")
    await town.open()
    await town.settle_down()
    yield town
    await town.close()


@pytest.fixture
async def client(town: Town, tmp_path: Path) -> AsyncIterator[Client]:
    async def authenticate(cookie: str | None) -> Ctx | None:
        return None if cookie is None else town.ctx(cookie)

    consult = Consultations(town.db, town.clock, ConsultSettings(), b"s", lambda *_: None, Rooms(town.clock))

    async def clean(file: bytes) -> pictures.Clean:
        return pictures.clean(file)

    about = ThreadAbout("recording", "", "")
    cases = Cases(
        lambda *_: "east", lambda *_: about, lambda *_: [], lambda *_: [], lambda _conn, account: town.ctx(account)
    )
    messages = Messages(town.db, cases, FileBlobs(tmp_path / "blobs"), clean)
    http = Http(town.db, authenticate, RULES, lambda _origin: False, secure_cookies=False)
    app = http.application((*alert_routes(town.alerts), *consult_routes(consult), *message_routes(messages)))
    async with TestClient(TestServer(app)) as client:
        yield client


def as_person(account: str, key: str = "key-of-a-command") -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={account}", "Idempotency-Key": key}


async def test_a_page_takes_an_alert_over_http(town: Town, client: Client) -> None:
    alert = await town.alert()
    path = f"/api/alerts/{alert.id}"
    listed = await (await client.get("/api/alerts?open=true", headers=as_person("usr_first"))).json()
    assert [a["id"] for a in listed["alerts"]] == [alert.id]
    wrong = {"finding": "0" * 24, "patient": "0" * 24}
    for _ in range(2):
        refused = await client.post(f"{path}/read-back", json=wrong, headers=as_person("usr_first", "wrong-answer"))
        assert refused.status == 409
    assert (await refused.json())["code"] == "http.already_done"
    assert (await town.again(alert)).state == "seen"
    given = await town.right_answer("usr_first", alert)
    body = {"finding": given.finding, "patient": given.patient}
    for _ in range(2):
        taken = await client.post(f"{path}/read-back", json=body, headers=as_person("usr_first", "right-answer"))
        assert (taken.status, (await taken.json())["state"]) == (200, "acknowledged")
    assert len(await town.events("alert.acknowledged")) == 1
    assert (await client.get(path, headers=as_person("usr_west"))).status == 404
    assert (await client.get(path)).status == 401


async def test_a_wrong_read_back_is_told_with_its_code_and_count(town: Town, client: Client) -> None:
    alert = await town.alert()
    answer = await client.post(
        f"/api/alerts/{alert.id}/read-back", json={"finding": "x", "patient": "y"}, headers=as_person("usr_first")
    )
    problem = await answer.json()
    assert (answer.status, problem["code"], problem["facts"]) == (409, "alert.read_back_wrong", {"wrong_answers": 1})


async def test_the_register_comes_as_a_spreadsheet_only_to_those_who_may(town: Town, client: Client) -> None:
    alert = await town.alert()
    answer = await client.get("/api/alerts-register?lang=en", headers=as_person("usr_quality"))
    assert (answer.status, answer.content_type) == (200, "text/csv")
    assert alert.id in (await answer.read()).decode("utf-8-sig")
    assert (await client.get("/api/alerts-register", headers=as_person("usr_first"))).status == 403


async def test_a_consultation_and_its_first_message_over_http(town: Town, client: Client) -> None:
    new = {"recording": await town.recording(), "invitee_org": "city", "purpose": "会诊", "summary": "胸痛",
           "priority": "emergency", "consent": "emergency"}  # fmt: skip
    asked = await client.post("/api/consults", json=new, headers=as_person("usr_east", "ask-once"))
    assert asked.status == 200
    consult = (await asked.json())["id"]
    accepted = await client.post(f"/api/consults/{consult}/accept", headers=as_person("usr_first", "accept-1"))
    assert (await accepted.json())["state"] == "accepted"
    entered = await client.post(f"/api/consults/{consult}/enter", headers=as_person("usr_first", "enter-01"))
    assert (await entered.json())["consult"]["state"] == "in_progress"
    message = {"client_id": "client-0001", "text": "收到"}
    for key in ("first-key", "other-key"):
        sent = await client.post(f"/api/threads/{consult}/messages", json=message, headers=as_person("usr_first", key))
        assert sent.status == 200
    read = await client.get(f"/api/threads/{consult}/messages", headers=as_person("usr_east"))
    assert [m["text"] for m in (await read.json())["messages"]] == ["收到"]


@pytest.mark.parametrize("room", ROOMS)
def test_every_error_has_its_chinese_sentence_with_the_same_facts(room: str) -> None:
    chinese = yaml.safe_load(resources.files(f"server.{room}").joinpath("zh-CN.yaml").read_text("utf-8"))["errors"]
    own = import_module(f"server.{room}.errors").__name__
    errors = {error.code: error for error in all_errors(ROOMS[room]) if error.__module__ == own}
    assert set(chinese) == set(errors)
    for code, error in errors.items():
        facts = {f.name for f in dataclasses.fields(error)}
        assert _named(chinese[code]) == facts, code
        assert _named(error.what + error.mend) == facts, code


def _named(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
