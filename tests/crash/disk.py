"""What a disk may hold after a crash, computed from a record of operations.

    operations: Create(1) Write(1) Write(1) Sync(1) Write(1) Rename ... | crash
                \\_________ durable ___________/\\_____ pending _____/

A disk is a durable part and a list of pending operations, in the order in which they were made. `Sync` moves a file's
pending writes and truncations into the durable part, `SyncDir` a directory's pending names; nothing else promises
anything. That is POSIX at its most pessimistic: syncing a file does not make its name durable, and the pending
operations of different files, and of names, reach the disk in any order or not at all.

An `Image` is one possible outcome: the durable part and a selection of what is pending (see states.py).
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_recording import (
    Create,
    MakeDir,
    Mark,
    Opened,
    Operation,
    RemoveDir,
    Rename,
    Sync,
    SyncDir,
    Truncate,
    Unlink,
    Write,
)

# The unit a disk writes as a whole, or not at all.
SECTOR = 512

NameOperation = Create | Rename | Unlink | MakeDir | RemoveDir
DataOperation = Write | Truncate
PendingOperation = NameOperation | DataOperation


@dataclass(frozen=True, slots=True)
class Grow:
    """Outcome of a write of which only the new size of the file reached the disk: zeros where the data should be."""

    node: int
    size: int


Effect = PendingOperation | Grow
Windows = tuple[tuple[int, int], ...]


class Content:
    """The bytes of one file: `data`, then zeros up to `size`."""

    __slots__ = ("data", "size")

    def __init__(self, data: bytes | bytearray = b"", size: int | None = None) -> None:
        self.data = bytearray(data)
        self.size = len(data) if size is None else size

    def copy(self) -> Content:
        return Content(self.data, self.size)

    def apply(self, effect: Write | Truncate | Grow) -> None:
        match effect:
            case Write(_, offset, data):
                if len(self.data) < offset:
                    self.data.extend(bytes(offset - len(self.data)))
                self.data[offset : offset + len(data)] = data
                self.size = max(self.size, len(self.data))
            case Truncate(_, size):
                del self.data[size:]
                self.size = size
            case Grow(_, size):
                self.size = max(self.size, size)

    def whole(self) -> bytes:
        return bytes(self.data) + bytes(self.size - len(self.data))


def apply_name(names: dict[str, int | None], operation: NameOperation) -> None:
    """Change a namespace (path -> file number, None for a directory); what cannot be done any more is left undone."""
    match operation:
        case Create(node, path):
            names[path] = node
        case MakeDir(path):
            names.setdefault(path, None)
        case Unlink(path) | RemoveDir(path):
            names.pop(path, None)
        case Rename(old, new):
            for path in [p for p in names if p == old or p.startswith(old + "/")]:
                names[new + path[len(old) :]] = names.pop(path)


def directories(operation: NameOperation) -> set[str]:
    """The directories whose sync makes the operation durable."""
    match operation:
        case Rename(old, new):
            return {posixpath.dirname(old), posixpath.dirname(new)}
        case _:
            return {posixpath.dirname(operation.path)}


@dataclass
class Image:
    """One possible content of the disk after a crash: path -> Content, None for a directory."""

    entries: dict[str, Content | None]
    why: str = ""

    def digest(self) -> bytes:
        """A hash by which equal images are recognised."""
        whole = hashlib.blake2b(digest_size=16)
        for path, content in sorted(self.entries.items()):
            data = b"" if content is None else bytes(content.data).rstrip(b"\0")
            whole.update(f"{path}\0{-1 if content is None else content.size}\0{len(data)}\0".encode())
            whole.update(data)
        return whole.digest()

    def file_system(self) -> MemoryFileSystem:
        """The image as a file system to open the database on."""
        return MemoryFileSystem({path: None if c is None else c.whole() for path, c in self.entries.items()})


@dataclass
class Disk:
    """The state of a disk while a record of operations is played into it.

    initial: what is durable at the beginning (as MemoryFileSystem.contents gives it).
    acked, started: from the marks "ack" and "begin": the last transaction acknowledged, and the last one begun, of each
    lane (a thread of the workload).
    """

    initial: Mapping[str, bytes | None] = field(default_factory=dict)
    acked: dict[int, int] = field(default_factory=dict)
    started: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names: dict[str, int | None] = {}
        self.contents: dict[int, Content] = {}
        self.pending: list[PendingOperation] = []
        for number, (path, data) in enumerate(sorted(self.initial.items()), start=1):
            self.names[path] = None if data is None else -number
            if data is not None:
                self.contents[-number] = Content(data)
        self.current = dict(self.names)  # the namespace as the program sees it
        self.aliases: dict[int, int] = {}  # number in the record -> number here, for files older than the record

    def windows(self, lanes: int) -> Windows:
        """For each lane the last step acknowledged and the last begun."""
        return tuple((self.acked.get(lane, 0), self.started.get(lane, 0)) for lane in range(lanes))

    def copy(self) -> Disk:
        """A disk that goes its own way from here on."""
        other = Disk({}, dict(self.acked), dict(self.started))
        other.names, other.current, other.aliases = dict(self.names), dict(self.current), dict(self.aliases)
        other.contents = {node: content.copy() for node, content in self.contents.items()}
        other.pending = list(self.pending)
        return other

    def play(self, operation: Operation) -> None:
        """Take the next operation of the record."""
        match operation:
            case Mark("begin", value, lane):
                self.started[lane] = max(self.started.get(lane, 0), value)
            case Mark("ack", value, lane):
                self.acked[lane] = max(self.acked.get(lane, 0), value)
            case Mark():
                pass
            case Opened(node, path):
                known = self.current[path]
                assert known is not None, f"{path} was opened but is a directory"
                self.aliases[node] = known
            case Sync(node):
                self._sync(self.aliases.get(node, node))
            case SyncDir(path):
                self._sync_names(path)
            case Write(node, offset, data):
                self.pending.append(Write(self.aliases.get(node, node), offset, data))
            case Truncate(node, size):
                self.pending.append(Truncate(self.aliases.get(node, node), size))
            case _:
                if isinstance(operation, Create):
                    self.contents[operation.node] = Content()
                apply_name(self.current, operation)
                self.pending.append(operation)

    def _sync(self, node: int) -> None:
        kept: list[PendingOperation] = []
        for operation in self.pending:
            if isinstance(operation, Write | Truncate) and operation.node == node:
                self.contents[node].apply(operation)
            else:
                kept.append(operation)
        self.pending = kept

    def _sync_names(self, path: str) -> None:
        kept: list[PendingOperation] = []
        for operation in self.pending:
            if not isinstance(operation, Write | Truncate) and path in directories(operation):
                apply_name(self.names, operation)
            else:
                kept.append(operation)
        self.pending = kept

    def image(self, effects: Iterable[Effect], why: str) -> Image:
        """The durable part with `effects` applied in the order given."""
        names = dict(self.names)
        changed: dict[int, Content] = {}
        for effect in effects:
            if isinstance(effect, Write | Truncate | Grow):
                if effect.node not in changed:
                    changed[effect.node] = self.contents[effect.node].copy()
                changed[effect.node].apply(effect)
            else:
                apply_name(names, effect)
        entries: dict[str, Content | None] = {}
        for path in sorted(names):  # parents come before their children
            parent = posixpath.dirname(path)
            if parent == "/" or entries.get(parent, self) is None:
                node = names[path]
                entries[path] = None if node is None else changed.get(node, self.contents[node])
        return Image(entries, why)
