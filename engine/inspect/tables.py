"""The inspections as tables: sys.file, sys.slots, sys.page_items(n), sys.trees, sys.buffers, sys.latches, sys.wal ...

A table is declared once, here; rows.py has the function of the same name that makes its rows from the models. This file
is imported with the first session of a database, the rest when something is first inspected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from engine.base.dataclass import dataclass
from engine.record.types import Type
from engine.sql.shared import Shared
from grammar import ast

if TYPE_CHECKING:
    from engine.inspect.inspector import LiveInspector

Row = tuple[Any, ...]
Columns = tuple[tuple[str, Type], ...]
INTEGER, REAL, TEXT, BLOB, BOOLEAN = Type.INTEGER, Type.REAL, Type.TEXT, Type.BLOB, Type.BOOLEAN
TIMESTAMP = Type.TIMESTAMP


@dataclass(frozen=True)
class Table:
    """One table of sys: its columns, and how many arguments it takes at least and at most."""

    name: str
    columns: Columns
    least: int = 0
    most: int = 0


FILE_COLUMNS = (
    ("kind", TEXT), ("slots", INTEGER), ("bytes", INTEGER), ("live", INTEGER), ("retained", INTEGER), ("kept", INTEGER),
    ("fill", REAL),
)  # fmt: skip
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
    ("shared", INTEGER), ("exclusive", BOOLEAN), ("waiters", BOOLEAN), ("loads", INTEGER),
    ("waits", INTEGER), ("restarts", INTEGER), ("visits", INTEGER), ("lsn", INTEGER),
)  # fmt: skip
EVICTION_COLUMNS = (
    ("age_ms", REAL), ("page", INTEGER), ("kind", TEXT), ("level", INTEGER), ("frame", INTEGER), ("reason", TEXT),
    ("written", BOOLEAN), ("looked_at", INTEGER), ("operation", TEXT),
)  # fmt: skip
LATCH_COLUMNS = (
    ("thread", INTEGER), ("name", TEXT), ("role", TEXT), ("mode", TEXT), ("page", INTEGER), ("frame", INTEGER),
    ("kind", TEXT), ("level", INTEGER), ("age_us", REAL), ("operation", TEXT),
)  # fmt: skip
THREAD_COLUMNS = (
    ("thread", INTEGER), ("system_id", INTEGER), ("name", TEXT), ("running", BOOLEAN), ("shared", INTEGER), ("exclusive", INTEGER),
    ("contended", INTEGER), ("restarts", INTEGER), ("visits", INTEGER), ("wait_us", REAL), ("section", TEXT), ("section_us", REAL),
)  # fmt: skip
GRAPH_COLUMNS = (
    ("waiter", INTEGER), ("waiter_name", TEXT), ("wanted", TEXT), ("page", INTEGER), ("kind", TEXT), ("owner", TEXT),
    ("level", INTEGER), ("holder", INTEGER), ("holder_name", TEXT), ("held", TEXT), ("since_us", REAL), ("cycle", INTEGER),
)  # fmt: skip
ORDER_COLUMNS = (
    ("finding", INTEGER), ("age_ms", REAL), ("cycle", BOOLEAN), ("thread", INTEGER), ("name", TEXT), ("held", TEXT),
    ("held_page", INTEGER), ("held_kind", TEXT), ("held_owner", TEXT), ("wanted", TEXT), ("wanted_page", INTEGER),
    ("wanted_kind", TEXT), ("wanted_owner", TEXT),
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
ITEM_COLUMNS = (
    ("page", INTEGER), ("item", INTEGER), ("item_offset", INTEGER), ("cell_offset", INTEGER), ("item_len", INTEGER),
    ("key", BLOB), ("value", BLOB), ("child", INTEGER), ("overflow_page", INTEGER), ("overflow_len", INTEGER),
    ("decoded", TEXT), ("damage", TEXT),
)  # fmt: skip
FIELD_COLUMNS = (
    ("page", INTEGER), ("name", TEXT), ("offset", INTEGER), ("size", INTEGER), ("type", TEXT), ("value", INTEGER),
    ("meaning", TEXT),
)  # fmt: skip
LAYOUT_COLUMNS = (
    ("structure", TEXT), ("kept_in", TEXT), ("field", TEXT), ("offset", INTEGER), ("size", INTEGER), ("type", TEXT),
    ("cache_line", INTEGER), ("meaning", TEXT),
)  # fmt: skip
WAIT_COLUMNS = (("kind", TEXT), ("from_ns", INTEGER), ("waits", INTEGER))
SNAPSHOT_COLUMNS = (
    ("lsn", INTEGER), ("readers", INTEGER), ("kept", INTEGER), ("since_us", INTEGER), ("age_ms", REAL),
)  # fmt: skip

VERSION_COLUMNS = (
    ("snapshot_lsn", INTEGER), ("page", INTEGER), ("lsn", INTEGER), ("frame", INTEGER), ("slot", INTEGER),
)  # fmt: skip
LIST_LEVEL_COLUMNS = (("level", INTEGER), ("entries", INTEGER), ("expected", REAL))
HISTORY_COLUMNS = (
    *WAL_COLUMNS, ("commit_lsn", INTEGER), ("committed", TIMESTAMP),
)  # fmt: skip
ROW_COLUMNS = (
    ("lsn", INTEGER), ("commit_lsn", INTEGER), ("committed", TIMESTAMP), ("txn", INTEGER), ("page", INTEGER), ("event", TEXT),
    ("decoded", TEXT), ("value", BLOB), ("overflow_len", INTEGER), ("description", TEXT),
)  # fmt: skip
MEMTABLE_COLUMNS = (
    ("generation", INTEGER), ("tree", INTEGER), ("owner", TEXT), ("key", BLOB), ("txn", INTEGER), ("state", TEXT),
    ("commit_lsn", INTEGER), ("write", TEXT), ("height", INTEGER), ("length", INTEGER), ("value", BLOB), ("decoded", TEXT),
)  # fmt: skip
TRANSACTION_COLUMNS = (
    ("txn", INTEGER), ("state", TEXT), ("readers", INTEGER), ("snapshot_lsn", INTEGER), ("commit_lsn", INTEGER),
    ("since_us", INTEGER), ("age_ms", REAL), ("entries", INTEGER), ("deletes", INTEGER), ("bytes", INTEGER),
    ("generation", INTEGER), ("kept", INTEGER),
)  # fmt: skip
TRACE_COLUMNS = (
    ("number", INTEGER), ("at_us", REAL), ("event", TEXT), ("page", INTEGER), ("frame", INTEGER), ("lsn", INTEGER),
    ("detail", TEXT), ("comparisons", INTEGER),
)  # fmt: skip
DIFF_COLUMNS = (
    ("what", TEXT), ("name", TEXT), ("change", TEXT), ("offset", INTEGER), ("item_before", INTEGER), ("item_after", INTEGER),
    ("before", TEXT), ("after", TEXT), ("lsn", INTEGER),
)  # fmt: skip
CHECKPOINT_COLUMNS = (
    ("name", TEXT), ("lsn", INTEGER), ("time", TIMESTAMP), ("sequence", INTEGER), ("slots", INTEGER), ("bytes", INTEGER),
)  # fmt: skip

TABLES = (
    Table("file", FILE_COLUMNS),
    Table("slots", SLOT_COLUMNS),
    Table("page_items", ITEM_COLUMNS, 1, 2),
    Table("page_fields", FIELD_COLUMNS, 1, 2),
    Table("layouts", LAYOUT_COLUMNS),
    Table("trees", TREE_COLUMNS),
    Table("tree_levels", LEVEL_COLUMNS, 1, 1),
    Table("tree_path", STEP_COLUMNS, 2, 2),
    Table("pages", PAGE_COLUMNS),
    Table("buffers", BUFFER_COLUMNS),
    Table("evictions", EVICTION_COLUMNS),
    Table("latches", LATCH_COLUMNS),
    Table("latch_stats", THREAD_COLUMNS),
    Table("latch_waits", WAIT_COLUMNS),
    Table("latch_graph", GRAPH_COLUMNS),
    Table("latch_orders", ORDER_COLUMNS),
    Table("wal", WAL_COLUMNS, 0, 1),
    Table("wal_stats", WAL_STATS_COLUMNS),
    Table("page_history", HISTORY_COLUMNS, 1, 1),
    Table("row_history", ROW_COLUMNS, 2, 2),
    Table("page_diff", DIFF_COLUMNS, 3, 3),
    Table("snapshots", SNAPSHOT_COLUMNS),
    Table("versions", VERSION_COLUMNS),
    Table("trace", TRACE_COLUMNS),
    Table("memtable", MEMTABLE_COLUMNS),
    Table("memtable_levels", LIST_LEVEL_COLUMNS),
    Table("transactions", TRANSACTION_COLUMNS),
    Table("checkpoints", CHECKPOINT_COLUMNS),
)
STATEMENTS = (
    ast.Inspect, ast.InspectPage, ast.InspectLayout, ast.InspectTree, ast.InspectWal, ast.Diff, ast.HistoryPage, ast.HistoryRow,
)  # fmt: skip


def register(shared: Shared, db: Any) -> None:
    """Enter the tables and the inspection statements of an open engine.Database; entering them twice changes nothing."""
    if "page_items" in shared.system_tables:
        return
    store, catalog = db.store, db.catalog

    def inspector() -> LiveInspector:
        from engine.inspect.inspector import LiveInspector

        return LiveInspector(store, catalog)

    def provider(name: str) -> Callable[[Row, Any], Iterable[Row]]:
        def rows(args: Row, session: Any) -> Iterable[Row]:
            from engine.inspect.rows import ROWS

            return ROWS[name](inspector(), args)

        return rows

    def handler(node: ast.Statement, session: Any, params: Row) -> Any:
        from engine.inspect.rows import result_of
        from engine.inspect.statements import model_of

        return result_of(model_of(inspector(), node, params))

    def tracer(node: ast.Statement, session: Any, params: Row) -> Any:
        from engine.inspect.rows import result_of
        from engine.inspect.statements import trace_of

        assert isinstance(node, ast.Trace)
        model = catalog.attached["trace"] = trace_of(inspector(), session, node, params)
        return result_of(model)

    def last_trace(args: Row, session: Any) -> Iterable[Row]:
        from engine.inspect.rows import trace_rows

        model = inspector().last_trace()
        return trace_rows(model) if model is not None else ()

    for table in TABLES:
        rows = last_trace if table.name == "trace" else provider(table.name)
        shared.register_system_table(table.name, table.columns, rows, table.least, table.most)
    shared.register_statement(ast.Trace, tracer)
    for kind in STATEMENTS:
        shared.register_statement(kind, handler)
