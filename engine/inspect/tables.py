"""The inspections as tables: sys.file, sys.slots, sys.page_items(n), sys.trees, sys.buffers, sys.latches, sys.wal ...

    provider(args, session) --> model --> rows          one function a table: the rows of the same models

A table is declared once, in TABLES, with its columns and how a model becomes its rows; the inspection statements give
these rows too (STATEMENT_ROWS says which table a model is shown as).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from engine.base.errors import ProgrammingError
from engine.inspect.file import FileModel
from engine.inspect.inspector import LiveInspector
from engine.inspect.latches import LatchesModel
from engine.inspect.layout import LayoutModel
from engine.inspect.page import PageModel
from engine.inspect.pool import PoolModel
from engine.inspect.snapshots import SnapshotsModel
from engine.inspect.statements import model_of
from engine.inspect.tree import TreeModel, TreesModel, page_summaries
from engine.inspect.wal import WalModel, records
from engine.record.types import Type, text_of
from engine.sql.result import Result
from engine.sql.shared import Shared
from grammar import ast

Row = tuple[Any, ...]
Rows = Iterator[Row]
INTEGER, REAL, TEXT, BLOB, BOOLEAN = Type.INTEGER, Type.REAL, Type.TEXT, Type.BLOB, Type.BOOLEAN


@dataclass(frozen=True)
class Table:
    """One table of sys: its columns, and rows from an inspector and the arguments."""

    name: str
    columns: tuple[tuple[str, Type], ...]
    rows: Callable[..., Iterable[Row]]
    least: int = 0
    most: int = 0


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
        yield census.kind, census.slots, census.bytes, census.live, census.retained, census.fill


SLOT_COLUMNS = (
    ("slot", INTEGER), ("offset", INTEGER), ("state", TEXT), ("kind", TEXT), ("page", INTEGER), ("tree", INTEGER),
    ("owner", TEXT), ("level", INTEGER), ("items", INTEGER), ("fill", REAL), ("lsn", INTEGER), ("live", BOOLEAN),
    ("durable", BOOLEAN),
)  # fmt: skip
TREE_COLUMNS = (
    ("tree", INTEGER), ("name", TEXT), ("kind", TEXT), ("root", INTEGER), ("depth", INTEGER), ("pages", INTEGER),
    ("leaf_pages", INTEGER), ("branch_pages", INTEGER), ("overflow_pages", INTEGER), ("items", INTEGER),
    ("fan_out", REAL), ("payload", INTEGER), ("overflow_bytes", INTEGER), ("fill", REAL),
)  # fmt: skip
PAGE_COLUMNS = (
    ("page", INTEGER), ("tree", INTEGER), ("owner", TEXT), ("kind", TEXT), ("level", INTEGER), ("items", INTEGER),
    ("payload", INTEGER), ("unused", INTEGER), ("fill", REAL), ("lsn", INTEGER), ("slot", INTEGER),
    ("durable_slot", INTEGER), ("frame", INTEGER), ("older_versions", BOOLEAN),
)  # fmt: skip
BUFFER_COLUMNS = (
    ("frame", INTEGER), ("page", INTEGER), ("kind", TEXT), ("tree", INTEGER), ("owner", TEXT), ("level", INTEGER),
    ("version", TEXT), ("dirty", BOOLEAN), ("garbage", BOOLEAN), ("usage", INTEGER), ("pins", INTEGER),
    ("shared", INTEGER), ("exclusive", BOOLEAN), ("waiters", BOOLEAN), ("loads", INTEGER), ("lsn", INTEGER),
)  # fmt: skip
LATCH_COLUMNS = (
    ("thread", INTEGER), ("name", TEXT), ("role", TEXT), ("mode", TEXT), ("page", INTEGER), ("frame", INTEGER),
    ("kind", TEXT), ("level", INTEGER), ("age_us", REAL),
)  # fmt: skip
THREAD_COLUMNS = (
    ("thread", INTEGER), ("system_id", INTEGER), ("name", TEXT), ("shared", INTEGER), ("exclusive", INTEGER),
    ("contended", INTEGER), ("restarts", INTEGER), ("wait_us", REAL),
)  # fmt: skip
WAL_COLUMNS = (
    ("start_lsn", INTEGER), ("end_lsn", INTEGER), ("prev_lsn", INTEGER), ("txn", INTEGER), ("page", INTEGER),
    ("tree", INTEGER), ("record_type", TEXT), ("record_length", INTEGER), ("description", TEXT),
)  # fmt: skip
WAL_STATS_COLUMNS = (
    ("record_type", TEXT), ("count", INTEGER), ("count_percent", REAL), ("bytes", INTEGER), ("bytes_percent", REAL),
)  # fmt: skip
LEVEL_COLUMNS = (
    ("level", INTEGER), ("kind", TEXT), ("pages", INTEGER), ("items", INTEGER), ("fan_out", REAL),
    ("payload", INTEGER), ("fill", REAL), ("fill_min", REAL), ("fill_max", REAL),
)  # fmt: skip
STEP_COLUMNS = (
    ("step", INTEGER), ("page", INTEGER), ("kind", TEXT), ("level", INTEGER), ("items", INTEGER), ("compared_by", TEXT),
    ("item", INTEGER), ("key", BLOB), ("compared", INTEGER), ("taken", INTEGER), ("child", INTEGER),
)  # fmt: skip


def _of(columns: tuple[tuple[str, Type], ...], items: Iterable[Any]) -> Rows:
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


def snapshot_rows(model: SnapshotsModel) -> Rows:
    """One row a snapshot."""
    return ((s.lsn, s.readers, s.kept, s.since_us, s.age_ms) for s in model.snapshots)


def wait_rows(model: LatchesModel) -> Rows:
    """The histogram of waits."""
    return ((bucket.from_ns, bucket.waits) for bucket in model.waits)


# --- tables ---------------------------------------------------------------------------------------------------------


def _page(inspector: LiveInspector, args: Row) -> PageModel:
    if not isinstance(args[0], int) or isinstance(args[0], bool):
        raise ProgrammingError(f"the page is a number, not {args[0]!r}")
    return inspector.page(args[0])


def _wal_rows(inspector: LiveInspector, args: Row) -> Rows:
    inspector.source.hand_out_log()
    return _of(WAL_COLUMNS, records(inspector.source, args[0] if args else None))


def _page_rows(inspector: LiveInspector, args: Row) -> Rows:
    return _of(PAGE_COLUMNS, page_summaries(inspector.source, inspector.source.owners()))


def _tree_rows(inspector: LiveInspector, args: Row) -> Rows:
    found = inspector.tree()
    assert isinstance(found, TreesModel)
    return _of(TREE_COLUMNS, found.trees)


TABLES = (
    Table(
        "file",
        (("kind", TEXT), ("slots", INTEGER), ("bytes", INTEGER), ("live", INTEGER), ("retained", INTEGER), ("fill", REAL)),
        lambda inspector, args: file_rows(inspector.file()),
    ),
    Table("slots", SLOT_COLUMNS, lambda inspector, args: _of(SLOT_COLUMNS, inspector.file().slots)),
    Table(
        "page_items",
        (
            ("page", INTEGER), ("item", INTEGER), ("item_offset", INTEGER), ("cell_offset", INTEGER),
            ("item_len", INTEGER), ("key", BLOB), ("value", BLOB), ("child", INTEGER), ("overflow_page", INTEGER),
            ("overflow_len", INTEGER), ("decoded", TEXT), ("damage", TEXT),
        ),
        lambda inspector, args: page_rows(_page(inspector, args)),
        1,
        1,
    ),
    Table(
        "page_fields",
        (
            ("page", INTEGER), ("name", TEXT), ("offset", INTEGER), ("size", INTEGER), ("type", TEXT),
            ("value", INTEGER), ("meaning", TEXT),
        ),
        lambda inspector, args: page_fields(_page(inspector, args)),
        1,
        1,
    ),
    Table(
        "layouts",
        (
            ("structure", TEXT), ("kept_in", TEXT), ("field", TEXT), ("offset", INTEGER), ("size", INTEGER),
            ("type", TEXT), ("cache_line", INTEGER), ("meaning", TEXT),
        ),
        lambda inspector, args: layout_rows(inspector.layout()),
    ),
    Table("trees", TREE_COLUMNS, _tree_rows),
    Table("pages", PAGE_COLUMNS, _page_rows),
    Table("buffers", BUFFER_COLUMNS, lambda inspector, args: _of(BUFFER_COLUMNS, inspector.pool().buffers)),
    Table("latches", LATCH_COLUMNS, lambda inspector, args: _of(LATCH_COLUMNS, inspector.latches().latches)),
    Table("latch_stats", THREAD_COLUMNS, lambda inspector, args: _of(THREAD_COLUMNS, inspector.latches().threads)),
    Table(
        "latch_waits",
        (("from_ns", INTEGER), ("waits", INTEGER)),
        lambda inspector, args: wait_rows(inspector.latches()),
    ),
    Table("wal", WAL_COLUMNS, _wal_rows, 0, 1),
    Table("wal_stats", WAL_STATS_COLUMNS, lambda inspector, args: _of(WAL_STATS_COLUMNS, inspector.wal().statistics)),
    Table(
        "snapshots",
        (("lsn", INTEGER), ("readers", INTEGER), ("kept", INTEGER), ("since_us", INTEGER), ("age_ms", REAL)),
        lambda inspector, args: snapshot_rows(inspector.snapshots()),
    ),
)  # fmt: skip
BY_NAME = {table.name: table for table in TABLES}


def columns_and_rows(model: Any) -> tuple[tuple[tuple[str, Type], ...], Iterable[Row]]:
    """How a model looks as a result: the columns and rows of the table that shows most of it."""
    match model:
        case PageModel():
            if not model.items and not model.entries:
                return BY_NAME["page_fields"].columns, page_fields(model)
            return BY_NAME["page_items"].columns, page_rows(model)
        case TreesModel():
            return TREE_COLUMNS, _of(TREE_COLUMNS, model.trees)
        case TreeModel() if model.key is not None:
            return STEP_COLUMNS, step_rows(model)
        case TreeModel():
            return LEVEL_COLUMNS, _of(LEVEL_COLUMNS, model.levels)
        case FileModel():
            return BY_NAME["file"].columns, file_rows(model)
        case PoolModel():
            return BUFFER_COLUMNS, _of(BUFFER_COLUMNS, model.buffers)
        case LatchesModel():
            return LATCH_COLUMNS, _of(LATCH_COLUMNS, model.latches)
        case WalModel():
            return WAL_COLUMNS, _of(WAL_COLUMNS, model.records)
        case LayoutModel():
            return BY_NAME["layouts"].columns, layout_rows(model)
        case SnapshotsModel():
            return BY_NAME["snapshots"].columns, snapshot_rows(model)
    raise TypeError(f"no rows for a {type(model).__name__}")


def result_of(model: Any) -> InspectionResult:
    """A model as the result of a statement."""
    columns, rows = columns_and_rows(model)
    found = InspectionResult(
        tuple(name for name, _ in columns), tuple(kind for _, kind in columns), iter(rows), statement="INSPECT"
    )
    found.model = model
    return found


def register(shared: Shared, db: Any) -> None:
    """Enter the tables and the inspection statements of an open engine.Database; entering them twice changes nothing."""
    if "page_items" in shared.system_tables:
        return
    inspector = LiveInspector(db)

    def provider(table: Table) -> Callable[[Row, Any], Iterable[Row]]:
        return lambda args, session: table.rows(inspector, args)

    for table in TABLES:
        shared.register_system_table(table.name, table.columns, provider(table), table.least, table.most)
    for kind in (ast.Inspect, ast.InspectPage, ast.InspectLayout, ast.InspectTree, ast.InspectWal):
        shared.register_statement(kind, lambda node, session, params: result_of(model_of(inspector, node, params)))


__all__ = ["TABLES", "InspectionResult", "columns_and_rows", "register", "result_of"]
