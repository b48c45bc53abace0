"""`xinlian device agent`: run the clinic's agent from its settings file, or from a few words."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from device.errors import WireError


@click.command("agent")
@click.option("--config", "config", type=click.Path(path_type=Path), help="The settings file (YAML).")
@click.option("--hub", help="Address of the device gateway, ws:// or wss://; instead of --config.")
@click.option("--key-file", type=click.Path(path_type=Path), help="The key of this clinic's device.")
@click.option(
    "--folder", "folders", multiple=True, type=click.Path(path_type=Path), help="A folder to watch; repeatable."
)
@click.option(
    "--data", default=Path("agent-data"), type=click.Path(path_type=Path), show_default=True, help="The queue."
)
@click.option("--ca", type=click.Path(path_type=Path), help="The authority of the hub's certificate (ca.pem).")
@click.option("--port", default=8610, show_default=True, help="The status page, on this machine only.")
def agent_command(
    config: Path | None,
    hub: str | None,
    key_file: Path | None,
    folders: tuple[Path, ...],
    data: Path,
    ca: Path | None,
    port: int,
) -> None:
    """Bring ECG files of this clinic to the hub: watched folders, ports, programs on this machine."""
    from device.agent.app import Agent, serve
    from device.agent.settings import Folder, Settings, checked, read_settings
    from device.agent.status import StatusPage

    try:
        if config is not None:
            settings = read_settings(config)
        elif hub and key_file:
            named = Settings(
                hub=hub,
                key_file=str(key_file),
                data=str(data),
                ca=str(ca or ""),
                folders=tuple(Folder(path=str(folder)) for folder in folders),
                page_port=port,
            )
            settings = checked(named, Path.cwd())
        else:
            raise click.UsageError("Give --config, or --hub and --key-file.")

        async def page(agent: Agent) -> None:
            await StatusPage(agent).run()

        def ready(agent: Agent) -> None:
            click.echo(f"agent of {agent.key.device}: status at http://127.0.0.1:{settings.page_port}/", err=True)

        asyncio.run(serve(settings, page, ready))
    except WireError as error:
        _give_up(error)
    except BaseExceptionGroup as group:  # from the tasks of `serve`
        refusal = group.subgroup(WireError)
        if refusal is None:
            raise
        _give_up(next(error for error in _leaves(refusal) if isinstance(error, WireError)))
    except KeyboardInterrupt:
        click.echo("stopped; what waits is kept and sent at the next start", err=True)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _give_up(error: WireError) -> None:
    click.echo(f"{error} ({error.code})", err=True)
    sys.exit(1)
