"""Result.arrow_batches: rows leave as record batches, as they are computed."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest

import engine

pytest.importorskip("pyarrow.compute")  # the column gear runs where it costs no import any more
COUNT = 30_000


@pytest.fixture(scope="module")
def db() -> Iterator[engine.Database]:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, amount REAL, day DATE)")
        day = datetime.date(2024, 1, 1)
        rows = ((i, f"n{i % 7}" if i % 5 else None, i / 4, day + datetime.timedelta(i % 365)) for i in range(COUNT))
        db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        yield db


@pytest.mark.parametrize(
    "sql",
    ["SELECT * FROM t", "SELECT id, amount * 2 FROM t WHERE name = 'n3'", "SELECT * FROM t ORDER BY amount DESC, id"],
)
def test_batches_hold_the_rows(db: engine.Database, sql: str) -> None:
    rows = db.execute(sql).fetchall()
    found = db.execute(sql).arrow_batches()
    assert found is not None
    batches = list(found)
    assert [tuple(row.values()) for batch in batches for row in batch.to_pylist()] == rows
    assert batches[0].schema.names == list(db.execute(sql).columns)


def test_the_first_batch_comes_before_the_last_row_is_read(db: engine.Database) -> None:
    result = db.execute("SELECT * FROM t")
    batches = result.arrow_batches()
    assert batches is not None
    assert 0 < next(batches).num_rows < COUNT
    assert not result.finished
    batches.close()
    assert result.finished
    assert db.execute("SELECT count(*) FROM t").fetchone() == (COUNT,)  # and the session goes on


@pytest.mark.parametrize(
    "sql", ["SELECT 1", "SELECT name FROM t WHERE id = 7", "SELECT CASE WHEN id > 5 THEN 'a' ELSE 1 END FROM t"]
)
def test_none_where_rows_are_computed_one_by_one_or_of_several_types(db: engine.Database, sql: str) -> None:
    try:
        result = db.execute(sql)
    except engine.Error:
        return  # types that do not mix are refused
    if result.arrow_batches() is None:
        assert result.fetchall()


def test_none_when_rows_were_fetched(db: engine.Database) -> None:
    result = db.execute("SELECT id FROM t")
    assert result.fetchone() == (0,)
    assert result.arrow_batches() is None
    assert len(result.fetchall()) == COUNT - 1


def test_an_interrupt_ends_it(db: engine.Database) -> None:
    result = db.execute("SELECT * FROM t")
    batches = result.arrow_batches()
    assert batches is not None
    next(batches)
    db.interrupt()
    with pytest.raises(engine.StatementInterrupted):
        list(batches)
    assert db.execute("SELECT 1").fetchone() == (1,)


def test_what_is_in_sys(db: engine.Database) -> None:
    names = {row[0] for row in db.execute("SELECT table_name FROM sys.system_columns")}
    assert {"sys.tables", "sys.columns", "sys.system_columns"} <= names
