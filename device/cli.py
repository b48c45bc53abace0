"""The commands of `xinlian device` that need only `device`: the agent, joining a hub, replay, simulate, conformance.

`server/cli.py` puts them beside those that need the hub's data. Exit 0 done, 1 refused or not passed, 2 wrong use.
"""

from __future__ import annotations

import asyncio
import json
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
import msgspec

from device.agent.cli import agent_command
from ecg.errors import CodedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from device.client import DeviceKey
    from device.conformance import Verdict
    from device.simulate_many import Summary

CA = click.option(
    "--ca", type=click.Path(path_type=Path), default=None, help="Authority's file, for wss:// of a private CA."
)


@click.command()
@click.option("--hub", required=True, help="Address of the hub's pages, as in a browser: https://hub:8080.")
@click.option("--code", required=True, help="The code that the hub's administrator reads out.")
@click.option("--key-file", required=True, type=click.Path(path_type=Path), help="Where the key is written.")
@click.option("--model", default="XinLian agent", show_default=True, help="Maker's name of the device.")
@click.option("--serial", default="", help="Its serial number.")
@CA
@click.option("--json", "as_json", is_flag=True)
def enrol(hub: str, code: str, key_file: Path, model: str, serial: str, ca: Path | None, as_json: bool) -> None:
    """Join a hub with a one-time code: writes the key file."""
    from device.client import trust_of
    from device.enrol import enrol as join

    joined = asyncio.run(join(hub, code, model, serial, key_file, trust=trust_of(ca)))
    said = {"device": joined.key.device, "org": joined.org_name, "gateway": joined.gateway}
    click.echo(
        json.dumps(said, ensure_ascii=False)
        if as_json
        else f"{joined.key.device}: joined {joined.org_name}. Key in {key_file}; it sends to {joined.gateway}"
    )


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--hub", required=True, help="Address of the device gateway, ws:// or wss://.")
@click.option("--key", "key_file", required=True, type=click.Path(path_type=Path))
@CA
@click.option("--mode", type=click.Choice(["live", "batch"]), default="batch", show_default=True)
@click.option("--speed", default=1.0, show_default=True, help="Live: how many times faster than real time.")
@click.option("--name", default="", help="Patient's name; empty: an emergency whose name comes later.")
@click.option("--sex", type=click.Choice(["M", "F", ""]), default="")
@click.option("--age", type=int, default=None)
@click.option("--symptom", "symptoms", multiple=True, default=("unknown",), show_default=True)
@click.option("--json", "as_json", is_flag=True)
def replay(
    record: Path,
    hub: str,
    key_file: Path,
    ca: Path | None,
    mode: Literal["live", "batch"],
    speed: float,
    name: str,
    sex: Literal["M", "F", ""],
    age: int | None,
    symptoms: tuple[str, ...],
    as_json: bool,
) -> None:
    """Send a WFDB record to a hub as a device would."""
    from device.frames import Patient, Request
    from device.simulate import replay

    patient = Patient(name=name, sex=sex, age=age) if name else None
    request = Request(patient=patient, symptoms=symptoms)
    receipt = asyncio.run(replay(record, hub, key_file, speed=speed, mode=mode, request=request, ca=ca))
    said = {"recording": receipt.recording, "sha256": receipt.sha256.hex()}
    click.echo(json.dumps(said) if as_json else f"{receipt.recording}: stored, sha256 {receipt.sha256.hex()}")


@click.command()
@click.option("--hub", required=True, help="Address of the device gateway, ws:// or wss://.")
@click.option("--count", default=10, show_default=True, help="Devices; more than keys share them in turn.")
@click.option("--keys", required=True, type=click.Path(path_type=Path), help="Folder of key files, *.json.")
@click.option("--records", default="demo/recordings", show_default=True, type=click.Path(path_type=Path))
@click.option("--recordings", default=1, show_default=True, help="Each device sends so many, over one connection.")
@click.option("--mode", type=click.Choice(["live", "batch"]), default="batch", show_default=True)
@click.option("--speed", default=1.0, show_default=True, help="Live: how many times faster than real time.")
@click.option("--length", "length_s", default=10.0, show_default=True, help="Seconds of each recording.")
@click.option("--pause", "pause_s", default=0.0, show_default=True, help="Seconds between a device's recordings.")
@click.option(
    "--faults",
    default="none",
    show_default=True,
    help="none, all, or some of drop,repeat,exchange,damage,tear,clock,cut,slow.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same faults.")
@click.option("--note", default="simulated", show_default=True, help="Note in each request form.")
@CA
@click.option("--json", "as_json", is_flag=True)
def simulate(
    hub: str,
    count: int,
    keys: Path,
    records: Path,
    recordings: int,
    mode: Literal["live", "batch"],
    speed: float,
    length_s: float,
    pause_s: float,
    faults: str,
    seed: int,
    note: str,
    ca: Path | None,
    as_json: bool,
) -> None:
    """Simulate many devices that send real records, with faults by seed. Exit 1: a recording did not arrive."""
    from device import simulate_many as many
    from device.client import trust_of

    found = many.read_records(records)
    if not found:
        raise click.BadParameter(f"{records} holds no WFDB record", param_hint="--records")
    plan = many.Plan(
        count=count,
        recordings=recordings,
        mode=mode,
        speed=speed,
        length_s=length_s,
        pause_s=pause_s,
        faults=_faults(faults, many.FAULTS),
        seed=seed,
        note=note,
    )

    def progress(summary: Summary) -> None:
        if sys.stderr.isatty():
            click.echo(
                f"\r{summary.took_s:5.0f} s  sent {summary.sent}  received {summary.received}", err=True, nl=False
            )

    work = many.simulate(hub, many.read_keys(keys), found, plan, trust=trust_of(ca), told=progress)
    summary = asyncio.run(work)
    if sys.stderr.isatty():
        click.echo("", err=True)
    click.echo(msgspec.json.encode(summary).decode() if as_json else summary.line())
    if not summary.complete:
        sys.exit(1)


@click.command()
@click.argument("url", required=False)
@click.option("--listen", default=None, metavar="HOST:PORT", help="Play hub there and test the device that connects.")
@click.option("--key-file", required=True, type=click.Path(path_type=Path), help="Of a device registered for tests.")
@click.option("--only", multiple=True, help="Name of a check of a hub; may be given again. Default: all.")
@click.option("--wait", "wait_s", default=10.0, show_default=True, help="Seconds to wait for each answer of a hub.")
@click.option("--patience", "patience_s", default=120.0, show_default=True, help="Seconds to wait for the device.")
@CA
@click.option("--json", "as_json", is_flag=True)
def conformance(
    url: str | None,
    listen: str | None,
    key_file: Path,
    only: tuple[str, ...],
    wait_s: float,
    patience_s: float,
    ca: Path | None,
    as_json: bool,
) -> None:
    """Test the hub at URL, or with --listen a device, against docs/reference/protocol.md. Exit 1: a check failed."""
    from device.client import read_key_file

    if (url is None) == (listen is None):
        raise click.UsageError("Give the URL of a hub, or --listen HOST:PORT for a device.")
    key = read_key_file(key_file)
    told = (lambda verdict: None) if as_json else (lambda verdict: click.echo(_sentence(verdict)))
    if url is not None:
        verdicts = _test_hub(url, key, only, wait_s, ca, told)
    else:
        assert listen is not None
        verdicts = _test_device(listen, key, patience_s, told)
    failed = sum(not verdict.passed for verdict in verdicts)
    if as_json:
        said = {"tested": url or "device", "passed": len(verdicts) - failed, "failed": failed, "checks": verdicts}
        click.echo(msgspec.json.encode(said).decode())
    else:
        click.echo(f"{len(verdicts) - failed} passed, {failed} failed")
    if failed:
        sys.exit(1)


def _test_hub(
    url: str, key: DeviceKey, only: tuple[str, ...], wait_s: float, ca: Path | None, told: Callable[[Verdict], None]
) -> list[Verdict]:
    from device.client import trust_of
    from device.conformance import Bench, run_checks
    from device.conformance_files import FILE_CHECKS
    from device.conformance_hub import HUB_CHECKS
    from device.conformance_refusals import REFUSAL_CHECKS

    checks = [check for check in (*HUB_CHECKS, *FILE_CHECKS, *REFUSAL_CHECKS) if not only or check.name in only]
    unknown = set(only) - {check.name for check in checks}
    if unknown:
        raise click.BadParameter(f"no such check: {', '.join(sorted(unknown))}", param_hint="--only")
    bench = Bench(url, key, wait_s, trust_of(ca))

    async def run() -> list[Verdict]:
        await bench.check_reachable()
        return await run_checks(checks, bench, told=told)

    return asyncio.run(run())


def _test_device(listen: str, key: DeviceKey, patience_s: float, told: Callable[[Verdict], None]) -> list[Verdict]:
    from device.conformance_device import play_hub

    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter("HOST:PORT, for example 127.0.0.1:9000", param_hint="--listen")

    async def run() -> list[Verdict]:
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        ready.add_done_callback(
            lambda at: click.echo(f"Let the device send one recording of 3 s or more to port {at.result()}.", err=True)
        )
        return await play_hub(key, host or "127.0.0.1", int(port), patience_s, ready)

    verdicts = asyncio.run(run())
    for verdict in verdicts:
        told(verdict)
    return verdicts


def _sentence(verdict: Verdict) -> str:
    if verdict.passed:
        return f"pass  {verdict.check:18} {verdict.requirement}"
    return f"FAIL  {verdict.check:18} {verdict.requirement}\n      saw: {verdict.saw} (section: {verdict.section})"


def _faults(text: str, possible: tuple[str, ...]) -> frozenset[str]:
    if text in ("none", "all"):
        return frozenset(possible if text == "all" else ())
    wanted = frozenset(text.split(","))
    if wanted - set(possible):
        raise click.BadParameter(f"possible are {', '.join(possible)}", param_hint="--faults")
    return wanted


COMMANDS = (agent_command, enrol, replay, simulate, conformance)


@click.group()
def cli() -> None:
    """XinLian at the clinic: the agent, joining a hub, tools for those who build devices."""


for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Entry of the `xinlian-device` command: what is refused is one line and exit code 1, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a clinic's name on a console without Chinese ends no command
            stream.reconfigure(errors="replace")
    try:
        cli(standalone_mode=False)
    except CodedError as error:
        click.echo(f"xinlian-device: {error}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
