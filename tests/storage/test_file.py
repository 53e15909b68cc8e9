"""One test suite for every implementation of the file layer; see also test_file_os.py and test_file_faulty.py."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.errors import InterfaceError, LockedError, OperationalError, ReadOnlyError
from engine.storage.file import FileSystem
from engine.storage.file_faulty import SHORT, Fault, FaultyFileSystem, RandomFaults
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_os import OsFileSystem
from engine.storage.file_recording import RecordingFileSystem
from engine.storage.file_wrapper import WrapperFileSystem

IMPLEMENTATIONS = ["os", "memory", "wrapper", "recording", "recording os", "faulty", "interrupted"]


@pytest.fixture(params=IMPLEMENTATIONS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[FileSystem, str]]:
    """A file system and an empty directory in it."""
    memory = MemoryFileSystem({"/dir": None})
    made: dict[str, tuple[FileSystem, str]] = {
        "os": (OsFileSystem(), str(tmp_path)),
        "memory": (memory, "/dir"),
        "wrapper": (WrapperFileSystem(memory), "/dir"),
        "recording": (RecordingFileSystem(memory), "/dir"),
        "recording os": (RecordingFileSystem(OsFileSystem()), str(tmp_path)),
        "faulty": (FaultyFileSystem(memory, Fault(("write",), 10**9, errno.EIO)), "/dir"),
        # Half of all transfers are cut short or interrupted: nobody above may notice.
        "interrupted": (FaultyFileSystem(memory, RandomFaults(1, 0.5, (SHORT, errno.EINTR))), "/dir"),
    }
    yield made[request.param]


def code_of(error: BaseException) -> int | None:
    cause = error.__cause__
    return cause.errno if isinstance(cause, OSError) else None


def test_reads_what_was_written(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    with fs.open(f"{base}/a", create=True) as f:
        assert f.size() == 0
        assert f.pread(10, 0) == b""
        assert f.pwrite(b"hello", 3) == 5
        assert f.pread(100, 0) == b"\0\0\0hello"
        assert f.pread(2, 4) == b"el"
        assert f.pread(10, 8) == b""
        assert f.pread(10, 1 << 40) == b""
        assert f.pwrite(b"", 100) == 0
        assert f.size() == 8
        f.sync()
    with fs.open(f"{base}/a", readonly=True) as f:
        assert f.pread(100, 0) == b"\0\0\0hello"
    assert fs.size(f"{base}/a") == 8


def test_truncation_cuts_and_extends_with_zeros(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    with fs.open(f"{base}/a", create=True) as f:
        f.pwrite(b"x" * 10000, 0)
        f.truncate(5)
        f.truncate(9000)
        assert f.pread(20000, 0) == b"x" * 5 + b"\0" * 8995
        f.truncate(3)
        f.pwrite(b"y", 6)
        assert f.pread(10, 0) == b"xxx\0\0\0y"
        f.truncate(0)
        assert f.size() == 0


def test_random_operations_match_a_bytearray(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    model = bytearray()
    with fs.open(f"{base}/a", create=True) as f:
        for _ in range(300):
            offset, length = rng.randrange(20000), rng.randrange(5000)
            kind = rng.randrange(3)
            if kind == 0:
                data = rng.randbytes(length)
                f.pwrite(data, offset)
                if data:
                    model.extend(bytes(max(0, offset - len(model))))
                    model[offset : offset + length] = data
            elif kind == 1:
                assert f.pread(length, offset) == bytes(model[offset : offset + length])
            elif rng.random() < 0.2:
                f.truncate(offset)
                del model[offset:]
                model.extend(bytes(offset - len(model)))
        assert f.pread(1 << 20, 0) == bytes(model)
        assert f.size() == len(model)


def test_accepts_any_buffer(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    with fs.open(f"{base}/a", create=True) as f:
        f.pwrite(bytearray(b"abc"), 0)
        f.pwrite(memoryview(b"xdefx")[1:4], 3)
        assert f.pread(9, 0) == b"abcdef"


def test_open_says_what_is_wrong(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    with pytest.raises(OperationalError, match="No such file") as missing:
        fs.open(f"{base}/a")
    assert code_of(missing.value) == errno.ENOENT
    with pytest.raises(OperationalError):
        fs.open(f"{base}/none/a", create=True)
    with pytest.raises(OperationalError, match="directory") as directory:
        fs.open(base)
    assert code_of(directory.value) == errno.EISDIR
    with pytest.raises(OperationalError, match="directory"):
        fs.open(base, readonly=True)
    fs.open(f"{base}/a", create=True).close()
    with pytest.raises(OperationalError) as exists:
        fs.open(f"{base}/a", create=True, exclusive=True)
    assert code_of(exists.value) == errno.EEXIST
    with pytest.raises(InterfaceError, match="NUL"):
        fs.open(f"{base}/a\0b", create=True)


def test_readonly_files_refuse_writes(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    fs.open(f"{base}/a", create=True).close()
    with fs.open(f"{base}/a", readonly=True) as f:
        assert f.readonly
        with pytest.raises(ReadOnlyError):
            f.pwrite(b"x", 0)
        with pytest.raises(ReadOnlyError):
            f.truncate(1)
        assert f.size() == 0


def test_closed_files_refuse_everything(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    f = fs.open(f"{base}/a", create=True)
    f.close()
    f.close()
    assert f.closed
    for use in (lambda: f.pread(1, 0), lambda: f.pwrite(b"x", 0), f.sync, f.size, lambda: f.truncate(0)):
        with pytest.raises(InterfaceError, match="closed"):
            use()


def test_negative_numbers_are_refused(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    with fs.open(f"{base}/a", create=True) as f:
        for use in (lambda: f.pread(-1, 0), lambda: f.pread(1, -1), lambda: f.pwrite(b"", -1), lambda: f.truncate(-1)):
            with pytest.raises(InterfaceError, match="negative"):
                use()


def test_absurd_sizes_give_an_error(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    with fs.open(f"{base}/a", create=True) as f:
        with pytest.raises(OperationalError):
            f.truncate(1 << 62)
        with pytest.raises(OperationalError):
            f.pwrite(b"x", (1 << 63) - 1)
        assert f.size() == 0


def test_names(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    fs.mkdir(f"{base}/d")
    assert fs.is_dir(f"{base}/d") and fs.exists(f"{base}/d")
    for name in ("b", "a"):
        with fs.open(f"{base}/d/{name}", create=True) as f:
            f.pwrite(name.encode(), 0)
    fs.sync_dir(f"{base}/d")
    assert fs.listdir(f"{base}/d") == ["a", "b"]
    assert not fs.is_dir(f"{base}/d/a")
    fs.rename(f"{base}/d/a", f"{base}/d/b")
    assert fs.listdir(f"{base}/d") == ["b"]
    with fs.open(f"{base}/d/b") as f:
        assert f.pread(9, 0) == b"a"
    with pytest.raises(OperationalError) as full:
        fs.rmdir(f"{base}/d")
    assert code_of(full.value) == errno.ENOTEMPTY
    fs.unlink(f"{base}/d/b")
    fs.rmdir(f"{base}/d")
    assert not fs.exists(f"{base}/d")
    assert fs.listdir(base) == []


@pytest.mark.parametrize("method", ["listdir", "size", "unlink", "rmdir", "sync_dir", "lock"])
def test_missing_names_give_a_typed_error(place: tuple[FileSystem, str], method: str) -> None:
    fs, base = place
    with pytest.raises(OperationalError) as missing:
        getattr(fs, method)(f"{base}/none")
    assert code_of(missing.value) == errno.ENOENT
    assert "none" in str(missing.value)


def test_an_unlinked_file_lives_until_it_is_closed(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    f = fs.open(f"{base}/a", create=True)
    f.pwrite(b"old", 0)
    fs.unlink(f"{base}/a")
    with fs.open(f"{base}/a", create=True) as g:
        g.pwrite(b"new", 0)
        assert f.pread(9, 0) == b"old"
        assert g.pread(9, 0) == b"new"
    f.close()


def test_an_open_file_follows_its_renaming(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    with fs.open(f"{base}/a", create=True) as f:
        fs.rename(f"{base}/a", f"{base}/b")
        f.pwrite(b"x", 0)
    assert fs.size(f"{base}/b") == 1


def test_locks_exclude_each_other(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    f = fs.open(f"{base}/a", create=True)
    g = fs.open(f"{base}/a")
    fs.lock(f)
    with pytest.raises(LockedError, match="in use by process"):
        fs.lock(g)
    with pytest.raises(LockedError):
        fs.lock(f"{base}/a", shared=True)
    f.close()
    first = fs.lock(g, shared=True)
    second = fs.lock(f"{base}/a", shared=True)
    with pytest.raises(LockedError):
        fs.lock(f"{base}/a")
    first.close()
    second.close()
    second.close()
    with fs.lock(f"{base}/a"), pytest.raises(LockedError):
        fs.lock(g)
    fs.lock(g)
    g.close()
    fs.lock(f"{base}/a").close()


def test_pins_are_seen_by_others_and_exclude_nobody(place: tuple[FileSystem, str]) -> None:
    fs, base = place
    writer = fs.open(f"{base}/a", create=True)
    fs.lock(writer)
    assert fs.pins(writer) == set()
    first, second = (fs.open(f"{base}/a", readonly=True) for _ in range(2))
    numbers = (0, 1, 2, 7, 500, (1 << 59) + 3)
    held = {number: fs.pin(first, number) for number in numbers}
    shared = fs.pin(second, 7)
    assert fs.pins(writer) == set(numbers)
    assert fs.pins(first) == {7} and fs.pins(second) == set(numbers)
    held[1].close()
    held[1].close()
    held[7].close()
    assert fs.pins(writer) == set(numbers) - {1}
    shared.close()
    assert fs.pins(writer) == set(numbers) - {1, 7}
    first.close()
    assert fs.pins(writer) == set()
    held[0].close()
    with pytest.raises(InterfaceError):
        fs.pin(first, 3)
    fs.pin(second, 3)
    with fs.open(f"{base}/a", readonly=True) as third:
        fs.pin(third, 3)
        assert fs.pins(writer) == {3}
    assert fs.pins(writer) == {3}, "closing one handle let the pin of another go"


def test_threads_share_a_file(place: tuple[FileSystem, str]) -> None:
    """Each thread owns every fourth block and reads back what it wrote while the file grows under the others."""
    fs, base = place
    failures: list[str] = []

    def work(f: object, number: int) -> None:
        rng = random.Random(number)
        for step in range(60):
            offset = (4 * rng.randrange(200) + number) * 512
            data = bytes([number * 60 + step & 255]) * 512
            f.pwrite(data, offset)  # type: ignore[attr-defined]
            if f.pread(512, offset) != data:  # type: ignore[attr-defined]
                failures.append(f"thread {number} step {step}")

    with fs.open(f"{base}/a", create=True) as f:
        threads = [threading.Thread(target=work, args=(f, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
