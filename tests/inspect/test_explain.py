"""EXPLAIN ANALYZE: what nodes, planning and commit did themselves adds up to what the whole process has counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.base.counters import NAMES
from engine.inspect import probe_threads
from engine.inspect.explain import explain_model

FIELDS = {
    "pages": "visits", "reads": "misses", "dirtied": "dirtied", "latches_shared": "shared", "latches_exclusive": "exclusive",
    "waits": "contended", "wait_ns": "wait_ns", "log_records": "log_records", "log_bytes": "log_bytes", "probes": "probes",
}  # fmt: skip
STATEMENTS = {
    "point": "SELECT * FROM t WHERE a = 17",
    "index": "SELECT b FROM t WHERE c = 5 ORDER BY b DESC LIMIT 3",
    "scan": "SELECT count(*), sum(c) FROM t",
    "columns": "SELECT c, count(*), max(b) FROM t WHERE b > 'x' GROUP BY c ORDER BY 2",
    "join": "SELECT count(*) FROM t JOIN u ON u.t = t.a WHERE c < 50 AND EXISTS (SELECT 1 FROM u v WHERE v.a = u.a + 1)",
    "subquery": "SELECT a, (SELECT max(a) FROM u WHERE u.t = t.a) FROM t WHERE a < 50",
    "recursion": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT * FROM r JOIN t ON a = n",
    "insert": "INSERT INTO t VALUES (90000, 'new', 1)",
    "insert many": "INSERT INTO t SELECT a + 50000, b, c FROM t WHERE a < 900",
    "replace": "INSERT OR REPLACE INTO t SELECT a + 10, b, c FROM t WHERE a < 300",
    "update": "UPDATE t SET c = c + 1, b = (SELECT 'x' || count(*) FROM u WHERE u.t = t.a) WHERE a < 100",
    "update from": "UPDATE t SET c = u.a FROM u WHERE u.t = t.a AND u.a < 40",
    "delete": "DELETE FROM u WHERE a > 900 RETURNING a",
    "delete all": "DELETE FROM u",
    "nothing": "DELETE FROM u WHERE a < 0",
}
CHANGES = {name for name, sql in STATEMENTS.items() if not sql.startswith(("SELECT", "WITH"))}


@pytest.fixture
def db(open_db: Callable[..., Any]) -> Any:
    """Two tables with indexes and a foreign key; nothing else runs in the engine."""
    made = open_db(page_size=4096, io="sync", checkpoint_bytes=0)
    made.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c INTEGER)")
    made.execute("CREATE INDEX tc ON t (c)")
    made.execute("CREATE TABLE u (a INTEGER PRIMARY KEY, t INTEGER REFERENCES t (a))")
    made.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i, "x" * 50, i % 100) for i in range(5000)])
    made.executemany("INSERT INTO u VALUES (?, ?)", [(i, i * 3) for i in range(1000)])
    made.execute("ANALYZE")
    made.checkpoint()
    return made


def counted() -> dict[str, int]:
    """What all threads of the process have counted."""
    threads: list[Any] = probe_threads.threads()
    return {name: sum(thread[field] for thread in threads) for name, field in FIELDS.items()}


def explained(db: Any, sql: str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The rows of EXPLAIN ANALYZE, by column, and how the process's counters have changed meanwhile."""
    before = counted()
    result = db.execute(f"EXPLAIN ANALYZE {sql}")
    after = counted()
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]
    return rows, {name: after[name] - before[name] for name in NAMES}


@pytest.mark.parametrize("name", STATEMENTS)
def test_what_nodes_did_themselves_is_all_that_was_done(db: Any, name: str) -> None:
    before = db.stats()
    rows, change = explained(db, STATEMENTS[name])
    after = db.stats()
    assert {n: sum(row["own_" + n] for row in rows) for n in NAMES} == change
    assert change["log_records"] == after["log_appends"] - before["log_appends"]
    assert change["reads"] == after["page_reads"] - before["page_reads"]
    assert change["latches_shared"] == after["latches_shared"] - before["latches_shared"]
    assert change["latches_exclusive"] == after["latches_exclusive"] - before["latches_exclusive"]
    assert change["log_bytes"] == after["log_bytes"] - before["log_bytes"]
    assert all(row["own_" + n] >= 0 for row in rows for n in NAMES)
    ends = [row["operation"] for row in rows if row["operation"] in ("planning", "commit")]
    assert ends == (["planning", "commit"] if name in CHANGES else ["planning"])


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_the_commit_has_the_log_and_the_dirty_pages(db: Any, name: str) -> None:
    rows, _ = explained(db, STATEMENTS[name])
    root, commit = rows[0], rows[-1]
    if name == "nothing":
        assert commit["log_records"] == commit["dirtied"] == 0
    else:
        assert commit["log_records"] > 1 and commit["dirtied"] > 0 and commit["latches_exclusive"] > 0
        assert name == "delete all" or root["probes"] > 0
        assert root["actual_rows"] > 0 and root["log_records"] == 0


def test_in_a_transaction_the_commit_comes_later(db: Any) -> None:
    db.execute("BEGIN")
    rows, change = explained(db, STATEMENTS["update"])
    assert rows[-1]["operation"] == "planning" and change["log_records"] == 0
    read, _ = explained(db, "SELECT sum(c) FROM t WHERE a < 100")
    assert read[0]["probes"] > 0  # its own writes lie over the pages
    db.execute("ROLLBACK")
    assert db.execute("SELECT count(*) FROM t WHERE b LIKE 'x_'").fetchone() == (0,)


def test_a_change_is_made_once(db: Any) -> None:
    explained(db, "UPDATE t SET c = c + 1000 WHERE a = 3")
    assert db.execute("SELECT c FROM t WHERE a = 3").fetchone() == (1003,)
    with pytest.raises(Exception, match="FOREIGN KEY"):
        db.execute("EXPLAIN ANALYZE DELETE FROM t")
    assert db.execute("SELECT count(*) FROM t").fetchone() == (5000,)


def test_the_model_is_the_rows(db: Any) -> None:
    result = db.execute(f"EXPLAIN ANALYZE {STATEMENTS['update']}")
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]
    model = explain_model(result.columns, [tuple(row.values()) for row in rows])
    assert [node.operation for node in model.nodes] == ["update", "key range", "planning", "commit"]
    assert [node.depth for node in model.nodes] == [0, 1, 0, 0]
    stored = model.to_json()
    assert (stored["model"], stored["version"]) == ("explain", 1)
    for node, row in zip(stored["nodes"], rows, strict=True):
        assert node["whole"] == {"ms": row["ms"], **{name: row[name] for name in NAMES}}
        assert node["own"] == {"ms": row["own_ms"], **{name: row["own_" + name] for name in NAMES}}
    assert stored["total"]["log_bytes"] == rows[-1]["log_bytes"] > 0
    planned = db.execute(f"EXPLAIN {STATEMENTS['update']}")
    plan = explain_model(planned.columns, planned.fetchall())
    assert plan.total is None and [node.operation for node in plan.nodes] == ["update", "key range"]
