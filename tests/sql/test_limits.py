"""Limits: what is beyond is refused, quickly and with a LimitError; what is within works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import engine
from engine.base.errors import LimitError, ParseError, StatementInterrupted

ENDLESS = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def db() -> Iterator[Any]:
    with engine.open(":memory:") as database:
        database.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        database.executemany("INSERT INTO t VALUES (?, ?)", [(i, str(i)) for i in range(100)])
        yield database


def test_large_statements_work(db: Any) -> None:
    def one(sql: str) -> Any:
        return db.execute(sql).fetchone()

    assert one(f"SELECT count(*) FROM t WHERE a IN ({', '.join(map(str, range(10_000)))})") == (100,)
    assert one(f"SELECT a FROM t WHERE {' OR '.join(f'a = {i}' for i in range(99, 9_000))}") == (99,)
    joins = " ".join(f"JOIN t AS t{i} ON t{i}.a = t{i - 1}.a" for i in range(1, 64))
    assert one(f"SELECT count(*) FROM t AS t0 {joins}") == (100,)
    db.execute(f"CREATE TABLE wide ({', '.join(f'c{i} INTEGER' for i in range(1000))})")
    db.execute(f"INSERT INTO wide VALUES ({', '.join(map(str, range(1000)))})")
    assert one("SELECT * FROM wide") == tuple(range(1000))
    assert one(f"SELECT {'(' * 150}1{')' * 150}") == (1,)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 1_000_000 + "1" + ")" * 1_000_000,
        "SELECT " + "(" * 1_000_000,
        "SELECT " + "NOT " * 1_000 + "1",
        "SELECT " + "+".join("1" * 2_000),
        f"SELECT 1 IN ({', '.join('1' * 60_000)})",
        "SELECT 1 FROM " + ", ".join(f"t AS t{i}" for i in range(101)),
        f"CREATE TABLE w ({', '.join(f'c{i} INTEGER' for i in range(2001))})",
        f"SELECT b LIKE '{'%a' * 30_000}' FROM t",
        "SELECT '" + "x" * 10_000_000 + "'",
    ],
    ids=lambda sql: sql[:24],
)
def test_what_is_too_much_is_refused(db: Any, sql: str) -> None:
    with pytest.raises(LimitError):
        db.execute(sql).fetchall()


def test_nesting_is_an_error_of_the_text(db: Any) -> None:
    with pytest.raises(ParseError, match="nested too deeply") as caught:
        db.execute("SELECT " + "(" * 300)
    assert caught.value.column == 208


def test_time() -> None:
    with engine.open(":memory:", query_seconds=0.1) as db:
        db.execute("CREATE TABLE t (a INTEGER)")
        with pytest.raises(LimitError, match=r"query_seconds = 0\.1"):
            db.execute(ENDLESS).fetchall()
        with pytest.raises(LimitError, match="query_seconds"):
            db.execute("INSERT INTO t " + ENDLESS)
        rows = db.execute("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n")
        with pytest.raises(LimitError, match="query_seconds"):
            for _ in rows:
                pass
        assert db.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
        with pytest.raises(StatementInterrupted):
            for _ in db.execute("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"):
                db.interrupt()


@pytest.mark.parametrize("gear", ["row", "column"])
def test_rows(gear: str) -> None:
    with engine.open(":memory:", query_rows=1000) as db:
        db.execute("CREATE TABLE t (a INTEGER)")
        db.session.shared.set_gear(gear)
        db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(1000)])
        assert len(db.execute("SELECT * FROM t").fetchall()) == 1000
        db.execute("INSERT INTO t VALUES (1)")
        for sql in ("SELECT * FROM t", "SELECT * FROM t ORDER BY a", "SELECT a + 1 FROM t WHERE a >= 0"):
            with pytest.raises(LimitError, match="more than query_rows = 1,000 rows"):
                db.execute(sql).fetchall()
            with pytest.raises(LimitError):
                db.execute(sql).to_arrow()
        assert db.execute("SELECT count(*) FROM t").fetchall() == [(1001,)]


def test_length() -> None:
    with engine.open(":memory:", statement_length=100) as db, pytest.raises(LimitError, match="at most 100 characters"):
        db.execute("SELECT '" + "x" * 100 + "'")
