"""Before the room and in its queue: who waits at the door, and the word that is given for some minutes."""

from __future__ import annotations

from server.base.live import Heard
from tests.server.test_room import Room


def test_who_waits_is_told_to_all_until_he_enters_goes_or_says_no_more() -> None:
    room = Room("usr_host")
    for account in ("usr_exp", "usr_ask", "usr_obs"):
        room.say(account, "wait", up=True)
    assert room.floor["waits"] == ["usr_exp", "usr_ask", "usr_obs"]
    assert [person["account"] for person in room.floor["here"]] == ["usr_host"]
    room.say("usr_ask", "hello")
    room.told(room.rooms.gone("con_1", "usr_exp"))
    room.say("usr_obs", "wait", up=False)
    assert room.floor["waits"] == []
    assert [person["account"] for person in room.floor["here"]] == ["usr_host", "usr_ask"]
    for account, up in (("usr_host", True), ("usr_exp", False)):
        assert room.say(account, "wait", up=up) == Heard()
    assert room.rooms.present("con_1") == {"usr_host", "usr_ask"}


def test_who_waits_neither_leads_nor_raises_a_hand() -> None:
    room = Room("usr_host")
    room.say("usr_ask", "wait", up=True)
    assert room.say("usr_ask", "hand", up=True) == Heard()
    assert room.say("usr_host", "give", to="usr_ask") == Heard()
    assert room.say("usr_host", "call", who="usr_ask", minutes=3) == Heard()


def test_the_word_is_given_for_some_minutes_and_a_newcomer_reads_what_is_left() -> None:
    room = Room("usr_host", "usr_exp", "usr_ask")
    room.say("usr_exp", "hand", up=True)
    room.say("usr_host", "call", who="usr_exp", minutes=3)
    assert (room.floor["speaker"], room.floor["left_s"], room.floor["hands"]) == ("usr_exp", 180, [])
    room.clock.advance(100)
    room.say("usr_ask", "hand", up=True)
    assert room.floor["left_s"] == 80
    room.clock.advance(100)
    for raw in room.rooms.first_whispers("con_1"):
        room.told(Heard(told=(raw,)))
    assert room.floor["left_s"] == -20
    room.say("usr_host", "call", who="usr_ask")
    assert (room.floor["speaker"], room.floor["left_s"]) == ("usr_ask", None)
    for minutes in (0, -5, 10_000):
        room.say("usr_host", "call", who="usr_exp", minutes=minutes)
        assert room.floor["left_s"] is None
    room.say("usr_host", "call", who="usr_ask", minutes=5)
    room.say("usr_ask", "bye")
    assert (room.floor["speaker"], room.floor["left_s"]) == ("", None)
    assert room.say("usr_exp", "call", who="usr_exp", minutes=60) == Heard()
