"""Asynchronous I/O: whatever carries a batch out, the same data, the same errors, in their own places."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import InterfaceError, OperationalError
from engine.storage.aio import MODES, AsyncIO, choose_mode
from engine.storage.file import File
from engine.storage.file_callback import CallbackFile, errno_of
from engine.storage.file_faulty import SHORT, Fault, FaultyFileSystem, RandomFaults
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_os import OsFileSystem
from engine.storage.file_overlay import OverlayFile
from engine.storage.file_recording import RecordingFileSystem, Write

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = 4096
DEPTH = 32
URING = choose_mode("auto") == "uring"

needs_uring = pytest.mark.skipif(not URING, reason="this system grants no io_uring")


def available() -> Iterator[Any]:
    for mode in MODES:
        yield pytest.param(mode, marks=needs_uring if mode == "uring" else ())


@pytest.fixture(params=available())
def io(request: pytest.FixtureRequest) -> AsyncIO:
    return AsyncIO(request.param)


@pytest.fixture(params=["os", "memory", "recording", "faulty"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[File]:
    if request.param == "os":
        made = OsFileSystem().open(str(tmp_path / "data"), create=True)
    elif request.param == "memory":
        made = MemoryFileSystem().open("/data", create=True)
    elif request.param == "recording":
        made = RecordingFileSystem(MemoryFileSystem()).open("/data", create=True)
    else:
        plan = RandomFaults(11, 0.3, (SHORT, errno.EINTR), ("read", "write"))
        made = FaultyFileSystem(MemoryFileSystem(), plan).open("/data", create=True)
    yield made
    made.close()


def code_of(result: object) -> int:
    assert isinstance(result, OperationalError), result
    return errno_of(result)


@pytest.mark.parametrize("any_order", [False, True])
@pytest.mark.parametrize("mode", list(available()))
def test_what_was_written_is_read_in_any_order_and_size(mode: str, any_order: bool, file: File) -> None:
    """Batches longer than the depth, of pieces of all sizes; the file layer itself is the witness."""
    io = AsyncIO(mode, any_order)
    rng = random.Random(7)
    pieces = [rng.randbytes(rng.choice((1, 100, PAGE, 3 * PAGE + 1))) for _ in range(5 * DEPTH)]
    offsets = [sum(map(len, pieces[:i])) for i in range(len(pieces))]
    order = rng.sample(range(len(pieces)), len(pieces))
    assert io.run(file, [("write", offsets[i], pieces[i]) for i in order]) == [len(pieces[i]) for i in order]
    whole = b"".join(pieces)
    assert file.pread(len(whole) + 1, 0) == whole
    order = rng.sample(order, len(order))
    assert io.run(file, [("read", offsets[i], len(pieces[i])) for i in order]) == [pieces[i] for i in order]


def test_a_read_is_short_at_the_end_of_the_file_only(io: AsyncIO, file: File) -> None:
    data = random.Random(1).randbytes(3 * PAGE + 17)
    file.pwrite(data, 0)
    reads = [(0, PAGE), (3 * PAGE, PAGE), (len(data), PAGE), (10 * PAGE, 1), (PAGE, 5 * PAGE), (5, 0)]
    got = io.run(file, [("read", offset, length) for offset, length in reads])
    assert got == [data[offset : offset + length] for offset, length in reads]


def test_an_empty_batch_is_nothing(io: AsyncIO, file: File) -> None:
    assert io.run(file, []) == []


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("any_order", [False, True])
@pytest.mark.parametrize("mode", list(available()))
def test_an_error_is_that_of_one_operation(mode: str, any_order: bool, kind: str, error: int) -> None:
    memory = MemoryFileSystem({"/data": bytes(40 * PAGE)})
    fs = FaultyFileSystem(memory, Fault((kind,), 9, error))
    file = fs.open("/data")
    operations: list[Any] = [
        ("read", i * PAGE, PAGE) if kind == "read" else ("write", i * PAGE, bytes([i]) * PAGE) for i in range(40)
    ]
    results = AsyncIO(mode, any_order).run(file, operations)
    failed = [i for i, result in enumerate(results) if isinstance(result, OperationalError)]
    assert len(failed) == 1 and code_of(results[failed[0]]) == error
    if mode == "sync" or not any_order:
        assert failed == [9]  # in order
    for i, result in enumerate(results):
        if i not in failed:
            assert result == (bytes(PAGE) if kind == "read" else PAGE)
            if kind == "write":
                assert file.pread(PAGE, i * PAGE) == bytes([i]) * PAGE


def test_errors_of_the_system_are_those_of_their_operations(io: AsyncIO, tmp_path: Path) -> None:
    """An offset no file can have fails, or is behind the end; its neighbours do not mind."""
    (tmp_path / "data").write_bytes(bytes(8 * PAGE))
    file = OsFileSystem().open(str(tmp_path / "data"), readonly=True)
    with pytest.raises(Exception, match="reading only"):
        io.run(file, [("write", 0, b"x")])
    offset = 1 << 62
    results = io.run(file, [("read", 0, PAGE), ("read", offset * 2 - PAGE, PAGE), ("read", PAGE, PAGE)])
    assert results[0] == results[2] == bytes(PAGE)
    assert results[1] == b"" or code_of(results[1]) == errno.EINVAL


LIMITED = """
import errno, resource, signal, sys
from engine.storage.aio import AsyncIO
from engine.storage.file_callback import errno_of
from engine.storage.file_os import OsFileSystem
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, mode = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (3 * 4096 + 100, 3 * 4096 + 100))
file = OsFileSystem().open(path, create=True)
results = AsyncIO(mode).run(file, [("write", i * 4096, bytes([i]) * 4096) for i in range(6)])
print([result if isinstance(result, int) else -errno_of(result) for result in results])
"""


@pytest.mark.parametrize("mode", list(available()))
def test_a_file_that_may_not_grow(mode: str, tmp_path: Path) -> None:
    """The system itself writes a part and then refuses: the first half of that write is no success."""
    path = tmp_path / "data"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), mode], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str([PAGE, PAGE, PAGE] + 3 * [-errno.EFBIG]), done.stderr
    assert path.read_bytes()[: 3 * PAGE] == b"".join(bytes([i]) * PAGE for i in range(3))


def test_a_twin_without_a_descriptor_is_served_in_order(io: AsyncIO) -> None:
    recording = RecordingFileSystem(MemoryFileSystem())
    file = recording.open("/data", create=True)
    order = random.Random(3).sample(range(100), 100)
    io.run(file, [("write", i * PAGE, bytes([i]) * 8) for i in order])
    written = [operation for operation in recording.operations if isinstance(operation, Write)]
    assert [write.offset // PAGE for write in written] == order
    assert io.counters()["threads"] == io.counters()["rings"] == 0


def test_an_overlay_is_read_from_both_sides(io: AsyncIO, tmp_path: Path) -> None:
    """Only what is behind the descriptor may go past the file layer."""
    (tmp_path / "data").write_bytes(b"u" * (4 * PAGE))
    file = OverlayFile(OsFileSystem().open(str(tmp_path / "data"), readonly=True), 4 * PAGE)
    batch = [("read", page * PAGE, PAGE) for page in (0, 4, 3, 5)]
    assert io.run(file, batch) == [b"u" * PAGE, b"", b"u" * PAGE, b""]  # type: ignore[arg-type]


def test_many_threads_submit_at_once(io: AsyncIO, tmp_path: Path) -> None:
    """More batches than there are rings; each thread has pages of its own and reads those of all."""
    count, rounds = 12, 15
    file = OsFileSystem().open(str(tmp_path / "data"), create=True)
    file.truncate(count * DEPTH * PAGE)
    errors: list[BaseException] = []
    start = threading.Barrier(count)

    def work(number: int) -> None:
        try:
            start.wait()
            rng = random.Random(number)
            for step in range(rounds):
                mark = bytes([number, step]) * (PAGE // 2)
                mine = [(number * DEPTH + i) * PAGE for i in rng.sample(range(DEPTH), DEPTH)]
                assert io.run(file, [("write", at, mark) for at in mine]) == [PAGE] * DEPTH
                assert io.run(file, [("read", at, PAGE) for at in mine]) == [mark] * DEPTH
                for page in io.run(file, [("read", i * DEPTH * PAGE, PAGE) for i in range(count)]):
                    assert isinstance(page, bytes) and len(page) == PAGE
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    counters = io.counters()
    assert counters["writes"] == count * rounds * DEPTH
    assert counters["batches"] == count * rounds * 3
    if io.mode == "uring":
        assert 1 <= counters["rings"] <= 8
    if io.mode == "threads":
        assert 1 <= counters["threads"] <= 16


class SlowFile(CallbackFile):
    """Writes wait until the test lets them end."""

    def __init__(self, path: str) -> None:
        self.begun = threading.Semaphore(0)
        self.leave = threading.Event()
        self.written: list[int] = []

    def on_write(self, data: bytes, offset: int) -> int:
        self.begun.release()
        assert self.leave.wait(60)
        self.written.append(offset)
        return len(data)


def test_stopping_cancels_what_was_not_begun_and_waits_for_the_rest() -> None:
    io = AsyncIO("threads", any_order=True)
    file = SlowFile("/slow")
    results: list[Any] = []
    caller = threading.Thread(
        target=lambda: results.extend(io.run(file, [("write", i, b"x") for i in range(3 * DEPTH)])), daemon=True
    )
    caller.start()
    assert file.begun.acquire(timeout=60)
    stopper = threading.Thread(target=io.stop, daemon=True)
    stopper.start()
    while not io.counters()["closing"]:
        pass  # stop has not come that far yet
    assert stopper.is_alive() or not caller.is_alive()
    file.leave.set()
    caller.join(60)
    stopper.join(60)
    assert not caller.is_alive() and not stopper.is_alive()
    done = [result for result in results if result == 1]
    cancelled = [result for result in results if result != 1]
    assert len(results) == 3 * DEPTH and cancelled and done
    assert all(code_of(result) == errno.ECANCELED for result in cancelled)
    assert len(file.written) == len(done)


def test_after_a_stop_everything_is_refused(io: AsyncIO, file: File) -> None:
    file.pwrite(b"abc", 0)
    assert io.run(file, [("read", 0, 3)]) == [b"abc"]
    io.stop()
    io.stop()
    assert [code_of(result) for result in io.run(file, [("read", 0, 3)] * 3)] == [errno.ECANCELED] * 3
    assert file.pread(3, 0) == b"abc"


FORKING = """
import os, sys
from engine.storage.aio import AsyncIO
from engine.storage.file_os import OsFileSystem
path, mode = sys.argv[1:]
file = OsFileSystem().open(path, create=True)
io = AsyncIO(mode)
batch = [("write", i * 4096, bytes([i]) * 4096) for i in range(40)]
assert io.run(file, batch) == [4096] * 40
child = os.fork()
if child == 0:
    reads = [("read", i * 4096, 4096) for i in range(40)]
    good = io.run(file, reads) == [bytes([i]) * 4096 for i in range(40)]
    before = io.counters()
    io.stop()
    del io                         # nothing of the parent's is waited for
    os._exit(0 if good and before["batches"] == 1 else 1)
assert os.waitpid(child, 0)[1] == 0, "the child"
assert io.run(file, [("read", 4096, 4096)] * 40) == [bytes([1]) * 4096] * 40
print("both")
"""


@pytest.mark.parametrize("mode", list(available()))
def test_a_child_of_fork_does_without_the_parents_threads_and_rings(mode: str, tmp_path: Path) -> None:
    if mode == "threads" and os.environ.get("ANOKURO_CHECKED_BUILD") == "1":
        pytest.skip("the address sanitizer's allocator hangs in a child if a thread is inside of it at the fork")
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(tmp_path / "data"), mode],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stdout == "both\n", done.stderr


REFUSED = """
import ctypes, errno, struct, sys
from engine.base.errors import OperationalError
from engine.storage import aio
libc = ctypes.CDLL(None, use_errno=True)
# seccomp: io_uring_setup (425 everywhere) ends with EPERM, everything else is allowed
def code(op, jt, jf, k): return struct.pack("HBBI", op, jt, jf, k)
program = b"".join((code(0x20, 0, 0, 0), code(0x15, 0, 1, 425), code(6, 0, 0, 0x50000 | errno.EPERM), code(6, 0, 0, 0x7FFF0000)))
buffer = ctypes.create_string_buffer(program)
header = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_char_p(header)):
    print("no seccomp")
    sys.exit()
assert aio.choose_mode("auto") == "threads"
try:
    aio.choose_mode("uring")
except OperationalError as error:
    print(error)
"""


@needs_uring
def test_a_system_that_refuses_io_uring_gets_threads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSED], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    if done.stdout == "no seccomp\n":
        pytest.skip("this system lets nobody filter system calls")
    assert "grants no io_uring" in done.stdout and "EPERM" in done.stdout and "io='auto'" in done.stdout, done.stderr


@needs_uring
def test_when_no_further_ring_can_be_made_a_batch_takes_the_threads(tmp_path: Path) -> None:
    """Rings are made when they are needed; with no descriptor left for one, all still works."""
    (tmp_path / "data").write_bytes(bytes(range(256)) * 16 * DEPTH)
    file = OsFileSystem().open(str(tmp_path / "data"))
    io = AsyncIO("uring")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        got = io.run(file, [("read", i * PAGE, PAGE) for i in range(DEPTH)])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert got == [bytes(range(256)) * 16] * DEPTH
    assert io.counters()["rings"] == 0 and io.counters()["threads"] > 0


def test_signals_disturb_nothing(io: AsyncIO, tmp_path: Path) -> None:
    """Interrupted waits are taken up again."""
    path = tmp_path / "data"
    path.write_bytes(b"".join(bytes([i]) * PAGE for i in range(200)))
    file = OsFileSystem().open(str(path))
    hits: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: hits.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        while len(hits) < 20:
            assert io.run(file, [("read", i * PAGE, PAGE) for i in range(200)]) == [
                bytes([i]) * PAGE for i in range(200)
            ]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", ["", "fast", "URING"])
def test_unknown_ways_are_refused(name: str) -> None:
    with pytest.raises(InterfaceError, match="one of auto"):
        AsyncIO(name)


def test_a_closed_file_is_refused(io: AsyncIO, file: File) -> None:
    file.close()
    with pytest.raises(InterfaceError, match="closed"):
        io.run(file, [("read", 0, 1)])
