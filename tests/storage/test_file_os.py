"""What only the operating system's files have: permissions, symbolic links, processes, short writes for real."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.base.errors import LockedError, OperationalError, ReadOnlyError
from engine.storage.file import File
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_os import OsFileSystem

REPOSITORY = Path(__file__).resolve().parents[2]


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python process that runs `code` with the file layer at hand."""
    return subprocess.Popen(
        [sys.executable, "-c", "import sys\nfrom engine.storage.file_os import OsFileSystem\n" + code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        text=True,
    )


def test_what_is_created_belongs_to_the_owner_alone(tmp_path: Path) -> None:
    fs = OsFileSystem()
    previous = os.umask(0)
    try:
        fs.open(str(tmp_path / "a"), create=True).close()
        fs.open(str(tmp_path / "b"), create=True, exclusive=True).close()
        fs.mkdir(str(tmp_path / "d"))
    finally:
        os.umask(previous)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "abd"] == [0o600, 0o600, 0o700]


def test_descriptors_do_not_leak_into_children(tmp_path: Path) -> None:
    f = OsFileSystem().open(str(tmp_path / "a"), create=True)
    assert not os.get_inheritable(f.fileno())  # type: ignore[attr-defined]
    f.close()
    assert f.fileno() == -1  # type: ignore[attr-defined]


def test_nothing_is_created_through_a_planted_link(tmp_path: Path) -> None:
    fs = OsFileSystem()
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    for exclusive in (False, True):
        with pytest.raises(OperationalError):
            fs.open(str(tmp_path / "link"), create=True, exclusive=exclusive)
    assert not (tmp_path / "victim").exists()


def test_an_existing_file_is_reached_through_a_link_unless_refused(tmp_path: Path) -> None:
    fs = OsFileSystem()
    fs.open(str(tmp_path / "real"), create=True).close()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with fs.open(str(tmp_path / "link")) as f:
        f.pwrite(b"x", 0)
        with fs.lock(f), pytest.raises(LockedError):
            fs.lock(str(tmp_path / "real"))
    assert (tmp_path / "real").read_bytes() == b"x"
    assert fs.is_link(str(tmp_path / "link")) and not fs.is_link(str(tmp_path / "real"))
    assert fs.real_path(str(tmp_path / "link")) == fs.real_path(str(tmp_path / "real"))
    for options in ({"follow": False}, {"create": True}, {"create": True, "exclusive": True}):
        with pytest.raises(OperationalError):
            fs.open(str(tmp_path / "link"), **options)
    assert (tmp_path / "real").read_bytes() == b"x"


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for options in ({"readonly": True}, {}, {"create": True}):
        with pytest.raises(OperationalError, match="regular file"):
            OsFileSystem().open(str(tmp_path / "fifo"), **options)
    with pytest.raises(OperationalError):
        OsFileSystem().size(str(tmp_path / "fifo"))
    with pytest.raises(OperationalError):
        OsFileSystem().open("/dev/null")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_without_write_permission_is_named_read_only(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    path.chmod(0o400)
    with pytest.raises(ReadOnlyError, match="readonly=True"):
        OsFileSystem().open(str(path))
    OsFileSystem().open(str(path), readonly=True).close()


def test_a_lock_names_its_holder_and_goes_with_the_process(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    fs = OsFileSystem()
    fs.open(path, create=True).close()
    holder = child(
        "f = OsFileSystem().open(sys.argv[1]); OsFileSystem().lock(f); print('locked', flush=True); sys.stdin.read()",
        path,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    try:
        with pytest.raises(LockedError) as locked:
            fs.lock(path)
        if Path("/proc/locks").exists():
            assert f"process {holder.pid};" in str(locked.value)
    finally:
        holder.kill()
        holder.wait()
    fs.lock(path).close()


def test_short_writes_are_continued_until_the_error(tmp_path: Path) -> None:
    """Over the limit of a file's size the kernel writes a part first and then fails: the whole write is an error."""
    code = """
import resource, signal
from engine.base.errors import OperationalError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
f = OsFileSystem().open(sys.argv[1], create=True)
try:
    f.pwrite(bytes(150_000), 0)
except OperationalError as error:
    print(error.__cause__.errno, f.size())
"""
    done = child(code, str(tmp_path / "a"))
    assert done.communicate()[0].split() == [str(errno.EFBIG), "100000"]


def test_files_are_closed_when_forgotten(tmp_path: Path) -> None:
    f = OsFileSystem().open(str(tmp_path / "a"), create=True)
    fd = f.fileno()  # type: ignore[attr-defined]
    del f
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def reserved(path: Path, size: int) -> File:
    """A reserved file; the test is skipped where the file system grants none."""
    f = OsFileSystem().open(str(path), create=True)
    f.pwrite(b"begin", 0)
    if not f.reserve(size):
        f.close()
        pytest.skip("this file system reserves no room")
    return f


def test_a_reserved_file_has_its_whole_size_and_what_is_written_is_in_the_file(tmp_path: Path) -> None:
    with reserved(tmp_path / "a", 100_000) as f:
        assert f.size() == 100_000
        assert not f.reserve(200_000)  # once
        f.pwrite(b"inside", 70_000)
        f.pwrite(b"over the end", 99_995)
        assert f.size() == 100_007
        assert (tmp_path / "a").read_bytes()[:10] == b"begin" + bytes(5)
        assert f.pread(6, 70_000) == b"inside"
        assert f.pread(20, 99_990) == bytes(5) + b"over the end"
        f.sync()
    whole = (tmp_path / "a").read_bytes()
    assert whole[70_000:70_006] == b"inside"
    assert whole[99_995:] == b"over the end"


def test_making_ready_what_lies_ahead_overwrites_nothing(tmp_path: Path) -> None:
    rng, size = random.Random(5), 1_000_000
    for round_ in range(20):
        path = tmp_path / str(round_)
        with reserved(path, size) as f:
            expected = bytearray(b"begin".ljust(size, b"\0"))
            for _ in range(rng.randrange(1, 30)):
                piece = rng.randbytes(rng.choice((1, 100, 5000, 300_000)))
                at = rng.randrange(size - 5)  # some reach past the mapping
                f.pwrite(piece, at)
                expected[at : at + len(piece)] = piece
            assert f.pread(2 * size, 0) == expected
        assert path.read_bytes() == expected


def test_a_reserved_file_can_be_cut(tmp_path: Path) -> None:
    with reserved(tmp_path / "a", 1 << 20) as f:
        f.pwrite(b"x" * 5000, 0)
        f.truncate(4000)
        f.pwrite(b"y" * 10, 500_000)
        assert f.size() == 500_010
        assert f.pread(5, 3998) == b"xx" + bytes(3)


def test_a_file_that_is_larger_is_not_reserved(tmp_path: Path) -> None:
    with OsFileSystem().open(str(tmp_path / "a"), create=True) as f:
        f.pwrite(b"x" * 5000, 0)
        assert not f.reserve(4096)
        assert f.size() == 5000
    with MemoryFileSystem().open("/a", create=True) as f:
        assert not f.reserve(4096)
        assert f.size() == 0


def test_without_locks_of_descriptions_a_pin_is_a_shared_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(fcntl, "F_OFD_SETLK", raising=False)
    fs = OsFileSystem()
    path = str(tmp_path / "a")
    with fs.open(path, create=True) as writer:
        with fs.open(path, readonly=True) as reader:
            fs.pin(reader, 1)
            fs.pin(reader, 2).close()
            assert fs.pins(writer) == set()
            with pytest.raises(LockedError):
                fs.lock(writer)
        fs.lock(writer)
        with fs.open(path, readonly=True) as reader, pytest.raises(LockedError):
            fs.pin(reader, 1)
