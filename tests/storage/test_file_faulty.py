"""The recording and the faulty twin: what they write down, what they make fail."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable

import pytest

from engine.base.errors import OperationalError
from engine.storage.file import FileSystem
from engine.storage.file_callback import CallbackFile, errno_of
from engine.storage.file_faulty import SHORT, Fault, FaultyFileSystem, RandomFaults
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_recording import (
    Create,
    MakeDir,
    Mark,
    Opened,
    RecordingFileSystem,
    RemoveDir,
    Rename,
    Sync,
    SyncDir,
    Truncate,
    Unlink,
    Write,
)


def code_of(error: BaseException) -> int:
    return errno_of(error)


def test_recording_writes_down_every_change() -> None:
    fs = RecordingFileSystem(MemoryFileSystem({"/old": b"abc"}))
    fs.mkdir("/d")
    f = fs.open("/d/a", create=True)
    fs.mark("begin", 7)
    f.pwrite(b"xy", 5)
    f.pread(1, 0)
    f.truncate(6)
    f.sync()
    fs.rename("/d/a", "/d/b")
    fs.sync_dir("/d")
    f.pwrite(b"z", 0)
    g = fs.open("/d/b", create=True)
    g.pwrite(b"w", 1)
    h = fs.open("/old")
    h.pwrite(b"!", 0)
    fs.unlink("/d/b")
    fs.rmdir("/d")
    assert fs.operations == [
        MakeDir("/d"),
        Create(0, "/d/a"),
        Mark("begin", 7),
        Write(0, 5, b"xy"),
        Truncate(0, 6),
        Sync(0),
        Rename("/d/a", "/d/b"),
        SyncDir("/d"),
        Write(0, 0, b"z"),
        Write(0, 1, b"w"),
        Opened(1, "/old"),
        Write(1, 0, b"!"),
        Unlink("/d/b"),
        RemoveDir("/d"),
    ]


def test_a_renamed_directory_takes_its_files_along() -> None:
    fs = RecordingFileSystem(MemoryFileSystem({"/d": None}))
    fs.open("/d/a", create=True).close()
    fs.rename("/d", "/e")
    fs.open("/e/a").pwrite(b"x", 0)
    assert fs.operations == [Create(0, "/d/a"), Rename("/d", "/e"), Write(0, 0, b"x")]


def test_what_failed_is_not_written_down() -> None:
    inner = FaultyFileSystem(MemoryFileSystem(), Fault(("sync", "unlink"), 0, errno.EIO, forever=True))
    fs = RecordingFileSystem(inner)
    f = fs.open("/a", create=True)
    with pytest.raises(OperationalError):
        f.sync()
    with pytest.raises(OperationalError):
        fs.unlink("/a")
    assert fs.operations == [Create(0, "/a")]


def test_the_record_has_the_order_of_events_with_threads() -> None:
    """Replaying the record must give the very bytes that the file holds in the end."""
    inner = MemoryFileSystem()
    fs = RecordingFileSystem(inner)
    f = fs.open("/a", create=True)

    def work(number: int) -> None:
        for step in range(100):
            f.pwrite(bytes([number, step]) * 50, step % 7 * 10)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    image = bytearray()
    for operation in fs.operations:
        if isinstance(operation, Write):
            image.extend(bytes(max(0, operation.offset - len(image))))
            image[operation.offset : operation.offset + len(operation.data)] = operation.data
    assert len(fs.operations) == 401
    assert bytes(image) == inner.contents()["/a"]


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("forever", [False, True])
def test_the_kth_operation_fails(error: int, forever: bool) -> None:
    fs = FaultyFileSystem(MemoryFileSystem(), Fault(("write",), 2, error, forever=forever))
    f = fs.open("/a", create=True)
    outcomes = []
    for i in range(5):
        try:
            f.pwrite(b"abcd", 10 * i)
            outcomes.append(0)
        except OperationalError as failed:
            outcomes.append(code_of(failed))
    assert outcomes == ([0, 0, error, error, error] if forever else [0, 0, error, 0, 0])
    assert fs.injected == [("write", "/a", error)] * (3 if forever else 1)


def test_every_kind_of_operation_can_fail() -> None:
    uses: dict[str, Callable[[FileSystem], object]] = {
        "open": lambda fs: fs.open("/a"),
        "create": lambda fs: fs.open("/new", create=True),
        "read": lambda fs: fs.open("/a").pread(1, 0),
        "write": lambda fs: fs.open("/a").pwrite(b"x", 0),
        "sync": lambda fs: fs.open("/a").sync(),
        "truncate": lambda fs: fs.open("/a").truncate(0),
        "rename": lambda fs: fs.rename("/a", "/b"),
        "unlink": lambda fs: fs.unlink("/a"),
        "mkdir": lambda fs: fs.mkdir("/m"),
        "rmdir": lambda fs: fs.rmdir("/d"),
        "sync_dir": lambda fs: fs.sync_dir("/d"),
    }
    for name, use in uses.items():
        contents = {"/a": b"12", "/d": None}
        memory = MemoryFileSystem(contents)
        with pytest.raises(OperationalError) as failed:
            use(FaultyFileSystem(memory, Fault((name,), 0, errno.EIO)))
        assert code_of(failed.value) == errno.EIO, name
        if name != "write":
            assert memory.contents() == contents, name
        use(FaultyFileSystem(memory, Fault((name,), 1, errno.EIO)))


def test_where_restricts_a_fault_to_some_paths() -> None:
    fs = FaultyFileSystem(MemoryFileSystem(), Fault(("sync",), 0, errno.EIO, where="wal"))
    fs.open("/a", create=True).sync()
    with pytest.raises(OperationalError):
        fs.open("/a.wal", create=True).sync()


def test_a_failed_write_leaves_a_part_behind() -> None:
    sizes = set()
    for seed in range(50):
        memory = MemoryFileSystem()
        fs = FaultyFileSystem(memory, Fault(("write",), 0, errno.ENOSPC), seed=seed)
        with pytest.raises(OperationalError):
            fs.open("/a", create=True).pwrite(b"0123456789", 0)
        left = memory.contents()["/a"]
        assert left is not None and b"0123456789".startswith(left) and len(left) < 10
        sizes.add(len(left))
    assert len(sizes) > 5


def test_seeded_faults_repeat() -> None:
    def run(seed: int) -> list[tuple[str, str, int]]:
        fs = FaultyFileSystem(MemoryFileSystem(), RandomFaults(seed, 0.3, (errno.EIO, SHORT, errno.EINTR)))
        for i in range(50):
            try:
                fs.open(f"/{i % 5}", create=True).pwrite(bytes(i), i)
            except OperationalError:
                continue
        return fs.injected

    assert run(3) == run(3) != run(4)
    assert len(run(3)) > 5


def test_impossible_plans_are_refused() -> None:
    with pytest.raises(ValueError, match="hang"):
        Fault(("read",), 0, errno.EINTR, forever=True)
    with pytest.raises(ValueError, match="no such operations"):
        Fault(("fsync",), 0, errno.EIO)


def test_a_broken_python_file_is_an_io_error_with_its_cause() -> None:
    class Broken(CallbackFile):
        def on_read(self, n: int, offset: int) -> bytes:
            return b"x" * (n + 1)

        def on_write(self, data: bytes, offset: int) -> int:
            return 0

        def on_sync(self) -> None:
            raise KeyError("oops")

        def on_size(self) -> int:
            raise OSError(errno.EDQUOT, "quota")

    f = Broken("/broken")
    for use, code, cause in (
        (lambda: f.pread(1, 0), errno.EIO, ValueError),
        (lambda: f.pwrite(b"x", 0), errno.EIO, ValueError),
        (f.sync, errno.EIO, KeyError),
        (lambda: f.truncate(1), errno.EIO, NotImplementedError),
        (f.size, errno.EDQUOT, OSError),
    ):
        with pytest.raises(OperationalError) as failed:
            use()
        assert code_of(failed.value) == code
        assert isinstance(failed.value.__cause__, cause)
