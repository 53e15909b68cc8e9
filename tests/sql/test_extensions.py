"""CREATE TABLE AS, frames as tables, Python functions, and what results become."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

import engine
from engine.base.errors import (
    DataError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)


@pytest.fixture
def db() -> Iterator[Any]:
    with engine.open(":memory:") as database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, r REAL, d DATE)")
        rows = [(i, None if i % 5 == 0 else f"x{i % 3}", i / 4, datetime.date(2024, 1, 1 + i % 9)) for i in range(3000)]
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        yield database


def test_create_table_as(db: Any) -> None:
    assert db.execute('CREATE TABLE u AS SELECT a, r AS "the r", d, count(*) AS n FROM t GROUP BY 1, 2, 3').rowcount > 0
    columns = db.execute("SELECT name, type FROM sys.columns WHERE table_name = 'u'").fetchall()
    assert columns == [("a", "TEXT"), ("the r", "REAL"), ("d", "DATE"), ("n", "INTEGER")]
    assert db.execute("SELECT sum(n) FROM u").fetchall() == [(3000,)]
    assert db.execute("CREATE TABLE IF NOT EXISTS u AS SELECT 1 AS x").rowcount == 0
    assert db.execute("CREATE TABLE p AS SELECT id, ? AS v FROM t WHERE id < ?", ("text", 5)).rowcount == 5
    assert list(db.execute("SELECT DISTINCT v FROM p")) == [("text",)]
    assert db.execute("CREATE TABLE z AS SELECT NULL AS n WHERE 1 = 0").rowcount == 0
    for wrong in (
        "SELECT 1 AS x, 2 AS X",
        "SELECT CASE WHEN id = 1 THEN 1 ELSE 'x' END AS m FROM t",
        "SELECT * FROM nowhere",
    ):
        with pytest.raises(ProgrammingError):
            db.execute(f"CREATE TABLE w AS {wrong}")
        assert db.execute("SELECT count(*) FROM sys.tables WHERE name = 'w'").fetchall() == [(0,)]
    with pytest.raises(ProgrammingError):
        db.execute("CREATE TABLE u AS SELECT 1 AS x")
    with pytest.raises(NotSupportedError):
        db.execute("CREATE TEMPORARY TABLE w AS SELECT 1 AS x")
    with db.begin() as txn:
        txn.execute("CREATE TABLE v AS SELECT * FROM t")
        with pytest.raises(DataError):
            txn.execute("CREATE TABLE w AS SELECT 9223372036854775807 + id AS x FROM t")
        txn.execute("INSERT INTO v VALUES (-1, 'y', 0, NULL)")
    assert db.execute("SELECT count(*) FROM v").fetchall() == [(3001,)]
    assert db.check() == []


def test_all_duplicates_count(db: Any) -> None:
    def rows(op: str) -> list[Any]:
        found = db.execute(
            f"SELECT * FROM (VALUES (1), (1), (1), (2), (NULL), (NULL)) {op} SELECT * FROM (VALUES (1), (1), (NULL), (3))"
        )
        return sorted((row[0] for row in found), key=repr)

    assert rows("INTERSECT ALL") == [1, 1, None]
    assert rows("EXCEPT ALL") == [1, 2, None]


def test_frames_are_tables(db: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    frame = pa.table(
        {"id": pa.array([1, 2, None], pa.int16()), "Name": ["a", None, "c"], "w": pa.array([1.5, float("nan"), 2])}
    )
    db.register("f", frame)
    assert list(db.execute("SELECT * FROM f")) == [(1, "a", 1.5), (2, None, None), (None, "c", 2.0)]
    assert list(db.execute("SELECT t.a, f.name FROM t JOIN f ON t.id = f.id ORDER BY f.id")) == [
        ("x1", "a"),
        ("x2", None),
    ]
    assert db.execute("INSERT INTO t (a, r) SELECT name, w FROM f").rowcount == 3
    db.register("f", frame.slice(0, 1))  # in its place
    assert db.execute("SELECT count(*) FROM f").fetchall() == [(1,)]
    with pytest.raises(ProgrammingError):
        db.execute("INSERT INTO f VALUES (1, 'x', 2)")
    db.register("t", frame)
    assert db.execute("SELECT count(*) FROM t").fetchone()[0] > 3000  # a stored table goes before it
    db.unregister("f")
    with pytest.raises(ProgrammingError, match="no such table"):
        db.execute("SELECT * FROM f")
    with pytest.raises(ProgrammingError):
        db.unregister("f")
    for wrong, error in (
        ([1, 2], NotSupportedError),
        (pa.table({"a": [[1]]}), NotSupportedError),
        (pa.table({"a": pa.array([2**63], pa.uint64())}), DataError),
    ):
        with pytest.raises(error):
            db.register("g", wrong)


def test_frames_of_other_libraries(db: Any) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    data = {"k": [1, 2], "s": ["x", None], "d": [datetime.datetime(2024, 1, 1), None]}
    for frame in (pandas.DataFrame(data), polars.DataFrame(data), polars.LazyFrame(data)):
        db.register("f", frame)
        assert list(db.execute("SELECT * FROM f ORDER BY k")) == [(1, "x", data["d"][0]), (2, None, None)]
    found = db.execute("SELECT id, a, d FROM t WHERE id < 7").to_polars()
    assert found.shape == (7, 3) and found["a"].to_list()[:2] == [None, "x1"]


@pytest.mark.parametrize("gear", ["row", "column"])
def test_functions(db: Any, gear: str) -> None:
    db.session.shared.set_gear(gear)
    db.create_function("twice", lambda x: None if x is None else x * 2, 1, deterministic=True)
    db.create_function("joined", lambda *parts: "/".join(map(str, parts)), result="TEXT")
    assert db.execute("SELECT twice(id), Joined(id, a) FROM t WHERE twice(id) = 10").fetchall() == [(10, "5/None")]
    assert db.execute("SELECT sum(twice(id)) FROM t").fetchall() == [(2999 * 3000,)]

    class Longest:
        def __init__(self) -> None:
            self.found = ""

        def step(self, text: str) -> None:
            self.found = max(self.found, text)

        def result(self) -> str:
            return self.found

    db.create_function("longest", Longest, 1, result="TEXT")
    assert list(db.execute("SELECT id % 2, longest(a) FROM t GROUP BY 1 ORDER BY 1")) == [(0, "x2"), (1, "x2")]
    assert db.execute("SELECT longest(a) FILTER (WHERE a < 'x2') FROM t").fetchall() == [("x1",)]
    assert db.execute("SELECT longest(a) OVER (ORDER BY id) FROM t WHERE id IN (1, 2, 3) ORDER BY id").fetchall() == [
        ("x1",), ("x2",), ("x2",)
    ]  # fmt: skip
    db.create_function("bad", lambda: 1 / 0, 0)
    with pytest.raises(OperationalError, match="the function bad raised ZeroDivisionError"):
        db.execute("SELECT bad()").fetchall()
    db.create_function("strange", lambda: object(), 0)
    with pytest.raises(DataError, match="strange"):
        db.execute("SELECT strange()").fetchall()
    with pytest.raises(ProgrammingError):
        db.execute("SELECT twice(1, 2)")
    db.create_function("twice", None)
    with pytest.raises(ProgrammingError, match="no such function"):
        db.execute("SELECT twice(1)")


def test_functions_that_cannot_be(db: Any) -> None:
    for name in ("lower", "COUNT", "coalesce", "row_number"):
        with pytest.raises(ProgrammingError):
            db.create_function(name, lambda x: x)
    for name, body, count in (
        ("a b", len, 1),
        ("", len, 1),
        ("f", 7, 1),
        ("f", len, -2),
        ("f", len, 1000),
        ("select", len, 1),
    ):
        with pytest.raises(InterfaceError):
            db.create_function(name, body, count)
    db.create_function("mine", lambda x: x, 1, deterministic=True)
    for sql in (
        "CREATE INDEX i ON t (mine(a))",
        "CREATE VIEW v AS SELECT mine(a) FROM t",
        "CREATE TABLE c (a INTEGER CHECK (mine(a) > 0))",
    ):
        with pytest.raises(ProgrammingError):  # what is stored cannot depend on them
            db.execute(sql)
