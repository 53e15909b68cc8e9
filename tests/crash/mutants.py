"""Engines that are broken on purpose, to see that crash enumeration notices.

Most mutants change the record of operations instead of the engine: a record without the log's syncs is what an engine
without them would have left behind, byte for byte. The others read through a file system that makes damaged bytes
look right, which is what an engine that ignores checksums sees. Production code knows none of this.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from engine.base.crc32c import checksum
from engine.storage import layout
from engine.storage.file import File, FileSystem
from engine.storage.file_recording import Create, Mark, Opened, Operation, Sync, SyncDir, Truncate, Unlink, Write
from engine.storage.file_wrapper import WrapperFile, WrapperFileSystem
from engine.wal.records import SEGMENT_HEADER
from tests.crash.engine_subject import DEFAULTS, LOG, PATH, EngineSubject
from tests.crash.harness import Session

PAGE_SIZE = int(DEFAULTS["page_size"])
META_END = layout.constants()["META_SLOTS"] * PAGE_SIZE

Mutation = Callable[[list[Operation]], list[Operation]]


def nodes(operations: list[Operation], prefix: str) -> set[int]:
    """Numbers of the files whose path begins with `prefix`."""
    return {op.node for op in operations if isinstance(op, Create | Opened) and op.path.startswith(prefix)}


def log_nodes(operations: list[Operation]) -> set[int]:
    return nodes(operations, LOG + "/")


def data_nodes(operations: list[Operation]) -> set[int]:
    return nodes(operations, PATH) - log_nodes(operations)


def is_meta_write(operation: Operation, data: set[int]) -> bool:
    return isinstance(operation, Write) and operation.node in data and operation.offset < META_END


def after_creation(operations: list[Operation]) -> int:
    """Index behind the acknowledgement of the creation."""
    return operations.index(Mark("ack", 0)) + 1


def without(operations: list[Operation], left_out: Callable[[Operation], bool]) -> list[Operation]:
    """The record without some operations. Creation stays as it is, or every mutant would be caught there already."""
    start = after_creation(operations)
    return operations[:start] + [op for op in operations[start:] if not left_out(op)]


def log_not_synced(operations: list[Operation]) -> list[Operation]:
    """The log is written, never synced."""
    log = log_nodes(operations)
    return without(operations, lambda op: isinstance(op, Sync) and op.node in log)


def acknowledged_before_sync(operations: list[Operation]) -> list[Operation]:
    """A commit returns before the sync that it should have waited for."""
    log, changed = log_nodes(operations), list(operations)
    for index in range(after_creation(changed), len(changed)):
        operation = changed[index]
        if isinstance(operation, Mark) and operation.kind == "ack":
            start = changed.index(Mark("begin", operation.value))
            syncs = [i for i in range(start, index) if isinstance(o := changed[i], Sync) and o.node in log]
            if syncs:
                changed.insert(syncs[-1], changed.pop(index))
    return changed


def cut_before_the_meta(operations: list[Operation]) -> list[Operation]:
    """The data file is cut before the meta that no longer needs its end is written."""
    data, changed = data_nodes(operations), list(operations)
    for index in range(after_creation(changed), len(changed)):
        operation = changed[index]
        if isinstance(operation, Truncate) and operation.node in data:
            metas = [i for i in range(index) if is_meta_write(changed[i], data)]
            changed.insert(metas[-1], changed.pop(index))
    return changed


def data_not_synced(operations: list[Operation]) -> list[Operation]:
    """The data file is written, never synced."""
    data = data_nodes(operations)
    return without(operations, lambda op: isinstance(op, Sync) and op.node in data)


def _data_syncs(operations: list[Operation], *, before_meta: bool) -> set[int]:
    """Indexes of the data file's syncs that come just before (or just after) a meta write."""
    data, found, start = data_nodes(operations), set[int](), after_creation(operations)
    relevant = [i for i, op in enumerate(operations) if i >= start and isinstance(op, Write | Sync) and op.node in data]
    for left, right in pairwise(relevant):
        sync, meta = (left, right) if before_meta else (right, left)
        if isinstance(operations[sync], Sync) and is_meta_write(operations[meta], data):
            found.add(sync)
    return found


def pages_not_synced_before_meta(operations: list[Operation]) -> list[Operation]:
    """The meta slot is written while the pages it names are not durable."""
    dropped = _data_syncs(operations, before_meta=True)
    return [op for i, op in enumerate(operations) if i not in dropped]


def meta_not_synced(operations: list[Operation]) -> list[Operation]:
    """Slots are used again, and the log is cut, before the meta slot that allows it is durable."""
    dropped = _data_syncs(operations, before_meta=False)
    return [op for i, op in enumerate(operations) if i not in dropped]


def meta_before_pages(operations: list[Operation]) -> list[Operation]:
    """The meta slot is written, and synced, before the pages it names."""
    data, changed = data_nodes(operations), list(operations)
    for index in range(after_creation(changed), len(changed)):
        if is_meta_write(changed[index], data):
            end = (
                next(i for i in range(index, len(changed)) if isinstance(o := changed[i], Sync) and o.node in data) + 1
            )
            start = index
            while not isinstance(changed[start - 1], Mark):
                start -= 1
            block = changed[index:end]
            del changed[index:end]
            changed[start:start] = block
    return changed


def directories_not_synced(operations: list[Operation]) -> list[Operation]:
    """Names of new files are never made durable."""
    return without(operations, lambda op: isinstance(op, SyncDir))


def log_directory_not_synced(operations: list[Operation]) -> list[Operation]:
    """A new segment's name is not made durable before records in it count."""
    return without(operations, lambda op: op == SyncDir(LOG))


def log_cut_before_meta(operations: list[Operation]) -> list[Operation]:
    """Segments that the new checkpoint makes superfluous are removed before it counts."""
    data, changed = data_nodes(operations), list(operations)
    metas = [i for i, op in enumerate(changed) if is_meta_write(op, data)]
    for index, operation in enumerate(changed):
        before = [i for i in metas if i < index]
        if isinstance(operation, Unlink) and operation.path.startswith(LOG) and before:
            target = before[-1]
            changed[target : index + 1] = [operation, SyncDir(LOG), *changed[target:index]]
            metas = [i for i, op in enumerate(changed) if is_meta_write(op, data)]
    return changed


def one_meta_slot(operations: list[Operation]) -> list[Operation]:
    """Every checkpoint overwrites the only meta slot there is."""
    data = data_nodes(operations)
    return [
        Write(op.node, op.offset % PAGE_SIZE, op.data) if isinstance(op, Write) and is_meta_write(op, data) else op
        for op in operations
    ]


def segment_left_unsynced(operations: list[Operation]) -> list[Operation]:
    """A segment that is full is not synced before the next one is begun."""
    log, created, last = log_nodes(operations), list[int](), dict[int, int]()
    kept = list(operations)
    for index, op in enumerate(operations):
        if isinstance(op, Create) and op.node in log:
            created.append(op.node)
            if len(created) > 1 and created[-2] in last:
                kept[last[created[-2]]] = Mark("dropped", 0)
        if isinstance(op, Sync) and op.node in log:
            last[op.node] = index
    return kept


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        log_not_synced,
        acknowledged_before_sync,
        data_not_synced,
        pages_not_synced_before_meta,
        meta_not_synced,
        meta_before_pages,
        directories_not_synced,
        log_directory_not_synced,
        log_cut_before_meta,
        cut_before_the_meta,
        one_meta_slot,
        segment_left_unsynced,
    )
}


# --- engines that ignore checksums ------------------------------------------------------------------------------------

Repair = Callable[[str, bytes, "RepairingFileSystem"], bytes]

RECORD = struct.Struct("<IIIHHQIIQ")  # crc, prev_crc, length, type, flags, txn, page, tree, page_prev_lsn
SEGMENT_HEADER_SIZE = 64
META_CHECKED = next(field.offset for field in layout.fields("meta") if field.name == "checksum")
LOG_ID = next(field.offset for field in SEGMENT_HEADER if field.name == "log_id")


class RepairedFile(WrapperFile):
    """Reads give the bytes with right checksums."""

    def on_read(self, n: int, offset: int) -> bytes:
        assert isinstance(self.system, RepairingFileSystem)
        whole = self.inner.pread(self.inner.size(), 0)
        return self.system.repair(self.path, whole, self.system)[offset : offset + n]


class RepairingFileSystem(WrapperFileSystem):
    """Passes everything on to `inner`; what is read passes through `repair`."""

    def __init__(self, inner: FileSystem, repair: Repair) -> None:
        super().__init__(inner)
        self.repair = repair

    def wrap(self, path: str, readonly: bool, inner: File) -> WrapperFile:
        return RepairedFile(path, readonly, inner, self)


def repair_meta(path: str, data: bytes, fs: RepairingFileSystem) -> bytes:
    """Both meta slots verify, whatever is in them."""
    if path != PATH:
        return data
    out = bytearray(data)
    for start in range(0, META_END, PAGE_SIZE):
        checked = bytes(out[start : start + META_CHECKED])
        if len(checked) == META_CHECKED and checked.startswith(layout.MAGIC):
            out[start + META_CHECKED : start + META_CHECKED + 4] = struct.pack("<I", checksum(checked))
    return bytes(out)


def repair_log(path: str, data: bytes, fs: RepairingFileSystem) -> bytes:
    """Every record of the log verifies whose length and type are possible."""
    if not path.startswith(LOG + "/"):
        return data
    # The seed is the checksum of the log's id, as the design of the log says.
    seed, first = checksum(data[LOG_ID : LOG_ID + 8]), int(path.rpartition("/")[2][:16], 16)
    out, at, previous = bytearray(data), SEGMENT_HEADER_SIZE, None
    while at + RECORD.size <= len(out):
        _, chained, length, kind = RECORD.unpack_from(out, at)[:4]
        if not RECORD.size <= length <= len(out) - at or not 1 <= kind <= 11:
            break
        if previous is not None and chained != previous:
            out[at + 4 : at + 8] = struct.pack("<I", previous)
        right = checksum(bytes(out[at + 4 : at + length]), checksum(struct.pack("<Q", first + at), seed))
        out[at : at + 4] = struct.pack("<I", right)
        previous, at = right, at + (length + 7 & ~7)
    return bytes(out)


@dataclass(frozen=True)
class Trusting(EngineSubject):
    """The engine, reading through a repairing file system."""

    repair: Repair = repair_log

    def open(self, fs: FileSystem) -> Session:
        return super().open(RepairingFileSystem(fs, self.repair))


REPAIRS: dict[str, Repair] = {"meta_checksum_ignored": repair_meta, "log_checksum_ignored": repair_log}
