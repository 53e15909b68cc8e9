"""Queries over more data than query_memory allows: the same rows as with all memory, through temporary files that go away."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.base.errors import LimitError

ROWS = 30_000
MEMORY = 1 << 16
QUERIES = [
    ("SELECT * FROM t ORDER BY s DESC, k", "sort"),
    ("SELECT * FROM t ORDER BY r NULLS LAST, s", "sort"),
    ("SELECT id FROM t ORDER BY k", "sort"),  # equal keys stay in the order in which they came
    ("SELECT s, id FROM t ORDER BY s, id LIMIT 20000 OFFSET 3", "sort"),
    ("SELECT k, count(*), sum(id), min(s), count(DISTINCT r) FROM t GROUP BY k", "group"),
    ("SELECT s, k, max(id) FROM t GROUP BY s, k", "group"),
    ("SELECT DISTINCT s, k % 7 FROM t", "distinct"),
    ("SELECT s FROM t UNION SELECT s || 'x' FROM t", "union"),
    ("SELECT s FROM t INTERSECT SELECT s FROM u", "intersect"),
    ("SELECT s, k FROM t EXCEPT SELECT s, k FROM u", "except"),
    ("SELECT id, sum(id) OVER (PARTITION BY k ORDER BY id), lag(s) OVER (PARTITION BY k ORDER BY id) FROM t", "window"),
    ("SELECT t.id, u.v FROM t JOIN u ON t.k = u.k", "inner hash join"),
    ("SELECT t.id, u.v FROM t JOIN u ON t.k = u.v", "inner hash join"),  # INTEGER against REAL
    ("SELECT t.id, u.v FROM t LEFT JOIN u ON t.k = u.k AND u.v > 1000", "left hash join"),
    ("SELECT t.id, u.v FROM t FULL JOIN u ON t.k = u.k AND t.s = u.s", "full hash join"),
    ("SELECT s, count(*) FROM t WHERE k < 9000 GROUP BY s ORDER BY 2 DESC, 1 LIMIT 5", "group"),
]


def fill(db: Any) -> None:
    rng = random.Random(7)

    def text() -> str | None:
        return None if rng.random() < 0.1 else f"s{rng.randint(0, 5000)}" * rng.randint(1, 3)

    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, s TEXT, r REAL)")
    rows = [
        (i, rng.choice([None, rng.randint(0, 9000)]), text(), rng.choice([0.0, -0.0, rng.random()]))
        for i in range(ROWS)
    ]
    db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
    db.execute("CREATE TABLE u (k INTEGER, v REAL, s TEXT)")
    db.executemany(
        "INSERT INTO u VALUES (?, ?, ?)", [(rng.randint(0, 12000), float(i), text()) for i in range(ROWS // 2)]
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("spill")
    with (
        engine.open(str(folder / "db.ank"), synchronous="off", query_memory=MEMORY) as small,
        engine.open(":memory:") as large,
    ):
        for db in (small, large):
            fill(db)
            db.session.shared.set_gear("column")
        yield folder, small, large


@pytest.mark.parametrize(("sql", "node"), QUERIES)
def test_the_rows_are_the_same(both: Any, sql: str, node: str) -> None:
    folder, small, large = both
    found, wanted = small.execute(sql).fetchall(), large.execute(sql).fetchall()
    if "ORDER BY" in sql.rpartition(")")[2]:
        assert found == wanted
    assert sorted(found, key=repr) == sorted(wanted, key=repr)
    spilled = [row[0].strip() for row in small.execute(f"EXPLAIN ANALYZE {sql}") if "spilled" in row[1]]
    assert node in spilled
    assert not any("spilled" in row[1] for row in large.execute(f"EXPLAIN ANALYZE {sql}"))
    assert not [name for name in os.listdir(folder) if "spill" in name]


def test_a_query_left_alone_leaves_nothing(both: Any) -> None:
    folder, small, _ = both
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for _ in range(3):
        rows = small.execute("SELECT * FROM t ORDER BY s, id")
        assert rows.fetchone() is not None
        rows.close()
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert not [name for name in os.listdir(folder) if "spill" in name]


def test_many_equal_keys(both: Any) -> None:
    """Parts that no hash makes smaller are done in memory."""
    _, small, large = both
    sql = "SELECT k IS NULL, count(s), sum(id), count(DISTINCT s) FROM t GROUP BY 1"
    assert sorted(small.execute(sql)) == sorted(large.execute(sql))


def test_a_window_over_all_rows_says_what_to_do(both: Any) -> None:
    _, small, _ = both
    with pytest.raises(LimitError, match=r"PARTITION BY, or open the database with a larger query_memory"):
        small.execute("SELECT id, sum(id) OVER (ORDER BY id) FROM t").fetchall()
