"""Cancelling statements: whatever runs long looks often enough whether it was cancelled. Nothing here measures time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import engine
from engine.base.errors import StatementInterrupted
from engine.sql import sorting

pytest.importorskip("pyarrow")
from engine.sql.columns import group, join, operators, watch

ROWS = 900


@pytest.fixture
def db(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for module in (group, operators):
        monkeypatch.setattr(module, "PORTION", 300)
    monkeypatch.setattr(join, "PIECE", 1000)
    monkeypatch.setattr(sorting, "RUN", 128)
    with engine.open(":memory:") as database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, s TEXT, r REAL)")
        database.executemany(
            "INSERT INTO t VALUES (?, ?, ?, ?)", [(i, i % 3, f"s{i % 100}", i / 7) for i in range(ROWS)]
        )
        yield database


STATEMENTS = {
    "join": "SELECT count(*) FROM t a JOIN t b ON a.k = b.k",
    "outer join": "SELECT count(b.id) FROM t a LEFT JOIN t b ON a.k = b.k AND a.r < b.r",
    "full join": "SELECT count(*) FROM t a FULL JOIN t b ON a.k = b.k",
    "join, sort": "SELECT a.s, b.r FROM t a JOIN t b ON a.k = b.k ORDER BY b.r, a.s LIMIT 3",
    "sort": "SELECT * FROM t ORDER BY s, r DESC",
    "group": "SELECT s, count(*), sum(r) FROM t GROUP BY s",
    "distinct": "SELECT DISTINCT s, r FROM t",
    "union": "SELECT s FROM t UNION SELECT s || 'x' FROM t",
    "except": "SELECT id, s FROM t EXCEPT SELECT id + 1, s FROM t",
    "window": "SELECT sum(id) OVER (PARTITION BY k ORDER BY r), rank() OVER (ORDER BY s) FROM t",
}


def looks(db: Any, sql: str, gear: str, stop_at: int = 0) -> int:
    """How often a statement looks whether it was cancelled; it is, at the look of that number."""
    count = 0

    class Flag(list[Any]):
        def __getitem__(self, place: Any) -> Any:
            nonlocal count
            if place == 0:
                count += 1
                if count == stop_at:
                    return True
            return super().__getitem__(place)

    session = db.session
    session.shared.set_gear(gear)
    kept, session.flag = session.flag, Flag(session.flag)
    try:
        db.execute(sql).fetchall()
    finally:
        session.flag = kept
    return count


@pytest.mark.parametrize("gear", ["row", "column"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_looks_come_every_few_thousand_rows(db: Any, name: str, gear: str) -> None:
    made = ROWS * ROWS // 3 if "join" in name else ROWS
    assert looks(db, STATEMENTS[name], gear) >= made // 10_000 + 1


@pytest.mark.parametrize("gear", ["row", "column"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_cancelled_at_any_look_and_all_is_as_before(db: Any, name: str, gear: str) -> None:
    sql = STATEMENTS[name]
    total = looks(db, sql, gear)
    for stop_at in sorted({1, total // 3 or 1, total // 2 or 1, total}):
        with pytest.raises(StatementInterrupted):
            looks(db, sql, gear, stop_at)
    assert db.execute("SELECT count(*) FROM t").fetchone() == (ROWS,)
    assert not db.session.in_transaction


@pytest.mark.parametrize("name", ["sort", "group", "distinct", "union", "except", "window"])
def test_long_kernels_are_waited_for(db: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What works on all rows at once goes to a thread, beside which the statement can be cancelled."""
    handed = []

    def hand(check: Any, kernel: Any, args: Any, options: Any) -> Any:
        handed.append(kernel)
        return kernel(*args, **options)

    monkeypatch.setattr(watch, "LONG", 200)
    monkeypatch.setattr(watch, "_in_thread", hand)
    db.session.shared.set_gear("column")
    db.execute(STATEMENTS[name]).fetchall()
    assert len(handed) >= 2


def test_a_kernel_that_does_not_end_does_not_hold_the_statement() -> None:
    let_go, looked = threading.Event(), []

    def check() -> None:
        looked.append(1)
        if len(looked) == 3:
            raise StatementInterrupted("the statement was interrupted")

    with watch.watching(check), pytest.raises(StatementInterrupted):
        watch.watched(watch.LONG, let_go.wait)
    let_go.set()
    with watch.watching(lambda: None):
        assert watch.watched(watch.LONG, lambda: 5) == 5
        with pytest.raises(KeyError):
            watch.watched(watch.LONG, {}.__getitem__, 1)


def test_the_rows_are_those_of_one_piece(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    db.session.shared.set_gear("column")
    pieces = [sorted(db.execute(sql).fetchall(), key=repr) for sql in STATEMENTS.values() if "sum(r)" not in sql]
    monkeypatch.undo()
    whole = [sorted(db.execute(sql).fetchall(), key=repr) for sql in STATEMENTS.values() if "sum(r)" not in sql]
    assert pieces == whole
