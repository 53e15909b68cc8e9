"""The memtable: many transactions in one skip list, what it forgets, and validation against pages where it has."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

import engine
from engine.base.errors import ConflictError

BUDGET = 1 << 18


@pytest.fixture
def db() -> Iterator[Any]:
    database = engine.open(":memory:", page_size=4096, memtable_bytes=BUDGET, synchronous="off")
    database.tree("t").put_many((b"%05d" % number, b"0" * 20) for number in range(5000))
    yield database
    state = database.store.memtable_state()
    assert (state.writers, state.entries, state.generations) == (0, 0, 1)
    assert database.check() == []
    database.close()


def flood(db: Any, keys: range, times: int = 1) -> None:
    """Commits, one by one, until the memtable has forgotten some."""
    before = db.store.memtable_state().forgotten_lsn
    for _ in range(times):
        for number in keys:
            with db.begin() as txn:
                txn.tree("t").put(b"%05d" % number, b"1" * 200)
    db.tree("t").put_many((b"%05d" % number, b"2") for number in range(keys.start, keys.start + 10_001))
    assert db.store.memtable_state().forgotten_lsn > before


def test_entries_of_many_transactions_lie_side_by_side(db: Any) -> None:
    open_now = [db.begin("snapshot") for _ in range(20)]
    for number, txn in enumerate(open_now):
        for key in range(0, 100, number + 1):
            txn.tree("t").put(b"%05d" % key, b"%d" % number)
            txn.tree("t").put(b"x%d" % (number * 1000 + key), b"%d" % number)
    for number, txn in enumerate(open_now):
        mine = dict(txn.tree("t").scan(b"00000", b"00100"))
        assert mine == {b"%05d" % k: b"%d" % number if k % (number + 1) == 0 else b"0" * 20 for k in range(100)}
        own = dict(txn.tree("t").scan(b"x", b"y"))
        assert own == {b"x%d" % (number * 1000 + k): b"%d" % number for k in range(0, 100, number + 1)}
    open_now[3].commit()
    for number, txn in enumerate(open_now):
        if number != 3:
            with pytest.raises(ConflictError):
                txn.commit()
    assert dict(db.tree("t").scan(b"x", b"y")).keys() == {b"x%d" % (3000 + k) for k in range(0, 100, 4)}


@pytest.mark.parametrize("what", ["get", "scan", "put", "reverse"])
def test_an_old_transaction_is_judged_by_pages(db: Any, what: str) -> None:
    old = db.begin()
    far = db.begin()
    tree = old.tree("t")
    match what:
        case "get":
            tree.get(b"04000")
        case "scan":
            list(tree.scan(b"03990", b"04010"))
        case "reverse":
            list(tree.scan(b"03990", b"04010", reverse=True))
        case _:
            tree.put(b"04000", b"mine")
    tree.put(b"x", b"")
    far.tree("t").get(b"00001")
    far.tree("t").put(b"00002", b"far")
    flood(db, range(4000, 4050))
    with pytest.raises(ConflictError, match="so old"):
        old.commit()
    far.commit()  # the pages that it used are as they were
    assert db.tree("t").get(b"00002") == b"far"
    assert db.tree("t").get(b"x") is None


def test_many_reads_become_one_of_the_whole_tree(db: Any) -> None:
    db.tree("t").put_many((b"%06d" % number, b"") for number in range(51_000))
    txn = db.begin()
    txn.tree("t").get_many([b"%06d" % number for number in range(50_001)])
    txn.tree("t").put(b"mine", b"")
    db.tree("t").put(b"elsewhere", b"")
    with pytest.raises(ConflictError):
        txn.commit()


def test_a_dropped_tree_is_a_conflict_for_whoever_used_it(db: Any) -> None:
    db.execute("CREATE TABLE a (b INTEGER PRIMARY KEY)")
    db.execute("INSERT INTO a VALUES (1)")
    for statement in ("SELECT * FROM a", "INSERT INTO a VALUES (2)"):
        db.execute("CREATE TABLE IF NOT EXISTS a (b INTEGER PRIMARY KEY)")
        txn = db.begin()
        list(txn.execute(statement))
        txn.tree("t").put(b"x", b"")
        db.execute("DROP TABLE a")
        with pytest.raises(ConflictError):
            txn.commit()
    assert db.tree("t").get(b"x") is None


def test_long_lists_make_new_generations(db: Any) -> None:
    wide = engine.open(":memory:", synchronous="off")
    keeper = wide.begin()
    keeper.tree("k").put(b"", b"")
    for part in range(4):
        with wide.begin() as txn:
            for number in range(30_000):
                txn.tree("t").put(b"%d %d" % (part, number), b"")
    state = wide.store.memtable_state()
    assert state.generations > 1 and state.entries > 100_000
    keeper.commit()
    state = wide.store.memtable_state()
    assert (state.generations, state.entries, state.writers) == (1, 0, 0)
    assert len(wide.tree("t")) == 120_000
    wide.close()


def test_savepoints_over_random_writes(db: Any) -> None:
    seed = 7
    rnd = random.Random(seed)
    model = {b"%05d" % number: b"0" * 20 for number in range(5000)}
    for _ in range(30):
        txn = db.begin()
        tree = txn.tree("t")
        now = dict(model)
        marks: list[tuple[int, dict[bytes, bytes]]] = []
        for _ in range(rnd.randrange(200)):
            key = b"%05d" % rnd.randrange(5200)
            match rnd.randrange(6):
                case 0:
                    marks.append((txn.savepoint(), dict(now)))
                case 1 if marks:
                    del marks[rnd.randrange(len(marks)) + 1 :]
                    txn.rollback_to(marks[-1][0])
                    now = dict(marks[-1][1])
                case 2 if marks:
                    txn.release(marks.pop()[0])
                case 3:
                    assert tree.delete(key) == (now.pop(key, None) is not None), seed
                case _:
                    now[key] = rnd.randbytes(8)
                    tree.put(key, now[key])
        assert dict(tree.scan()) == now, seed
        assert len(tree) == len(now)
        if rnd.random() < 0.7:
            txn.commit()
            model = now
        else:
            txn.rollback()
    assert dict(db.tree("t").scan()) == model
