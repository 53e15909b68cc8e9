"""The memtable and the transactions, as inspections show them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any


def test_pending_and_recent_writes(open_db: Callable[..., Any]) -> None:
    db = open_db()
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    assert db.inspect.memtable().entries == ()
    reader, writer, other = db.begin(readonly=True), db.begin(), db.begin()
    writer.execute("INSERT INTO t VALUES (1, 'one'), (2, 'two')")
    mark = writer.savepoint()
    writer.execute("INSERT INTO t VALUES (3, 'three')")
    writer.rollback_to(mark)
    other.tree("events").put(b"k", b"v" * 100)
    other.tree("events").put(b"gone", b"")
    other.tree("events").delete(b"gone")
    db.tree("single").put(b"s", b"noted")
    model = db.inspect.memtable()
    shown = {(e.key, e.txn): e for e in model.entries}
    assert len(shown) == len(model.entries) == model.entries_total and model.more == 0 and model.writers == 2
    mine = [e for e in model.entries if e.txn == writer.inner.id]
    assert [(e.decoded, e.write, e.state) for e in mine] == [
        ({"a": 1, "b": "one"}, "put", "pending"), ({"a": 2, "b": "two"}, "put", "pending"), ({"a": 3}, "none", "pending"),
    ]  # fmt: skip
    theirs = {e.key: e for e in model.entries if e.txn == other.inner.id and e.key in (b"k", b"gone")}
    assert (theirs[b"k"].length, theirs[b"k"].value) == (100, b"v" * 64) and theirs[b"gone"].write == "delete"
    noted = next(e for e in model.entries if e.key == b"s")
    assert noted.state == "committed" and noted.commit_lsn == db.inspect.snapshots().published_lsn
    rows = db.execute("SELECT * FROM sys.memtable")
    assert rows.columns[3] == "key" and [row[3] for row in rows] == [e.key for e in model.entries]
    found = db.inspect.transactions()
    by_state = Counter(one.state for one in found.transactions)
    assert by_state["writing"] == 2 and by_state["reading"] == 1
    assert next(one.entries for one in found.transactions if one.txn == writer.inner.id) == 2
    assert next(one.deletes for one in found.transactions if one.txn == other.inner.id) == 1
    assert db.execute("SELECT state, txn FROM sys.transactions WHERE txn IS NOT NULL").fetchall() == [
        (one.state, one.txn) for one in db.inspect.transactions().transactions if one.txn is not None
    ]  # the statement reads, too, at a snapshot of its own
    writer.commit()
    committed = next(one for one in db.inspect.transactions().transactions if one.txn == writer.inner.id)
    assert committed.state == "committed" and committed.commit_lsn == writer.inner.commit_lsn
    assert any(one.kept for one in db.inspect.transactions().transactions if one.state == "reading")
    other.rollback()
    reader.rollback()
    assert db.inspect.memtable().entries == () and db.inspect.transactions().transactions == ()
    assert [row[1] for row in db.execute("INSPECT TXNS")] == []


def test_levels_add_up(open_db: Callable[..., Any]) -> None:
    db = open_db()
    with db.begin() as txn:
        tree = txn.tree("t")
        for i in range(20_000):
            tree.put(b"%08d" % i, b"")
        model = db.inspect.memtable()
        assert model.levels[0].entries == model.entries_total == sum(g.entries for g in model.generations)
        assert len(model.entries) == 1000 and model.more == model.entries_total - 1000
        for below, level in zip(model.levels, model.levels[1:], strict=False):
            assert level.entries <= below.entries
        # a quarter reach the next level: five standard deviations around it
        assert abs(model.levels[1].entries - 5000) < 5 * (20_000 * 0.25 * 0.75) ** 0.5
        heights = Counter(e.height for e in model.entries)
        assert max(heights) <= len(model.levels)
        assert model.entries == tuple(sorted(model.entries, key=lambda e: (e.tree, e.key, e.txn)))


def test_a_large_transaction_is_shown(open_db: Callable[..., Any]) -> None:
    db = open_db(memtable_bytes=1 << 18)
    with db.begin() as txn:
        for i in range(3000):
            txn.tree("t").put(b"%08d" % i, b"v" * 100)
        states = [one.state for one in db.inspect.transactions().transactions]
        assert "large" in states
        db.inspect.memtable()


def test_looking_while_others_write(open_db: Callable[..., Any]) -> None:
    db = open_db()
    stop = threading.Event()
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            while not stop.is_set():
                with db.begin(isolation="snapshot") as txn:
                    for i in range(50):
                        txn.tree(f"t{number}").put(b"%04d" % i, b"x" * 50)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            model = db.inspect.memtable()
            assert model.levels == () or model.levels[0].entries >= len(model.levels) > 0
            db.inspect.transactions()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
