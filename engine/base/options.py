"""Options of an open database, with their defaults and their checks."""

from __future__ import annotations

from engine.base.dataclass import dataclass, fields
from engine.base.errors import InterfaceError

PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)
SYNCHRONOUS = ("off", "normal", "full")
ISOLATION = ("serializable", "snapshot")
IO = ("auto", "uring", "threads", "sync")


@dataclass(frozen=True, slots=True)
class Options:
    """How a database is opened.

    create: make the file where it is missing. readonly: never write, not even the log.
    page_size: bytes, of a new database; an existing one keeps its own. pool_bytes: memory for pages.
    synchronous: "full": a commit returns when the log is durable; "normal": when the operating system has it, durable at
    checkpoints and intervals; "off": when the engine has it. isolation: default of transactions.
    wal_retention: bytes of log to keep behind the last checkpoint, for history. checkpoint_bytes: log written since the
    last checkpoint that starts the next one in the background; 0: only on request and at close.
    segment_size: bytes of a log segment, of a new database. memtable_bytes: memory for the writes of open transactions
    and for what was committed while they are open.
    io: how many pages are read or written at once: "uring" (io_uring; an error where the system grants none), "threads",
    "sync" (one after the other); "auto": the first of these that there is. What is done is the same.
    query_memory: bytes that an operator of a query (sort, join, grouping) gathers before it goes to temporary files.
    query_seconds, query_rows: how long a statement may run, how many rows it may give; 0: any. statement_length: characters.
    """

    create: bool = True
    readonly: bool = False
    page_size: int = 8192
    pool_bytes: int = 256 << 20
    synchronous: str = "full"
    isolation: str = "serializable"
    wal_retention: int = 0
    checkpoint_bytes: int = 64 << 20
    segment_size: int = 16 << 20
    memtable_bytes: int = 64 << 20
    io: str = "auto"
    query_memory: int = 1 << 30
    query_seconds: float = 0
    query_rows: int = 0
    statement_length: int = 10_000_000

    def __post_init__(self) -> None:
        if self.page_size not in PAGE_SIZES:
            raise InterfaceError(f"page_size {self.page_size!r}: one of {', '.join(map(str, PAGE_SIZES))} is needed")
        if self.synchronous not in SYNCHRONOUS:
            raise InterfaceError(f"synchronous {self.synchronous!r}: one of {', '.join(SYNCHRONOUS)} is needed")
        if self.isolation not in ISOLATION:
            raise InterfaceError(f"isolation {self.isolation!r}: one of {', '.join(ISOLATION)} is needed")
        if self.io not in IO:
            raise InterfaceError(f"io {self.io!r}: one of {', '.join(IO)} is needed")
        if self.pool_bytes < 1 << 20:
            raise InterfaceError(f"pool_bytes {self.pool_bytes!r}: at least 1 MiB (1048576) is needed")
        if self.memtable_bytes < 1 << 18:
            raise InterfaceError(f"memtable_bytes {self.memtable_bytes!r}: at least 256 KiB (262144) is needed")
        if self.query_memory < 1 << 16:
            raise InterfaceError(f"query_memory {self.query_memory!r}: at least 64 KiB (65536) is needed")
        if self.query_seconds < 0 or self.query_rows < 0 or self.statement_length < 1:
            raise InterfaceError("query_seconds, query_rows and statement_length are not negative")
        if self.wal_retention < 0 or self.checkpoint_bytes < 0:
            raise InterfaceError("wal_retention and checkpoint_bytes are numbers of bytes, not negative")


def make_options(values: dict[str, object]) -> Options:
    """Options from keyword arguments. Raises InterfaceError for an unknown name or a wrong value."""
    known = {field.name for field in fields(Options)}
    for name in values:
        if name not in known:
            raise InterfaceError(f"unknown option {name!r}; there are {', '.join(sorted(known))}")
    try:
        return Options(**values)  # type: ignore[arg-type]
    except TypeError as error:
        raise InterfaceError(f"wrong value among the options: {error}") from error
