"""UPDATE and DELETE of many rows: run by run, by ranges of keys, while a transaction outgrows the memtable; against sqlite3."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

import engine
from engine.sql import change_rows

TABLES = (
    "CREATE TABLE plain (a INTEGER, b TEXT)",
    "CREATE TABLE numbered (id INTEGER PRIMARY KEY, a INTEGER, b TEXT)",
    "CREATE TABLE pair (x INTEGER, y TEXT, a INTEGER, b TEXT, PRIMARY KEY (x, y))",
    "CREATE TABLE named (n TEXT PRIMARY KEY, a INTEGER, b TEXT)",
    "CREATE TABLE indexed (id INTEGER PRIMARY KEY, a INTEGER, b TEXT)",
    "CREATE INDEX by_a ON indexed (a)",
)
ROWS = 3000
NAMES = ("plain", "numbered", "pair", "named", "indexed")


@pytest.fixture(
    params=[(1 << 26, "row"), (1 << 18, "row"), (1 << 26, "column"), (1 << 18, "column")],
    ids=["in memory", "flushed", "columns, in memory", "columns, flushed"],
)
def both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, sqlite3.Connection]]:
    """The same tables here and in sqlite3; short ranges are deleted as such."""
    monkeypatch.setattr(change_rows, "RANGE_MIN", 5)
    other = sqlite3.connect(":memory:", isolation_level=None)
    with engine.open(":memory:", memtable_bytes=request.param[0]) as db:
        db.session.shared.set_gear(request.param[1])
        for sql in TABLES:
            db.execute(sql)
            other.execute(sql + (" WITHOUT ROWID" if "PRIMARY KEY (" in sql or "TEXT PRIMARY KEY" in sql else ""))
        for name in NAMES:
            rows = [values(name, i) for i in range(ROWS)]
            places = ", ".join("?" * len(rows[0]))
            db.executemany(f"INSERT INTO {name} VALUES ({places})", rows)
            other.executemany(f"INSERT INTO {name} VALUES ({places})", rows)
        yield db, other
        assert db.check() == []
    other.close()


def values(name: str, i: int) -> tuple[Any, ...]:
    rest = (i * 7919 % 500, f"text {i % 40}")
    return {"plain": (), "pair": (i // 10, f"k{i % 10}"), "named": (f"n{i:05}",)}.get(name, (i,)) + rest


def compare(db: Any, other: sqlite3.Connection) -> None:
    for name in NAMES:
        order = "rowid" if name == "plain" else "1, 2"
        sql = f"SELECT * FROM {name} ORDER BY {order}"
        assert db.execute(sql).fetchall() == other.execute(sql).fetchall(), name


def statement(chance: random.Random, name: str) -> tuple[str, tuple[Any, ...]]:
    """One that changes many rows of a table, found by a range of its key, of `a`, or by neither."""
    key = {"plain": "rowid", "pair": "x", "named": "n"}.get(name, "id")
    low = chance.randrange(ROWS)
    high = low + chance.choice([3, 30, 300])
    a, b = (
        (low // 10, high // 10) if name == "pair" else (f"n{low:05}", f"n{high:05}") if name == "named" else (low, high)
    )
    shown: tuple[str, ...] = (repr(a), repr(b))
    given: tuple[Any, ...] = ()
    if chance.random() < 0.5:
        shown, given = ("?", "?"), (a, b)
    less = chance.choice(["<", "<="])
    where = chance.choice(
        [
            f"{key} >= {shown[0]} AND {key} {less} {shown[1]}",
            f"{key} BETWEEN {shown[0]} AND {shown[1]}",
            f"{key} > {shown[0]} AND {key} {less} {shown[1]} AND b <> 'text 7'",
            f"a >= {low % 500} AND {key} > {shown[0]} AND {key} < {shown[1]}",
        ]
    )
    if name == "pair" and chance.random() < 0.4:
        where, given = "x = ? AND y >= ?", (low // 10, f"k{chance.randrange(10)}")
    change = chance.choice(["DELETE FROM {}", "UPDATE {} SET a = a + 1", "UPDATE {} SET b = b || '!', a = a + 40"])
    return f"{change.format(name)} WHERE {where}", given


@pytest.mark.parametrize("seed", range(3))
def test_many_rows_change_as_in_sqlite(both: tuple[Any, sqlite3.Connection], seed: int) -> None:
    db, other = both
    chance = random.Random(seed)
    for turn in range(40):
        together = turn % 4 == 3
        if together:
            db.execute("BEGIN")
            other.execute("BEGIN")
        for _ in range(4):
            sql, given = statement(chance, chance.choice(NAMES))
            assert db.execute(sql, given).rowcount == other.execute(sql, given).rowcount, (seed, sql, given)
        if together:
            end = chance.choice(["COMMIT", "ROLLBACK"])
            db.execute(end)
            other.execute(end)
        compare(db, other)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE indexed SET a = a + 1 WHERE a >= 0",  # no row is met again in the index it moves forward in
        "UPDATE indexed SET id = id + 1 WHERE id >= 100",  # keys that shift into places just left
        "UPDATE numbered SET a = (SELECT count(*) FROM numbered AS n WHERE n.a < 250)",  # a query sees the state before
        "DELETE FROM numbered WHERE a > (SELECT avg(n.a) FROM numbered AS n)",
        "DELETE FROM named",
        "UPDATE pair SET b = upper(b)",
    ],
)
def test_no_statement_sees_what_it_does(both: tuple[Any, sqlite3.Connection], sql: str) -> None:
    db, other = both
    assert db.execute(sql).rowcount == other.execute(sql.replace("id = id + 1", "id = -id - 1")).rowcount
    other.execute("UPDATE indexed SET id = -id WHERE id < 0")
    compare(db, other)


def test_returning_gives_all_runs(both: tuple[Any, sqlite3.Connection]) -> None:
    db, other = both
    for sql in ("UPDATE indexed SET a = a + 1 RETURNING id, a", "DELETE FROM numbered WHERE id >= 9 RETURNING id"):
        assert sorted(db.execute(sql).fetchall()) == sorted(other.execute(sql).fetchall())
    compare(db, other)


def test_a_run_that_is_refused_takes_the_others_back(both: tuple[Any, sqlite3.Connection]) -> None:
    db, _ = both
    db.execute("CREATE TABLE c (id INTEGER PRIMARY KEY, a INTEGER CHECK (a < 2000))")
    db.execute("INSERT INTO c SELECT id, id FROM numbered WHERE id < 1990")
    with pytest.raises(engine.IntegrityError, match="CHECK"):
        db.execute("UPDATE c SET a = a + 50")
    assert db.execute("SELECT count(*), sum(a - id) FROM c").fetchone() == (1990, 0)


@pytest.mark.parametrize("bound", [99.5, None, "x", True], ids=repr)
def test_a_bound_of_another_type_deletes_what_the_condition_says(bound: Any) -> None:
    with engine.open() as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(300)])
        wanted = db.execute("SELECT count(*) FROM t WHERE id > 150 OR id < 150").fetchone()[0]
        try:
            met = db.execute("SELECT count(*) FROM t WHERE id < ?", (bound,)).fetchone()[0]
        except engine.Error as refused:
            with pytest.raises(type(refused)):
                db.execute("DELETE FROM t WHERE id < ?", (bound,))
            met = 0
        else:
            assert db.execute("DELETE FROM t WHERE id < ?", (bound,)).rowcount == met
        assert db.execute("SELECT count(*) FROM t").fetchone()[0] == wanted + 1 - met


REFUSED = [
    "UPDATE n SET a = nullif(a, 250)",
    "UPDATE n SET r = nullif(r, 250.5)",
    "UPDATE n SET r = 1e308 * (id - 249) * 10 - 1e308 * (id - 249) * 10",  # infinity less infinity is no number
    "UPDATE n SET a = 9223372036854775807 - 250 + id",
    "UPDATE n SET d = d + 3000000 * (id / 250)",
    "UPDATE n SET a = CAST(substr(t, 1, 1) AS INTEGER) WHERE id > 5",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_a_refused_change_is_refused_in_both_gears_and_leaves_nothing(sql: str) -> None:
    errors = []
    for gear in ("row", "column"):
        with engine.open() as db:
            db.execute(
                "CREATE TABLE n (id INTEGER PRIMARY KEY, a INTEGER NOT NULL, r REAL NOT NULL, t TEXT, d DATE DEFAULT DATE '2024-01-01')"
            )
            db.executemany(
                "INSERT INTO n (id, a, r, t) VALUES (?, ?, ?, ?)", [(i, i, i + 0.5, f"x{i}") for i in range(500)]
            )
            before = db.execute("SELECT * FROM n").fetchall()
            db.session.shared.set_gear(gear)
            with pytest.raises(engine.Error) as refused:
                db.execute(sql)
            errors.append((type(refused.value), str(refused.value)))
            assert db.execute("SELECT * FROM n").fetchall() == before
            assert db.check() == []
    assert errors[0] == errors[1]


def test_explain_says_in_which_gear_rows_are_changed() -> None:
    with engine.open() as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER)")
        db.executemany("INSERT INTO t VALUES (?, ?)", ((i, i) for i in range(5000)))
        for sql, gear in (
            ("UPDATE t SET a = a + 1", "column"),
            ("UPDATE t SET a = a + 1 WHERE id = 7", "row"),
            ("UPDATE t SET a = a + 1 RETURNING a", "row"),
            ("DELETE FROM t WHERE a % 2 = 0", "column"),
        ):
            result = db.execute(f"EXPLAIN {sql}")
            (_, scan) = list(result)
            assert scan[result.columns.index("gear")] == gear, sql
