"""The database among processes: who may open it, what a kill or a fork leaves, what strangers may plant."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import engine

REPOSITORY = Path(__file__).resolve().parents[2]
HOLD = """
import sys, engine
db = engine.open(sys.argv[1])
db.tree("t").put(b"child", b"was here")
print("open", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that has the database open for writing."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    return child


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one entry."""
    made = tmp_path / "shop.ank"
    with engine.open(str(made)) as db:
        db.tree("t").put(b"k", b"v")
    return made


def test_a_second_writer_is_told_who_has_the_database(path: Path) -> None:
    child = holder(path)
    try:
        with pytest.raises(engine.LockedError) as locked:
            engine.open(str(path))
        if Path("/proc/locks").exists():
            assert f"process {child.pid}" in str(locked.value)
    finally:
        child.kill()
        child.wait()


def test_a_second_handle_of_the_same_process_is_a_second_writer(path: Path) -> None:
    with engine.open(str(path)) as db:
        with pytest.raises(engine.LockedError):
            engine.open(str(path))
        db.tree("t").put(b"still", b"works")


def test_the_lock_goes_with_the_process(path: Path) -> None:
    child = holder(path)
    child.send_signal(signal.SIGKILL)
    child.wait()
    with engine.open(str(path)) as db:
        assert db.tree("t").get(b"child") == b"was here"
        assert db.check() == []


def test_a_symbolic_link_leads_to_the_same_lock_and_log(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.ank"
    link.symlink_to(path)
    with engine.open(str(path)) as db:
        with pytest.raises(engine.LockedError):
            engine.open(str(link))
        db.tree("t").put(b"in the log", b"only")
    child = holder(path)
    child.kill()
    child.wait()
    with engine.open(str(link)) as db:
        assert db.tree("t").get(b"child") == b"was here", "the log beside the real file was not found"
        db.tree("t").put(b"through", b"the link")
    with engine.open(str(path)) as db:
        assert db.tree("t").get(b"through") == b"the link"
    assert sorted(p.name for p in (tmp_path / "elsewhere").iterdir()) == ["link.ank"]


def test_a_database_is_refused_after_a_fork(path: Path) -> None:
    db = engine.open(str(path))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            db.tree("t").put(b"forked", b"no")
            answer = b"written"
        except engine.InterfaceError:
            answer = b"refused"
        except BaseException as error:
            answer = repr(error).encode()
        os.write(writer, answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"refused"
    os.waitpid(child, 0)
    db.tree("t").put(b"parent", b"yes")
    db.close()
    with engine.open(str(path)) as again:
        assert dict(again.tree("t").scan()) == {b"k": b"v", b"parent": b"yes"}
        assert again.check() == []


def test_everything_made_belongs_to_the_owner_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        with engine.open(str(tmp_path / "new.ank")) as db:
            db.tree("t").put(b"k", b"v")
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
    finally:
        os.umask(previous)
    assert modes.pop("new.ank-wal") == 0o700
    assert len(modes) >= 2
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("suffix", ["", "-new", "-wal"])
def test_a_planted_link_is_not_followed(tmp_path: Path, suffix: str) -> None:
    """A link put where a new database would make its files: nothing behind it is written or emptied."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_bytes(b"precious")
    target = victim / "missing" if suffix == "" else victim / "file" if suffix == "-new" else victim
    (tmp_path / f"shop.ank{suffix}").symlink_to(target)
    try:
        engine.open(str(tmp_path / "shop.ank")).close()
    except engine.Error as refused:
        assert "shop.ank" in str(refused)
    assert (victim / "file").read_bytes() == b"precious"
    assert [p.name for p in victim.iterdir()] == ["file"]


def test_a_planted_segment_is_not_followed(path: Path, tmp_path: Path) -> None:
    """A link that bears the name of a segment to come."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    small = tmp_path / "small.ank"
    with engine.open(str(small), segment_size=4096) as db:
        db.tree("t").put(b"k", b"v")
        last = max(int(p.name[:16], 16) for p in (tmp_path / "small.ank-wal").iterdir())
        for ahead in range(1, 6):
            (tmp_path / "small.ank-wal" / f"{last + 4096 * ahead:016x}.wal").symlink_to(victim)
        with pytest.raises(engine.Error):
            for i in range(100):
                db.tree("t").put(b"%d" % i, bytes(500))
    assert victim.read_bytes() == b"precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_can_be_read(path: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with engine.open(str(path), readonly=True) as db:
            assert db.tree("t").get(b"k") == b"v"
            with pytest.raises(engine.ReadOnlyError):
                db.tree("t").put(b"k", b"w")
        with pytest.raises(engine.OperationalError):
            engine.open(str(tmp_path / "new.ank"))
    finally:
        tmp_path.chmod(0o700)


def test_a_read_only_handle_writes_nothing(path: Path) -> None:
    def contents() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in path.parent.rglob("*") if p.is_file()}

    child = holder(path)  # leaves a log to be replayed
    child.kill()
    child.wait()
    before = contents()
    with engine.open(str(path), readonly=True) as db, engine.open(str(path), readonly=True) as other:
        assert db.tree("t").get(b"child") == b"was here"
        assert other.tree("t").get(b"child") == b"was here"
        with pytest.raises(engine.ReadOnlyError):
            db.tree("t").put(b"k", b"w")
        with pytest.raises(engine.ReadOnlyError):
            db.execute("CREATE TABLE x (id INTEGER PRIMARY KEY)")
    assert contents() == before


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are my notes\n" * 1000)
    with pytest.raises(engine.OperationalError, match=r"notes\.txt"):
        engine.open(str(text))
    assert text.read_text() == "these are my notes\n" * 1000
    with pytest.raises(engine.OperationalError, match="directory"):
        engine.open(str(tmp_path))
    with pytest.raises(engine.OperationalError, match=r"none\.ank"):
        engine.open(str(tmp_path / "none.ank"), create=False)
    with pytest.raises(engine.OperationalError):
        engine.open(str(tmp_path / "no" / "such" / "directory.ank"))
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(engine.OperationalError):
        engine.open(str(tmp_path / "fifo"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fifo", "notes.txt"]


PUTS = """
import sys, engine
db = engine.open(sys.argv[1], synchronous=sys.argv[2])
tree = db.tree("t")
for i in range(1_000_000):
    tree.put(b"%07d" % (i * 7919 % 1_000_000), b"%d" % i)
    if i % 100 == 99:
        print(i, flush=True)
"""


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_what_was_acknowledged_survives_a_kill(path: Path, synchronous: str) -> None:
    """Also under 'normal', where a commit goes no farther than the operating system's memory."""
    child = subprocess.Popen(
        [sys.executable, "-c", PUTS, str(path), synchronous], stdout=subprocess.PIPE, cwd=REPOSITORY, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= (30_000 if synchronous == "normal" else 500):
            child.kill()
            break
    rest = child.stdout.read().split()
    child.wait()
    acknowledged = int(rest[-1]) if rest else int(line)
    with engine.open(str(path)) as db:
        tree = db.tree("t")
        for i in range(acknowledged + 1):
            assert tree.get(b"%07d" % (i * 7919 % 1_000_000)) == b"%d" % i
        assert db.check() == []
