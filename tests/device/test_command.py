"""`xinlian-device` as a clinic runs it, without the hub's programs: a refusal is a sentence, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEY = json.dumps({"device": "dev_x", "key": "QUJDREVGR0hJSktMTU5PUA=="})


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from device.cli import main; main()", *words]
    # As on a Windows console in the West: it cannot show a clinic's name.
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "cp1252"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("enrol", "--hub", "http://127.0.0.1:9", "--code", "AAAA", "--key-file", "new.json"), "was not reached"),
        (("enrol", "--hub", "http://127.0.0.1:9", "--code", "AAAA", "--key-file", "key.json"), "exists already"),
        (("enrol", "--hub", "https://x", "--code", "A", "--key-file", "new.json", "--ca", "no.pem"), "no.pem"),
        (("replay", "none.hea", "--hub", "ws://127.0.0.1:9", "--key", "key.json"), "none.hea"),
        (("agent", "--hub", "wss://127.0.0.1:9", "--key-file", "key.json", "--ca", "no.pem"), "no.pem"),
        (("agent", "--config", "心电.yaml"), "cannot be read"),
        (("conformance", "ws://127.0.0.1:9", "--key-file", "none.json"), "key file"),
    ],
)
def test_what_is_refused_is_one_line_and_exit_code_1(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "key.json").write_text(KEY)
    ended = run(tmp_path, *words)
    assert ended.returncode == 1, ended.stderr
    assert said in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert not (tmp_path / "new.json").exists()
