"""A data folder of an earlier commit: what its tables lack is added, what cannot be is refused, and nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Index, Integer, MetaData, Table, Text, create_engine, text

from server.base.engines import Sqlite
from server.base.migrations import SchemaNewer, SchemaUnusable, bring_up_to_date
from server.base.schema import metadata
from tests.server.conftest import REQUEST, Hub, normal
from tests.waiting import until

OLDER = Path(__file__).with_name("data") / "hub_a883759.sql"


def as_it_was(folder: Path) -> Path:
    """The database of commit a883759."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "hub.sqlite"
    with sqlite3.connect(path) as raw:
        raw.executescript(OLDER.read_text(encoding="utf-8"))
    raw.close()
    return path


def schema_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with sqlite3.connect(path) as raw:
        tables = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {name: sorted(raw.execute(f"PRAGMA table_info({name})")) for name in tables}


async def test_a_hub_starts_on_the_folder_of_an_earlier_commit_and_goes_on_with_it(tmp_path: Path) -> None:
    as_it_was(tmp_path)
    async with Hub(tmp_path) as hub, await hub.sign_in("oncall") as reader:
        (old,) = await reader.get("/api/orgs/org_liugou/recordings")
        assert (old["state"], old["interrupted"], old["replaced_by"]) == ("waiting", False, None)
        await hub.send("org_liugou", normal(), REQUEST)

        async def both() -> bool:
            rows = await reader.get("/api/orgs/org_liugou/recordings")
            return [row["state"] for row in rows] == ["waiting", "waiting"]

        await until(both, 30)
    async with Hub(tmp_path):
        pass  # and once more, with nothing left to add


def test_what_was_brought_up_to_date_has_every_column_of_a_new_one(tmp_path: Path) -> None:
    old, new = as_it_was(tmp_path / "old"), tmp_path / "new.sqlite"
    for path in (old, new):
        with create_engine(f"sqlite:///{path}").begin() as conn:
            bring_up_to_date(conn, metadata)
    columns = [{table: {row[1] for row in rows} for table, rows in schema_of(path).items()} for path in (old, new)]
    assert columns[0] == columns[1]
    with sqlite3.connect(old) as one, sqlite3.connect(new) as other:
        names = [
            {row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type='index'")} for raw in (one, other)
        ]
    assert names[0] == names[1]


@pytest.fixture
def small(tmp_path: Path) -> Callable[[], Connection]:
    """A database of one table with one row."""
    engine = Sqlite(tmp_path / "small.sqlite").writer
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE cart (id TEXT PRIMARY KEY, name TEXT NOT NULL)"))
        conn.execute(text("INSERT INTO cart VALUES ('1', 'old')"))
    return engine.begin  # type: ignore[return-value]  # its context manager gives the connection


def cart(*columns: Column[Any] | Index) -> MetaData:
    tables = MetaData()
    Table("cart", tables, Column("id", Text, primary_key=True), *columns)
    return tables


NAME = ("name", Text)


def test_columns_get_the_default_of_the_code_and_indexes_are_made(small: Any) -> None:
    wanted = cart(
        Column(*NAME, nullable=False), Column("place", Text), Column("maker", Text, nullable=False, default="it's"),
        Column("count", Integer, nullable=False, default=7), Index("cart_place", "place"),
    )  # fmt: skip
    for _ in range(2):
        with small() as conn:
            bring_up_to_date(conn, wanted)
            assert conn.execute(text("SELECT * FROM cart")).all() == [("1", "old", None, "it's", 7)]
            indexes = conn.execute(text("SELECT name FROM sqlite_master WHERE type='index' AND sql IS NOT NULL"))
            assert indexes.scalars().all() == ["cart_place"]


def test_steps_run_once_each_and_in_order(small: Any) -> None:
    def rename(conn: Connection) -> None:
        conn.execute(text("ALTER TABLE cart RENAME COLUMN name TO title"))

    def upper(conn: Connection) -> None:
        conn.execute(text("UPDATE cart SET title = upper(title) || '!'"))

    wanted = cart(Column("title", Text, nullable=False))
    for steps in ((rename,), (rename, upper), (rename, upper)):
        with small() as conn:
            bring_up_to_date(conn, wanted, steps)
    with small() as conn:
        assert conn.execute(text("SELECT title FROM cart")).scalar_one() == "OLD!"
        with pytest.raises(SchemaNewer) as refused:
            bring_up_to_date(conn, wanted, (rename,))
    assert (refused.value.has, refused.value.known) == (2, 1)


@pytest.mark.parametrize(
    ("column", "place"),
    [
        (Column("must", Text, nullable=False), "cart.must"),
        (Column("one", Text, unique=True), "cart.one"),
        (None, "cart.name"),
    ],
)
def test_what_cannot_be_added_by_itself_is_named_and_nothing_is_changed(
    small: Any, column: Column[Any] | None, place: str
) -> None:
    kept = (Column(*NAME, nullable=False), Column("more", Text), column) if column is not None else ()
    with pytest.raises(SchemaUnusable) as refused, small() as conn:
        bring_up_to_date(conn, cart(*kept))
    assert refused.value.place == place
    with small() as conn:
        assert [row[1] for row in conn.execute(text("PRAGMA table_info(cart)"))] == ["id", "name"]


async def test_the_hub_says_in_one_line_that_its_folder_is_a_newer_ones(tmp_path: Path) -> None:
    path = as_it_was(tmp_path)
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version = 999")
    with pytest.raises(SchemaNewer) as refused:
        async with Hub(tmp_path):
            pass
    assert "999" in str(refused.value)
    assert "interrupted" not in {row[1] for row in schema_of(path)["recording"]}
