from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from engine.base.errors import Error
from engine.storage.file import FileSystem
from engine.wal.segments import SegmentFile

DEFAULT_SEGMENT_SIZE: int
DEFAULT_RING_SIZE: int

@dataclass(frozen=True, slots=True)
class LogStats:
    log_id: int
    segment_size: int
    ring_size: int
    end_lsn: int
    written_lsn: int
    synced_lsn: int
    appends: int
    append_flushes: int
    writes: int
    syncs: int
    sync_ns: int
    groups: int
    waiting: int
    segments_created: int
    poisoned: bool
    group_sizes: tuple[int, ...]
    wait_ns: tuple[int, ...]

def check_segment_size(segment_size: int) -> None: ...

class Log:
    fs: FileSystem
    directory: str
    closed: bool
    failure: BaseException | None
    def __init__(
        self,
        fs: FileSystem,
        directory: str,
        log_id: int,
        segment_size: int,
        ring_size: int,
        reserving: bool = ...,
    ) -> None: ...
    def begin(self, lsn: int, prev_crc: int) -> None: ...
    def check_open(self) -> None: ...
    def error(self) -> Error: ...
    def append(
        self,
        type: int,
        fixed: bytes = b"",
        parts: Sequence[bytes] = (),
        txn: int = 0,
        page: int = 0,
        tree: int = 0,
        page_prev_lsn: int = 0,
    ) -> int: ...
    def end(self) -> int: ...
    def last_crc(self) -> int: ...
    def synced(self) -> int: ...
    def write(self, lsn: int | None = None) -> None: ...
    def sync(self, lsn: int | None = None) -> None: ...
    def segments(self) -> list[SegmentFile]: ...
    def remove_before(self, lsn: int) -> int: ...
    def stats(self) -> LogStats: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

def create_log(
    fs: FileSystem,
    directory: str,
    log_id: int,
    *,
    segment_size: int = ...,
    ring_size: int = ...,
    start_lsn: int = ...,
    discard: bool = False,
) -> Log: ...
def open_log(
    fs: FileSystem,
    directory: str,
    log_id: int,
    lsn: int,
    prev_crc: int,
    *,
    segment_size: int = ...,
    ring_size: int = ...,
    reserving: bool = ...,
) -> Log: ...
