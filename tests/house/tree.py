"""The files that people write in this project, for the rules that look at them.

Walks the folder rather than asking git: a bare machine has no git, and a file is held to the rules before it is added.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {".git", ".venv", "node_modules", "dist", "var", "build", "__pycache__"}
NOT_TEXT = {".flac", ".dat", ".npz", ".png", ".jpg", ".ico", ".woff2", ".pdf", ".pyc", ".db"}


@cache
def files() -> tuple[str, ...]:
    """Paths relative to the root, with forward slashes, sorted."""
    return tuple(sorted(path.relative_to(ROOT).as_posix() for path in _walk(ROOT)))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in NOT_OURS or path.name.endswith(("_cache", ".egg-info")) or path.name == ".hypothesis":
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        elif path.suffix not in NOT_TEXT and path.is_file():
            yield path


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")
