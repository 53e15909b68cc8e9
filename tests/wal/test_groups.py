"""Group commit with a sync that the test holds up: who belongs to which group, and who hears of which failure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from engine.base.errors import PoisonedError
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_wrapper import WrapperFileSystem
from engine.wal.log import Log, create_log
from engine.wal.reader import LogReader
from tests.wal.logs import DIRECTORY, LOG_ID, insert, keys

T = TypeVar("T")
LATECOMERS = 6


class GatedFileSystem(WrapperFileSystem):
    """Once `armed`, the next sync announces itself with `entered` and waits for `gate`; `failing` numbers fail."""

    def __init__(self) -> None:
        super().__init__(MemoryFileSystem())
        self.armed = False
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.syncs = 0
        self.failing: set[int] = set()

    def perform(self, name: str, path: str, action: Callable[[], T]) -> T:
        if name == "sync":
            number, self.syncs = self.syncs, self.syncs + 1
            if self.armed:
                self.armed = False
                self.entered.set()
                assert self.gate.wait(60)
            if number in self.failing:
                raise OSError(5, "the disk is gone")
        return action()


class Caller(threading.Thread):
    """Appends one record and waits for it."""

    def __init__(self, log: Log, key: bytes) -> None:
        super().__init__()
        self.log = log
        self.key = key
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            insert(self.log, self.key, b"")
            self.log.sync()
        except PoisonedError as error:
            self.error = error


def started(log: Log, fs: GatedFileSystem) -> tuple[Caller, list[Caller]]:
    """A leader whose sync is held up, and callers who came during it and are asleep."""
    fs.armed = True
    leader = Caller(log, b"leader")
    leader.start()
    assert fs.entered.wait(60)
    late = [Caller(log, b"late%d" % i) for i in range(LATECOMERS)]
    for caller in late:
        caller.start()
    while log.stats().waiting < LATECOMERS:
        late[0].join(0.001)
        assert any(caller.is_alive() for caller in late), "nobody waits"
    return leader, late


def finished(fs: GatedFileSystem, callers: list[Caller]) -> None:
    fs.gate.set()
    for caller in callers:
        caller.join(20)
        assert not caller.is_alive(), "a caller was never woken"


def test_callers_that_come_during_a_sync_form_one_next_group() -> None:
    fs = GatedFileSystem()
    with create_log(fs, DIRECTORY, LOG_ID) as log:
        before = fs.syncs
        sizes = log.stats().group_sizes
        leader, late = started(log, fs)
        finished(fs, [leader, *late])
        assert fs.syncs == before + 2
        assert [caller.error for caller in [leader, *late]] == [None] * (LATECOMERS + 1)
        gained = [now - then for now, then in zip(log.stats().group_sizes, sizes, strict=True)]
        assert gained[:3] == [1, 0, 1]
        assert log.synced() == log.end()


def test_a_failure_reaches_its_own_group_only() -> None:
    fs = GatedFileSystem()
    with create_log(fs, DIRECTORY, LOG_ID) as log:
        fs.failing = {fs.syncs + 1}
        leader, late = started(log, fs)
        synced = log.end()
        finished(fs, [leader, *late])
        assert leader.error is None
        assert all(isinstance(caller.error, PoisonedError) for caller in late)
        assert log.synced() < synced
        with pytest.raises(PoisonedError, match="reopen"):
            log.sync()


def test_a_failure_of_the_running_sync_reaches_those_who_wait_for_the_next() -> None:
    fs = GatedFileSystem()
    with create_log(fs, DIRECTORY, LOG_ID) as log:
        fs.failing = {fs.syncs}
        before = fs.syncs
        leader, late = started(log, fs)
        finished(fs, [leader, *late])
        assert all(isinstance(caller.error, PoisonedError) for caller in [leader, *late])
        assert fs.syncs == before + 1, "the log was synced again after a failure"


def test_appending_goes_on_during_a_sync() -> None:
    """A ring that is full during a sync is written out by the appender, over segment borders too."""
    fs = GatedFileSystem()
    with create_log(fs, DIRECTORY, LOG_ID, segment_size=4096, ring_size=1024) as log:
        leader, late = started(log, fs)
        for i in range(200):
            insert(log, b"%04d" % i, bytes(100))
        assert log.stats().segments_created > 5
        finished(fs, [leader, *late])
        log.sync()
        assert log.synced() == log.end()
    reader = LogReader(fs, DIRECTORY, LOG_ID)
    found = keys(list(reader))
    reader.check_tail()
    assert len(found) == 200 + 1 + LATECOMERS
    assert [key for key in found if len(key) == 4] == [b"%04d" % i for i in range(200)]
