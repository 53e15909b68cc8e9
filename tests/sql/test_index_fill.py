"""CREATE INDEX on a table that has rows: in one run or several, whatever its columns are."""

from __future__ import annotations

import random
from typing import Any

import pytest

import engine

INDEXES = [
    "CREATE INDEX i ON t (k)",
    "CREATE INDEX i ON t (a, k DESC)",
    "CREATE INDEX i ON t (k, a NULLS LAST)",
    "CREATE INDEX i ON t (id)",
    "CREATE UNIQUE INDEX i ON t (u)",
    "CREATE UNIQUE INDEX i ON t (n, u)",
    "CREATE INDEX i ON t (length(a), k)",
    "CREATE UNIQUE INDEX i ON t (u) WHERE k > 3",
    "CREATE INDEX i ON t (a COLLATE NOCASE)",
]


def made(count: int, **options: Any) -> engine.Database:
    rnd = random.Random(count)
    db = engine.open(**options)
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, a TEXT, u INTEGER, n INTEGER)")
    unique = rnd.sample(range(-count, 10 * count), count)
    db.executemany(
        "INSERT INTO t VALUES (?, ?, ?, ?, ?)",
        (
            (
                i,
                rnd.choice([None, *range(9)]),
                rnd.choice([None, "", "Text", "text " * rnd.randrange(9)]),
                unique[i],
                None,
            )
            for i in range(count)
        ),
    )
    return db


@pytest.mark.parametrize("sql", INDEXES)
@pytest.mark.parametrize("options", [{}, {"query_memory": 1 << 16, "memtable_bytes": 1 << 18}], ids=["one run", "many"])
def test_an_index_has_the_rows_of_its_table(sql: str, options: dict[str, Any]) -> None:
    for count in (0, 1, 300, 3000):
        with made(count, **options) as db:
            db.execute(sql)
            assert db.check() == []  # every row's entry is there, and no other


@pytest.mark.parametrize("options", [{}, {"query_memory": 1 << 16, "memtable_bytes": 1 << 18}], ids=["one run", "many"])
@pytest.mark.parametrize("twin", [(2998, 2999), (0, 2999)], ids=["near", "far"])
def test_equal_rows_refuse_a_unique_index(options: dict[str, Any], twin: tuple[int, int]) -> None:
    with made(3000, **options) as db:
        db.execute("UPDATE t SET u = (SELECT u FROM t WHERE id = ?) WHERE id = ?", twin)
        with pytest.raises(engine.IntegrityError, match=r"t\.u \(the table holds equal rows\)"):
            db.execute("CREATE UNIQUE INDEX i ON t (u)")
        assert db.execute("SELECT count(*) FROM sys.indexes").fetchone() == (0,)
        db.execute("CREATE INDEX i ON t (u)")
        assert db.check() == []


def test_a_refused_index_leaves_the_transaction_open() -> None:
    with made(300) as db:
        db.execute("BEGIN")
        db.execute("INSERT INTO t VALUES (900, 1, 'a', 5000, 1)")
        with pytest.raises(engine.IntegrityError):
            db.execute("CREATE UNIQUE INDEX i ON t (k)")
        db.execute("COMMIT")
        assert db.execute("SELECT a FROM t WHERE id = 900").fetchone() == ("a",)
        assert db.check() == []
