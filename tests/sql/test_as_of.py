"""AS OF CHECKPOINT: what may be written, and what it reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import engine


@pytest.fixture
def db() -> Iterator[engine.Database]:
    """Two checkpoints behind the present: rows of 'one', of 'two', of 'now'."""
    with engine.open(":memory:") as made:
        made.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
        made.executemany("INSERT INTO t VALUES (?, ?)", [(i, "one") for i in range(50)])
        made.execute("CREATE VIEW w AS SELECT v, count(*) AS n FROM t GROUP BY v")
        made.execute("CHECKPOINT first")
        made.execute("UPDATE t SET v = 'two' WHERE id < 20")
        made.execute("CREATE INDEX by_v ON t (v)")
        made.execute('CHECKPOINT "The Second"')
        made.execute("UPDATE t SET v = 'now'")
        made.execute("DROP VIEW w")
        yield made


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT DISTINCT v FROM t AS OF CHECKPOINT first", [("one",)]),
        ("SELECT count(*) FROM t AS OF CHECKPOINT \"the second\" WHERE v = 'two'", [(20,)]),
        ("SELECT x.v FROM t AS OF CHECKPOINT FIRST AS x WHERE x.id = ?", [("one",)]),
        ("SELECT x.v FROM t AS x AS OF CHECKPOINT first WHERE x.id = ?", [("one",)]),
        ("SELECT n FROM w AS OF CHECKPOINT first", [(50,)]),
        (
            "SELECT a.v, b.v FROM t AS OF CHECKPOINT first AS a JOIN t AS b ON a.id = b.id WHERE a.id = ?",
            [("one", "one")],
        ),
        ("SELECT (SELECT v FROM t AS OF CHECKPOINT first WHERE id = 3), v FROM t WHERE id = ?", [("one", "one")]),
        ("WITH c AS (SELECT * FROM t AS OF CHECKPOINT first) SELECT count(*) FROM c", [(50,)]),
        ("SELECT v FROM t WHERE id = 7", [("now",)]),
    ],
)
def test_a_statement_reads_one_state(db: engine.Database, query: str, rows: list[tuple[object, ...]]) -> None:
    parameters = (3,) if "?" in query else ()
    for _ in range(3):  # parsed, then from the cache
        assert db.execute(query, parameters).fetchall() == rows
    with db.begin() as txn:
        txn.execute("DELETE FROM t WHERE id < 10")
        if "CHECKPOINT" in query:
            assert txn.execute(query, parameters).fetchall() == rows


def test_a_result_may_be_fetched_while_its_checkpoint_is_dropped(db: engine.Database) -> None:
    result = db.execute("SELECT v FROM t AS OF CHECKPOINT first ORDER BY id")
    assert result.fetchone() == ("one",)
    db.execute("DROP CHECKPOINT first")
    for i in range(3):
        db.execute("UPDATE t SET v = ?", (str(i) * 50,))
        db.execute("CHECKPOINT")
    assert result.fetchall() == [("one",)] * 49
    with pytest.raises(engine.ProgrammingError, match="first"):
        db.execute("SELECT v FROM t AS OF CHECKPOINT first")


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT * FROM t AS OF CHECKPOINT third", engine.ProgrammingError),
        ('SELECT * FROM t AS OF CHECKPOINT first, t AS OF CHECKPOINT "the second" AS b', engine.ProgrammingError),
        ("INSERT INTO t SELECT id + 100, v FROM t AS OF CHECKPOINT first", engine.NotSupportedError),
        ("CREATE VIEW x AS SELECT * FROM t AS OF CHECKPOINT first", engine.NotSupportedError),
        ("DELETE FROM t WHERE id IN (SELECT id FROM t AS OF CHECKPOINT first)", engine.NotSupportedError),
        ("CHECKPOINT FIRST", engine.ProgrammingError),
        ("DROP CHECKPOINT third", engine.ProgrammingError),
        ("SELECT * FROM t AS OF CHECKPOINT", engine.ParseError),
        ("SELECT * FROM (SELECT 1) AS OF CHECKPOINT first", engine.ParseError),
    ],
)
def test_what_cannot_be(db: engine.Database, statement: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        db.execute(statement).fetchall()
    assert db.execute("SELECT count(*) FROM t WHERE v = 'now'").fetchone() == (50,)


def test_checkpoints_are_no_part_of_a_transaction(db: engine.Database) -> None:
    db.execute("BEGIN")
    for statement in ("CHECKPOINT third", "DROP CHECKPOINT first"):
        with pytest.raises(engine.OperationalError, match="inside a transaction"):
            db.execute(statement)
    db.execute("ROLLBACK")
    db.execute("DROP CHECKPOINT IF EXISTS third")
    assert db.execute("SELECT name FROM sys.checkpoints ORDER BY lsn").fetchall() == [("first",), ("The Second",)]


def test_explain_shows_the_plan_of_that_state(db: engine.Database) -> None:
    now, then = (
        db.execute(f"EXPLAIN SELECT id FROM t {as_of} WHERE v = 'two'").fetchall()
        for as_of in ("", "AS OF CHECKPOINT first")
    )
    assert "by_v" in str(now) and "by_v" not in str(then)
