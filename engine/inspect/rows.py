"""Rows of the models: what the tables of sys.* and the results of inspection statements consist of.

inspector --> model --> rows          ROWS has one function for each table of tables.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from engine.base.errors import ProgrammingError
from engine.inspect import tables
from engine.inspect.diff import DiffModel
from engine.inspect.file import FileModel
from engine.inspect.history import Chain, Change, PageHistoryModel, RowHistoryModel
from engine.inspect.inspector import LiveInspector
from engine.inspect.latches import LatchesModel
from engine.inspect.layout import LayoutModel
from engine.inspect.memtable import MemtableModel, TransactionsModel, memtable_model
from engine.inspect.page import PageModel
from engine.inspect.pool import PoolModel
from engine.inspect.snapshots import SnapshotsModel
from engine.inspect.tables import Columns, Row
from engine.inspect.trace import TraceModel
from engine.inspect.tree import TreeModel, TreesModel, page_summaries
from engine.inspect.wait_graph import Orders
from engine.inspect.wal import WalModel, records
from engine.record.types import text_of
from engine.sql.result import Result
from engine.txn.views import retained_checkpoints

Rows = Iterator[Row]
ALL_ENTRIES = 1_000_000


class InspectionResult(Result):
    """The result of an inspection statement: the rows of the table it stands for, and the model itself."""

    __slots__ = ("model",)
    model: Any


def _pick(item: Any, names: Iterable[str]) -> Row:
    return tuple(getattr(item, name) for name in names)


def decoded_text(decoded: dict[str, Any] | None) -> str | None:
    """Decoded columns as text: name=value, in order."""
    if decoded is None:
        return None
    return ", ".join(f"{name}={'NULL' if value is None else text_of(value)}" for name, value in decoded.items())


# --- rows of models -------------------------------------------------------------------------------------------------


def order_rows(orders: Orders) -> Rows:
    """One row a thread of a finding, newest finding first."""
    names = [name for name, _ in tables.ORDER_COLUMNS[3:]]
    for number, one in enumerate(orders.newest):
        for member in one.members:
            yield (number, one.age_ms, one.cycle, *_pick(member, names))


def page_rows(model: PageModel) -> Rows:
    """One row an item: slots of a node, entries of a page table block; a long value's page and a meta slot have none."""
    for item in model.items:
        yield (
            model.page, item.index, item.slot_offset, item.cell_offset, item.cell_size, item.key, item.value,
            item.child, item.overflow_page, item.overflow_len, decoded_text(item.decoded), item.damage,
        )  # fmt: skip
    for i, entry in enumerate(model.entries):
        yield (model.page, i, entry.offset, None, 8, None, None, entry.number, None, None, f"slot={entry.slot}", None)


def page_fields(model: PageModel) -> Rows:
    """One row a header field."""
    for field in model.fields:
        yield model.page, field.name, field.offset, field.size, field.type, field.value, field.meaning


def layout_rows(model: LayoutModel) -> Rows:
    """One row a field or hole."""
    for struct in model.structures:
        for field in struct.fields:
            yield (
                field.structure, struct.where, field.name or None, field.offset, field.size, field.type, field.line, field.doc,
            )  # fmt: skip


def file_rows(model: FileModel) -> Rows:
    """The census, one row a kind."""
    for census in model.census:
        yield census.kind, census.slots, census.bytes, census.live, census.retained, census.kept, census.fill


def _of(columns: Columns, items: Iterable[Any]) -> Rows:
    names = [name for name, _ in columns]
    return (_pick(item, names) for item in items)


def step_rows(model: TreeModel) -> Rows:
    """One row a comparison on the way to the key; compared: -1 where that key is smaller than the sought one."""
    for number, step in enumerate(model.path):
        for one in step.comparisons:
            yield (
                number, step.page, step.kind, step.level, step.items, one.by, one.index, one.key, one.order,
                step.index, step.child,
            )  # fmt: skip


def moment(us: int) -> datetime | None:
    """Microseconds since 1970 as a TIMESTAMP; None for 0."""
    return datetime.fromtimestamp(us / 1_000_000, UTC).replace(tzinfo=None) if us else None


def history_rows(changes: Iterable[Change]) -> Rows:
    """One row a record, newest first: the columns of the log, and the commit that made it count."""
    names = [name for name, _ in tables.WAL_COLUMNS]
    for one in changes:
        yield *_pick(one.record, names), one.commit_lsn, moment(one.committed_us)


def row_rows(model: RowHistoryModel) -> Rows:
    """One row a version, newest first."""
    for one in model.versions:
        yield (
            one.lsn, one.commit_lsn, moment(one.committed_us), one.txn, one.page, one.event, decoded_text(one.decoded),
            one.value, one.overflow, one.description,
        )  # fmt: skip


def diff_rows(model: DiffModel) -> Rows:
    """Header fields, items and runs of bytes that differ, then the records between; `what` says which. Bytes as digits."""
    for field in model.fields:
        yield "field", field.name, "changed", field.offset, None, None, _text(field.before), _text(field.after), None
    for item in model.items:
        before, after = _shown(item.decoded_before, item.value_before), _shown(item.decoded_after, item.value_after)
        at = item.cell_after if item.cell_after is not None else item.cell_before
        for lsn in item.lsns or (None,):
            yield (
                "item", item.key.hex(), item.change, at, item.index_before, item.index_after, before, after, lsn,
            )  # fmt: skip
    for run in model.runs:
        yield "bytes", None, "changed", run.offset, None, None, run.before.hex(), run.after.hex(), None
    for change in model.records:
        record = change.record
        yield "record", record.record_type, None, None, None, None, None, record.description, record.start_lsn


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _shown(decoded: dict[str, Any] | None, value: bytes | None) -> str | None:
    return decoded_text(decoded) if decoded is not None else None if value is None else value.hex()


def snapshot_rows(model: SnapshotsModel) -> Rows:
    """One row a snapshot."""
    return ((s.lsn, s.readers, s.kept, s.since_us, s.age_ms) for s in model.snapshots)


def version_rows(model: SnapshotsModel) -> Rows:
    """One row a version of a page that a snapshot keeps."""
    return ((s.lsn, v.page, v.lsn, v.frame, v.slot) for s in model.snapshots for v in s.versions)


def entry_rows(model: MemtableModel) -> Rows:
    """One row an entry, by tree and key."""
    for one in model.entries:
        yield *_pick(one, [name for name, _ in tables.MEMTABLE_COLUMNS[:-1]]), decoded_text(one.decoded)


def trace_rows(model: TraceModel) -> Rows:
    """One row an event, in order."""
    for one in model.events:
        yield (
            one.number, one.at_ns / 1000, one.event, one.page, one.frame, one.lsn, one.detail or None,
            len(one.comparisons) or None,
        )  # fmt: skip


def wait_rows(model: LatchesModel) -> Rows:
    """The histogram of waits."""
    return ((bucket.kind, bucket.from_ns, bucket.waits) for bucket in model.waits)


# --- tables -----------------------------------------------------------------------------------------------------------


def _numbers(args: Row, *names: str) -> list[int]:
    for value, name in zip(args, names, strict=False):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ProgrammingError(f"the {name} is a number, not {value!r}")
    return list(args)


def _page(inspector: LiveInspector, args: Row) -> PageModel:
    """The page, and perhaps the LSN at which it is meant."""
    return inspector.page(*_numbers(args, "page", "LSN"))


def _row_history(inspector: LiveInspector, args: Row) -> Rows:
    if not isinstance(args[0], (str, int)) or isinstance(args[0], bool):
        raise ProgrammingError(f"the table is a name, not {args[0]!r}")
    return row_rows(inspector.row_history(args[0], args[1]))


def _wal_rows(inspector: LiveInspector, args: Row) -> Rows:
    inspector.source.hand_out_log()
    return _of(tables.WAL_COLUMNS, records(inspector.source, args[0] if args else None))


def _page_rows(inspector: LiveInspector, args: Row) -> Rows:
    return _of(tables.PAGE_COLUMNS, page_summaries(inspector.source, inspector.source.owners()))


def _tree(inspector: LiveInspector, args: Row) -> TreeModel:
    """A tree by its name, and perhaps the way to a key."""
    if not isinstance(args[0], (str, int)) or isinstance(args[0], bool):
        raise ProgrammingError(f"the tree is a name, not {args[0]!r}")
    model = inspector.tree(*args)
    assert isinstance(model, TreeModel)
    return model


def _tree_rows(inspector: LiveInspector, args: Row) -> Rows:
    found = inspector.tree()
    assert isinstance(found, TreesModel)
    return _of(tables.TREE_COLUMNS, found.trees)


def _checkpoint_rows(inspector: LiveInspector, args: Row) -> Rows:
    """The retained checkpoints; slots: kept for each of them alone."""
    store = inspector.source.store
    for one in retained_checkpoints(store):
        yield one.name, one.lsn, moment(one.time_us), one.sequence, one.slots, one.slots * int(store.page_size)


ROWS: dict[str, Callable[[LiveInspector, Row], Iterable[Row]]] = {
    "file": lambda inspector, args: file_rows(inspector.file()),
    "slots": lambda inspector, args: _of(tables.SLOT_COLUMNS, inspector.file().slots),
    "page_items": lambda inspector, args: page_rows(_page(inspector, args)),
    "page_fields": lambda inspector, args: page_fields(_page(inspector, args)),
    "layouts": lambda inspector, args: layout_rows(inspector.layout()),
    "trees": _tree_rows,
    "tree_levels": lambda inspector, args: _of(tables.LEVEL_COLUMNS, _tree(inspector, args).levels),
    "tree_path": lambda inspector, args: step_rows(_tree(inspector, args)),
    "pages": _page_rows,
    "buffers": lambda inspector, args: _of(tables.BUFFER_COLUMNS, inspector.pool().buffers),
    "evictions": lambda inspector, args: _of(tables.EVICTION_COLUMNS, inspector.pool().evictions),
    "latches": lambda inspector, args: _of(tables.LATCH_COLUMNS, inspector.latches().latches),
    "latch_stats": lambda inspector, args: _of(tables.THREAD_COLUMNS, inspector.latches().threads),
    "latch_waits": lambda inspector, args: wait_rows(inspector.latches()),
    "latch_graph": lambda inspector, args: _of(tables.GRAPH_COLUMNS, inspector.latches().graph),
    "latch_orders": lambda inspector, args: order_rows(inspector.latches().orders),
    "wal": _wal_rows,
    "wal_stats": lambda inspector, args: _of(tables.WAL_STATS_COLUMNS, inspector.wal().statistics),
    "page_history": lambda inspector, args: history_rows(Chain(inspector.source, *_numbers(args, "page"))),
    "row_history": _row_history,
    "page_diff": lambda inspector, args: diff_rows(inspector.diff(*_numbers(args, "page", "LSN", "LSN"))),
    "checkpoints": _checkpoint_rows,
    "memtable": lambda inspector, args: entry_rows(memtable_model(inspector.source, ALL_ENTRIES)),
    "transactions": lambda inspector, args: _of(tables.TRANSACTION_COLUMNS, inspector.transactions().transactions),
    "memtable_levels": lambda inspector, args: _of(tables.LIST_LEVEL_COLUMNS, inspector.memtable().levels),
    "versions": lambda inspector, args: version_rows(inspector.snapshots()),
    "snapshots": lambda inspector, args: snapshot_rows(inspector.snapshots()),
}


def columns_and_rows(model: Any) -> tuple[Columns, Iterable[Row]]:
    """How a model looks as a result: the columns and rows of the table that shows most of it."""
    match model:
        case PageModel():
            if not model.items and not model.entries:
                return tables.FIELD_COLUMNS, page_fields(model)
            return tables.ITEM_COLUMNS, page_rows(model)
        case TreesModel():
            return tables.TREE_COLUMNS, _of(tables.TREE_COLUMNS, model.trees)
        case TreeModel() if model.key is not None:
            return tables.STEP_COLUMNS, step_rows(model)
        case TreeModel():
            return tables.LEVEL_COLUMNS, _of(tables.LEVEL_COLUMNS, model.levels)
        case FileModel():
            return tables.FILE_COLUMNS, file_rows(model)
        case PoolModel():
            return tables.BUFFER_COLUMNS, _of(tables.BUFFER_COLUMNS, model.buffers)
        case LatchesModel():
            return tables.LATCH_COLUMNS, _of(tables.LATCH_COLUMNS, model.latches)
        case WalModel():
            return tables.WAL_COLUMNS, _of(tables.WAL_COLUMNS, model.records)
        case LayoutModel():
            return tables.LAYOUT_COLUMNS, layout_rows(model)
        case PageHistoryModel():
            return tables.HISTORY_COLUMNS, history_rows(model.changes)
        case RowHistoryModel():
            return tables.ROW_COLUMNS, row_rows(model)
        case DiffModel():
            return tables.DIFF_COLUMNS, diff_rows(model)
        case TraceModel():
            return tables.TRACE_COLUMNS, trace_rows(model)
        case MemtableModel():
            return tables.MEMTABLE_COLUMNS, entry_rows(model)
        case TransactionsModel():
            return tables.TRANSACTION_COLUMNS, _of(tables.TRANSACTION_COLUMNS, model.transactions)
        case SnapshotsModel():
            return tables.SNAPSHOT_COLUMNS, snapshot_rows(model)
    raise TypeError(f"no rows for a {type(model).__name__}")


def result_of(model: Any) -> InspectionResult:
    """A model as the result of a statement."""
    columns, rows = columns_and_rows(model)
    found = InspectionResult(
        tuple(name for name, _ in columns), tuple(kind for _, kind in columns), iter(rows), statement="INSPECT"
    )
    found.model = model
    return found
