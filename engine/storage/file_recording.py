"""A file system that writes down what was done to it, so that a test can compute what a crash would have left.

    engine -> RecordingFileSystem -> inner file system (usually a MemoryFileSystem)
                     |
              operations: [Create(1, "/db"), Write(1, 0, ...), Mark("begin", 0), Write(...), Sync(1), Mark("ack", 0), ...]

Only operations that succeeded and can change a disk are written down, each with its bytes. Files are numbered when
they are first opened or created, so that a write can be followed through renames and removals. `mark` puts the
test's own events (a transaction began, a commit was acknowledged) into the same sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from engine.base.dataclass import dataclass
from engine.storage.file import File, FileSystem
from engine.storage.file_wrapper import WrapperFile, WrapperFileSystem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Create:
    """An empty file numbered `node` came into being under `path`."""

    node: int
    path: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The file that was under `path` before the recording began is called `node` from here on."""

    node: int
    path: str


@dataclass(frozen=True, slots=True)
class Write:
    """`data` was written at byte `offset`."""

    node: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """The file was cut or extended to `size` bytes."""

    node: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """The file's bytes and size became durable."""

    node: int


@dataclass(frozen=True, slots=True)
class Rename:
    """A name changed."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Unlink:
    """A file's name went away."""

    path: str


@dataclass(frozen=True, slots=True)
class MakeDir:
    """A directory came into being."""

    path: str


@dataclass(frozen=True, slots=True)
class RemoveDir:
    """An empty directory went away."""

    path: str


@dataclass(frozen=True, slots=True)
class SyncDir:
    """The names in a directory became durable."""

    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    """An event of the test: `kind` is its name, `value` its number, `lane` the thread it belongs to."""

    kind: str
    value: int
    lane: int = 0


Operation = Create | Opened | Write | Truncate | Sync | Rename | Unlink | MakeDir | RemoveDir | SyncDir | Mark


class RecordingFile(WrapperFile):
    """A file whose changes are written down under its number."""

    def __init__(self, path: str, readonly: bool, inner: File, system: RecordingFileSystem, node: int) -> None:
        super().__init__(path, readonly, inner, system)
        self.recorder = system
        self.node = node

    def on_write(self, data: bytes, offset: int) -> int:
        return self.recorder.record(lambda: self.inner.pwrite(data, offset), Write(self.node, offset, data))

    def on_sync(self) -> None:
        self.recorder.record(self.inner.sync, Sync(self.node))

    def allocate(self, size: int) -> bool:
        """Done by setting the size: what a crash leaves of it is the same."""
        if self.size() > size:
            return False
        self.truncate(size)
        return True

    def on_truncate(self, size: int) -> None:
        self.recorder.record(lambda: self.inner.truncate(size), Truncate(self.node, size))


class RecordingFileSystem(WrapperFileSystem):
    """Passes everything on to `inner` and keeps the sequence of changes in `operations`.

    first_node: number of the first file, for a record that is to follow another one.
    """

    def __init__(self, inner: FileSystem, first_node: int = 0) -> None:
        super().__init__(inner)
        self.operations: list[Operation] = []
        self._nodes: dict[str, int] = {}
        self._count = first_node

    def mark(self, kind: str, value: int, lane: int = 0) -> None:
        """Put an event of the test into the sequence."""
        with self.mutex:
            self.operations.append(Mark(kind, value, lane))

    def record(self, action: Callable[[], T], operation: Operation) -> T:
        """Run `action` and, if it succeeds, write `operation` down; the two are one step for other threads."""
        with self.mutex:
            result = action()
            self.operations.append(operation)
            return result

    def open(
        self, path: str, *, create: bool = False, readonly: bool = False, exclusive: bool = False, follow: bool = True
    ) -> File:
        with self.mutex:
            fresh = create and not self.inner.exists(path)
            inner = self.inner.open(path, create=create, readonly=readonly, exclusive=exclusive, follow=follow)
            node = self._nodes.get(path)
            if fresh or node is None:
                node = self._nodes[path] = self._count
                self._count += 1
                self.operations.append(Create(node, path) if fresh else Opened(node, path))
            return RecordingFile(path, readonly, inner, self, node)

    def rename(self, old: str, new: str) -> None:
        def action() -> None:
            self.inner.rename(old, new)
            moved = {path: node for path, node in self._nodes.items() if path == old or path.startswith(old + "/")}
            for path in moved:
                del self._nodes[path]
            self._nodes.pop(new, None)
            for path, node in moved.items():
                self._nodes[new + path[len(old) :]] = node

        self.record(action, Rename(old, new))

    def unlink(self, path: str) -> None:
        def action() -> None:
            self.inner.unlink(path)
            self._nodes.pop(path, None)

        self.record(action, Unlink(path))

    def mkdir(self, path: str) -> None:
        self.record(lambda: self.inner.mkdir(path), MakeDir(path))

    def rmdir(self, path: str) -> None:
        self.record(lambda: self.inner.rmdir(path), RemoveDir(path))

    def sync_dir(self, path: str) -> None:
        self.record(lambda: self.inner.sync_dir(path), SyncDir(path))
