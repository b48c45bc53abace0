"""A seat over HTTP: for members of an open room, each for himself, with the hub's own forwarder behind it."""

from __future__ import annotations

import pytest

from server import demo
from server.consult import store
from tests.server.conftest import REQUEST, Browser, Hub, Refused, normal
from tests.server.media_member import SyntheticMember, answered
from tests.waiting import until


async def opened(recording: str, clinic: Browser, oncall: Browser) -> str:
    """A consultation on it that both sides may enter."""
    asked = {
        "recording": recording, "invitee_org": demo.CENTRE, "purpose": "是否需要上转",
        "summary": "反复心悸三天", "priority": "routine", "consent": "written",
        "consent_paper": {"kind": "written", "by": "家属", "relation": "self"},
    }  # fmt: skip
    consult = str((await clinic.post("/api/consults", asked))["id"])
    await oncall.post(f"/api/consults/{consult}/accept", {})
    return consult


async def test_the_third_who_enters_gets_a_seat_and_only_members_ever_do(hub: Hub) -> None:
    people = [await hub.sign_in(login) for login in ("clinic", "oncall", "second", "village")]
    clinic, oncall, third, stranger = people
    member = SyntheticMember()
    try:
        receipt = await hub.send("org_hewan", normal(), REQUEST)
        consult = await opened(receipt.recording, clinic, oncall)
        account = (await third.get("/api/me"))["id"]
        await hub.app.db.write(lambda tx: store.add_member(tx.conn, consult, account, demo.CENTRE, "observer"))
        path = f"/api/consults/{consult}"
        for person in (clinic, oncall):
            told = await person.post(f"{path}/enter", {})
            assert (told["forwarded"], told["media"]) == (False, None)
        told = await third.post(f"{path}/enter", {})
        assert told["forwarded"]
        seat, offer = told["media"]["seat"], told["media"]["offer"]

        for person, status in ((stranger, 404), (clinic, 409)):
            with pytest.raises(Refused) as refused:
                await person.post(f"{path}/media/publish", {"seat": seat, "sdp": member.offer})
            assert refused.value.status == status
        with pytest.raises(Refused) as refused:
            await stranger.post(f"{path}/media/seat", {})
        assert refused.value.status == 404
        with pytest.raises(Refused) as refused:
            await third.post(f"{path}/media/answer", {"seat": seat, "sdp": "no description"})
        assert refused.value.code == "consult.media_refused"

        answer = await third.post(f"{path}/media/publish", {"seat": seat, "sdp": member.offer})
        await third.post(f"{path}/media/answer", {"seat": seat, "sdp": answered(offer)})
        await third.post(f"{path}/media/watch", {"seat": seat, "wishes": [{"account": "usr_x", "layer": "small"}]})
        member.receiving.connect(offer)
        member.sending.connect(answer["sdp"])
        await member.connected()
        assert hub.app.seats.open_seats == 1

        # Who was here before asks for a seat of his own; the ended room has none.
        assert (await clinic.post(f"{path}/media/seat", {}))["offer"].startswith("v=0")
        await oncall.post(f"{path}/conclude", {"text": "转运"})
        await clinic.post(f"{path}/countersign")
        with pytest.raises(Refused) as refused:
            await third.post(f"{path}/media/seat", {})
        assert refused.value.status == 409
        assert hub.app.seats.open_seats == 0
    finally:
        member.close()
        for person in people:
            await person.http.close()


async def test_a_seat_held_in_the_lobby_becomes_his_when_he_enters_and_is_gone_when_he_hangs_up(hub: Hub) -> None:
    clinic, oncall, stranger = [await hub.sign_in(login) for login in ("clinic", "oncall", "village")]
    member = SyntheticMember(opens=False)
    try:
        receipt = await hub.send("org_hewan", normal(), REQUEST)
        consult = await opened(receipt.recording, clinic, oncall)
        path = f"/api/consults/{consult}"
        with pytest.raises(Refused) as refused:
            await stranger.post(f"{path}/media/hold", {})
        assert refused.value.status == 404
        assert (await clinic.post(f"{path}/media/hold", {}))["seat"] == ""  # two go browser to browser
        hub.app.seats.forward(consult)
        held = await clinic.post(f"{path}/media/hold", {})
        said = {"seat": held["seat"], "sdp": answered(held["offer"])}
        with pytest.raises(Refused) as refused:
            await oncall.post(f"{path}/media/answer", said)  # another's
        assert refused.value.status == 409
        await clinic.post(f"{path}/media/answer", said)
        member.receiving.connect(held["offer"])
        await member.receiving.connected.wait()
        with pytest.raises(Refused) as refused:
            await clinic.post(f"{path}/media/watch", {"seat": held["seat"], "wishes": []})
        assert (refused.value.status, hub.app.seats.open_seats) == (409, 0)
        told = await clinic.post(f"{path}/enter?seat={held['seat']}", {})
        assert (told["media"], hub.app.seats.open_seats) == ({"seat": held["seat"], "offer": ""}, 1)
        member.receiving.goodbye()

        async def gone() -> bool:
            return (await hub.app.seats.engine.stats())["seats"] == 0

        await until(gone, 30)
    finally:
        member.close()
        for person in (clinic, oncall, stranger):
            await person.http.close()
