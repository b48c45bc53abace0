"""What the documents point at exists: files, headings, `./run` commands, benchmarks, `xinlian` commands and options.

Looks at every Markdown file of the tree. Links to other hosts are not followed. What the documents must name is
`test_docs.py`'s business.
"""

import re
import subprocess
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from ecg.cli import main as ecg_cli
from server.cli import cli as hub_cli
from tests.bench.__main__ import names as benchmarks
from tests.house.tree import ROOT, files, read

PAGES = [name for name in files() if name.endswith(".md")]
PROGRAMS: dict[str, click.Command] = {"xinlian": hub_cli, "xinlian-ecg": ecg_cli}

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
RUN = re.compile(r"(?:^|[\s`(])\./run ([a-z]+)(?: ([a-z]+))?", re.MULTILINE)
PROGRAM = re.compile(r"(?:^|[\s`=(])(?:\S*\.venv/bin/)?(xinlian(?:-ecg)?)((?:[ \t]+[^\s`|&;#()]+)+)", re.MULTILINE)


def slug(heading: str) -> str:
    """The name by which GitHub links to a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    kept = (c for c in plain if c in " -_" or unicodedata.category(c)[0] in "LN")
    return "".join(kept).replace(" ", "-")


@cache
def headings(path: Path) -> frozenset[str]:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return frozenset(slug(found) for found in re.findall(r"^#+ (.+)$", text, re.MULTILINE))


def broken_links(page: Path, text: str) -> Iterator[str]:
    for target in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        path = page if not name else (page.parent / name).resolve()
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in headings(path)):
            yield target


def shown_code(text: str) -> str:
    """Fences and spans, one a line; a line that a backslash continues is one line."""
    fences = FENCE.findall(text)
    code = "\n".join((*fences, *SPAN.findall(FENCE.sub("", text))))
    return re.sub(r"\\\n\s*", "", code)


@cache
def run_commands() -> frozenset[str]:
    done = subprocess.run([ROOT / "run", "help"], capture_output=True, text=True, check=True)
    return frozenset(re.findall(r"^  ([a-z]+) ", done.stdout, re.MULTILINE))


def unknown_commands(text: str) -> Iterator[str]:
    code = shown_code(text)
    for command, word in RUN.findall(code):
        if command not in run_commands() or (command == "bench" and word and word not in benchmarks()):
            yield f"./run {command} {word}".strip()
    for program, words in PROGRAM.findall(code):
        if not exists(PROGRAMS[program], words.split()):
            yield f"{program}{words}"


def exists(command: click.Command, words: list[str]) -> bool:
    """Whether click would know these words: each subcommand on the way, then each option that is named."""
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return False
        command, words = command.commands[words[0]], words[1:]
    context = click.Context(command)
    known = {name for parameter in command.get_params(context) for name in (*parameter.opts, *parameter.secondary_opts)}
    named = [re.split(r"[=\]]", word.lstrip("["))[0] for word in words if re.match(r"\[?--?[a-z]", word)]
    return set(named) <= known


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    assert not list(broken_links(ROOT / page, read(page)))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_a_page_shows_exists(page: str) -> None:
    assert not list(unknown_commands(read(page)))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[x](LICENSE)", []),
        ("[x](README.md#status)", []),
        ("[x](README.md#glory)", ["README.md#glory"]),
        ("[x](nowhere.md)", ["nowhere.md"]),
        ("[x](https://example.org/a)", []),
        ("```\n[x](nowhere.md)\n```", []),
    ],
)
def test_a_broken_link_is_seen(text: str, wrong: list[str]) -> None:
    assert list(broken_links(ROOT / "page.md", text)) == wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`./run demo --fresh`", []),
        ("`./run brew`", ["./run brew"]),
        ("`./run bench coffee`", ["./run bench coffee"]),
        ("`xinlian tls make NAME --folder F`", []),
        ("`xinlian device replay RECORD --hub URL \\\n--key FILE`", []),
        ("```sh\n.venv/bin/xinlian org add \\\n  --id x\n```", []),
        ("```sh\n.venv/bin/xinlian org make\n```", ["xinlian org make"]),
        ("`xinlian audit verify [--yaml]`", ["xinlian audit verify [--yaml]"]),
        ("`xinlian-ecg analyze FILE --json`", []),
        ("`journalctl -u xinlian`, `/etc/systemd/system/xinlian.service`", []),
        ("words about ./run brew outside of code", []),
    ],
)
def test_a_command_that_does_not_exist_is_seen(text: str, wrong: list[str]) -> None:
    assert list(unknown_commands(text)) == wrong
