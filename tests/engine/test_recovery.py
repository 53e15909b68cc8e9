"""Opening again: after crashes at any moment, with damaged or missing parts, read-only; and handles that must refuse."""

from __future__ import annotations

import errno
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.storage.file_faulty import Fault, FaultyFileSystem
from engine.storage.file_memory import MemoryFileSystem
from engine.wal.reader import LogReader

PATH = "/db/r.ank"
LOG = PATH + "-wal"
SMALL = {"page_size": 4096, "pool_bytes": 1 << 20, "segment_size": 64 << 10}
Files = dict[str, bytes | None]


def fresh() -> MemoryFileSystem:
    return MemoryFileSystem({"/db": None})


def opened(fs: Any, **options: Any) -> Any:
    return engine.open(PATH, fs=fs, **{**SMALL, **options})


def state_of(db: Any) -> dict[bytes, bytes]:
    assert db.check() == []
    return dict(db.tree("t").scan())


def reopened(files: Files) -> dict[bytes, bytes]:
    """The state that recovery finds in a copy of the files; finding it twice finds it again."""
    memory = MemoryFileSystem(files)
    first = opened(memory)
    state = state_of(first)
    twice = MemoryFileSystem(memory.contents())  # as the first recovery leaves the files, without a close
    first.store.close_files()
    second = opened(twice)
    assert state_of(second) == state
    second.close()
    third = opened(twice)
    assert state_of(third) == state
    third.close()
    return state


class Writer:
    """Random commits to one tree, with the dict of what was acknowledged."""

    def __init__(self, db: Any, seed: int) -> None:
        self.db, self.rng = db, random.Random(seed)
        self.data: dict[bytes, bytes] = {}

    def step(self) -> None:
        rng, tree = self.rng, self.db.tree("t")
        kind = rng.randrange(10)
        keys = [b"%04d" % rng.randrange(800) for _ in range(rng.choice((1, 1, 1, 5, 60)))]
        if kind < 5:
            pairs = {key: rng.randbytes(rng.choice((0, 20, 300, 900, 6000))) for key in keys}
            if len(pairs) == 1:
                tree.put(*next(iter(pairs.items())))
            else:
                tree.put_many(pairs.items())
            self.data |= pairs
        elif kind < 8:
            with self.db.begin() as txn:
                for key in keys:
                    assert txn.tree("t").delete(key) == (self.data.pop(key, None) is not None)
        elif kind < 9:
            for key in keys:
                assert tree.delete(key) == (self.data.pop(key, None) is not None)
        else:
            with self.db.begin() as txn:
                txn.tree("t").put(keys[0], b"never")
                txn.rollback()


@pytest.mark.parametrize("seed", range(6))
def test_state_after_a_crash_at_any_moment(seed: int) -> None:
    memory = fresh()
    db = opened(memory, checkpoint_bytes=0, wal_retention=seed % 2 * 100_000)
    writer = Writer(db, seed)
    for number in range(160):
        writer.step()
        if writer.rng.random() < 0.06:
            db.checkpoint()
        if number % 20 == 19:
            assert reopened(memory.contents()) == writer.data
        if number % 60 == 59:
            memory = MemoryFileSystem(memory.contents())
            db = writer.db = opened(memory, checkpoint_bytes=0)
    db.close()


def test_background_checkpoints_beside_a_writer() -> None:
    memory = fresh()
    db = opened(memory, checkpoint_bytes=100_000)
    writer = Writer(db, 77)
    for number in range(600):
        writer.step()
        if number % 100 == 99:
            with db.store.checkpointer.mutex:  # files of different moments are no state that a crash could leave
                files = memory.contents()
            assert reopened(files) == writer.data
    patience = time.monotonic() + 30
    while db.store.checkpointer.count == 0 and time.monotonic() < patience:
        writer.step()  # the thread has been asked; when it gets its turn is up to the system
    with db.store.checkpointer.mutex:
        assert db.store.checkpointer.count > 0
        assert db.store.checkpointer.last_error is None
    assert len([name for name in memory.contents() if name.startswith(LOG + "/")]) < 8, "old segments go"
    assert state_of(db) == writer.data
    db.close()
    assert reopened(memory.contents()) == writer.data


def test_checkpoints_while_threads_commit() -> None:
    memory = fresh()
    db = opened(memory, synchronous="normal", checkpoint_bytes=0)
    done = threading.Event()
    writers = [Writer(db, seed) for seed in range(3)]

    def work(writer: Writer, prefix: bytes) -> None:
        for _ in range(150):
            pairs = {prefix + b"%04d" % writer.rng.randrange(300): writer.rng.randbytes(200) for _ in range(8)}
            db.tree("t").put_many(pairs.items())
            writer.data |= pairs

    threads = [threading.Thread(target=work, args=(writer, b"%d" % n)) for n, writer in enumerate(writers)]

    def checkpoints() -> None:
        while not done.is_set():
            db.checkpoint()

    care = threading.Thread(target=checkpoints)
    for thread in [*threads, care]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    care.join()
    expected = {key: value for writer in writers for key, value in writer.data.items()}
    assert len(expected) > 100
    assert reopened(memory.contents()) == expected
    assert state_of(db) == expected
    db.close()


# --- missing and damaged parts --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crashed() -> tuple[Files, dict[bytes, bytes]]:
    """Files with two checkpoints behind them and several segments of commits after; and what they hold."""
    memory = fresh()
    db = opened(memory, checkpoint_bytes=0)
    writer = Writer(db, 3)
    for number in range(120):
        writer.step()
        if number in (30, 50):
            db.checkpoint()
    files = memory.contents()
    assert len([name for name in files if name.startswith(LOG + "/")]) > 2
    db.close()
    return files, writer.data


def read(files: Files, **options: Any) -> dict[bytes, bytes] | engine.Error:
    """The state, or the typed error with which it was refused. Anything else is a failure of the test."""
    db = None
    try:
        db = opened(MemoryFileSystem(files), **options)
        findings = db.check()
        state = dict(db.tree("t").scan())
        return engine.CorruptionError(str(findings[0])) if findings else state
    except engine.Error as error:
        return error
    finally:
        if db is not None:
            db.store.close_files()


def test_the_log_is_missing(crashed: tuple[Files, dict[bytes, bytes]]) -> None:
    files, data = crashed
    assert read(files) == data
    found = read({name: content for name, content in files.items() if not name.startswith(LOG)})
    assert isinstance(found, engine.CorruptionError), found
    found = read({name: content for name, content in files.items() if not name.startswith(LOG + "/")})
    assert isinstance(found, engine.CorruptionError), found


def test_a_segment_is_missing(crashed: tuple[Files, dict[bytes, bytes]]) -> None:
    files, _ = crashed
    segments = sorted(name for name in files if name.startswith(LOG + "/"))
    for segment in segments[:-1]:
        found = read({name: content for name, content in files.items() if name != segment})
        assert isinstance(found, engine.CorruptionError), (segment, found)


def test_a_torn_meta_slot() -> None:
    """A checkpoint dies while it writes its meta slot: the one before counts, and the log says the rest."""
    memory = fresh()
    db = opened(memory, checkpoint_bytes=0, wal_retention=1 << 30)
    writer = Writer(db, 8)
    for _ in range(40):
        writer.step()
    db.checkpoint()
    for _ in range(20):
        writer.step()
    db.checkpoint()
    files = memory.contents()
    data = files[PATH]
    assert data is not None
    for slot in (0, 1):
        for junk in (bytes(4096), b"\xff" * 4096, data[slot * 4096 : slot * 4096 + 60] + bytes(4036)):
            torn = data[: slot * 4096] + junk + data[(slot + 1) * 4096 :]
            assert reopened({**files, PATH: torn}) == writer.data
    found = read({**files, PATH: bytes(8192) + data[8192:]})
    assert isinstance(found, engine.OperationalError)
    db.close()


def test_flipped_bytes_of_a_small_database() -> None:
    """Right data or a typed error for every place in the file; after a clean close there is nothing to lose."""
    memory = fresh()
    db = opened(memory, segment_size=8 << 10)
    data = {b"%04d" % number: b"value %d" % number * (number % 9) for number in range(150)}
    data[b"long"] = bytes(5000)
    db.tree("t").put_many(data.items())
    db.close()
    files = memory.contents()
    content = files[PATH]
    assert content is not None
    refused = 0
    for at in range(0, len(content), 97):
        flipped = content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]
        found = read({**files, PATH: flipped})
        if isinstance(found, engine.Error):
            refused += 1
        else:
            assert found == data, at
    assert refused > len(content) // 97 // 4
    for size in range(0, len(content), 1021):
        found = read({**files, PATH: content[:size]}, create=False)
        assert isinstance(found, engine.Error) or found == data, size


def test_what_is_no_database(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes(b"this is no database\n" * 1000)
    short = tmp_path / "short"
    short.write_bytes(b"x")
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in (text, short, folder, tmp_path / "nowhere" / "x.ank"):
        before = path.read_bytes() if path.is_file() else None
        options: Any
        for options in ({}, {"readonly": True}, {"create": False}):
            with pytest.raises(engine.OperationalError) as caught:
                engine.open(path, **options)
            assert path.name in str(caught.value)
        assert before is None or path.read_bytes() == before
    missing = tmp_path / "missing.ank"
    for options in ({"readonly": True}, {"create": False}):
        with pytest.raises(engine.OperationalError):
            engine.open(missing, **options)
        assert not missing.exists()
    empty = tmp_path / "empty.ank"
    empty.touch()
    with pytest.raises(engine.OperationalError):
        engine.open(empty, readonly=True)
    with engine.open(empty) as db:
        db.tree("t").put(b"a", b"b")
    with engine.open(empty, readonly=True) as db:
        assert db.tree("t").get(b"a") == b"b"


# --- who may not write ----------------------------------------------------------------------------------------------


def test_two_writers(tmp_path: Path) -> None:
    path = tmp_path / "x.ank"
    with engine.open(path) as db:
        db.tree("t").put(b"a", b"b")
        with pytest.raises(engine.LockedError):
            engine.open(path)
    engine.open(path).close()


def test_readonly_changes_no_byte(crashed: tuple[Files, dict[bytes, bytes]]) -> None:
    """Recovery happens in memory, also in a pool too small for what it changes."""
    files, data = crashed
    memory = MemoryFileSystem(files)
    db = opened(memory, readonly=True)
    assert dict(db.tree("t").scan()) == data
    assert db.tree("none").get(b"a") is None
    assert db.check() == []
    for call in (
        lambda: db.tree("t").put(b"a", b""),
        lambda: db.tree("t").delete(b"a"),
        lambda: db.tree("t").put_many([(b"a", b"")]),
        lambda: db.tree("new").put(b"a", b""),
        lambda: db.begin().tree("t").put(b"a", b""),
        db.checkpoint,
    ):
        with pytest.raises(engine.ReadOnlyError):
            call()
    db.close()
    assert memory.contents() == files


def test_readonly_recovery_in_a_pool_too_small_for_it() -> None:
    """What the log changes is many times the pool: it is kept behind the file, in memory."""
    memory = fresh()
    db = opened(memory, checkpoint_bytes=0, synchronous="normal", segment_size=1 << 20)
    rng = random.Random(2)
    data: dict[bytes, bytes] = {}
    for _ in range(4):
        pairs = {rng.randbytes(8): rng.randbytes(300) for _ in range(3000)}
        db.tree("t").put_many(pairs.items())
        data |= pairs
    files = memory.contents()
    db.close()
    copy = MemoryFileSystem(files)
    readonly = opened(copy, readonly=True)
    assert dict(readonly.tree("t").scan()) == data
    assert readonly.check() == []
    assert readonly.stats()["evictions_dirty"] > 0
    readonly.close()
    assert copy.contents() == files


def test_a_checkpoint_leaves_a_record_that_recovery_passes_over() -> None:
    memory = fresh()
    db = opened(memory, checkpoint_bytes=0, wal_retention=1 << 20)
    db.tree("t").put(b"a", b"1")
    db.checkpoint()
    meta = db.store.meta.as_dict()
    db.tree("t").put(b"b", b"2")
    files = memory.contents()
    db.close()
    memory = MemoryFileSystem(files)
    db = opened(memory, checkpoint_bytes=0, wal_retention=1 << 20)
    db.tree("t").put(b"c", b"3")
    db.store.log.sync()
    records = list(LogReader(memory, LOG))
    found = [record for record in records if record.type.name == "CHECKPOINT"]
    assert (found[-1].fields["lsn"], found[-1].fields["sequence"]) == (meta["checkpoint_lsn"], meta["sequence"])
    assert [record.type.name for record in records if record.lsn > found[-1].lsn].count("COMMIT") == 2
    assert state_of(db) == {b"a": b"1", b"b": b"2", b"c": b"3"}
    db.close()


def test_recovery_of_a_log_of_many_windows() -> None:
    """Several times what is redone together: pages come and go in it, and a batch that spans windows was aborted."""
    memory = fresh()
    db = opened(memory, checkpoint_bytes=0, synchronous="normal", segment_size=1 << 20, memtable_bytes=1 << 20)
    rng = random.Random(3)
    data: dict[bytes, bytes] = {}
    for number in range(12):
        pairs = {b"%05d" % rng.randrange(9000): rng.randbytes(rng.choice((10, 200, 500))) for _ in range(2500)}
        db.tree("t").put_many(pairs.items())
        data |= pairs
        gone = rng.randrange(9000)
        db.tree("t").delete_range(b"%05d" % gone, b"%05d" % (gone + 1500))
        data = {key: value for key, value in data.items() if not b"%05d" % gone <= key < b"%05d" % (gone + 1500)}
        if number == 6:
            txn = db.begin()
            for _ in range(9000):
                txn.tree("t").put(b"%05d" % rng.randrange(9000), rng.randbytes(400))
            txn.rollback()
    assert db.stats()["log_bytes"] > 10 << 20
    assert reopened(memory.contents()) == data
    db.close()


def test_a_failed_sync_of_the_log_poisons_the_handle() -> None:
    memory = fresh()
    fault = Fault(("sync",), at=1 << 60, error=errno.EIO, where=LOG)
    db = opened(FaultyFileSystem(memory, fault))
    tree = db.tree("t")
    tree.put(b"a", b"1")
    fault.at = fault.seen
    with pytest.raises(engine.OperationalError):
        tree.put(b"b", b"2")
    for call in (
        lambda: tree.put(b"c", b"3"),
        lambda: tree.delete(b"a"),
        lambda: tree.put_many([(b"c", b"3")]),
        db.begin,
        db.checkpoint,
    ):
        with pytest.raises(engine.PoisonedError):
            call()
    assert tree.get(b"a") == b"1"
    assert dict(tree.scan())[b"a"] == b"1"
    with db.begin(readonly=True) as txn:
        assert txn.tree("t").get(b"a") == b"1"
    db.close()
    db = opened(memory)
    assert state_of(db) in ({b"a": b"1"}, {b"a": b"1", b"b": b"2"})
    db.tree("t").put(b"c", b"3")
    db.close()


def test_closing() -> None:
    memory = fresh()
    db = opened(memory)
    tree = db.tree("t")
    tree.put(b"a", b"1")
    txn, scan = db.begin(), tree.scan()
    txn.tree("t").put(b"b", b"2")
    db.close()
    db.close()
    assert db.closed
    for call in (
        lambda: tree.get(b"a"),
        lambda: tree.get_many([b"a"]),
        lambda: tree.put(b"a", b""),
        lambda: tree.delete(b"a"),
        lambda: len(tree),
        lambda: tree.scan(),
        lambda: db.tree("u"),
        lambda: db.tree("t").get(b"a"),
        db.begin,
        db.checkpoint,
        db.check,
        db.stats,
        lambda: txn.tree("t").get(b"b"),
        lambda: txn.tree("t").scan(),
        lambda: next(scan),
        txn.commit,
    ):
        with pytest.raises(engine.InterfaceError):
            call()
    assert not txn.is_open
    db = opened(memory)
    assert state_of(db) == {b"a": b"1"}
    db.close()


@pytest.mark.parametrize("readonly", [False, True])
def test_a_read_error_of_the_log_never_ends_recovery_early(readonly: bool) -> None:
    """The log is read twice, for its end and for redo: an error in either is an error, and no commit is left out."""
    fs = MemoryFileSystem()
    db = engine.open("/db.ank", fs=fs, page_size=4096, segment_size=16 << 10, checkpoint_bytes=0)
    expected = {b"%03d" % i: b"v" * 700 for i in range(60)}
    for key, value in expected.items():
        db.tree("t").put(key, value)
    files = fs.contents()
    refused = 0
    for at in range(40):
        plan = Fault(("read",), at=at, error=errno.EIO, where="-wal")
        try:
            again = engine.open("/db.ank", fs=FaultyFileSystem(MemoryFileSystem(files), plan), readonly=readonly)
        except engine.OperationalError:
            refused += 1
            continue
        assert dict(again.tree("t").scan()) == expected, f"error in read {at}"
        again.close()
    assert 4 <= refused < 40
    db.close()
