"""ANALYZE and what the planner makes of it: estimates near the truth, cheap orders and accesses; EXPLAIN ANALYZE tells what was."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable

import pytest

from engine.base.errors import ProgrammingError
from engine.catalog.statistics import summarise
from engine.sql.session import Session

NewSession = Callable[[], Session]
ROWS = 3000


@pytest.fixture
def db(session: Session) -> Session:
    rng = random.Random(2)
    session.execute(
        "CREATE TABLE big (id INTEGER PRIMARY KEY, kind TEXT, n INTEGER, day DATE, small INTEGER, rare INTEGER)"
    )
    rows = [
        (
            i, rng.choice(["a"] * 80 + ["b"] * 15 + ["c"] * 5), int(rng.expovariate(0.01)),
            datetime.date(2020, 1, 1) + datetime.timedelta(days=i // 10), i % 20, i if i % 100 == 0 else None,
        )
        for i in range(ROWS)
    ]  # fmt: skip
    session.executemany("INSERT INTO big VALUES (?, ?, ?, ?, ?, ?)", rows)
    session.execute("CREATE TABLE small (id INTEGER PRIMARY KEY, name TEXT)")
    session.executemany("INSERT INTO small VALUES (?, ?)", [(i, f"s{i}") for i in range(20)])
    session.execute("CREATE TABLE middle (big INTEGER, small INTEGER)")
    session.executemany("INSERT INTO middle VALUES (?, ?)", [(rng.randrange(ROWS), i % 20) for i in range(300)])
    session.execute("ANALYZE")
    return session


def plan(db: Session, sql: str) -> list[tuple[str, str, int]]:
    return [(row[0].strip(), row[1], row[2]) for row in db.execute("EXPLAIN " + sql)]


@pytest.mark.parametrize(
    "where",
    [
        "kind = 'a'", "kind = 'c'", "kind = 'nope'", "kind <> 'a'", "n < 50", "n >= 300", "n BETWEEN 20 AND 40", "n > 5000", "n = 3",
        "small = 3", "small IN (1, 2, 3)", "small NOT IN (1, 2)", "rare IS NULL", "rare IS NOT NULL", "rare > 1500",
        "day < '2020-03-01'", "day >= DATE '2020-10-01' AND small < 10", "kind = 'b' OR kind = 'c'", "NOT small = 3", "id = 77",
        "kind > 'a'", "id <= 150",
    ],
)  # fmt: skip
def test_estimates_are_near_the_truth(db: Session, where: str) -> None:
    (operation, _, estimate), *_ = plan(db, f"SELECT id, n FROM big WHERE {where}")
    ((actual,),) = db.execute(f"SELECT count(*) FROM big WHERE {where}").fetchall()
    assert estimate <= 2 * actual + 30 and actual <= 2 * estimate + 30, (operation, estimate, actual)


def test_joins_and_groups(db: Session) -> None:
    (_, _, groups), *_ = plan(db, "SELECT kind, small, count(*) FROM big GROUP BY kind, small")
    assert groups == 60
    found = plan(db, "SELECT * FROM big JOIN small ON small.id = big.small")
    assert 2900 <= found[0][2] <= 3100
    found = plan(
        db, "SELECT * FROM middle m JOIN big ON big.id = m.big JOIN small ON small.id = m.small WHERE big.kind = 'c'"
    )
    assert 5 <= found[0][2] <= 40


def test_an_index_is_used_for_rare_values_only(db: Session) -> None:
    db.execute("CREATE INDEX big_kind ON big (kind)")
    db.execute("CREATE INDEX big_n ON big (n)")
    db.execute("CREATE INDEX big_twice ON big (small * 2)")
    db.execute("ANALYZE big")
    assert plan(db, "SELECT * FROM big WHERE kind = 'c'")[0][0] == "index big_kind range"
    assert plan(db, "SELECT * FROM big WHERE kind = 'a'")[0][0] == "scan"
    assert plan(db, "SELECT * FROM big WHERE n > 400")[0][0] == "index big_n range"
    assert plan(db, "SELECT * FROM big WHERE n > 10")[0][0] == "scan"
    assert plan(db, "SELECT * FROM big WHERE small * 2 = 8")[0][::2] == ("index big_twice range", 150)
    for low in (10, 400, 10):  # the plan of the first literal serves others as well
        expected = sum(1 for (n,) in db.execute("SELECT n FROM big") if n > low)
        assert len(db.execute(f"SELECT * FROM big WHERE n > {low}").fetchall()) == expected


def test_the_order_of_joins_follows_the_sizes(db: Session) -> None:
    """However it is written, the rare rows come first and the large table is not hashed for them."""
    tables = ["big b", "middle m", "small s"]
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]):
        sql = f"SELECT count(*) FROM {', '.join(tables[i] for i in order)} WHERE b.id = m.big AND s.id = m.small AND s.name = 's3'"
        shown = plan(db, sql)
        assert db.execute(sql).fetchall() == [(15,)]
        assert ("key lookup", "big b; id = big", 1) in shown, shown


def test_sizes_follow_writes(db: Session) -> None:
    db.execute("DELETE FROM small")
    for _ in range(10):
        sizes = plan(db, "SELECT * FROM small")[0][2]
    assert sizes == 1
    db.executemany("INSERT INTO big (kind, n, day) VALUES ('z', ?, '2030-01-01')", [(i,) for i in range(ROWS)])
    db.shared.forget_sizes()
    assert plan(db, "SELECT * FROM big")[0][2] == 2 * ROWS
    (_, _, later), *_ = plan(db, "SELECT * FROM big WHERE day > '2025-01-01'")
    assert ROWS / 2 <= later <= 2 * ROWS  # rows that came since are taken to be the latest


def test_statistics_are_part_of_the_catalog(new_session: NewSession) -> None:
    one, two = new_session(), new_session()
    one.execute("CREATE TABLE t (a INTEGER, b TEXT)")
    one.executemany("INSERT INTO t VALUES (?, ?)", [(i % 3, "x" * 500) for i in range(30)])
    one.execute("BEGIN")
    one.execute("ANALYZE t")
    assert "t" in one.schema().statistics and "t" not in two.schema().statistics
    one.execute("COMMIT")
    statistics = two.schema().statistics["t"]
    assert statistics.rows == 30 and statistics.columns["a"].distinct == 3
    assert two.execute("SELECT column_name, rows, distinct_values, most_common FROM sys.statistics").fetchall()[0] == (
        "a", 30, 3.0, "0: 0.333, 1: 0.333, 2: 0.333",
    )  # fmt: skip
    assert dict(statistics.columns["a"].common) == pytest.approx({0: 1 / 3, 1: 1 / 3, 2: 1 / 3})
    two.execute("ALTER TABLE t RENAME TO u")
    assert one.schema().statistics.keys() == {"u"}
    two.execute("DROP TABLE u")
    assert one.schema().statistics == {}
    with pytest.raises(ProgrammingError, match="no such table: nope"):
        one.execute("ANALYZE nope")
    one.execute("ANALYZE")


def test_summaries_of_samples() -> None:
    rng = random.Random(1)
    for distinct in (1, 7, 500, 20_000):
        sample = [rng.randrange(distinct) for _ in range(5000)]
        found = summarise(sample, 100_000)  # type: ignore[arg-type]
        assert distinct / 2 <= found.distinct <= distinct * 2
        below = found.below(distinct / 4, True)
        assert distinct == 1 or (below is not None and abs(below - 0.25) < 0.06)
        assert found.below("text", True) is None
    unique = summarise([f"k{i}" for i in range(1000)], 50_000)
    assert unique.distinct == 50_000 and unique.equal("k5") == pytest.approx(1 / 50_000, rel=0.1)
    assert summarise([None] * 10, 10).nulls == 1.0 and summarise([], 0).distinct == 0.0


def test_explain_analyze_counts_rows_and_runs(db: Session) -> None:
    result = db.execute(
        "EXPLAIN ANALYZE SELECT count(*) FROM small s JOIN big b ON b.id = s.id WHERE EXISTS (SELECT 1 FROM middle m WHERE m.small = s.id)"
    )
    assert result.columns[:7] == ("operation", "detail", "rows", "actual_rows", "loops", "ms", "gear")
    assert result.columns[7:10] == ("pages", "reads", "dirtied")
    nodes = result.fetchall()
    rows = {row[0].strip(): row for row in nodes}
    assert rows["aggregate"][3:5] == (1, 1)
    assert rows["key lookup"][3:5] == (20, 20)
    assert rows["hash lookup"][4] == 20 and rows["exists subquery"][3] == 20
    assert all(row[5] >= 0 for row in rows.values())
    ((detail, actual, loops),) = [
        row[1:5:1][0:1] + row[3:5]
        for row in db.execute("EXPLAIN ANALYZE UPDATE big SET n = 0 WHERE id < 10")
        if row[0] == "update"
    ]
    assert (detail, actual, loops) == ("big", 10, 1)
    assert db.execute("SELECT sum(n) FROM big WHERE id < 10").fetchall() == [(0,)]
    own = result.columns.index("own_pages")
    assert sum(row[own] for row in nodes if row[0] != "planning") == nodes[0][7], (
        "what the nodes visited themselves is what the whole visited"
    )
    before = db.execute("SELECT count(*) FROM small").fetchall()
    db.execute("EXPLAIN DELETE FROM small")
    assert db.execute("SELECT count(*) FROM small").fetchall() == before
