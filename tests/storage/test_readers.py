"""Read-only handles beside a writer in another process: each sees one state, and sees it as long as it is open.

The writer keeps an invariant that any torn, mixed or overwritten page breaks: every row carries the number of the
transaction that wrote all rows last, and the amounts add up to the same sum.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import engine

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS = 300
WRITER = """
import random, sys, engine
path, rows, mode, synchronous = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
rng = random.Random(7)
db = engine.open(path, page_size=4096, segment_size=65536, checkpoint_bytes=0, synchronous=synchronous)
tree = db.tree("rows")
amounts = [100] * rows
generation = 0

def write():
    global generation
    generation += 1
    for _ in range(20):
        a, b = rng.randrange(rows), rng.randrange(rows)
        n = rng.randrange(50)
        amounts[a] -= n
        amounts[b] += n
    with db.begin() as txn:
        inside = txn.tree("rows")
        for i in range(rows):
            inside.put(b"%06d" % i, b"%d %d " % (generation, amounts[i]) + b"x" * rng.choice((10, 200, 700)))

write()
if synchronous == "off":
    db.checkpoint()  # or else there is nothing in the files yet
print("ready", flush=True)
if mode == "steps":
    for line in sys.stdin:
        command, _, name = line.strip().partition(" ")
        if command == "write":
            write()
        elif command == "checkpoint":
            db.checkpoint(name or None)
        elif command == "drop":
            db.drop_checkpoint(name)
        elif command == "check":
            assert db.check() == [], db.check()
        print(generation, len(db.store.kept), flush=True)
else:
    while True:
        write()
        if mode == "checkpoints" or rng.random() < 0.5:
            db.checkpoint()
"""


@contextmanager
def writer(path: Path, mode: str, synchronous: str = "full") -> Iterator[subprocess.Popen[str]]:
    """A process that writes; killed at the end."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(ROWS), mode, synchronous],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield child
    finally:
        child.kill()
        child.wait()


def tell(child: subprocess.Popen[str], *commands: str) -> tuple[int, int]:
    """Have the writer do something; its generation, and how many replaced checkpoints it keeps for readers."""
    assert child.stdin is not None and child.stdout is not None
    answer = ""
    for command in commands:
        print(command, file=child.stdin, flush=True)
        answer = child.stdout.readline()
    generation, kept = answer.split()
    return int(generation), int(kept)


def generation_of(db: engine.Database, as_of: str | None = None) -> int:
    """The one generation that all rows are of; the sum must be right."""
    with db.begin(as_of=as_of) as txn:
        rows = dict(txn.tree("rows").scan())
    assert len(rows) == ROWS
    fields = [value.split(b" ", 2) for value in rows.values()]
    assert sum(int(amount) for _, amount, _ in fields) == 100 * ROWS
    (generation,) = {int(number) for number, _, _ in fields}
    return generation


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.ank"


@pytest.mark.parametrize(
    ("mode", "synchronous"), [("checkpoints", "full"), ("both", "full"), ("both", "normal"), ("both", "off")]
)
def test_readers_see_one_state_while_the_writer_makes_checkpoints_all_the_time(
    path: Path, mode: str, synchronous: str
) -> None:
    with writer(path, mode, synchronous) as child:
        last = rounds = 0
        while rounds < 12 or last < 4:
            assert child.poll() is None, "the writer did not survive its readers"
            rounds += 1
            with engine.open(str(path), readonly=True) as first, engine.open(str(path), readonly=True) as second:
                seen = generation_of(first)
                assert last <= seen <= generation_of(second), "time went back"
                last = generation_of(second)
                for _ in range(4):
                    assert generation_of(first) == seen
                    assert generation_of(second) == last
                assert first.check() == []
                assert first.tree("rows").get(b"%06d" % (ROWS // 2)) is not None
    with engine.open(str(path)) as db:
        assert generation_of(db) >= last
        assert db.check() == []


def test_a_reader_sees_what_was_committed_before_it_was_opened(path: Path) -> None:
    with writer(path, "steps") as child:
        for expected in (2, 3, 4):
            assert tell(child, "write")[0] == expected
            with engine.open(str(path), readonly=True) as db:
                assert generation_of(db) == expected, "a commit that is in the log alone was not seen"
                tell(child, "checkpoint")
                assert generation_of(db) == expected


def test_what_a_reader_needs_is_kept_until_it_goes(path: Path) -> None:
    with writer(path, "steps") as child:
        tell(child, "checkpoint")
        db = engine.open(str(path), readonly=True, pool_bytes=1 << 20)
        seen = generation_of(db)
        generation, kept = tell(child, *["write", "checkpoint"] * 5)
        assert generation == seen + 5 and kept == 1
        size = path.stat().st_size
        assert tell(child, *["write", "checkpoint"] * 10)[1] == 1
        assert path.stat().st_size < 1.2 * size, "slots behind what the reader needs are not used again"
        assert generation_of(db) == seen
        tell(child, "check")
        db.close()
        assert tell(child, "checkpoint")[1] == 0
        tell(child, "check")


READER = """
import sys, engine
db = engine.open(sys.argv[1], readonly=True)
print(len(list(db.tree("rows").scan())), flush=True)
sys.stdin.read()
"""


def test_a_killed_reader_leaves_nothing_behind(path: Path) -> None:
    with writer(path, "steps") as child:
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            text=True,
        )
        assert reader.stdout is not None
        assert reader.stdout.readline() == f"{ROWS}\n"
        assert tell(child, "write", "checkpoint")[1] == 1
        reader.send_signal(signal.SIGKILL)
        reader.wait()
        assert tell(child, "write", "checkpoint")[1] == 0
        tell(child, "check")


def test_a_reader_outlives_the_writer_and_the_next_one_knows_of_it(path: Path) -> None:
    with writer(path, "steps") as child:
        tell(child, "checkpoint")
        db = engine.open(str(path), readonly=True, pool_bytes=1 << 20)
        seen = generation_of(db)
        tell(child, "write", "checkpoint", "write")
        child.kill()
        child.wait()
    assert generation_of(db) == seen
    for turn in range(3):
        with engine.open(str(path), checkpoint_bytes=0) as again:
            assert len(again.store.kept) == 1, "the pin of the reader was not found"
            for i in range(3):
                again.tree("rows").put_many([(b"%06d" % n, b"%d" % (turn * 10 + i) * 300) for n in range(ROWS)])
                again.checkpoint()
                assert again.check() == []
            assert generation_of(db) == seen
    db.close()
    with engine.open(str(path)) as again:
        assert again.store.kept == []
        assert again.check() == []


def test_a_reader_keeps_its_state_while_others_write_read_and_drop_checkpoints(path: Path) -> None:
    with writer(path, "steps") as child:
        tell(child, "checkpoint first", "write", "checkpoint second", "write")
        with engine.open(str(path), readonly=True) as db:
            assert [one.name for one in db.checkpoints()] == ["first", "second"]
            assert (generation_of(db, "first"), generation_of(db, "second"), generation_of(db)) == (1, 2, 3)
            held = db.begin(as_of="first")
            tell(child, "drop first", *["write", "checkpoint"] * 4, "checkpoint third")
            assert [one.name for one in db.checkpoints()] == ["second", "third"]
            assert len(dict(held.tree("rows").scan())) == ROWS
            assert {value.split()[0] for _, value in held.tree("rows").scan()} == {b"1"}
            held.rollback()
            with pytest.raises(engine.ProgrammingError, match="first"):
                db.begin(as_of="first")
            assert (generation_of(db, "second"), generation_of(db, "THIRD"), generation_of(db)) == (2, 7, 3)
        tell(child, "check")


def test_a_second_writer_is_still_refused_and_a_reader_stands_in_no_writers_way(path: Path) -> None:
    with engine.open(str(path)) as db:
        db.tree("t").put(b"k", b"v")
        with engine.open(str(path), readonly=True) as reader:
            with pytest.raises(engine.LockedError):
                engine.open(str(path))
            with pytest.raises(engine.ReadOnlyError):
                reader.tree("t").put(b"k", b"w")
    with engine.open(str(path), readonly=True) as reader, engine.open(str(path)) as db:
        db.tree("t").put(b"k", b"w")
        assert (reader.tree("t").get(b"k"), db.tree("t").get(b"k")) == (b"v", b"w")


def test_a_reader_reached_through_a_link_pins_the_same_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.ank"
    link.symlink_to(path)
    with writer(path, "steps") as child, engine.open(str(link), readonly=True) as db:
        assert tell(child, "write", "checkpoint")[1] == 1
        assert generation_of(db) == 1


def test_a_reader_after_a_fork_is_refused_and_its_pin_stays_the_parents(path: Path) -> None:
    with writer(path, "steps") as child:
        tell(child, "checkpoint")
        db = engine.open(str(path), readonly=True)
        seen = generation_of(db)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                db.tree("rows").get(b"000001")
            except engine.InterfaceError:
                code = 0
            except BaseException:
                code = 2
            with suppress(engine.Error):
                db.close()
            os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
        assert tell(child, *["write", "checkpoint"] * 3)[1] == 1, "the child's end let the parent's pin go"
        assert generation_of(db) == seen
        db.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_files_that_can_only_be_read_can_be_read(path: Path, tmp_path: Path) -> None:
    with engine.open(str(path)) as db:
        db.tree("t").put(b"k", b"v")
        db.checkpoint("one")
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with engine.open(str(path), readonly=True) as db:
            assert db.tree("t").get(b"k") == b"v"
            with db.begin(as_of="one") as txn:
                assert txn.tree("t").get(b"k") == b"v"
    finally:
        tmp_path.chmod(0o700)


def test_inspecting_the_files_of_a_database_that_is_being_written(path: Path) -> None:
    from engine.inspect import offline

    with writer(path, "both") as child:
        for _ in range(15):
            with offline(str(path)) as files:
                found = files.file()
                assert found.damage == ()
                pages = [slot.page for slot in found.slots if slot.kind == "leaf" and slot.live and slot.page]
                assert pages
                for page in pages[:40]:
                    shown = files.page(page)
                    assert shown.damage == (), f"page {page}"
        assert child.poll() is None
