"""`xinlian`: noun, verb. Exit 0 done, 1 refused (the error's sentence), 2 wrong use.

Each command opens what it needs and calls a use case; no rule lives here. The hub itself: `serve`, `demo`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import resource
import shutil
import signal
import socket
import ssl
import sys
import time
from collections.abc import Coroutine
from pathlib import Path

import click
import msgspec

from device.cli import COMMANDS as DEVICE_COMMANDS
from ecg.errors import CodedError
from server.config import Config, load

CONFIG = click.option(
    "--config", "config_path", default="config.yaml", show_default=True, type=click.Path(path_type=Path)
)


def main() -> None:
    """Entry of the `xinlian` command."""
    try:
        cli(standalone_mode=False)
    except CodedError as error:
        click.echo(f"xinlian: {error}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


@click.group()
@click.version_option("0.1.0", prog_name="xinlian")
def cli() -> None:
    """XinLian 心联: tele-ECG and remote consultation."""


@cli.command()
@CONFIG
def serve(config_path: Path) -> None:
    """Run the hub: web pages, device gateway, analysis, alerts."""
    _run(_serve(_config(config_path)))


@cli.command()
@click.option("--port", default=8080, show_default=True, help="Port of the pages; devices take the next one.")
@click.option("--fresh", is_flag=True, help="Forget the earlier demonstration and start anew.")
@click.option("--lan", is_flag=True, help="Serve the whole network, encrypted with a private certificate.")
@click.option("--data", default="var/demo", show_default=True, type=click.Path(path_type=Path))
@click.option("--quiet-devices", is_flag=True, help="Start no simulated devices (for tests).")
def demo(port: int, fresh: bool, lan: bool, data: Path, quiet_devices: bool) -> None:
    """Show the product: an invented consortium with simulated devices sending real recordings."""
    if fresh and data.exists():
        shutil.rmtree(data)
    _run(_demo(port, lan, data, quiet_devices))


@cli.group()
def admin() -> None:
    """Administrators."""


@admin.command("create")
@CONFIG
@click.option("--login", required=True)
@click.option("--name", required=True)
@click.option("--org", required=True, help="The institution he administers, with all below it.")
@click.password_option()
def admin_create(config_path: Path, login: str, name: str, org: str, password: str) -> None:
    """Create an administrator; the first one of a hub is made so."""
    from server import setup

    account = asyncio.run(setup.create_admin(_config(config_path), login, name, org, password))
    click.echo(f"{account}: {login} is administrator of {org}.")


@cli.group()
def org() -> None:
    """Institutions."""


@org.command("add")
@CONFIG
@click.option("--id", "org_id", required=True, help="Lower-case letters, digits and _; it never changes.")
@click.option("--name", required=True)
@click.option("--name-en", default="")
@click.option("--level", required=True, type=click.Choice(["city", "county", "township", "community", "village"]))
@click.option("--parent", default=None)
@click.option("--phone", default="")
@click.option("--reads", is_flag=True, help="It is a reading centre for itself and those below it.")
def org_add(
    config_path: Path, org_id: str, name: str, name_en: str, level: str, parent: str | None, phone: str, reads: bool
) -> None:
    """Add an institution to the tree. A running hub sees it after its next start."""
    from server import setup

    asyncio.run(setup.add_org(_config(config_path), org_id, name, name_en or name, level, parent, phone, reads))
    click.echo(f"{org_id}: {name}")


@cli.group()
def device() -> None:
    """ECG devices."""


@device.command("add")
@CONFIG
@click.option("--org", required=True)
@click.option("--model", required=True)
@click.option("--key-file", required=True, type=click.Path(path_type=Path), help="Where its key is written.")
def device_add(config_path: Path, org: str, model: str, key_file: Path) -> None:
    """Register a device and write its key file."""
    from server import setup

    device_id = asyncio.run(setup.add_device(_config(config_path), org, model, key_file))
    click.echo(f"{device_id}: key in {key_file}")


@device.command("list")
@CONFIG
@click.option("--org", default=None, help="Only of this institution and those below it.")
@click.option("--json", "as_json", is_flag=True)
def device_list(config_path: Path, org: str | None, as_json: bool) -> None:
    """List the device register."""
    from server import setup

    found = asyncio.run(setup.list_devices(_config(config_path), org))
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for d in found:
        state = d.state if d.active else "revoked"
        click.echo(f"{d.id}  {d.org}  {state}  {d.model} {d.serial}  seen {d.last_seen_at or 'never'}")


@device.command("revoke")
@CONFIG
@click.argument("device_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
def device_revoke(config_path: Path, device_id: str, yes: bool) -> None:
    """Take all keys of a device back; a running hub ends its connections at once."""
    from server import setup

    if not yes:
        click.confirm(f"{device_id} will no longer be able to upload. Revoke it?", abort=True)
    asyncio.run(setup.revoke_device(_config(config_path), device_id))
    click.echo(f"{device_id}: revoked")


@device.group("key")
def device_key() -> None:
    """Keys of a device: add a new one, move the device to it, revoke the old one."""


@device_key.command("list")
@CONFIG
@click.argument("device_id")
@click.option("--json", "as_json", is_flag=True)
def device_key_list(config_path: Path, device_id: str, as_json: bool) -> None:
    """List a device's keys, never their secrets."""
    from server import setup

    found = asyncio.run(setup.list_keys(_config(config_path), device_id))
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for key in found:
        standing = f"revoked {key.revoked_at}" if key.revoked_at else f"last used {key.last_used_at or 'never'}"
        click.echo(f"{key.id}  {key.label or '-'}  added {key.added_at}  {standing}")


@device_key.command("add")
@CONFIG
@click.argument("device_id")
@click.option("--key-file", required=True, type=click.Path(path_type=Path), help="Where the new key is written.")
@click.option("--label", default="", help="What tells it from the others.")
def device_key_add(config_path: Path, device_id: str, key_file: Path, label: str) -> None:
    """Give a device a further key; the others stay valid."""
    from server import setup

    key = asyncio.run(setup.add_key(_config(config_path), device_id, label, key_file))
    click.echo(f"{key}: a further key of {device_id} in {key_file}")


@device_key.command("revoke")
@CONFIG
@click.argument("device_id")
@click.argument("key_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
def device_key_revoke(config_path: Path, device_id: str, key_id: str, yes: bool) -> None:
    """Take one key back; a running hub ends the connection that proved itself with it."""
    from server import setup

    if not yes:
        click.confirm(f"Whoever holds {key_id} will no longer get in as {device_id}. Revoke it?", abort=True)
    asyncio.run(setup.revoke_key(_config(config_path), device_id, key_id))
    click.echo(f"{key_id}: revoked")


for command in DEVICE_COMMANDS:
    device.add_command(command)


@cli.group()
def tls() -> None:
    """Certificates for a network without a public name."""


@tls.command("make")
@click.option("--folder", default="var/tls", show_default=True, type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, required=True)
def tls_make(folder: Path, names: tuple[str, ...]) -> None:
    """Make a private authority (once) and a certificate for NAMES (DNS names or addresses)."""
    from server.tls import make

    ca, certificate, key = make(folder, names)
    click.echo(f"authority for the clinics' machines: {ca}\ntls.certificate: {certificate}\ntls.key: {key}")


@tls.command("device")
@click.option("--folder", default="var/tls", show_default=True, type=click.Path(path_type=Path))
@click.argument("device_id")
def tls_device(folder: Path, device_id: str) -> None:
    """Make a certificate that names a device, for a hub whose tls.device_ca is this authority."""
    from server.tls import make_device

    certificate, key = make_device(folder, device_id)
    click.echo(f"certificate: {certificate}\nkey: {key}")


@cli.group()
def audit() -> None:
    """The audit trail."""


@audit.command("verify")
@CONFIG
@click.option("--json", "as_json", is_flag=True)
def audit_verify(config_path: Path, as_json: bool) -> None:
    """Recompute the seal of every line of the event log."""
    from server import setup

    lines, broken_at = asyncio.run(setup.verify_audit(_config(config_path)))
    if as_json:
        click.echo(json.dumps({"lines": lines, "broken_at": broken_at}))
    else:
        click.echo(f"{lines} lines whole" + ("" if broken_at is None else f"; broken at line {broken_at}"))
    if broken_at is not None:
        sys.exit(1)


def _config(path: Path) -> Config:
    return load(path) if path.exists() or path != Path("config.yaml") else Config()


def _run(work: Coroutine[None, None, bool]) -> None:
    import uvloop

    gc.disable()  # until `settle`: what a start makes it keeps, and looking through it time and again costs a tenth
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if not runner.run(work):
            sys.exit(1)


async def _serve(config: Config) -> bool:
    """True: stopped on request. False: the disk refused, and a supervisor has to start anew."""
    from server.base import log
    from server.main import Application

    log.configure(json_lines=config.log.json_lines, level=config.log.level)
    app = Application(config)
    await app.start()
    await _until_stopped(app.stopped)
    await app.stop()
    return not app.failed


def settle() -> None:
    """For a process that serves for months: as many sockets as the system grants, few and short collections.

    What stands after the start stays; looking through it again and again is what makes the slowest acks slow.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 50)


async def _until_stopped(stopped: asyncio.Event) -> None:
    settle()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    await stopped.wait()


async def _demo(port: int, lan: bool, data: Path, quiet_devices: bool) -> bool:
    from server import demo as demonstration
    from server.base import log
    from server.main import Application
    from server.people import store as people
    from server.people.service import hash_password
    from server.tls import make

    began = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"[{time.monotonic() - began:5.1f} s] {text}")

    log.configure(json_lines=False, level="warning")
    config = Config()
    hub = msgspec.structs.replace(
        config.hub, port=port, data=str(data), name="青禾市心电诊断中心", name_en="Qinghe ECG Reading Centre"
    )
    config = msgspec.structs.replace(config, hub=hub)
    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    if lan:
        names = (_own_address(), *names)
        ca, certificate, key = make(data / "tls", names)
        tls_section = msgspec.structs.replace(config.tls, certificate=str(certificate), key=str(key))
        config = msgspec.structs.replace(
            config,
            tls=tls_section,
            hub=msgspec.structs.replace(config.hub, host="0.0.0.0"),  # noqa: S104 - asked for
        )
        say(f"certificate for {', '.join(names)}; install {ca} on the other machines")
    real = demonstration.load(Path("demo/recordings"))
    say(f"{len(real)} real recordings read")
    devices = demonstration.Devices("", {}, real, random.Random(demonstration.SEED))  # noqa: S311 - a show, not a secret
    app = Application(config, demo_logins=demonstration.LOGINS, more_reactions=(devices.reaction(),))
    await app.start()
    say("hub started: database, journal, device gateway")
    if await app.db.read(people.account_count) == 0:
        password = await hash_password(app.people, demonstration.PASSWORD)
        devices.keys = await app.db.write(lambda tx: demonstration.seed(tx, password))
        await app.people.reload()
        say(f"consortium seeded: {len(demonstration.ORGS)} institutions, {len(demonstration.PEOPLE)} people, rota")
    else:
        devices.keys = await demonstration.device_keys(app.db)
        say("consortium of the earlier start found")
    scheme = "s" if lan else ""
    if lan:
        devices.trust = ssl.create_default_context(cafile=data / "tls" / "ca.pem")
    devices.hub_url = f"ws{scheme}://127.0.0.1:{app.device_port}"
    running = None if quiet_devices else asyncio.create_task(devices.run())
    sending = 0 if quiet_devices else len(devices.keys)
    say(f"{sending} simulated devices send through the gateway on port {app.device_port}")
    click.echo(f"\n  http{scheme}://{names[0]}:{port}\n")
    for login in demonstration.LOGINS:
        click.echo(f"  {login.login:10} {login.password}   {login.name}  {login.what_zh} / {login.what_en}")
    click.echo("\n  Ctrl+C stops it. The recordings are public research ECGs; people and places are invented.\n")
    await _until_stopped(app.stopped)
    if running is not None:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await app.stop()
    return not app.failed


def _own_address() -> str:
    """The address other machines reach this one by; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
