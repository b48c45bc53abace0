"""What stops the start, and the one line that says why and how to mend it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from server import ground, tls
from server.config import Config, ConfigRefused, load
from server.ground import NoDisk, NotLoopback, PortTaken
from server.main import Application
from tests.server.conftest import REQUEST, Hub, normal
from tests.waiting import until, work_between_turns

ROOT = Path(__file__).resolve().parents[2]


def with_hub(config: Config, **changes: object) -> Config:
    return msgspec.structs.replace(config, hub=msgspec.structs.replace(config.hub, **changes))


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("hub:\n  nme: x\n", "line 2", "nme"),
        ("reading:\n  lease_s: soon\n", "line 2", "int"),
        ("hub:\n  port: 70000\n", "line 2", "65535"),
        ("hub: [\n", "line 2", "YAML"),
        ("colour: red\n", "line 1", "colour"),
    ],
)
def test_a_wrong_configuration_names_file_line_and_what_is_accepted(
    tmp_path: Path, text: str, line: str, says: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigRefused) as refused:
        load(path)
    sentence = str(refused.value)
    assert line in sentence
    assert says in sentence
    assert "\n" not in sentence


def test_the_configuration_in_the_repository_is_right() -> None:
    assert load(ROOT / "config.yaml").hub.port == 8080


async def test_a_taken_port_is_named(hub: Hub, tmp_path: Path) -> None:
    config = with_hub(hub.app.config, port=hub.app.port, data=str(tmp_path / "other"))
    with pytest.raises(PortTaken) as refused:
        await Application(config, serve_pages=False).start()
    assert str(hub.app.port) in str(refused.value)


async def test_without_tls_only_the_loopback_address_is_served(tmp_path: Path) -> None:
    with pytest.raises(NotLoopback):
        await Application(with_hub(Config(), host="0.0.0.0", data=str(tmp_path)), serve_pages=False).start()


def test_a_full_disk_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "FREE_BYTES_MIN", 2**62)
    with pytest.raises(NoDisk):
        ground.check_disk(tmp_path)


def test_the_command_line_refuses_in_one_line_and_exits_1(tmp_path: Path) -> None:
    bad = tmp_path / "config.yaml"
    bad.write_text("hub:\n  prot: 1\n", encoding="utf-8")
    command = [sys.executable, "-c", "from server.cli import main; main()", "serve", "--config", str(bad)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"xinlian: The hub did not start: config\.yaml line 2: .*prot.*\n", done.stderr)


async def test_a_private_certificate_serves_pages_with_secure_cookies(tmp_path: Path) -> None:
    import ssl

    import aiohttp

    from server import demo

    ca, certificate, key = tls.make(tmp_path / "tls", ("127.0.0.1", "localhost"))
    section = msgspec.structs.replace(Config().tls, certificate=str(certificate), key=str(key))
    async with Hub(tmp_path / "hub", config=msgspec.structs.replace(Config(), tls=section)) as hub:
        trust = ssl.create_default_context(cafile=str(ca))
        login = {"login": "reader", "password": demo.PASSWORD}
        url = f"https://127.0.0.1:{hub.app.port}/api/session"
        async with aiohttp.ClientSession() as http, http.post(url, json=login, ssl=trust) as answer:
            assert answer.status == 200
            assert "Secure" in answer.headers["Set-Cookie"]
            assert "Strict-Transport-Security" in answer.headers


async def test_a_hub_that_asks_devices_for_certificates_takes_each_device_with_its_own_alone(tmp_path: Path) -> None:
    import ssl

    from device.client import Retry, send
    from device.errors import CertificateDiffers, Unreachable
    from device.simulate import upload_of

    folder = tmp_path / "tls"
    ca, certificate, key = tls.make(folder, ("127.0.0.1",))
    section = msgspec.structs.replace(Config().tls, certificate=str(certificate), key=str(key), device_ca=str(ca))
    async with Hub(tmp_path / "hub", config=msgspec.structs.replace(Config(), tls=section)) as hub:
        mine = hub.keys["org_hewan"]

        async def sent_with(shown: str) -> str:
            trust = ssl.create_default_context(cafile=str(ca))
            if shown:
                trust.load_cert_chain(*tls.make_device(folder, shown))
            retry = Retry(tries_max=2, wait_s_least=0.01, wait_s_most=0.01)
            url = f"wss://127.0.0.1:{hub.app.device_port}"
            return (await send(upload_of(normal(), mode="batch"), url, mine, trust=trust, retry=retry)).recording

        assert (await sent_with(mine.device)).startswith("rec_")
        with pytest.raises(CertificateDiffers):
            await sent_with("dev_another")
        with pytest.raises(Unreachable):
            await sent_with("")


async def test_the_event_loop_is_never_blocked_for_50_ms_while_recordings_are_analysed(hub: Hub) -> None:
    """Real recordings arrive and are analysed and queued, while a watcher measures every turn of the loop."""
    from server import demo

    real = demo.load(ROOT / "demo/recordings")
    turns: list[float] = []

    watcher = asyncio.create_task(work_between_turns(turns))
    async with await hub.sign_in("clinic") as browser:
        for _, recording in real[:6]:
            await hub.send("org_hewan", recording, REQUEST)

        async def all_wait() -> bool:
            found = await browser.get("/api/orgs/org_hewan/recordings")
            return [r["state"] for r in found] == ["waiting"] * 6

        await until(all_wait, 60)
    watcher.cancel()
    assert len(turns) > 100
    assert max(turns) < 0.05, sorted(turns)[-5:]
