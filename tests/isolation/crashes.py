"""Histories that go through crashes: clients in threads, a loss of power, recovery, clients again.

    clients on a recording file system --> position of the crash, chosen afterwards --> what the disk may hold then
       transactions that ended before it stay committed; those under way are of unknown outcome;
       those that began behind it never were                                        --> open, read all, go on

What a crash may take and the guarantees say so: a reader may have seen a commit up to one sync before it was durable.
So a transaction that wrote nothing and read an element that is gone is left out. One that wrote is not: what it builds on
is durable before it.
"""

from __future__ import annotations

import random
import threading

import engine
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_recording import RecordingFileSystem
from tests.crash.disk import Disk
from tests.crash.states import FIXED, RANDOM
from tests.isolation.checker import ABORTED, COMMITTED, UNKNOWN, Append, Read, Transaction
from tests.isolation.clients import Log, read_all, run_threaded

PATH = "/db.ank"
OPTIONS = {"page_size": 4096, "pool_bytes": 1 << 20, "segment_size": 64 << 10, "checkpoint_bytes": 48 << 10}


class Clock:
    """Counts moments, and remembers how long the record of disk operations was at each."""

    def __init__(self) -> None:
        self.fs: RecordingFileSystem | None = None
        self.positions: list[int] = []
        self.mutex = threading.Lock()

    def __call__(self) -> int:
        with self.mutex:
            self.positions.append(len(self.fs.operations) if self.fs is not None else 0)
            return len(self.positions) - 1


def run_crashing(
    isolation: str, seed: int, *, epochs: int, count: int, clients: int = 5, synchronous: str = "full"
) -> list[Transaction]:
    """A history of several epochs, each but the last ended by a loss of power."""
    rng = random.Random(seed)
    clock = Clock()
    log = Log(clock=clock)
    contents: dict[str, bytes | None] = {}
    for epoch in range(epochs):
        clock.fs = RecordingFileSystem(MemoryFileSystem(contents))
        db = engine.open(PATH, fs=clock.fs, isolation=isolation, synchronous=synchronous, **OPTIONS)
        first = len(log.transactions)
        if epoch:
            lose(log, first, read_all(db, log, keys_of(log)))
            assert db.check() == []
        db.tree("warm").put(b"", b"")
        begin = len(clock.fs.operations)
        run_threaded(db, isolation, rng.randrange(1 << 32), clients=clients, count=count, log=log)
        operations = list(clock.fs.operations)
        position = rng.randrange(begin, len(operations) + 1)
        if epoch == epochs - 1:
            read_all(db, log, keys_of(log))
        db.close()
        if epoch < epochs - 1:
            cut(log, first, position, clock)
            disk = Disk(contents)
            for operation in operations[:position]:
                disk.play(operation)
            choice = rng.choice(FIXED + RANDOM)
            contents = disk.image(choice(disk.pending, rng), choice.__name__).file_system().contents()
    return log.transactions


def keys_of(log: Log) -> set[str]:
    return {operation.key for transaction in log.transactions for operation in transaction.operations}


def cut(log: Log, first: int, position: int, clock: Clock) -> None:
    """The power failed when so many operations had been done: what was under way then has no known outcome."""
    kept = log.transactions[:first]
    for transaction in log.transactions[first:]:
        if clock.positions[transaction.began] > position:
            continue
        if transaction.ended is None or clock.positions[transaction.ended] > position:
            transaction.ended = None
            if transaction.outcome == COMMITTED:
                transaction.outcome = UNKNOWN
        kept.append(transaction)
    log.transactions[:] = kept


def lose(log: Log, end: int, recovered: Transaction) -> None:
    """Settle what the crash took, from what the first reader after it finds."""
    present = {e for op in recovered.operations if isinstance(op, Read) for e in op.elements}
    gone: set[int] = set()
    for transaction in log.transactions[:end]:
        appended = {op.element for op in transaction.operations if isinstance(op, Append)}
        if transaction.outcome == UNKNOWN and not appended & present:
            transaction.outcome = ABORTED
            gone |= appended
    for transaction in log.transactions[:end]:
        reads = {e for op in transaction.operations if isinstance(op, Read) for e in op.elements}
        writes = any(isinstance(op, Append) for op in transaction.operations)
        if transaction.outcome == COMMITTED and not writes and reads & gone:
            transaction.outcome = ABORTED
