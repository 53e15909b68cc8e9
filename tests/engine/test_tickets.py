"""Commits that return before they are durable, and the tickets to wait for them."""

from __future__ import annotations

import errno
import threading
from typing import Any

import pytest

import engine
from engine.storage.file_faulty import Fault, FaultyFileSystem
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_recording import RecordingFileSystem, Sync

PATH = "/db/k.ank"
LOG = PATH + "-wal"
SMALL: dict[str, Any] = {"page_size": 4096, "pool_bytes": 1 << 20, "segment_size": 64 << 10, "checkpoint_bytes": 0}


def opened(fs: Any, **options: Any) -> Any:
    return engine.open(PATH, fs=fs, **{**SMALL, **options})


def fresh() -> MemoryFileSystem:
    return MemoryFileSystem({"/db": None})


def put(db: Any, key: bytes, value: bytes) -> Any:
    txn = db.begin()
    txn.tree("t").put(key, value)
    return txn.commit(wait=False)


def test_a_commit_is_seen_at_once_and_durable_after_waiting() -> None:
    fs = RecordingFileSystem(fresh())
    with opened(fs) as db:
        put(db, b"first", b"1").wait()
        syncs = sum(isinstance(o, Sync) for o in fs.operations)
        tickets = [put(db, b"%d" % i, b"x") for i in range(10)]
        assert sum(isinstance(o, Sync) for o in fs.operations) == syncs
        assert [ticket.done for ticket in tickets] == [False] * 10
        assert "under way" in repr(tickets[0])
        assert db.tree("t").get(b"9") == b"x"
        assert sorted(t.lsn for t in tickets) == [t.lsn for t in tickets]
        tickets[6].wait()
        assert sum(isinstance(o, Sync) for o in fs.operations) == syncs + 1
        assert all(ticket.done for ticket in tickets), "one sync takes all that was written"
        tickets[9].wait()
        tickets[9].wait()
        assert sum(isinstance(o, Sync) for o in fs.operations) == syncs + 1
        last = put(db, b"last", b"1")
    assert last.done, "closing makes everything durable"
    last.wait()


@pytest.mark.parametrize("synchronous", ["normal", "off"])
def test_without_syncs_a_ticket_asks_for_no_more_than_a_commit(synchronous: str) -> None:
    fs = RecordingFileSystem(fresh())
    with opened(fs, synchronous=synchronous) as db:
        put(db, b"first", b"1").wait()
        syncs = sum(isinstance(o, Sync) for o in fs.operations)
        ticket = put(db, b"a", b"b")
        assert ticket.done == (synchronous == "off")
        ticket.wait()
        assert ticket.done
        assert sum(isinstance(o, Sync) for o in fs.operations) == syncs


def test_a_transaction_that_wrote_nothing() -> None:
    with opened(fresh()) as db:
        for readonly in (True, False):
            ticket = db.begin(readonly=readonly).commit(wait=False)
            assert (ticket.lsn, ticket.done) == (None, True)
            ticket.wait()
        txn = db.begin()
        txn.tree("t").put(b"a", b"b")
        assert txn.commit() is None


def test_a_large_transaction_and_a_conflict() -> None:
    with opened(fresh(), memtable_bytes=256 << 10) as db:
        txn = db.begin()
        for i in range(400):
            txn.tree("t").put(b"%d" % i, b"v" * 500)
        ticket = txn.commit(wait=False)
        assert not ticket.done
        ticket.wait()
        assert len(db.tree("t")) == 400
        txn = db.begin()
        txn.tree("t").put(b"1", b"mine")
        db.tree("t").put(b"1", b"theirs")
        with pytest.raises(engine.ConflictError):
            txn.commit(wait=False)
        assert not txn.is_open


def test_when_the_sync_fails_waiting_raises_what_commit_would_have() -> None:
    fs = FaultyFileSystem(fresh(), Fault(("sync",), 10**9, errno.EIO))
    db = opened(fs)
    before = put(db, b"a", b"1")
    before.wait()
    fs.plan = Fault(("sync",), 0, errno.EIO, where=LOG)
    lost = [put(db, b"b", b"2"), put(db, b"c", b"3")]
    for ticket in (*lost, *lost):
        with pytest.raises(engine.PoisonedError):
            ticket.wait()
        assert not ticket.done
    before.wait()
    with pytest.raises(engine.PoisonedError):
        put(db, b"d", b"4")
    assert db.tree("t").get(b"c") == b"3"
    db.close()
    before.wait()
    with pytest.raises(engine.InterfaceError):
        lost[0].wait()


def test_tickets_of_several_threads() -> None:
    fs = fresh()
    with opened(fs) as db:
        failures: list[BaseException] = []

        def work(lane: int) -> None:
            try:
                tickets = []
                for i in range(200):
                    with db.begin() as txn:
                        txn.tree(f"t{lane}").put(b"%04d" % i, b"v")
                        tickets.append(txn.commit(wait=False))
                    if i % 20 == lane:
                        tickets[-1].wait()
                        assert all(ticket.done for ticket in tickets)
                tickets[-1].wait()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(lane,)) for lane in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        crashed = MemoryFileSystem(fs.contents())
        db.store.close_files()
    with opened(crashed) as db:
        for lane in range(4):
            assert len(db.tree(f"t{lane}")) == 200
