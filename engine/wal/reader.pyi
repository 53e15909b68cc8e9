from dataclasses import dataclass
from typing import Self

from engine.storage.file import FileSystem
from engine.wal.records import RecordType

REASONS: dict[int, str]

@dataclass(frozen=True, slots=True)
class LogRecord:
    lsn: int
    end_lsn: int
    type: RecordType
    crc: int
    prev_crc: int
    length: int
    flags: int
    txn: int
    page: int
    tree: int
    page_prev_lsn: int
    fields: dict[str, int]
    parts: dict[str, bytes]

@dataclass(frozen=True, slots=True)
class SegmentHeader:
    version: int
    segment_size: int
    log_id: int
    first_lsn: int
    prev_crc: int

def read_segment_header(data: bytes) -> SegmentHeader | None: ...

class LogReader:
    fs: FileSystem
    directory: str
    failure: BaseException | None
    def __init__(
        self, fs: FileSystem, directory: str, log_id: int | None = None, segment_size: int | None = None
    ) -> None: ...
    @property
    def log_id(self) -> int: ...
    @property
    def segment_size(self) -> int: ...
    @property
    def end_lsn(self) -> int: ...
    @property
    def end_crc(self) -> int: ...
    @property
    def reason(self) -> str: ...
    def first_lsn(self) -> int: ...
    def seek(self, lsn: int, prev_crc: int | None = None, with_pads: bool = False) -> None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> LogRecord: ...
    def read(self, lsn: int) -> LogRecord: ...
    def check_tail(self) -> None: ...
