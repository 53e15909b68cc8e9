"""A file system that fails on purpose: the k-th operation of some kinds, once or for good, or seeded at random.

    FaultyFileSystem(inner, Fault(("sync",), at=2, error=errno.EIO, forever=True))
    FaultyFileSystem(inner, RandomFaults(seed=7, rate=0.01, errors=(errno.EIO, errno.ENOSPC)))

Kinds of operations: open, create, read, write, sync, truncate, rename, unlink, mkdir, rmdir, sync_dir.
What happens: a write that fails leaves a seeded part of its bytes behind, as a disk that fills up does; SHORT makes a
read or write transfer only a part without failing; EINTR interrupts once and must never be seen above the file layer.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from engine.base.dataclass import dataclass
from engine.storage.file import File, FileSystem, io_error
from engine.storage.file_wrapper import WrapperFile, WrapperFileSystem

T = TypeVar("T")

OPERATIONS = (
    "open", "create", "read", "write", "sync", "truncate", "rename", "unlink", "mkdir", "rmdir", "sync_dir",
)  # fmt: skip

# Instead of an errno: the transfer is shorter than asked and succeeds.
SHORT = -1


class FaultPlan(Protocol):
    """Decides for each operation, in order, whether it fails."""

    def decide(self, operation: str, path: str) -> int | None:
        """An errno, SHORT, or None for success."""


@dataclass
class Fault:
    """The `at`-th (from 0) operation of the given kinds fails with `error`; with `forever` so do all later ones.

    where: only operations on paths that contain this text count.
    """

    operations: Iterable[str]
    at: int
    error: int
    forever: bool = False
    where: str = ""

    def __post_init__(self) -> None:
        self.operations = frozenset(self.operations)
        if unknown := self.operations - set(OPERATIONS):
            raise ValueError(f"no such operations: {sorted(unknown)}")
        if self.forever and self.error == errno.EINTR:
            raise ValueError("an interrupt that never ends is a hang, not a fault")
        self.seen = 0

    def decide(self, operation: str, path: str) -> int | None:
        if operation not in self.operations or self.where not in path:
            return None
        number, self.seen = self.seen, self.seen + 1
        return self.error if number == self.at or (self.forever and number > self.at) else None


class RandomFaults:
    """Each operation of the given kinds fails with probability `rate` with one of `errors`; the seed decides which."""

    def __init__(self, seed: int, rate: float, errors: Iterable[int], operations: Iterable[str] = OPERATIONS) -> None:
        self.random = random.Random(seed)
        self.rate = rate
        self.errors = tuple(errors)
        self.operations = frozenset(operations)

    def decide(self, operation: str, path: str) -> int | None:
        if operation not in self.operations or self.random.random() >= self.rate:
            return None
        return self.random.choice(self.errors)


class FaultyFile(WrapperFile):
    """A file whose transfers may be cut short."""

    def __init__(self, path: str, readonly: bool, inner: File, system: FaultyFileSystem) -> None:
        super().__init__(path, readonly, inner, system)
        self.faults = system

    def on_read(self, n: int, offset: int) -> bytes:
        with self.faults.mutex:
            error = self.faults.next_fault("read", self.path)
            if error is not None and error != SHORT:
                raise OSError(error, os.strerror(error), self.path)
            return self.inner.pread(self.faults.part(n) if error == SHORT else n, offset)

    def on_write(self, data: bytes, offset: int) -> int:
        with self.faults.mutex:
            error = self.faults.next_fault("write", self.path)
            if error is None:
                return self.inner.pwrite(data, offset)
            if error == SHORT:
                return self.inner.pwrite(data[: self.faults.part(len(data))], offset)
            if error != errno.EINTR:
                self.inner.pwrite(data[: self.faults.part(len(data)) - 1], offset)
            raise OSError(error, os.strerror(error), self.path)


class FaultyFileSystem(WrapperFileSystem):
    """Passes on to `inner` what its plan does not make fail.

    injected: the faults so far, as (operation, path, errno or SHORT). operations: how many operations were tried.
    """

    def __init__(self, inner: FileSystem, plan: FaultPlan, seed: int = 0) -> None:
        super().__init__(inner)
        self.plan = plan
        self.random = random.Random(seed)
        self.injected: list[tuple[str, str, int]] = []
        self.operations = 0

    def wrap(self, path: str, readonly: bool, inner: File) -> WrapperFile:
        return FaultyFile(path, readonly, inner, self)

    def next_fault(self, operation: str, path: str) -> int | None:
        """The fate of the next operation."""
        self.operations += 1
        error = self.plan.decide(operation, path)
        if error is not None:
            self.injected.append((operation, path, error))
        return error

    def part(self, n: int) -> int:
        """A seeded length from 1 to `n` (1 for nothing)."""
        return self.random.randint(1, max(n, 1))

    def perform(self, name: str, path: str, action: Callable[[], T]) -> T:
        with self.mutex:
            error = self.next_fault(name, path)
            if error is not None and error not in (SHORT, errno.EINTR):
                raise io_error(error, name, path)
            # System calls on names are restarted when interrupted (PEP 475), so EINTR ends here, like SHORT.
            return action()
