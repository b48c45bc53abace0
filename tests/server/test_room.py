"""The floor of an open room: who leads the view, whose hand is up, what is drawn; and who is told of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from server.base.clock import ManualClock
from server.base.live import Heard
from server.consult.floor import MARKS_EACH_MAX, MARKS_MAX, POINTS_MAX, Role
from server.consult.room import ACTS_PER_S_MAX, WHISPERS_PER_S_MAX, Rooms
from tests.server.conftest import REQUEST, Browser, Hub, normal
from tests.server.test_alerts_town import START

ROLES: dict[str, Role] = {"usr_host": "host", "usr_ask": "requester", "usr_exp": "expert", "usr_obs": "observer"}
TOLD_S = 30.0
VIEW: dict[str, Any] = {
    "kind": "view",
    "recording": "rec_1",
    "layout": "12x1",
    "first": 0,
    "end": 5000,
    "speed": 25,
    "gain": 10,
}


class Room:
    """One open room. `floor` and `marks` are what every page shows after all that was told."""

    def __init__(self, *here: str) -> None:
        self.clock = ManualClock(START)
        self.rooms = Rooms(self.clock)
        self.floor: dict[str, Any] = {}
        self.marks: dict[str, dict[str, Any]] = {}
        for account, role in ROLES.items():
            self.rooms.admit("con_1", account, role)
        for account in here:
            self.say(account, "hello")

    def say(self, account: str, kind: str, **body: Any) -> Heard:
        return self.told(self.rooms.hear("con_1", account, json.dumps({"kind": kind, **body}).encode()))

    def told(self, heard: Heard) -> Heard:
        for raw in heard.told:
            self.learn(json.loads(raw))
        return heard

    def learn(self, body: dict[str, Any]) -> None:
        if body["kind"] == "floor":
            assert body["rev"] > self.floor.get("rev", 0)
            self.floor = body
        if body["kind"] == "marked":
            kept = {} if body["whole"] else {i: m for i, m in self.marks.items() if i not in body["gone"]}
            self.marks = kept | {mark["id"]: mark for mark in body["marks"]}

    def shows(self, account: str) -> bool:
        return self.say(account, **VIEW).on is not None

    def draw(self, account: str, mark_id: str, **over: Any) -> bool:
        mark = {"id": mark_id, "on": "rec_1", "shape": "box", "lead": "V3", "points": [[100, -200], [300, 900]]}
        self.clock.advance(0.1)
        return self.say(account, "mark", **{**mark, **over}) != Heard()


def test_what_a_line_carries_is_passed_on_and_nothing_else_under_its_name() -> None:
    room = Room("usr_host", "usr_ask")
    line = {"down_bits": 30_000, "level": "reduced", "late_ms": 120}
    heard = room.say("usr_ask", "line", **line).on
    assert heard is not None
    assert json.loads(heard) == {"kind": "line", **line}
    for wrong in ({"level": "loud"}, {"down_bits": "many"}, {"late_ms": None}):
        assert room.say("usr_ask", "line", **{**line, **wrong}) == Heard()


def test_the_host_leads_once_he_is_here_until_then_whoever_moves_is_followed() -> None:
    room = Room("usr_ask")
    assert (room.floor["presenter"], room.shows("usr_ask"), room.shows("usr_obs")) == ("", True, False)
    room.say("usr_host", "hello")
    assert room.floor["presenter"] == "usr_host"
    assert [room.shows(account) for account in ROLES] == [True, False, False, False]
    here = [(person["account"], person["role"]) for person in room.floor["here"]]
    assert here == [("usr_ask", "requester"), ("usr_host", "host")]


def test_control_is_asked_for_given_by_who_has_it_and_taken_back_by_the_host() -> None:
    room = Room("usr_host", "usr_ask", "usr_exp")
    room.say("usr_exp", "ask", up=True)
    room.say("usr_ask", "ask", up=True)
    assert room.floor["asks"] == ["usr_exp", "usr_ask"]
    assert room.say("usr_exp", "give", to="usr_exp") == Heard()
    room.say("usr_host", "give", to="usr_ask")
    assert (room.floor["presenter"], room.floor["asks"], room.shows("usr_ask")) == ("usr_ask", ["usr_exp"], True)
    assert room.say("usr_ask", "give", to="usr_nobody") == Heard()
    room.say("usr_ask", "give", to="usr_exp")
    assert (room.floor["presenter"], room.shows("usr_ask"), room.shows("usr_exp")) == ("usr_exp", False, True)
    room.say("usr_host", "give", to="usr_host")
    assert room.floor["presenter"] == "usr_host"


def test_who_loses_control_while_he_moves_is_brought_back_by_a_newer_revision() -> None:
    room = Room("usr_host", "usr_ask")
    first = json.loads(room.say("usr_host", **VIEW).on or b"")
    heard = room.say("usr_host", "give", to="usr_ask")
    view = json.loads(heard.told[1])
    assert (view["kind"], view["presenter"], view["rev"] > first["rev"]) == ("view", "usr_ask", True)
    assert room.say("usr_host", **{**VIEW, "first": 100}) == Heard()


def test_control_falls_to_the_host_when_its_holder_goes_and_is_his_again_after_a_reload() -> None:
    room = Room("usr_host", "usr_ask", "usr_exp")
    room.say("usr_host", "give", to="usr_ask")
    room.told(room.rooms.gone("con_1", "usr_ask"))
    assert room.floor["presenter"] == "usr_host"
    room.say("usr_ask", "hello")
    assert room.floor["presenter"] == "usr_ask"
    room.say("usr_ask", "bye")
    room.say("usr_ask", "hello")
    assert room.floor["presenter"] == "usr_host"
    # The host goes too: what stands, stands, and the first who asks has it.
    room.told(room.rooms.gone("con_1", "usr_host"))
    assert room.floor["presenter"] == ""
    room.say("usr_exp", "ask", up=True)
    assert (room.floor["presenter"], room.shows("usr_ask")) == ("usr_exp", False)
    assert room.rooms.gone("con_1", "usr_nobody") == Heard()


def test_when_the_host_leaves_whoever_moves_is_followed_and_he_leads_again_when_he_is_back() -> None:
    room = Room("usr_host", "usr_ask", "usr_exp")
    assert not room.shows("usr_exp")
    room.say("usr_host", "bye")
    assert (room.floor["presenter"], room.shows("usr_exp"), room.shows("usr_ask")) == ("", True, True)
    room.say("usr_exp", "ask", up=True)
    assert (room.floor["presenter"], room.shows("usr_ask")) == ("usr_exp", False)
    room.say("usr_host", "hello")
    assert room.say("usr_host", "give", to="usr_host").told
    assert room.floor["presenter"] == "usr_host"


def test_of_a_persons_pages_the_one_that_entered_last_counts_and_the_others_are_told() -> None:
    room = Room("usr_host")
    assert json.loads(room.rooms.enter("con_1", "usr_ask", "stay_1"))["stay"] == "stay_1"
    assert room.say("usr_ask", "hello", stay="stay_1").on == b'{"kind":"hello"}'
    room.rooms.enter("con_1", "usr_ask", "stay_2")
    late = room.say("usr_ask", "hello", stay="stay_1")
    assert (late.on, [json.loads(raw) for raw in late.told]) == (
        None,
        [{"kind": "stay", "account": "usr_ask", "stay": "stay_2"}],
    )
    # A hub that was begun anew knows of none: who speaks first is taken at his word.
    room.rooms.forget("con_1")
    room.clock.advance(1.0)
    assert room.say("usr_ask", "hello", stay="stay_1").on is not None


def test_hands_stand_in_their_order_and_only_the_host_calls_and_mutes() -> None:
    room = Room(*ROLES)
    for account in ("usr_obs", "usr_ask", "usr_obs"):
        room.say(account, "hand", up=True)
    assert room.floor["hands"] == ["usr_obs", "usr_ask"]
    assert room.say("usr_exp", "call", who="usr_obs") == Heard()
    room.say("usr_host", "call", who="usr_obs")
    assert (room.floor["speaker"], room.floor["hands"]) == ("usr_obs", ["usr_ask"])
    room.say("usr_ask", "hand", up=False)
    room.say("usr_host", "call", who="")
    assert (room.floor["speaker"], room.floor["hands"]) == ("", [])
    assert room.say("usr_exp", "hush", who="usr_ask") == Heard()
    assert json.loads(room.say("usr_host", "hush", who="usr_ask").on or b"") == {"kind": "hush", "who": "usr_ask"}
    room.say("usr_obs", "hand", up=True)
    room.told(room.rooms.gone("con_1", "usr_obs"))
    assert room.floor["hands"] == []


def test_who_leads_chooses_what_stands_on_the_stage() -> None:
    room = Room("usr_host", "usr_ask")
    assert room.say("usr_ask", "stage", source="board") == Heard()
    room.say("usr_host", "stage", source="board")
    assert room.floor["source"] == "board"
    assert room.say("usr_host", "stage", source="cinema") == Heard()


def test_a_mark_carries_its_true_author_and_goes_by_him_or_the_host() -> None:
    room = Room("usr_host", "usr_ask", "usr_exp")
    assert room.draw("usr_ask", "m1", by="usr_host", words="看 V3 的 J 点")
    assert (room.marks["m1"]["by"], room.marks["m1"]["words"]) == ("usr_ask", "看 V3 的 J 点")
    assert not room.draw("usr_exp", "m1")
    assert room.say("usr_exp", "unmark", id="m1") == Heard()
    room.draw("usr_exp", "m2")
    room.draw("usr_exp", "m3", on="board", lead="")
    room.say("usr_host", "unmark", id="m2")
    assert list(room.marks) == ["m1", "m3"]
    assert room.say("usr_exp", "clear", on="rec_1") == Heard()
    room.say("usr_host", "clear", on="rec_1")
    assert list(room.marks) == ["m3"]


def test_one_caliper_a_person_and_a_bounded_number_of_marks() -> None:
    room = Room("usr_host", "usr_ask")
    room.draw("usr_ask", "c1", shape="time", points=[[100, 0], [400, 0]])
    room.draw("usr_ask", "c2", shape="voltage", points=[[100, 0], [100, 1000]])
    room.draw("usr_ask", "c2", shape="voltage", points=[[100, 0], [100, 500]])
    assert {i: m["points"][1] for i, m in room.marks.items()} == {"c2": [100, 500]}
    for n in range(MARKS_EACH_MAX + 5):
        room.draw("usr_host", f"m{n}")
    kept = [i for i, mark in room.marks.items() if mark["by"] == "usr_host"]
    assert (len(kept), kept[0], kept[-1]) == (MARKS_EACH_MAX, "m5", f"m{MARKS_EACH_MAX + 4}")
    for person in range(MARKS_MAX // MARKS_EACH_MAX + 2):
        for n in range(MARKS_EACH_MAX):
            room.draw(f"usr_{person}", f"p{person}_{n}")
    assert len(room.marks) == MARKS_MAX


@pytest.mark.parametrize(
    "over",
    [
        {"id": ""},
        {"id": "x" * 50},
        {"shape": "circle"},
        {"points": [[1, 2]]},
        {"points": [[1, 2], [3, 4], [5, 6]]},
        {"points": [[1, 2], [3, 1e12]]},
        {"shape": "pen", "points": [[n, n] for n in range(POINTS_MAX + 1)]},
        {"words": "长" * 100},
        {"lead": ""},
        {"on": "board"},
        {"points": [[1, 2], [3, None]]},
    ],
)
def test_a_mark_that_is_not_whole_is_held_back(over: dict[str, Any]) -> None:
    room = Room("usr_host")
    assert not room.draw("usr_host", over.get("id", "m1"), **{k: v for k, v in over.items() if k != "id"})
    assert room.marks == {}


def test_an_observer_looks_until_he_is_given_the_stage() -> None:
    room = Room("usr_host", "usr_obs")
    assert not room.draw("usr_obs", "m1")
    room.say("usr_obs", "ask", up=True)
    assert (room.floor["asks"], room.shows("usr_obs")) == (["usr_obs"], False)
    room.say("usr_host", "give", to="usr_obs")
    assert room.draw("usr_obs", "m1")
    assert room.shows("usr_obs")


def test_an_observer_is_heard_only_while_he_has_the_word_or_leads() -> None:
    room = Room("usr_host", "usr_obs", "usr_exp")
    assert room.rooms.listeners("con_1") == {"usr_obs"}
    room.say("usr_host", "call", who="usr_obs", minutes=2)
    assert room.rooms.listeners("con_1") == set()
    room.say("usr_host", "call", who="")
    assert room.rooms.listeners("con_1") == {"usr_obs"}
    room.say("usr_host", "give", to="usr_obs")
    assert room.rooms.listeners("con_1") == set()
    room.say("usr_obs", "bye")
    assert room.rooms.listeners("con_1") == {"usr_obs"}
    assert room.rooms.listeners("con_2") == set()


def test_a_burst_of_signalling_costs_nobody_his_raised_hand() -> None:
    room = Room("usr_host", "usr_ask")
    sent = [room.say("usr_ask", "signal", candidate={}) != Heard() for _ in range(WHISPERS_PER_S_MAX + 5)]
    assert sent.count(True) == WHISPERS_PER_S_MAX
    room.say("usr_ask", "hand", up=True)
    assert room.floor["hands"] == ["usr_ask"]
    turned = [room.say("usr_ask", "hand", up=up % 2 == 1) != Heard() for up in range(2 * ACTS_PER_S_MAX)]
    assert turned.count(True) == ACTS_PER_S_MAX - 2  # the hello and the first hand counted too


def test_a_late_joiner_is_told_the_view_the_floor_and_what_is_drawn() -> None:
    room = Room("usr_host", "usr_ask")
    room.shows("usr_host")
    room.draw("usr_ask", "m1")
    late = Room()
    for raw in room.rooms.first_whispers("con_1"):
        late.learn(json.loads(raw))
    assert (late.floor["presenter"], late.marks) == ("usr_host", room.marks)
    assert json.loads(room.rooms.first_whispers("con_1")[0])["recording"] == "rec_1"


def test_who_leads_shares_his_screen_and_a_lost_line_does_not_end_it() -> None:
    room = Room("usr_host", "usr_ask", "usr_exp")
    assert room.say("usr_ask", "screen", up=True) == Heard()
    assert room.say("usr_host", "stage", source="screen") == Heard()
    room.say("usr_host", "give", to="usr_ask")
    room.say("usr_ask", "screen", up=True)
    assert (room.floor["screen"], room.floor["source"]) == ("usr_ask", "screen")
    room.told(room.rooms.gone("con_1", "usr_ask"))
    assert (room.floor["screen"], room.floor["source"]) == ("", "screen")
    room.say("usr_ask", "hello")
    assert room.floor["screen"] == "usr_ask"
    # One at a time: the next who leads takes the place; somebody else cannot end it, the host can.
    room.say("usr_ask", "give", to="usr_exp")
    room.say("usr_exp", "screen", up=True)
    assert room.floor["screen"] == "usr_exp"
    assert room.say("usr_ask", "screen", up=False) == Heard()
    room.say("usr_host", "screen", up=False)
    assert (room.floor["screen"], room.floor["source"]) == ("", "ecg")
    room.say("usr_exp", "screen", up=True)
    room.say("usr_exp", "bye")
    assert (room.floor["screen"], room.floor["source"]) == ("", "ecg")


PICTURE: dict[str, Any] = {
    "image": "img_1",
    "frame": 2,
    "centre": {"x": 50, "y": 40},
    "zoom": 1.5,
    "grey": {"centre": 40, "width": 400},
    "inverted": False,
    "turn": 1,
    "flip": False,
    "marks": [{"frame": 2, "from": {"x": 1, "y": 2}, "to": {"x": 30, "y": 40}}],
}


def test_who_leads_shows_a_picture_to_all_and_a_late_joiner_sees_it_as_it_stands() -> None:
    room = Room("usr_host", "usr_ask")
    assert room.say("usr_ask", "image", **PICTURE) == Heard()
    told = json.loads(room.say("usr_host", "image", **PICTURE, presenter="usr_ask", rev=10**15).told[0])
    assert (told["presenter"], told["grey"], told["marks"]) == ("usr_host", PICTURE["grey"], PICTURE["marks"])
    assert told["rev"] < 10**15
    kept = [json.loads(raw) for raw in room.rooms.first_whispers("con_1")]
    assert [body["kind"] for body in kept] == ["image", "floor", "marked"]
    assert kept[0] == told
    # Control goes on: a newer revision brings back whoever moved it in that moment.
    again = json.loads(room.say("usr_host", "give", to="usr_ask").told[1])
    assert (again["kind"], again["presenter"], again["rev"] > told["rev"]) == ("image", "usr_ask", True)
    assert room.say("usr_host", "image", **PICTURE) == Heard()
    assert json.loads(room.say("usr_host", "spot", image="img_1", frame=2, x=3, y=4).on or b"")["x"] == 3
    assert room.say("usr_host", "stage", source="image") == Heard()
    room.say("usr_ask", "stage", source="image")
    assert room.floor["source"] == "image"


@pytest.mark.parametrize(
    "over",
    [
        {"image": ""},
        {"image": "x" * 50},
        {"frame": -1},
        {"zoom": 0},
        {"zoom": 1e9},
        {"turn": 4},
        {"centre": {"x": 1e12, "y": 0}},
        {"grey": {"centre": 0, "width": 0}},
        {"marks": [PICTURE["marks"][0]] * 17},
        {"marks": [{"frame": 0, "from": {"x": 0, "y": 0}, "to": {"x": 1e12, "y": 0}}]},
    ],
)
def test_a_picture_that_cannot_be_drawn_is_held_back(over: dict[str, Any]) -> None:
    room = Room("usr_host")
    assert room.say("usr_host", "image", **{**PICTURE, **over}) == Heard()
    assert room.say("usr_host", "spot", image="img_1", frame=0, x=1e12, y=0) == Heard()


async def test_over_real_sockets_everybody_is_told_the_speaker_too_and_a_closed_page_leaves(hub: Hub) -> None:
    receipt = await hub.send("org_hewan", normal(), REQUEST)
    async with await hub.sign_in("clinic") as clinic, await hub.sign_in("oncall") as oncall:
        asked = {
            "recording": receipt.recording, "invitee_org": "org_city", "purpose": "是否转运", "summary": "胸痛",
            "priority": "routine", "consent": "written", "alert": None,
            "consent_paper": {"kind": "written", "by": "马德福", "relation": "self"},
        }  # fmt: skip
        consult = (await clinic.post("/api/consults", asked))["id"]
        await oncall.post(f"/api/consults/{consult}/accept", {})
        async with Page(oncall, f"consult:{consult}") as host:
            await host.say(kind="hello")
            floor = await host.floor(lambda f: f["presenter"] != "")
            assert (floor["presenter"], floor["host"]) == (floor["here"][0]["account"],) * 2
            async with Page(clinic, f"consult:{consult}") as asker:
                await asker.say(kind="hello")
                await asker.say(kind="hand", up=True)
                for page in (host, asker):
                    floor = await page.floor(lambda f: f["hands"] != [])
                    assert [person["role"] for person in floor["here"]] == ["host", "requester"]
            floor = await host.floor(lambda f: len(f["here"]) == 1)
            assert (floor["hands"], floor["presenter"]) == ([], floor["host"])


class Page:
    """One open page of the room: its WebSocket, and what the hub tells there of the floor."""

    def __init__(self, browser: Browser, topic: str) -> None:
        self.browser, self.topic = browser, topic

    async def __aenter__(self) -> Page:
        ticket = (await self.browser.post("/api/ws-ticket"))["ticket"]
        self.socket = await self.browser.http.ws_connect(f"{self.browser.url}/api/ws", params={"ticket": ticket})
        await self.socket.send_json({"type": "subscribe", "topic": self.topic})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def say(self, **body: Any) -> None:
        await self.socket.send_json({"type": "whisper", "topic": self.topic, "body": body})

    async def floor(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next telling of the floor that is as wanted."""
        async with asyncio.timeout(TOLD_S):
            while True:
                message = json.loads(await self.socket.receive_str())
                body: dict[str, Any] = message.get("body", {})
                if message["type"] == "whisper" and body.get("kind") == "floor" and wanted(body):
                    return body
