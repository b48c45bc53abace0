"""Who gets in, what a session may do, and how the live connection is guarded: over a real socket."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError

from server import demo
from server.base.clock import ManualClock
from server.base.http import Route
from server.people.access import ACCESS
from server.people.service import nobodys_hash, session_alive
from tests.server.conftest import REQUEST, Browser, Hub, Refused, normal
from tests.waiting import until

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


async def refusal(call: object) -> Refused:
    with pytest.raises(Refused) as caught:
        await call  # type: ignore[misc]
    return caught.value


async def test_five_wrong_passwords_let_the_account_rest_and_the_right_one_does_not_help(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with Hub(tmp_path, clock=clock) as hub, Browser(hub.url) as browser:
        for _ in range(5):
            wrong = await refusal(browser.post("/api/session", {"login": "reader", "password": "nope"}))
            assert wrong.code == "sign_in.wrong"
        right = {"login": "reader", "password": demo.PASSWORD}
        assert (await refusal(browser.post("/api/session", right))).code == "sign_in.rests"
        clock.advance(15 * 60 + 1)
        assert (await browser.post("/api/session", right))["name"] == "沈亦舟"


async def test_an_unknown_account_is_refused_like_a_wrong_password(hub: Hub) -> None:
    async with Browser(hub.url) as browser:
        unknown = await refusal(browser.post("/api/session", {"login": "nobody", "password": "x"}))
        wrong = await refusal(browser.post("/api/session", {"login": "reader", "password": "x"}))
        assert (unknown.status, unknown.code, unknown.facts) == (wrong.status, wrong.code, wrong.facts)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b'{"login":"\xff","password":"x"}', b'{"login":' + b"[" * 100_000, b"\x00",
        b'{"login":"reader\\u0000","password":"x"}', b'{"login":"\\\\\\u0000","password":"x"}',
    ],
)  # fmt: skip
async def test_a_body_that_is_no_json_is_bad_input(hub: Hub, body: bytes) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{hub.url}/api/session", data=body, headers={"Content-Type": "application/json"}) as answer,
    ):
        assert (answer.status, (await answer.json())["code"]) == (422, "http.input")


async def test_a_packed_body_is_read_and_one_that_unpacks_to_too_much_is_refused(hub: Hub) -> None:
    login = b'{"login":"reader","password":"heart-to-heart"}'
    for body, status in ((login, 200), (b" " * 200_000_000, 413)):
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{hub.url}/api/session", data=gzip.compress(body), headers=headers) as answer,
        ):
            assert answer.status == status


async def test_a_text_may_speak_of_the_character_it_may_not_have(hub: Hub) -> None:
    async with Browser(hub.url) as browser:
        told = await refusal(browser.post("/api/session", {"login": "\\u0000", "password": "x"}))
        assert told.status == 401
        await browser.post("/api/session", {"login": "reader", "password": demo.PASSWORD})
        assert (await refusal(browser.get("/api/messages?q=%00"))).code == "http.input"


def test_what_is_verified_for_an_unknown_account_costs_as_much_as_a_real_hash() -> None:
    hasher = PasswordHasher()
    nobody = nobodys_hash(hasher)
    assert extract_parameters(nobody) == extract_parameters(hasher.hash("x"))
    with pytest.raises(VerifyMismatchError):
        hasher.verify(nobody, "")


async def test_a_session_ends_by_itself_and_by_signing_out(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with Hub(tmp_path, clock=clock) as hub:
        async with await hub.sign_in("reader") as browser:
            clock.advance(8 * 3600 + 1)
            assert (await refusal(browser.get("/api/me"))).code == "access.signed_out"
        async with await hub.sign_in("reader") as browser:
            await browser.post("/api/session", method="DELETE")
            assert (await refusal(browser.get("/api/me"))).code == "access.signed_out"


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(hub: Hub) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{hub.url}/api/session", json={"login": "reader", "password": demo.PASSWORD}) as answer,
    ):
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'self'" in policy


async def test_a_command_from_another_site_is_refused(hub: Hub) -> None:
    async with (
        await hub.sign_in("reader") as browser,
        browser.http.post(
            f"{hub.url}/api/ws-ticket", headers={"Origin": "http://evil.example", "Idempotency-Key": "k" * 8}
        ) as answer,
    ):
        assert answer.status == 403
        assert (await answer.json(content_type=None))["code"] == "access.origin"


async def test_a_command_needs_a_key_and_the_same_key_gets_the_first_answer(hub: Hub) -> None:
    order = {
        "org": "org_hewan",
        "patient": {"name": "马秀花", "sex": "F", "age_years": 58},
        "symptoms": ["palpitation"],
    }
    async with await hub.sign_in("clinic") as browser:
        first = await browser.post("/api/orders", order, key="the-same-key")
        again = await browser.post("/api/orders", order, key="the-same-key")
        assert first == again
        assert len(await browser.get("/api/orgs/org_hewan/orders")) == 1
        assert (await refusal(browser.post("/api/orders", order, key="short"))).code == "http.idempotency_key"


async def test_the_same_command_sent_twice_at_once_is_carried_out_once(hub: Hub) -> None:
    order = {"org": "org_hewan", "patient": {"name": "高德旺", "sex": "M", "age_years": 70}, "symptoms": ["none"]}
    async with await hub.sign_in("clinic") as browser:
        both = await asyncio.gather(*(browser.post("/api/orders", order, key="twice-at-once") for _ in range(2)))
        assert both[0] == both[1]
        assert len(await browser.get("/api/orgs/org_hewan/orders")) == 1


async def test_what_is_not_yours_is_not_there(hub: Hub) -> None:
    receipt = await hub.send("org_hewan", normal(), REQUEST)
    async with await hub.sign_in("clinic") as own, await hub.sign_in("shimen") as other:
        assert (await own.get(f"/api/recordings/{receipt.recording}"))["patient"]["name"] == "马德福"
        for path in ("", "/signal", "/analysis", "/history", "/reports"):
            refused = await refusal(other.get(f"/api/recordings/{receipt.recording}{path}"))
            assert (refused.status, refused.code) == (404, "http.not_found")
        assert await other.get("/api/orgs/org_shimen/recordings") == []
        assert (await refusal(other.get("/api/orgs/org_hewan/recordings"))).status == 404


async def test_every_route_names_a_rule_and_is_closed_to_who_has_not_signed_in(hub: Hub) -> None:
    known = {rule.name for rule in ACCESS} | {"public", "signed_in"}
    routes = hub.app.http.routes
    assert len(routes) > 40
    async with Browser(hub.url) as nobody:
        for route in routes:
            assert route.rule in known
            if route.rule == "public":
                continue
            path = route.path.replace("{", "").replace("}", "")
            refused = await refusal(nobody.post(path, {}, method=route.method))
            assert refused.code == "access.signed_out", f"{route.method} {route.path}"


async def test_each_role_reaches_just_the_routes_of_its_rules(hub: Hub) -> None:
    """The matrix of roles and routes, asked of the running hub: without the rule it is 403 before anything else."""
    rules = {rule.name: rule for rule in ACCESS}
    for login in ("clinic", "oncall", "admin", "duty"):
        async with await hub.sign_in(login) as browser:
            roles = {grant["role"] for grant in browser.me["grants"]}
            for route in hub.app.http.routes:
                if route.rule not in rules or roles & set(rules[route.rule].roles):
                    continue
                path = route.path.replace("{", "").replace("}", "")
                refused = await refusal(browser.post(path, {}, method=route.method))
                assert (refused.status, refused.code) == (403, "access.forbidden"), f"{login} {route.path}"


async def test_a_route_without_a_known_rule_stops_the_start(hub: Hub) -> None:
    async def nothing(_call: object) -> None: ...

    with pytest.raises(RuntimeError, match="names no access rule"):
        hub.app.http.application([Route("GET", "/api/new", "no.such.rule", nothing)])


async def ticket(browser: Browser) -> str:
    return str((await browser.post("/api/ws-ticket"))["ticket"])


async def test_the_live_connection_takes_a_ticket_once_and_only_from_its_own_page(hub: Hub) -> None:
    async with await hub.sign_in("reader") as browser:
        used = await ticket(browser)
        async with browser.http.ws_connect(f"{hub.url}/api/ws?ticket={used}"):
            pass
        for query in (f"?ticket={used}", "", "?ticket=guess"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await browser.http.ws_connect(f"{hub.url}/api/ws{query}")
            assert refused.value.status == 403
        fresh = await ticket(browser)
        with pytest.raises(aiohttp.WSServerHandshakeError) as foreign:
            await browser.http.ws_connect(f"{hub.url}/api/ws?ticket={fresh}", headers={"Origin": "http://evil.example"})
        assert foreign.value.status == 403


async def test_what_is_sent_to_measure_the_line_comes_back_as_it_is_and_only_so_much(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as browser:
        for size, status in ((0, 200), (16 * 1024, 200), (16 * 1024 + 1, 413)):
            piece = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            headers = {"Idempotency-Key": "k" * 8, "Content-Type": "text/html"}
            async with browser.http.post(f"{hub.url}/api/echo", data=piece, headers=headers) as answer:
                assert answer.status == status
                if status == 200:
                    assert await answer.read() == piece
                    assert answer.headers["Content-Type"] == "application/octet-stream"
                    assert answer.headers["Content-Disposition"].startswith("attachment")
    async with aiohttp.ClientSession() as nobody, nobody.post(f"{hub.url}/api/echo", data=b"x") as answer:
        assert answer.status == 401


async def spare(socket: aiohttp.ClientWebSocketResponse) -> str:
    await socket.send_json({"type": "ticket"})
    told = await socket.receive_json(timeout=5)
    assert told["type"] == "ticket"
    return str(told["ticket"])


async def refused(hub: Hub, browser: Browser, given: str) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as why:
        await browser.http.ws_connect(f"{hub.url}/api/ws?ticket={given}")
    return why.value.status


async def test_an_open_page_is_given_the_ticket_of_its_next_socket_which_outlives_it_for_two_minutes(
    tmp_path: Path,
) -> None:
    clock = ManualClock(START)
    async with Hub(tmp_path, clock=clock) as hub, await hub.sign_in("reader") as browser:
        socket = await browser.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(browser)}")
        older, newest = await spare(socket), await spare(socket)
        assert await refused(hub, browser, older) == 403  # one at a time
        clock.advance(3600)
        again = await browser.http.ws_connect(f"{hub.url}/api/ws?ticket={newest}")  # beside the one in doubt
        await again.send_json({"type": "ping"})
        await again.receive(timeout=5)
        assert await refused(hub, browser, newest) == 403
        next_one = await spare(again)
        for line in (socket, again):
            await line.close()
        await until(lambda: hub.app.live.open_pages == 0)
        clock.advance(119)
        last = await browser.http.ws_connect(f"{hub.url}/api/ws?ticket={next_one}")
        late = await spare(last)
        await last.close()
        await until(lambda: hub.app.live.open_pages == 0)
        clock.advance(121)
        assert await refused(hub, browser, late) == 403


async def test_the_ticket_of_the_next_socket_is_spent_by_the_first_word_over_one(hub: Hub) -> None:
    async with await hub.sign_in("reader") as browser:
        socket = await browser.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(browser)}")
        given = await spare(socket)
        tried = [await browser.http.ws_connect(f"{hub.url}/api/ws?ticket={given}") for _ in range(2)]
        await tried[1].close()
        await until(lambda: hub.app.live.open_pages == 2)
        taken = await browser.http.ws_connect(f"{hub.url}/api/ws?ticket={given}")
        await spare(taken)
        assert await refused(hub, browser, given) == 403
        await tried[0].send_json({"type": "ping"})
        assert (await tried[0].receive(timeout=5)).data == 4400
        assert await refused(hub, browser, given) == 403
        for line in (socket, taken):
            await line.close()


async def test_the_ticket_of_the_next_socket_ends_with_the_session_and_with_the_account(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with Hub(tmp_path, clock=clock) as hub:
        async with await hub.sign_in("admin") as admin, await hub.sign_in("village") as village:
            socket = await village.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(village)}")
            given = await spare(socket)
            tried = await village.http.ws_connect(f"{hub.url}/api/ws?ticket={given}")
            await admin.post(f"/api/admin/accounts/{village.me['id']}/stop")
            await socket.receive(timeout=5)
            assert await refused(hub, village, given) == 403
            assert (await tried.receive(timeout=5)).data == 4401
            assert await refused(hub, village, given) == 403
        async with await hub.sign_in("reader") as reader:
            socket = await reader.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(reader)}")
            given = await spare(socket)
            clock.advance(8 * 3600 - 60)
            await socket.close()
            await until(lambda: hub.app.live.open_pages == 0)
            clock.advance(61)
            await hub.app.live.recheck(partial(session_alive, hub.app.people))
            assert await refused(hub, reader, given) == 403


async def test_a_topic_is_given_only_to_who_may_follow_it(hub: Hub) -> None:
    receipt = await hub.send("org_hewan", normal(), REQUEST)
    async with (
        await hub.sign_in("shimen") as browser,
        browser.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(browser)}") as socket,
    ):
        wanted = ("org:org_hewan", "user:somebody", f"stream:{receipt.recording}", "consult:con_x", "nonsense:1")
        for topic in wanted:
            await socket.send_json({"type": "subscribe", "topic": topic})
            assert (await socket.receive_json(timeout=5))["type"] == "refused", topic
        await socket.send_json({"type": "subscribe", "topic": "org:org_shimen"})
        assert (await socket.receive_json(timeout=5))["type"] == "ready"


async def test_a_page_that_was_away_catches_up_and_misses_nothing(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as browser:
        async with browser.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(browser)}") as socket:
            await socket.send_json({"type": "subscribe", "topic": "org:org_hewan"})
            cursor = (await socket.receive_json(timeout=5))["cursor"]
        receipt = await hub.send("org_hewan", normal(), REQUEST)  # while no page is open
        async with browser.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(browser)}") as socket:
            await socket.send_json({"type": "subscribe", "topic": "org:org_hewan", "cursor": cursor})
            kinds = []
            while "recording.queued" not in kinds:
                message = await socket.receive_json(timeout=10)
                if message["type"] == "event" and message["event"]["subject"] == receipt.recording:
                    kinds.append(message["event"]["kind"])
        assert kinds == ["recording.opened", "recording.received", "recording.analysed", "recording.queued"]


async def test_what_happens_while_a_page_catches_up_comes_behind_what_it_missed(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await hub.sign_in("clinic") as browser:
        async with browser.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(browser)}") as socket:
            await socket.send_json({"type": "subscribe", "topic": "org:org_hewan"})
            cursor = (await socket.receive_json(timeout=5))["cursor"]
        await hub.send("org_hewan", normal(), REQUEST)  # while no page is open
        reading = hub.app.live._catch_up
        newest: list[str] = []

        async def slow(page: object, topic: str, at: int) -> int:
            if not newest:
                newest.append((await hub.send("org_hewan", normal(), REQUEST)).recording)
            return await reading(page, topic, at)  # type: ignore[arg-type]  # a page of that module's own

        monkeypatch.setattr(hub.app.live, "_catch_up", slow)
        async with browser.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(browser)}") as socket:
            await socket.send_json({"type": "subscribe", "topic": "org:org_hewan", "cursor": cursor})
            heard: list[tuple[int, str, str]] = []
            while not newest or ("recording.queued", newest[0]) not in [line[1:] for line in heard]:
                message = await socket.receive_json(timeout=10)
                if message["type"] == "event":
                    event = message["event"]
                    heard.append((event["id"], event["kind"], event["subject"]))
        assert [line[0] for line in heard] == sorted({line[0] for line in heard})
        assert len([line for line in heard if line[1] == "recording.opened"]) == 2


async def test_a_stopped_account_loses_its_open_pages_at_once(hub: Hub) -> None:
    async with await hub.sign_in("admin") as admin, await hub.sign_in("village") as village:
        async with village.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(village)}") as socket:
            await admin.post(f"/api/admin/accounts/{village.me['id']}/stop")
            assert (await socket.receive(timeout=5)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert (await refusal(village.get("/api/me"))).code == "access.signed_out"


async def test_who_was_given_the_samples_stands_in_the_audit_trail(hub: Hub) -> None:
    receipt = await hub.send("org_hewan", normal(), REQUEST)
    async with await hub.sign_in("clinic") as clinic, await hub.sign_in("admin") as admin:
        await clinic.get(f"/api/recordings/{receipt.recording}/signal")
        page = await admin.get("/api/admin/audit")
        viewed = [line for line in page["lines"] if line["kind"] == "recording.viewed"]
        assert [(line["subject"], line["actor_name"]) for line in viewed] == [(receipt.recording, "马春兰")]
        assert page["chain_whole"]
        history = await clinic.get(f"/api/recordings/{receipt.recording}/history")
        assert "recording.viewed" not in [line["kind"] for line in history]


async def test_an_open_page_ends_with_its_session_and_does_not_prolong_it(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with (
        Hub(tmp_path, clock=clock) as hub,
        await hub.sign_in("reader") as browser,
        browser.http.ws_connect(f"{hub.url}/api/ws?ticket={await ticket(browser)}") as socket,
    ):
        await hub.app.live.recheck(partial(session_alive, hub.app.people))
        await socket.send_json({"type": "ping"})
        assert await socket.receive_json(timeout=5) == {"type": "pong"}
        await socket.send_json({"type": "ping", "mark": 12.5})
        asked_at = {"mark": 12.5, "at_ms": round(1000 * clock.monotonic(), 1)}
        assert await socket.receive_json(timeout=5) == {"type": "pong", **asked_at}
        clock.advance(8 * 3600 + 1)
        await hub.app.live.recheck(partial(session_alive, hub.app.people))
        assert (await socket.receive(timeout=5)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
