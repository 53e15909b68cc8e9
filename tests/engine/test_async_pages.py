"""Pages that come and go together: read-ahead, warming up, batches of images, the writer ahead of the clock hand."""

from __future__ import annotations

import errno
import mmap
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.base.errors import CorruptionError, InterfaceError, OperationalError
from engine.storage.aio import MODES, choose_mode
from engine.storage.file_faulty import Fault, FaultyFileSystem
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_recording import RecordingFileSystem, Write

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = 4096
POOL = 1 << 20
FRAMES = POOL // PAGE
COUNT = 30_000
WAYS = [way for way in MODES if way != "uring" or choose_mode("auto") == "uring"]

OpenDatabase = Callable[..., Any]


def key(number: int) -> bytes:
    return b"%08d" % number


def value(number: int) -> bytes:
    return b"%06d" % number * 20


def load(db: Any, shuffled: bool) -> None:
    numbers = list(range(COUNT))
    if shuffled:
        random.Random(5).shuffle(numbers)
    for at in range(0, COUNT, 5000):
        db.tree("t").put_many((key(number), value(number)) for number in numbers[at : at + 5000])


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Two databases of about four pools, one loaded in order, one shuffled; each in a folder of its own, closed."""
    made = {}
    for shuffled in (False, True):
        made[shuffled] = tmp_path_factory.mktemp("original")
        with engine.open(str(made[shuffled] / "data.ank"), page_size=PAGE, synchronous="off") as db:
            load(db, shuffled)
        assert os.path.getsize(made[shuffled] / "data.ank") > 3 * POOL
    return made


@pytest.fixture(params=[False, True], ids=["in order", "shuffled"])
def path(request: pytest.FixtureRequest, originals: dict[bool, Path], tmp_path: Path) -> str:
    """A copy of one of them."""
    shutil.copytree(originals[request.param], tmp_path / "copy")
    return str(tmp_path / "copy" / "data.ank")


@pytest.fixture(params=WAYS)
def db(request: pytest.FixtureRequest, path: str, open_db: OpenDatabase) -> Iterator[Any]:
    opened = open_db(path, pool_bytes=POOL, io=request.param, checkpoint_bytes=0, synchronous="off")
    assert opened.stats()["io"] == request.param
    opened.tree("t").get(b"")
    yield opened
    opened.close()


def reads(db: Any) -> int:
    return int(db.stats()["page_reads"])


# --- scans ----------------------------------------------------------------------------------------------------------


def test_cold_scans_are_right_and_read_ahead(db: Any) -> None:
    tree = db.tree("t")
    everything = [(key(number), value(number)) for number in range(COUNT)]
    assert list(tree.scan()) == everything
    assert list(tree.scan(reverse=True)) == everything[::-1]
    rng = random.Random(9)
    for _ in range(30):
        low, high = sorted(rng.sample(range(COUNT), 2))
        backward = rng.random() < 0.5
        part = everything[low:high]
        assert list(tree.scan(key(low), key(high), reverse=backward)) == (part[::-1] if backward else part)
    assert len(tree) == COUNT
    stats = db.stats()
    assert stats["page_reads_together"] > 1000
    assert stats["frames_reused_by_scans"] > 1000
    assert (stats["io_batches"] == 0) or stats["io"] != "sync" or stats["io_threads"] == stats["io_rings"] == 0


def test_a_scan_of_what_is_there_reads_nothing(db: Any) -> None:
    tree = db.tree("t")
    part = list(tree.scan(key(100), key(1500)))
    before = db.stats()
    assert list(tree.scan(key(100), key(1500))) == part
    assert list(tree.scan(key(100), key(1500), reverse=True)) == part[::-1]
    after = db.stats()
    assert after["page_reads"] == before["page_reads"]
    assert after["io_batches"] == before["io_batches"]


@pytest.mark.parametrize("backward", [False, True])
def test_a_short_scan_reads_little_and_none_goes_past_its_end(db: Any, backward: bool) -> None:
    tree = db.tree("t")
    tree.get(key(COUNT // 2))  # branch pages
    before = reads(db)
    scan = tree.scan(key(3000), key(9000), reverse=backward)
    next(scan)
    assert reads(db) - before <= 3
    del scan
    inner = sorted({page.page for page in db.inspect.pool().buffers})
    before = reads(db)
    middle = list(tree.scan(key(20_000), key(20_040), reverse=backward))
    assert len(middle) == 40
    assert reads(db) - before <= 6, inner  # forty items stand on three leaves at most


def test_a_scan_does_not_flush_the_pool(db: Any) -> None:
    """What others use stays, though the scan brings in four times the pool."""
    tree = db.tree("t")
    hot = [key(number) for number in range(0, COUNT, COUNT // 40)]
    for _ in range(4):
        for one in hot:
            tree.get(one)
    assert sum(1 for _ in tree.scan()) == COUNT  # fills the free frames
    for _ in range(4):
        for one in hot:
            tree.get(one)
    before = reads(db)
    assert sum(1 for _ in tree.scan()) == COUNT
    assert sum(1 for _ in tree.scan(reverse=True)) == COUNT
    scanned = reads(db)
    assert scanned - before > 3 * FRAMES
    for one in hot:
        assert tree.get(one) is not None
    assert reads(db) == scanned


# --- warming up -----------------------------------------------------------------------------------------------------


def test_get_many_reads_what_it_misses_together(db: Any) -> None:
    rng = random.Random(3)
    tree = db.tree("t")
    asked = 0
    for round in range(20):
        numbers = rng.sample(range(COUNT), FRAMES // 10)
        wanted = [*numbers, -5, COUNT + 5]
        assert tree.get_many([key(number) for number in wanted]) == [*map(value, numbers), None, None]
        if round < 5:  # as long as there are free frames for certain; then the clock may take a few of them again
            before = reads(db)
            assert tree.get_many([key(number) for number in numbers]) == [*map(value, numbers)]
            assert reads(db) == before
        asked += len(numbers)
    assert db.stats()["page_reads_together"] > asked / 2


def test_get_many_of_more_than_the_pool_holds(db: Any) -> None:
    rng = random.Random(4)
    numbers = rng.sample(range(COUNT), COUNT)
    assert db.tree("t").get_many([key(number) for number in numbers]) == [*map(value, numbers)]


def test_commits_that_had_to_read_read_together_before_the_next_ones(db: Any) -> None:
    rng = random.Random(5)
    tree = db.tree("t")
    changed = {}
    for round in range(10):
        part = {key(number): b"%d" % round for number in rng.sample(range(COUNT), FRAMES // 10)}
        before = db.stats()["page_reads_together"]
        with db.begin() as txn:
            for one, new in part.items():
                txn.tree("t").put(one, new)
        changed.update(part)
        together = db.stats()["page_reads_together"] - before
        assert together > FRAMES // 20 if round else together == 0  # the first one does not know
    for one in list(changed)[:50]:
        tree.put(one, b"alone")
        changed[one] = b"alone"
    assert dict(zip(changed, tree.get_many(list(changed)), strict=True)) == changed


# --- errors ---------------------------------------------------------------------------------------------------------


def leaf_slots(db: Any) -> dict[int, int]:
    """Slots of the leaves of the tree, by page."""
    return {slot.page: slot.slot for slot in db.inspect.file().slots if slot.kind == "leaf" and (slot.tree or 0) > 1}


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_page_is_reported_by_who_needs_it(way: str, path: str) -> None:
    with engine.open(path, readonly=True) as db:
        page, slot = sorted(leaf_slots(db).items())[20]
    with open(path, "r+b") as raw:
        raw.seek(slot * PAGE + 300)
        raw.write(b"damage!!")
    db = engine.open(path, pool_bytes=POOL, io=way, readonly=True)
    tree = db.tree("t")
    with pytest.raises(CorruptionError) as found:
        tree.get_many([key(number) for number in range(COUNT)])
    assert found.value.page == page
    with pytest.raises(CorruptionError) as found:
        list(tree.scan())
    assert found.value.page == page
    lost = 0
    for number in range(COUNT):
        try:
            assert tree.get(key(number)) == value(number)
        except CorruptionError as error:
            assert error.page == page
            lost += 1
    assert 0 < lost < 100
    db.close()


@pytest.mark.parametrize("forever", [False, True])
def test_a_read_that_fails_within_a_batch(forever: bool) -> None:
    memory = MemoryFileSystem()
    with open_on(memory) as db:
        load(db, True)
    fault = Fault(("read",), 100, errno.EIO, forever=forever, where="db.ank")
    db = open_on(FaultyFileSystem(memory, fault))
    tree = db.tree("t")
    if forever:
        with pytest.raises(OperationalError, match="EIO"):
            list(tree.scan())
    else:
        assert list(tree.scan()) == [(key(number), value(number)) for number in range(COUNT)]
    db.close()


def open_on(fs: Any, **options: Any) -> Any:
    """A database on a file system of the tests."""
    settings = {"page_size": PAGE, "pool_bytes": POOL, "synchronous": "off", "checkpoint_bytes": 0, **options}
    return engine.open("/db.ank", fs=fs, **settings)


# --- writing --------------------------------------------------------------------------------------------------------


def test_a_checkpoint_writes_neighbours_together_and_nothing_else() -> None:
    """Each image goes to the file once, most of them in writes of many pages, none over a slot that counts."""
    fs = RecordingFileSystem(MemoryFileSystem())
    db = open_on(fs, pool_bytes=16 * POOL)
    load(db, False)
    db.checkpoint()
    for number in range(0, COUNT, 150):
        db.tree("t").put(key(number), b"new")
    durable = {slot.slot for slot in db.inspect.file().slots if slot.durable}
    before, start = db.stats()["page_writes"], len(fs.operations)
    db.checkpoint()
    file = next(operation.node for operation in fs.operations if getattr(operation, "path", "") == "/db.ank-new")
    writes = [w for w in fs.operations[start:] if isinstance(w, Write) and w.node == file]
    images = [at // PAGE for w in writes for at in range(w.offset, w.offset + len(w.data), PAGE)]
    assert len(images) == len(set(images))
    assert not durable & (set(images) - {0, 1})
    written = db.stats()["page_writes"] - before
    assert written <= len(images) <= written + 10  # and blocks of the table, and the meta slot
    assert max(len(w.data) for w in writes) == 32 * PAGE
    assert len(writes) < len(images) / 4
    assert db.check() == []
    db.close()


@pytest.mark.parametrize("way", [way for way in WAYS if way != "sync"])
def test_dirty_pages_are_written_ahead_of_the_hand(way: str, tmp_path: Path, open_db: OpenDatabase) -> None:
    db = open_db(tmp_path / "data.ank", page_size=PAGE, pool_bytes=POOL, io=way, synchronous="off", checkpoint_bytes=0)
    load(db, False)
    rng = random.Random(6)
    data = {key(number): value(number) for number in range(COUNT)}
    tree = db.tree("t")
    for step in range(20_000):
        if step % 5000 == 4999:
            db.checkpoint()
        number = rng.randrange(COUNT)
        data[key(number)] = rng.randbytes(20)
        tree.put(key(number), data[key(number)])
    stats = db.stats()
    print(f"ahead {stats['pages_written_ahead']}, by misses {stats['pages_written_by_misses']}")
    assert stats["pages_written_ahead"] > 0
    assert dict(tree.scan()) == data
    db.close()
    db = open_db(tmp_path / "data.ank", pool_bytes=POOL)
    assert dict(db.tree("t").scan()) == data
    db.close()


def test_memory_is_taken_ahead_of_its_use(tmp_path: Path, open_db: OpenDatabase) -> None:
    """Never by a small database, in a large one as far as the pool goes; and a pool that is taken whole works on."""
    pool = 12 << 20
    with open_db(tmp_path / "small.ank", page_size=PAGE, pool_bytes=pool) as small:
        small.tree("t").put_many((key(number), value(number)) for number in range(5000))
        assert small.stats()["frames_taken_ahead"] == 0
    with open_db(tmp_path / "large.ank", page_size=PAGE, pool_bytes=pool, synchronous="off") as large:
        taken = []
        for at in range(0, 4 * COUNT, 5000):
            large.tree("t").put_many((key(number), value(number)) for number in range(at, at + 5000))
            taken.append(large.stats()["frames_taken_ahead"])
        stats = large.stats()
        print(f"taken ahead {taken}, evictions {stats['evictions']}")
        assert stats["evictions"] > 0
        assert taken == sorted(taken)
        assert taken[-1] <= stats["pool_frames"]
        if not can_take_memory():
            assert taken[-1] == 0
        elif stats["io"] != "sync":
            assert taken[-1] > 0
        assert large.check() == []
        assert sum(1 for _ in large.tree("t").scan()) == 4 * COUNT


def can_take_memory() -> bool:
    """Whether the system knows MADV_POPULATE_WRITE."""
    if not sys.platform.startswith("linux"):
        return False
    with mmap.mmap(-1, 1 << 16) as memory:
        try:
            memory.madvise(23)
        except OSError:
            return False
    return True


@pytest.mark.parametrize("way", ["sync", "threads"])
def test_in_memory_nothing_is_written_behind_anybodys_back(way: str) -> None:
    db = open_on(MemoryFileSystem(), io=way)
    load(db, True)
    stats = db.stats()
    assert stats["io"] == "sync"
    assert stats["pages_written_ahead"] == stats["io_threads"] == stats["io_rings"] == 0
    assert stats["pages_written_by_misses"] > 0
    assert db.check() == []
    db.close()


@pytest.mark.parametrize("way", WAYS)
def test_readers_scans_and_a_writer_in_a_small_pool(way: str, tmp_path: Path, open_db: OpenDatabase) -> None:
    """Everything at once: scans and warm-ups in batches, single puts, checkpoints, versions, the writer."""
    db = open_db(
        tmp_path / "data.ank", page_size=PAGE, pool_bytes=POOL, io=way, synchronous="off", checkpoint_bytes=1 << 20
    )
    load(db, True)
    stop = threading.Event()
    errors: list[BaseException] = []

    def guarded(work: Callable[[random.Random], None], seed: int) -> None:
        rng = random.Random(seed)
        try:
            while not stop.is_set():
                work(rng)
        except BaseException as error:
            errors.append(error)
            stop.set()

    def scan(rng: random.Random) -> None:
        # every value is its key's number, or that and a mark: no scan may see anything else, or lose a key
        found = 0
        for number, (k, v) in enumerate(db.tree("t").scan()):
            assert k == key(number) and v[:120] == value(number), (k, v)
            found += 1
            if stop.is_set():
                return
        assert found == COUNT

    def get(rng: random.Random) -> None:
        numbers = rng.sample(range(COUNT), 40)
        for number, got in zip(numbers, db.tree("t").get_many([key(number) for number in numbers]), strict=True):
            assert got[:120] == value(number) == db.tree("t").get(key(number))[:120]

    threads = [threading.Thread(target=guarded, args=(work, seed)) for seed, work in enumerate((scan, get, get, scan))]
    for thread in threads:
        thread.start()
    rng = random.Random(99)
    for step in range(6000):
        number = rng.randrange(COUNT)
        db.tree("t").put(key(number), value(number) + b"!" * (step % 3))
        if step % 2000 == 1999:
            db.checkpoint()
        if errors:
            break
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    db.close()


# --- opening and closing --------------------------------------------------------------------------------------------


def test_the_option_is_checked_and_shown(tmp_path: Path, open_db: OpenDatabase) -> None:
    with pytest.raises(InterfaceError, match="one of auto, uring, threads, sync"):
        engine.open(str(tmp_path / "a.ank"), io="fast")
    with pytest.raises(InterfaceError, match="io"):
        engine.open(str(tmp_path / "a.ank"), io=3)
    assert not (tmp_path / "a.ank").exists()
    for way in WAYS:
        db = open_db(tmp_path / f"{way}.ank", io=way)
        assert db.stats()["io"] == db.inspect.pool().io == way
        db.close()
    db = open_db(tmp_path / "auto.ank")
    assert db.stats()["io"] == choose_mode("auto")
    db.close()
    with engine.open(":memory:", io="auto") as memory:
        assert memory.stats()["io"] == memory.inspect.pool().io == "sync"


@pytest.mark.parametrize("way", WAYS)
def test_closing_under_readers(way: str, path: str) -> None:
    """Whoever still reads hears that the database is closed; nobody hangs, nothing is read from a closed descriptor."""
    for _ in range(5):
        db = engine.open(path, pool_bytes=POOL, io=way, synchronous="off")
        begun = threading.Barrier(4)
        ends: list[BaseException | None] = []

        def work(db: Any = db, begun: threading.Barrier = begun, ends: list[BaseException | None] = ends) -> None:
            tree = db.tree("t")
            begun.wait()
            try:
                while True:
                    for _ in tree.scan():
                        pass
            except BaseException as error:
                ends.append(error)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        begun.wait()
        db.close()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert len(ends) == 3 and all(isinstance(end, (InterfaceError, OperationalError)) for end in ends), ends


FORKING = """
import os, random, sys
import engine
db = engine.open(sys.argv[1], page_size=4096, pool_bytes=1 << 20, synchronous="off", io=sys.argv[2])
tree = db.tree("t")
tree.put_many((b"%08d" % i, b"x" * 100) for i in range(30000))
for i in random.Random(1).sample(range(30000), 3000):
    tree.put(b"%08d" % i, b"y" * 100)
assert db.stats()["pages_written_ahead"] > 0 or sys.argv[2] == "sync"
child = os.fork()
if child == 0:
    try:
        db.tree("t").get(b"x")
    except engine.Error as error:
        refused = "fork" in str(error)
    del tree, db
    os._exit(0 if refused else 1)
assert os.waitpid(child, 0)[1] == 0, "the child"
assert sum(1 for _ in tree.scan()) == 30000
assert db.check() == []
db.close()
print("both")
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_fork_beside_the_writer(way: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(tmp_path / "data.ank"), way],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stdout == "both\n", done.stderr
