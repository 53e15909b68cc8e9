"""The log: records decoded, and statistics by type (the columns of pg_walinspect, with ours)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.base.dataclass import dataclass
from engine.base.errors import Error, ProgrammingError
from engine.inspect.model import Model
from engine.inspect.probe_log import scan_log
from engine.inspect.source import Source
from engine.wal.reader import LogReader, LogRecord
from engine.wal.records import RECORD_TYPES, constants

SHOWN = 1000
_SEGMENT_HEADER = constants()["SEGMENT_HEADER_SIZE"]
PAGE_TYPES = ("BUILD", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "FREE", "OVERFLOW")


@dataclass(frozen=True, slots=True)
class RecordModel(Model):
    """One record. prev_lsn: of the record that changed the same page before, 0 for none; page, tree: 0 for none.

    record_length: header and payload. fields: the fixed part by name; parts: the tail's bytes by name.
    """

    start_lsn: int
    end_lsn: int
    prev_lsn: int
    txn: int
    page: int
    tree: int
    record_type: str
    record_length: int
    description: str
    fields: dict[str, int]
    parts: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class TypeStats(Model):
    """How often a record type occurs; percent of all records and of all bytes."""

    record_type: str
    count: int
    count_percent: float
    bytes: int
    bytes_percent: float


@dataclass(frozen=True, slots=True)
class WalModel(Model):
    """Records that match, the first SHOWN of them; statistics are over all that match.

    end_lsn: where the log ends; end_reason: why reading stopped there. damage: what shows that it ends too early.
    """

    log_id: int
    segment_size: int
    first_lsn: int
    end_lsn: int
    end_reason: str
    matching: int
    records: tuple[RecordModel, ...]
    statistics: tuple[TypeStats, ...]
    damage: tuple[str, ...]
    model: str = "wal"
    version: int = 1


def record_model(record: LogRecord) -> RecordModel:
    """A verified record."""
    of_page = record.type.name in PAGE_TYPES
    return RecordModel(
        start_lsn=record.lsn,
        end_lsn=record.end_lsn,
        prev_lsn=record.page_prev_lsn,
        txn=record.txn,
        page=record.page,
        tree=record.tree,
        record_type=record.type.name,
        record_length=record.length,
        description=describe(record) if of_page else _of_batch(record),
        fields=dict(record.fields),
        parts=dict(record.parts),
    )


def describe(record: LogRecord) -> str:
    """What a page record does, in a few words; keys in hexadecimal digits."""
    f = record.fields
    key = _short(record.parts.get("key", b""))
    match record.type.name:
        case "BUILD":
            kind = {1: "leaf", 2: "branch"}.get(f.get("kind", 0), "node")
            return f"{kind} of level {f.get('level')} with {f.get('count')} cells, {f.get('cells_len')} bytes"
        case "INSERT" | "UPDATE":
            length = f.get("value_len", 0)
            value = "a reference to a long value" if length & 0x8000 else f"{length} bytes"
            return f"slot {f.get('slot')}, key {key}, value of {value}"
        case "DELETE":
            return f"slot {f.get('slot')}, key {key}"
        case "TRUNCATE":
            return (
                f"cells from slot {f.get('slot')} on moved away, upper fence {_short(record.parts.get('upper', b''))}"
            )
        case "FREE":
            return "the page id is free"
        case _:
            return f"{f.get('data_len')} bytes of a long value, next page {f.get('next')}"


def _of_batch(record: LogRecord) -> str:
    f = record.fields
    match record.type.name:
        case "COMMIT":
            return f"{f.get('records')} records from LSN {f.get('first_lsn')}; durable up to {f.get('synced_lsn')} then"
        case "ABORT":
            return f"{f.get('records')} records from LSN {f.get('first_lsn')} do not count"
        case "CHECKPOINT":
            return f"number {f.get('sequence')} at LSN {f.get('lsn')}"
        case _:
            return "the rest of the segment"


def _short(data: bytes) -> str:
    return data.hex() if len(data) <= 16 else f"{data[:16].hex()}.. ({len(data)} bytes)"


def _seek(reader: LogReader, from_lsn: int | None) -> None:
    """Go where the first record at or behind an LSN will be met: to its segment's first record."""
    if from_lsn is None:
        return
    if not 0 <= from_lsn < 1 << 62:
        raise ProgrammingError(f"{from_lsn} is no LSN")
    first = from_lsn - from_lsn % reader.segment_size + _SEGMENT_HEADER
    reader.seek(max(first, reader.first_lsn()))


def records(
    source: Source, from_lsn: int | None = None, page: int | None = None, txn: int | None = None
) -> Iterator[RecordModel]:
    """Matching records in order, as far as the log can be read."""
    yield from (record_model(record) for record in _matching(source.log_reader(), from_lsn, page, txn))


def _matching(reader: LogReader, from_lsn: int | None, page: int | None, txn: int | None) -> Iterator[LogRecord]:
    _seek(reader, from_lsn)
    for record in reader:
        if from_lsn is not None and record.lsn < from_lsn:
            continue
        if page is not None and (record.page != page or record.type.name not in PAGE_TYPES):
            continue
        if txn is None or record.txn == txn:
            yield record


def wal_model(
    source: Source,
    from_lsn: int | None = None,
    page: int | None = None,
    txn: int | None = None,
    written_lsn: int | None = None,
) -> WalModel:
    """The log from its oldest record, or from `from_lsn`; only records of a page or a transaction where these are given.

    written_lsn: up to where a writer, who goes on meanwhile, has written it; what lies behind says nothing then.
    """
    if not 0 <= (page or 0) < 1 << 32 or not 0 <= (txn or 0) < 1 << 64:
        raise ProgrammingError("page ids have 32 bits, transaction ids 64")
    reader = source.log_reader()
    counts: dict[int, tuple[int, int]] = {}
    shown: list[LogRecord] = []
    damage: list[str] = list(source.problems)
    _seek(reader, from_lsn)
    try:
        counts, shown = scan_log(reader, from_lsn, page, txn, SHOWN)
        end, reason = reader.end_lsn, reader.reason
        if written_lsn is None or end < written_lsn:
            reader.check_tail()
    except Error as error:
        end, reason = reader.end_lsn, reader.reason
        damage.append(str(error))
    return WalModel(
        log_id=reader.log_id,
        segment_size=reader.segment_size,
        first_lsn=reader.first_lsn(),
        end_lsn=end,
        end_reason=reason,
        matching=sum(count for count, _ in counts.values()),
        records=tuple(record_model(record) for record in shown),
        statistics=_statistics(counts),
        damage=tuple(damage),
    )


def _statistics(counts: dict[int, tuple[int, int]]) -> tuple[TypeStats, ...]:
    all_records = sum(count for count, _ in counts.values()) or 1
    all_bytes = sum(length for _, length in counts.values()) or 1
    return tuple(
        TypeStats(RECORD_TYPES[kind].name, n, round(100 * n / all_records, 2), size, round(100 * size / all_bytes, 2))
        for kind, (n, size) in sorted(counts.items(), key=lambda item: -item[1][1])
    )
