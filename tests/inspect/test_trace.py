"""TRACE: nothing is missing, nothing is left held, every page is there before and after, and a saved trace is the same trace."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engine
from anokuro_cli.stepping import Stepper, load_trace, save_trace
from engine.base import trace
from engine.inspect.trace import TraceModel

PAGE = 4096


@pytest.fixture
def db(open_db: Callable[..., Any]) -> Any:
    made = open_db(page_size=PAGE, wal_retention=1 << 30)
    made.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    made.execute("CREATE INDEX tb ON t (b)")
    made.execute("CREATE TABLE u (a INTEGER PRIMARY KEY, b TEXT)")
    made.executemany("INSERT INTO t VALUES (?, ?)", [(i, f"name {i:05}") for i in range(0, 2000, 2)])
    return made


STATEMENTS = [
    "INSERT INTO t VALUES (1001, 'odd')",
    "INSERT INTO t SELECT a + 1, b FROM t WHERE a < 900",
    "UPDATE t SET b = b || '!' WHERE a BETWEEN 100 AND 400",
    "DELETE FROM t WHERE a > 200",
    "DELETE FROM t",
    "INSERT INTO u VALUES (1, '" + "long " * 2000 + "')",
    "SELECT * FROM t WHERE a = 500",
    "SELECT count(*) FROM t WHERE b > 'name 00500'",
    "SELECT * FROM t JOIN t AS u ON u.a = t.a + 2 WHERE t.a < 50",
    "CREATE INDEX ta ON t (b, a)",
    "INSERT INTO t VALUES (4, 'twice')",
]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement[:60])
def test_a_trace_is_whole(db: Any, statement: str) -> None:
    before = db.store.log.end()
    result = db.execute(f"TRACE {statement}")
    model = result.model
    assert model.held == 0 and model.lost == 0
    assert (model.error is not None) == ("twice" in statement)
    balance: Counter[tuple[str, int | None]] = Counter()
    for event in model.events:
        if event.event in ("latch", "pin"):
            balance[event.event, event.frame] += 1
        elif event.event in ("unlatch", "unpin"):
            balance[event.event[2:], event.frame] -= 1
            assert balance[event.event[2:], event.frame] >= 0
    assert not any(balance.values())
    logged = [(e.lsn, e.page or 0, e.detail.split(",")[0]) for e in model.events if e.event == "log"]
    assert logged == db.execute(
        "SELECT start_lsn, page, record_type FROM sys.wal WHERE start_lsn >= ? ORDER BY start_lsn", (before,)
    ).fetchall()[: len(logged)]  # fmt: skip
    assert len(model.changes) == sum(kind not in ("COMMIT", "ABORT") for _, _, kind in logged)
    assert result.fetchall() == db.execute("SELECT * FROM sys.trace").fetchall()


def test_pages_before_and_after_are_those_of_the_log(db: Any) -> None:
    model = db.execute("TRACE INSERT INTO t SELECT a + 1, b || 'x' FROM t").model
    assert any(event.event == "split" for event in model.events)
    last: dict[int, bytes | None] = {}
    for change in model.changes:
        if change.page in last:
            assert change.before is not None and last[change.page] == change.before[4:]
        last[change.page] = change.after[4:] if change.after is not None else None
        if change.after is not None and change.number % 40 == 0:
            assert db.inspect.page(change.page, change.lsn).data[4:] == change.after[4:]
    for event in model.events:
        if event.event == "search" and event.comparisons:
            assert event.page is not None


def test_a_search_is_shown_with_its_comparisons(db: Any) -> None:
    model = db.execute("TRACE SELECT b FROM t WHERE a = 500").model
    searches = [e for e in model.events if e.event == "search" and "table t" in e.detail]
    path = db.inspect.tree("t", 500).path
    assert [e.page for e in searches][-len(path) :] == [step.page for step in path]
    assert [e.comparisons for e in searches][-len(path) :] == [step.comparisons for step in path]


def test_saved_and_stepped_through(db: Any, tmp_path: Path) -> None:
    model = db.execute("TRACE INSERT INTO t VALUES (777, 'new')").model
    save_trace(model, str(tmp_path / "t.json"))
    again = load_trace(str(tmp_path / "t.json"))
    assert again.to_json() == model.to_json()
    for bad in ({}, {"model": "trace", "version": 1}, {**model.to_json(), "events": [{}]}):
        with pytest.raises(ValueError, match="trace"):
            TraceModel.from_json(json.loads(json.dumps(bad)))
    stepper = Stepper(again)
    shown = set()
    for _ in range(len(model.events) + 3):
        screen = stepper.screen(80, 40, colour=False)
        assert len(screen.split("\n")) <= 40 and all(len(line) <= 80 for line in screen.split("\n"))
        shown.add(screen)
        stepper.go(stepper.at + 1)
    assert stepper.at == len(model.events) - 1 and len(shown) == len(model.events)
    stepper.go(0)
    stepper.change(1)
    assert model.events[stepper.at].event == "changed"
    assert "page" in stepper.screen(120, 50, colour=False) and "after" in stepper.screen(120, 50, colour=False)
    stepper.change(-1)
    stepper.go(-5)
    assert stepper.at == 0


def test_one_at_a_time_and_never_left_on(db: Any) -> None:
    with pytest.raises(engine.ProgrammingError):
        db.execute("TRACE SELECT * FROM nothing")
    trace.begin()
    try:
        with pytest.raises(engine.OperationalError, match="one at a time"):
            db.execute("TRACE SELECT 1")
    finally:
        trace.end()
    assert db.execute("TRACE SELECT 1").model.rows == 1


def test_in_a_transaction_pages_change_at_its_commit(db: Any) -> None:
    with db.begin() as txn:
        model = txn.execute("TRACE INSERT INTO t VALUES (901, 'mine')").model
        assert model.changes == () and model.rows == 1
        writes = [one.detail for one in model.events if one.event == "write"]
        assert len(writes) == 2 and any("table t" in text and "a value of" in text for text in writes), writes
        searched = [one.detail for one in model.events if one.event == "probe"]
        assert not any(text.endswith("there is an entry") for text in searched)
        again = txn.execute("TRACE SELECT b FROM t WHERE a = 901").model
        assert [one.detail.rpartition(": ")[2] for one in again.events if one.event == "probe"] == ["there is an entry"]
        gone = txn.execute("TRACE DELETE FROM t WHERE a = 901").model
        assert any(one.event == "write" and one.detail.endswith("a delete") for one in gone.events)
        txn.execute("INSERT INTO t VALUES (901, 'mine')")
    assert db.execute("SELECT b FROM t WHERE a = 901").fetchone() == ("mine",)
