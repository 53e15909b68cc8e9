"""Transactions: snapshots, conflicts, savepoints, threads; what they keep, and that it goes again."""

from __future__ import annotations

import errno
import gc
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import engine
from engine.storage.file_faulty import Fault, FaultyFileSystem, RandomFaults
from engine.storage.file_memory import MemoryFileSystem

PATH = "/db/txn.ank"


@pytest.fixture
def db() -> Iterator[Any]:
    """A database that is sound, and keeps nothing for anybody, when the test ends."""
    database = engine.open(PATH, fs=MemoryFileSystem({"/db": None}), pool_bytes=1 << 20, synchronous="off")
    yield database
    gc.collect()
    assert database.check() == []
    assert database.stats()["versions"] == 0
    assert database.store.active_writers == 0
    assert database.store.drops == []
    database.close()


def fill(db: Any, count: int = 1000, value: bytes = b"0") -> dict[bytes, bytes]:
    data = {b"%05d" % number: value for number in range(count)}
    db.tree("t").put_many(data.items())
    return data


def everything(db: Any) -> dict[bytes, bytes]:
    return dict(db.tree("t").scan())


# --- one transaction ------------------------------------------------------------------------------------------------


def test_reads_its_own_writes_and_nobody_else_does(db: Any) -> None:
    fill(db, 10)
    with db.begin() as txn:
        tree = txn.tree("t")
        tree.put(b"00003", b"mine")
        tree.put(b"000035", b"new")
        assert tree.delete(b"00004")
        assert not tree.delete(b"00004")
        assert not tree.delete(b"nothing")
        assert tree.get(b"00003") == b"mine"
        assert tree.get(b"00004") is None
        assert tree.get_many([b"00003", b"00004", b"00005"]) == [b"mine", None, b"0"]
        assert b"000035" in tree
        assert len(tree) == 10
        assert list(tree.scan(b"00003", b"00006")) == [(b"00003", b"mine"), (b"000035", b"new"), (b"00005", b"0")]
        assert list(tree.scan(b"00003", b"00006", reverse=True))[::-1] == list(tree.scan(b"00003", b"00006"))
        assert db.tree("t").get(b"00003") == b"0"
        assert db.tree("t").get(b"000035") is None
    assert db.tree("t").get(b"00003") == b"mine"
    assert db.tree("t").get(b"00004") is None


def test_a_scan_goes_on_as_it_began_while_the_transaction_writes(db: Any) -> None:
    data = fill(db, 500)
    with db.begin() as txn:
        tree = txn.tree("t")
        tree.put(b"00000x", b"before")
        seen = {}
        for key, value in tree.scan():
            seen[key] = value
            tree.put(key + b"y", b"during")
            tree.delete(key)
        assert seen == data | {b"00000x": b"before"}
        assert len(tree) == len(seen)
        assert all(key.endswith(b"y") for key, _ in tree.scan())


def test_random_transactions_with_savepoints(db: Any) -> None:
    """A dict per savepoint says what the transaction must see; half of the transactions roll back."""
    committed = fill(db, 60)
    for seed in range(60):
        rng = random.Random(seed)
        txn = db.begin(rng.choice(("serializable", "snapshot")))
        tree = txn.tree("t")
        data, marks = dict(committed), []
        for _ in range(rng.randrange(60)):
            key = b"%05d" % rng.randrange(90)
            kind = rng.randrange(8)
            if kind < 3:
                data[key] = rng.randbytes(rng.choice((0, 5, 3000)))
                tree.put(key, data[key])
            elif kind < 5:
                assert tree.delete(key) == (data.pop(key, None) is not None), seed
            elif kind == 5:
                marks.append((txn.savepoint(), dict(data)))
            elif marks and kind == 6:
                at = rng.randrange(len(marks))
                number, data = marks[at][0], dict(marks[at][1])
                txn.rollback_to(number)
                del marks[at + 1 :]
            elif marks:
                at = rng.randrange(len(marks))
                txn.release(marks[at][0])
                del marks[at:]
            assert tree.get(key) == data.get(key), seed
        assert dict(tree.scan()) == data, seed
        assert dict(tree.scan(b"00020", b"00050", reverse=True)) == {
            key: value for key, value in data.items() if b"00020" <= key < b"00050"
        }, seed
        assert len(tree) == len(data), seed
        if rng.random() < 0.5:
            txn.commit()
            committed = data
        else:
            txn.rollback()
        assert everything(db) == committed, seed


def test_savepoints_that_do_not_exist_are_refused(db: Any) -> None:
    txn = db.begin()
    first = txn.savepoint()
    txn.release(first)
    for call in (txn.rollback_to, txn.release):
        for wrong in (first, 7, -1):
            with pytest.raises(engine.InterfaceError):
                call(wrong)
    txn.rollback()


def test_context_manager_commits_or_rolls_back(db: Any) -> None:
    fill(db, 3)
    with pytest.raises(ZeroDivisionError), db.begin() as txn:
        txn.tree("t").put(b"x", b"1")
        raise ZeroDivisionError
    assert not txn.is_open
    assert db.tree("t").get(b"x") is None
    with db.begin() as txn:
        txn.tree("t").put(b"x", b"1")
        txn.rollback()
    assert db.tree("t").get(b"x") is None
    with db.begin() as txn:
        txn.tree("t").put(b"x", b"1")
        txn.commit()
    assert db.tree("t").get(b"x") == b"1"


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_an_ended_transaction_refuses_everything(db: Any, end: str) -> None:
    fill(db, 3)
    txn = db.begin()
    tree = txn.tree("t")
    getattr(txn, end)()
    call: Any
    for call in (
        lambda: tree.get(b"00001"),
        lambda: tree.put(b"a", b""),
        lambda: tree.delete(b"a"),
        tree.scan,
        tree.__len__,
        txn.commit,
        txn.rollback,
        txn.savepoint,
    ):
        with pytest.raises(engine.InterfaceError):
            call()


def test_readonly_transactions(db: Any) -> None:
    fill(db, 3)
    with db.begin(readonly=True) as txn:
        assert len(txn.tree("t")) == 3
        call: Any
        for call in (
            lambda: txn.tree("t").put(b"a", b""),
            lambda: txn.tree("t").delete(b"00001"),
            lambda: txn.tree("new").put(b"a", b""),
        ):
            with pytest.raises(engine.ReadOnlyError):
                call()
    with pytest.raises(engine.InterfaceError):
        db.begin(isolation="chaos")


# --- several transactions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("isolation", ["serializable", "snapshot"])
def test_first_committer_wins(db: Any, isolation: str) -> None:
    fill(db, 3)
    one, two = db.begin(isolation), db.begin(isolation)
    one.tree("t").put(b"00001", b"one")
    two.tree("t").put(b"00001", b"two")
    two.commit()
    with pytest.raises(engine.ConflictError):
        one.commit()
    assert not one.is_open
    assert db.tree("t").get(b"00001") == b"two"
    one = db.begin(isolation)
    one.tree("t").put(b"00001", b"one")
    db.tree("t").put(b"00001", b"no transaction")
    with pytest.raises(engine.ConflictError):
        one.commit()
    one = db.begin(isolation)
    one.tree("t").put(b"00001", b"one")
    assert db.tree("t").delete(b"00001")
    with pytest.raises(engine.ConflictError):
        one.commit()
    assert db.tree("t").get(b"00001") is None


def skewed(db: Any, isolation: str) -> None:
    """Two transactions read both accounts and each empties one: together they break what each of them saw kept."""
    fill(db, 2, b"100")
    one, two = db.begin(isolation), db.begin(isolation)
    for txn, mine in ((one, b"00000"), (two, b"00001")):
        assert sum(int(txn.tree("t").get(key)) for key in (b"00000", b"00001")) == 200
        txn.tree("t").put(mine, b"-50")
    one.commit()
    two.commit()


def test_write_skew(db: Any) -> None:
    skewed(db, "snapshot")
    assert everything(db) == {b"00000": b"-50", b"00001": b"-50"}
    with pytest.raises(engine.ConflictError):
        skewed(db, "serializable")
    assert everything(db) == {b"00000": b"-50", b"00001": b"100"}


@pytest.mark.parametrize("read", ["scan", "reverse", "len", "get", "get_many", "contains", "delete"])
def test_phantoms_are_conflicts_under_serializable(db: Any, read: str) -> None:
    """What was looked for and not found, in whatever way, must not have come into being by the commit."""
    fill(db, 3)
    new = b"000015"

    def look(tree: Any) -> None:
        if read in ("scan", "reverse"):
            assert len(list(tree.scan(b"00001", b"00002", reverse=read == "reverse"))) == 1
        elif read == "len":
            assert len(tree) == 3
        elif read == "get":
            assert tree.get(new) is None
        elif read == "get_many":
            assert tree.get_many([b"00000", new]) == [b"0", None]
        elif read == "contains":
            assert new not in tree
        else:
            assert not tree.delete(new)

    for isolation in ("snapshot", "serializable"):
        txn = db.begin(isolation)
        look(txn.tree("t"))
        txn.tree("t").put(b"result", b"none")
        db.tree("t").put(new, b"phantom")
        if isolation == "snapshot":
            txn.commit()
            db.tree("t").delete(b"result")
        else:
            with pytest.raises(engine.ConflictError):
                txn.commit()
        db.tree("t").delete(new)


def test_what_lies_outside_the_range_is_no_conflict(db: Any) -> None:
    fill(db, 10)
    txn = db.begin()
    assert len(list(txn.tree("t").scan(b"00003", b"00005"))) == 2
    txn.tree("t").put(b"result", b"2")
    db.tree("t").put(b"00002", b"below")
    db.tree("t").put(b"00005", b"the stop itself")
    txn.commit()
    txn = db.begin()
    assert txn.tree("t").get(b"00002") == b"below"
    db.tree("t").put(b"00002", b"changed")
    txn.commit()  # it wrote nothing: its snapshot is a state that was
    txn = db.begin(readonly=True)
    assert txn.tree("t").get(b"00002") == b"changed"
    db.tree("t").put(b"00002", b"changed again")
    assert txn.tree("t").get(b"00002") == b"changed"
    txn.commit()


def test_a_tree_that_two_transactions_make_is_made_once(db: Any) -> None:
    one, two = db.begin(), db.begin()
    one.tree("new").put(b"a", b"one")
    two.tree("new").put(b"b", b"two")
    one.commit()
    with pytest.raises(engine.ConflictError):
        two.commit()
    assert dict(db.tree("new").scan()) == {b"a": b"one"}


def test_dropped_trees(db: Any) -> None:
    """A dropped tree stays for those who began before; who writes to it meanwhile conflicts; a rollback brings it back."""
    store = db.store
    with store_transaction(db) as txn:
        tree = txn.create_tree()
        for number in range(2000):
            txn.put(tree, b"%05d" % number, b"x" * 50)
        txn.put(tree, b"long", bytes(50_000))
    pages = db.stats()["pages"]
    reader, writer, dropper = store_transaction(db), store_transaction(db), store_transaction(db)
    writer.put(tree, b"00001", b"y")
    mark = dropper.savepoint()
    dropper.drop_tree(tree)
    assert dropper.get(tree, b"00001") is None
    assert list(dropper.scan(tree)) == []
    dropper.rollback_to(mark)
    assert dropper.count(tree) == 2001
    dropper.drop_tree(tree)
    dropper.commit()
    assert store.root_of(tree) == 0
    assert reader.count(tree) == 2001
    assert reader.get(tree, b"long") == bytes(50_000)
    with pytest.raises(engine.ConflictError):
        writer.commit()
    reader.rollback()
    late = store_transaction(db)
    assert late.get(tree, b"00001") is None
    assert late.count(tree) == 0
    assert late.create_tree() != tree
    late.rollback()
    assert db.stats()["pages"] < pages - 20


def store_transaction(db: Any) -> Any:
    from engine.txn.transaction import Transaction

    return Transaction(db.store)


# --- what is kept, and goes again -----------------------------------------------------------------------------------


def test_a_long_reader_sees_one_state_beside_a_busy_writer(db: Any) -> None:
    data = fill(db, 2000, b"x" * 100)
    reader = db.begin(readonly=True)
    rng = random.Random(1)
    for _ in range(30):
        db.tree("t").put_many((rng.choice(list(data)), rng.randbytes(300)) for _ in range(100))
        db.tree("t").delete(rng.choice(list(data)))
    assert db.stats()["versions"] > 0
    db.checkpoint()
    assert dict(reader.tree("t").scan()) == data
    assert dict(reader.tree("t").scan(reverse=True)) == data
    assert all(reader.tree("t").get(key) == data[key] for key in rng.sample(sorted(data), 300))
    reader.rollback()
    assert db.stats()["versions"] == 0


def test_readers_of_many_states(db: Any) -> None:
    """Snapshots end in random order; each sees its own state to the last, and what only it needed goes with it."""
    rng = random.Random(9)
    data = fill(db, 300, b"x" * 100)
    open_readers: list[tuple[Any, dict[bytes, bytes]]] = []
    for _ in range(150):
        if rng.random() < 0.6 or not open_readers:
            changes = {b"%05d" % rng.randrange(400): rng.randbytes(rng.choice((10, 200, 2500))) for _ in range(10)}
            db.tree("t").put_many(changes.items())
            data |= changes
            gone = rng.choice(sorted(data))
            db.tree("t").delete(gone)
            del data[gone]
            open_readers.append((db.begin(readonly=True), dict(data)))
        else:
            reader, state = open_readers.pop(rng.randrange(len(open_readers)))
            assert dict(reader.tree("t").scan(reverse=rng.random() < 0.5)) == state
            reader.rollback()
    for reader, state in open_readers:
        assert dict(reader.tree("t").scan()) == state
        reader.rollback()


def test_commits_are_remembered_only_for_older_writers(db: Any) -> None:
    fill(db, 10)
    old = db.begin()
    for number in range(200):
        with db.begin() as txn:
            txn.tree("t").put(b"%05d" % number, b"1")
    assert db.store.memtable_state().entries == 200
    old.rollback()
    assert db.store.memtable_state().entries == 0
    young = db.begin()
    db.tree("t").put(b"00001", b"2")
    assert db.store.memtable_state().entries == 1
    young.rollback()
    assert db.store.memtable_state().entries == 0
    db.tree("t").put(b"00001", b"2")


def test_forgotten_transactions_end_wherever_the_collector_finds_them(db: Any) -> None:
    fill(db, 10)
    gc.disable()
    try:
        for isolation in ("serializable", "snapshot"):
            txn = db.begin(isolation)
            txn.tree("t").get(b"00001")
            cycle: list[Any] = [txn, txn.tree("t").scan()]
            cycle.append(cycle)
            del txn, cycle
        assert db.store.active_writers == 2
        gc.collect()
        assert db.store.active_writers == 0
        db.tree("t").put(b"00001", b"2")
        with db.begin() as other:
            other.tree("t").put(b"00001", b"3")
    finally:
        gc.enable()
    assert db.tree("t").get(b"00001") == b"3"


# --- failures -------------------------------------------------------------------------------------------------------


def test_a_batch_that_cannot_finish_is_undone() -> None:
    """Reading fails at the n-th page that a commit with splits, merges and long values needs: nothing has happened."""
    memory = MemoryFileSystem({"/db": None})
    with engine.open(PATH, fs=memory, page_size=4096, pool_bytes=1 << 20) as db:
        data = {b"%05d" % number: bytes([number % 7]) * 400 for number in range(4000)}
        data |= {b"long%d" % number: bytes(20_000) for number in range(5)}
        db.tree("t").put_many(data.items())
    failures = 0
    for at in range(0, 60, 4):
        fault = Fault(("read",), at=1 << 60, error=errno.EIO, forever=True, where=PATH)
        files = MemoryFileSystem(memory.contents())
        db = engine.open(
            PATH, fs=FaultyFileSystem(files, fault), pool_bytes=1 << 20, synchronous="off", checkpoint_bytes=0
        )
        rng = random.Random(at)
        changes = {key: rng.randbytes(rng.choice((10, 900, 9000))) for key in rng.sample(sorted(data), 60)}
        neighbours = set(sorted(data)[500:700])
        reader = db.begin(readonly=True)
        number = db.catalog.named_tree(reader.inner, "t")
        assert number is not None
        assert reader.tree("t").get(b"00001") == data[b"00001"]
        fault.at = fault.seen + at
        try:
            with db.begin() as txn:
                for key, value in changes.items():
                    txn.tree("t").put(key, value)
                for key in neighbours:
                    txn.inner.erase(number, key)
            state = {key: value for key, value in (data | changes).items() if key not in neighbours}
        except engine.OperationalError:
            failures += 1
            state = data
        fault.at = 1 << 60
        assert db.check() == []
        assert everything(db) == state
        assert dict(reader.tree("t").scan()) == data
        reader.rollback()
        db.tree("t").put_many(changes.items())
        assert everything(db) == state | changes
        assert db.stats()["versions"] == 0
        assert db.check() == []
        db.store.log.sync()
        again = engine.open(PATH, fs=MemoryFileSystem(files.contents()), pool_bytes=1 << 20)
        assert everything(again) == state | changes
        assert again.check() == []
        again.close()
        db.close()
    assert failures > 3


# --- threads --------------------------------------------------------------------------------------------------------


class Work:
    """Threads that run until each has done its share; the first error of any ends all and is raised."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.threads: list[threading.Thread] = []
        self.over = threading.Event()

    def add(self, step: Any, times: int | None, seed: int) -> None:
        """`step(rng)` is done `times` times, or, for None, until all the others are finished."""

        def run() -> None:
            rng = random.Random(seed)
            done = 0
            try:
                while not self.errors and (done < times if times is not None else not self.over.is_set()):
                    step(rng)
                    done += 1
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        if times is not None:
            self.threads.append(thread)
        else:
            self.threads.insert(0, thread)
            self.endless = getattr(self, "endless", 0) + 1

    def finish(self) -> None:
        for thread in self.threads[getattr(self, "endless", 0) :]:
            thread.join()
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.errors:
            raise self.errors[0]


@pytest.mark.parametrize("isolation", ["serializable", "snapshot"])
def test_sums_stay_while_threads_move_money(isolation: str) -> None:
    """Writers, readers, checkpoints and checks at once, in a pool that holds a fifth of the data."""
    accounts = 3000
    memory = MemoryFileSystem({"/db": None})
    db: Any = engine.open(
        PATH,
        fs=memory,
        page_size=4096,
        pool_bytes=1 << 20,
        synchronous="off",
        isolation=isolation,
        checkpoint_bytes=1 << 20,
        segment_size=1 << 20,
    )
    db.tree("t").put_many((b"%06d" % number, b"100" + bytes(900)) for number in range(accounts))

    def amount(value: bytes) -> int:
        return int(value.rstrip(b"\0"))

    def move(rng: random.Random) -> None:
        while True:
            try:
                with db.begin() as txn:
                    tree = txn.tree("t")
                    one, two = (b"%06d" % number for number in rng.sample(range(accounts), 2))
                    part = rng.randrange(100)
                    tree.put(one, b"%d" % (amount(tree.get(one)) - part) + bytes(rng.choice((10, 900, 2000))))
                    tree.put(two, b"%d" % (amount(tree.get(two)) + part) + bytes(900))
                    tree.put(b"z%03d" % rng.randrange(500), bytes(rng.choice((0, 500, 5000))))
                    tree.delete(b"z%03d" % rng.randrange(500))
                return
            except engine.ConflictError:
                continue

    def total(rng: random.Random) -> None:
        with db.begin(readonly=True) as txn:
            pairs = txn.tree("t").scan(b"0", b"9", reverse=rng.random() < 0.5)
            assert sum(amount(value) for _, value in pairs) == accounts * 100
            tree = txn.tree("t")
            assert sum(amount(tree.get(b"%06d" % number)) for number in range(accounts)) == accounts * 100

    def care(rng: random.Random) -> None:
        db.checkpoint()
        assert db.check() == []

    work = Work()
    work.add(care, None, 1)
    for seed in range(2):
        work.add(total, None, seed)
    for seed in range(3):
        work.add(move, 150, seed)
    work.finish()
    assert db.check() == []
    gc.collect()
    assert db.stats()["versions"] == 0
    assert db.store.checkpointer.last_error is None
    db.close()
    with engine.open(PATH, fs=memory) as db:
        assert sum(amount(value) for _, value in db.tree("t").scan(b"0", b"9")) == accounts * 100
        assert db.check() == []


@pytest.mark.parametrize("seed", range(2))
def test_disk_errors_under_threads_undo_what_they_hit(seed: int) -> None:
    """Reads and writes of the data file fail at random in a pool too small: commits fail whole, readers see sums."""
    accounts = 2000

    class Plan(RandomFaults):
        enabled = False

        def decide(self, operation: str, path: str) -> int | None:
            return super().decide(operation, path) if self.enabled and "-wal" not in path else None

    plan = Plan(seed, 0.01, (errno.EIO, errno.ENOSPC), ("read", "write"))
    memory = MemoryFileSystem({"/db": None})
    db: Any = engine.open(
        PATH,
        fs=FaultyFileSystem(memory, plan),
        page_size=4096,
        pool_bytes=1 << 20,
        synchronous="off",
        checkpoint_bytes=0,
    )
    db.tree("t").put_many((b"%06d" % number, b"100" + bytes(900)) for number in range(accounts))
    plan.enabled = True
    failures = []

    def amount(value: bytes) -> int:
        return int(value.rstrip(b"\0"))

    def move(rng: random.Random) -> None:
        try:
            with db.begin() as txn:
                tree = txn.tree("t")
                keys = [b"%06d" % number for number in rng.sample(range(accounts), rng.choice((2, 40)))]
                amounts = [amount(tree.get(key)) for key in keys]
                part = rng.randrange(100)
                amounts[0], amounts[-1] = amounts[0] - part, amounts[-1] + part
                for key, new in zip(keys, amounts, strict=True):
                    tree.put(key, b"%d" % new + bytes(rng.choice((10, 900))))
                tree.put(b"z%03d" % rng.randrange(500), bytes(rng.choice((0, 500, 5000))))
                tree.delete(b"z%03d" % rng.randrange(500))
        except engine.CorruptionError:
            raise
        except engine.OperationalError as error:
            failures.append(error)

    def total(rng: random.Random) -> None:
        try:
            pairs = db.tree("t").scan(b"0", b"9", reverse=rng.random() < 0.5)
            assert sum(amount(value) for _, value in pairs) == accounts * 100
        except engine.CorruptionError:
            raise
        except engine.OperationalError as error:
            failures.append(error)

    work = Work()
    work.add(total, None, 7)
    for thread in range(3):
        work.add(move, 150, thread)
    work.finish()
    plan.enabled = False
    assert len(failures) > 10
    failures.clear()
    gc.collect()
    assert db.check() == []
    assert db.stats()["versions"] == 0
    assert sum(amount(value) for _, value in db.tree("t").scan(b"0", b"9")) == accounts * 100
    db.close()
    with engine.open(PATH, fs=memory) as db:
        assert sum(amount(value) for _, value in db.tree("t").scan(b"0", b"9")) == accounts * 100
        assert db.check() == []


def test_threads_that_count_together_lose_nothing() -> None:
    """Increments of a few hot keys, through transactions that conflict and are run again."""
    db: Any = engine.open(PATH, fs=MemoryFileSystem({"/db": None}), synchronous="normal")
    conflicts = []

    def count(rng: random.Random) -> None:
        key = b"%d" % rng.randrange(3)
        while True:
            try:
                with db.begin() as txn:
                    tree = txn.tree("t")
                    tree.put(key, b"%d" % (int(tree.get(key, b"0")) + 1))
                return
            except engine.ConflictError:
                conflicts.append(key)

    work = Work()
    for seed in range(4):
        work.add(count, 250, seed)
    work.finish()
    assert sum(int(value) for _, value in db.tree("t").scan()) == 1000
    assert db.check() == []
    db.close()


def test_a_state_that_is_gone_is_not_taken_for_an_older_one_that_is_kept(db: Any) -> None:
    """A reader without a snapshot of its own, at a state between the one a snapshot keeps and the present."""
    tree = db.tree("t")
    tree.put(b"k", b"oldest")
    oldest = db.store.snapshot()
    tree.put(b"k", b"middle")
    middle = db.store.published_lsn
    tree.put(b"k", b"newest")
    root = db.store.root_of(int(db.catalog.named_tree(db.begin(readonly=True).inner, "t")))
    assert db.store.get(root, 0, b"k") == b"newest"
    assert db.store.get(root, oldest.lsn, b"k") == b"oldest"
    with pytest.raises(engine.Error):  # such readers take a newer state, and start again
        db.store.get(root, middle, b"k")
    oldest.close()
