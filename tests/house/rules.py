"""House rules that a line can break: a pattern, where it holds, what to do instead, and lines that show it.

A rule is here when a machine can see the breach and neither ruff, mypy, biome nor import-linter does. Each rule proves
itself on its own bad and good lines before it is let loose on the tree (`test_rules.py`). What needs a whole file to
judge stands in `shape.py`.
Hosts and paths in the examples are made up: a real one would break the rule it illustrates.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatch


@dataclass(frozen=True)
class Rule:
    name: str
    instead: str
    pattern: str
    where: tuple[str, ...]  # globs on the path; * crosses folders
    but: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    good: tuple[str, ...] = ()

    def holds_for(self, path: str) -> bool:
        return any(fnmatch(path, glob) for glob in self.where) and not any(
            fnmatch(path, glob) for glob in (*self.but, "tests/house/*")
        )

    def breaches(self, text: str) -> list[tuple[int, str]]:
        """(line number from 1, line) of each line that breaks the rule."""
        seen = re.compile(self.pattern)
        return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if seen.search(line)]


EVERYWHERE = ("*",)
OUR_PYTHON = ("ecg/*.py", "device/*.py", "server/*.py")
ROOMS = ("server/*/*.py",)

RULES = (
    Rule(
        name="no path of somebody's machine",
        instead="take the path from the configuration, or from the place of the file itself",
        pattern=r"(?<![\w.\-/}$*])/(?:work|root|home/\w+|Users/\w+)/",
        where=EVERYWHERE,
        bad=('DATA = "/home/wang/ecg/"', "python3 /root/app/run.py", "see /work/notes/x.md"),
        good=('DATA = root / "work/recordings"', "`web/src/root/app.ts`", "GET /api/work/items"),
    ),
    Rule(
        name="no host of a package registry",
        instead="leave it to the machine's own settings for pip, npm and apt",
        pattern=r"\b(?:pypi|registry|mirrors?|deb|files|index)\.(?:[a-z0-9\-]+\.)*(?:org|com|net|cn|io)\b"
        r"|--(?:extra-)?index-url|--find-links|https?://\S+\.(?:whl|tgz|deb)\b",
        where=EVERYWHERE,
        bad=(
            "registry = https://registry.example.org/",
            "--extra-index-url https://example.org/simple",
            "https://example.org/six-1.0.whl",
        ),
        good=("registry.com_port", "docs: https://example.org/registry", "index.html"),
    ),
    Rule(
        name="a lock names no address",
        instead="regenerate it: requirements/lock for Python; web/.npmrc keeps addresses out of package-lock.json",
        pattern=r'"resolved"|@ https?://|^https?://',
        where=("requirements/*.txt", "*package-lock.json"),
        bad=('      "resolved": "git+ssh://example.org/preact",', "six @ https://example.org/six.zip"),
        good=('      "integrity": "sha512-AAAA"', '        "url": "https://example.org/funding"', "six==1.0 \\"),
    ),
    Rule(
        name="a test does not sleep",
        instead="wait for what is promised (tests/waiting.py), or move the clock",
        pattern=r"\bsleep\((?!0\))|wait_for_timeout\(",
        where=("tests/*.py",),
        but=("tests/bench/*", "tests/waiting.py"),
        bad=("    await asyncio.sleep(0.1)", "    time.sleep(1)", "    page.wait_for_timeout(500)"),
        good=("    await asyncio.sleep(0)", "    await clock.advance(30)", "    page.wait_for_selector('.alert')"),
    ),
    Rule(
        name="SQL stands in store.py and server/base",
        instead="give the question a name as a function of the room's store.py",
        pattern=r"^\s*(?:import (?:sqlalchemy|sqlite3)\b|from (?:sqlalchemy\.|sqlite3 ))"
        r"|^\s*from sqlalchemy import (?!(?:(?:Connection|RowMapping|Row)(?:, |\s*$))+$)"  # these only name types
        r"|[\"'](?:SELECT .+ FROM|INSERT INTO|DELETE FROM|UPDATE \w+ SET|CREATE TABLE)\b",
        where=OUR_PYTHON,
        but=("*/store.py", "server/base/*"),
        bad=("from sqlalchemy import select", "import sqlite3", '    conn.execute("DELETE FROM alert WHERE id = ?")'),
        good=("from sqlalchemy import Connection, RowMapping", '    raise Refused("Select a recording first")'),
    ),
    Rule(
        name="aiohttp stops at routes.py",
        instead="decode in routes.py and hand the service plain values",
        pattern=r"^\s*(?:import|from) aiohttp\b",
        where=ROOMS,
        but=("*/routes.py", "server/base/*"),
        bad=("from aiohttp import web", "import aiohttp"),
        good=("from .model import Report", "# aiohttp hands us bytes here"),
    ),
    Rule(
        name="a core is handed its clock and its chance",
        instead="take a clock or a numpy Generator as an argument",
        pattern=r"\btime\.(?:time|monotonic)(?:_ns)?\(|\bdatetime\.(?:now|utcnow|today)\(|\bdate\.today\("
        r"|default_rng\(\)|\bnp\.random\.(?!default_rng|Generator)\w|^\s*(?:import|from) random\b",
        where=("ecg/*.py", "device/frames.py", "device/coding.py", "device/session.py", *ROOMS),
        but=("ecg/cli/__init__.py", "ecg/paper/plot.py", "ecg/formats/*", "server/base/*"),
        bad=(
            "    at = datetime.now(UTC)",
            "    rng = np.random.default_rng()",
            "    x = np.random.normal(size=9)",
            "import random",
        ),
        good=(
            "    at = ctx.clock.now()",
            "def noise(rng: np.random.Generator) -> F32:",
            "    rng = np.random.default_rng(seed)",
        ),
    ),
    Rule(
        name="no patient in a log",
        instead="log the id of the recording or case; who it is stands in the database",
        pattern=r"\blog\w*\.\w+\(.*\b(?:patient_name|full_name|national_id|id_card|birth_date|born|phone|complaint)=",
        where=OUR_PYTHON,
        bad=('    log.info("recording.received", patient_name=p.name)', '    logger.warning("case.asked", phone=x)'),
        good=('    log.info("recording.received", recording=id, took_ms=38)', "    patient = Patient(birth_date=born)"),
    ),
    Rule(
        name="no markup from strings in the browser",
        instead="let Preact render text; a trace is drawn on a canvas",
        pattern=r"\.(?:inner|outer)HTML\s*\+?=|dangerouslySetInnerHTML|insertAdjacentHTML|\beval\(|new Function\(",
        where=("web/src/*", "web/*.html"),
        bad=("el.innerHTML = name", "<p dangerouslySetInnerHTML={{ __html: text }} />"),
        good=("<p>{name}</p>", "el.textContent = name"),
    ),
    Rule(
        name="Any stays where rows and foreign types are met: server/base, store.py, regen.py",
        instead="name the type; what comes from outside is decoded into a struct by msgspec",
        pattern=r"^\s*from typing import .*\bAny\b|\btyping\.Any\b",
        where=OUR_PYTHON,
        but=("server/base/*", "*/store.py", "server/regen.py"),
        bad=("from typing import Any, Final", "def load() -> typing.Any:"),
        good=("from typing import Final", "def load() -> dict[str, float]:"),
    ),
)
