"""UPDATE and DELETE, also with further tables (UPDATE ... FROM, DELETE ... USING).

Without further tables the rows are found by a scan that gives their keys. With them the statement is a join, whose rows
begin with the columns of the table that changes; the key is made of those, and a row that is found several times is
changed once, by the first row it was joined to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.catalog.objects import KeyKind, Table
from engine.record.keys import encode_rowid
from engine.sql.assignments import bind_assignments
from engine.sql.bind_expr import ExprBinder
from engine.sql.bind_from import FromBinder
from engine.sql.binder import Binder
from engine.sql.bulk_changes import BulkChanges
from engine.sql.change import Change, Outcome, Single, bind_returning, find_table, holds_query
from engine.sql.compile_expr import Row, Runtime, compile_expr
from engine.sql.execute import compile_plan, layout_of
from engine.sql.expr import Expr
from engine.sql.plan import Columnar, Filter, Join, Plan, Project, Scan
from engine.sql.scan import Keyed, compile_key_range, compile_keyed_rows, compile_keyed_scan
from engine.sql.scope import Scope
from engine.sql.writer import Writer, pass_over, replace_others
from engine.sql.writers import make_writer
from grammar import ast

Find = Callable[[], Iterable[tuple[bytes, Row]]]
RANGE_MIN = 64
"""A range of the key with fewer rows is deleted row by row: a transaction keeps a list of the ranges it has deleted."""


def _target(
    binder: Binder, node: ast.Update | ast.Delete, more: ast.FromItem | None, rt: Runtime
) -> tuple[Table, Plan, Scope, Find]:
    """The table that changes, the plan that finds its rows, what its expressions see, and the rows with their keys."""
    table = find_table(binder, node.table)
    scope = Scope()
    plan, entries = FromBinder(binder, scope).base_table(table, node.alias or table.name, (), node.table)
    scope.entries += entries
    width = len(plan.columns)
    if more is not None:
        others = FromBinder(binder, scope).bind(more)
        plan = Join((*plan.columns, *others.columns), "INNER", plan, others)
    columns = plan.columns
    if node.where is not None:
        condition = ExprBinder(binder, scope, place="in WHERE").condition(node.where)
        plan = Filter(columns, plan, condition)
    if more is None:
        plan = binder.optimise(plan)
        scan = _row_gear(plan)
        assert isinstance(scan, Scan)
        find = compile_keyed_scan(scan, rt)
        if rt.profile is not None:
            return table, scan, scope, rt.profile.watch(scan, find)
        return table, plan, scope, find
    plan = binder.optimise(Project(columns, plan, columns))
    run = compile_plan(plan, rt)
    return table, plan, scope, lambda: _once_each(table, width, run())


def _row_gear(plan: Plan) -> Plan:
    return plan.input if isinstance(plan, Columnar) else plan


def _in_columns(
    plan: Plan, changes: dict[int, Expr] | None, bulk: BulkChanges | None, by_rows: Callable[[Keyed], None], rt: Runtime
) -> Callable[[], int] | None:
    """The function that changes many rows in columns, where the optimiser has chosen that and it can be; by_rows: does so in the row gear."""
    if bulk is None or not isinstance(plan, Columnar):
        return None
    from engine.sql.columns.change import ColumnChange, suits

    assert isinstance(plan.input, Scan)
    if not suits(plan.input, None if changes is None else frozenset(changes), bulk.writer):
        return None
    rows = compile_keyed_rows(plan.input, rt)
    return ColumnChange(plan.input, changes, bulk, lambda pairs: by_rows(rows(pairs)), rt).run


def _once_each(table: Table, width: int, rows: Iterable[Row]) -> Iterable[tuple[bytes, Row]]:
    """The joined rows with the keys of the rows to be changed, each key once."""
    found: dict[bytes, Row] = {}
    alias, key_columns = table.rowid_column, table.key_columns
    for row in rows:
        if table.key is KeyKind.COLUMNS:
            key = table.key_codec.encode([row[position] for position in key_columns])
        else:
            key = encode_rowid(row[alias if alias >= 0 else width - 1])
        found.setdefault(key, row)
    return found.items()


def _looks_at_itself_alone(node: ast.Update | ast.Delete, writer: Writer) -> bool:
    """Whether rows can be written while others are still looked for: no queries in the statement, no FOREIGN KEYs."""
    return not holds_query(node) and writer.links is None


def compile_update(binder: Binder, node: ast.Update, rt: Runtime) -> Change:
    """UPDATE."""
    if node.resolution in ("FAIL", "ROLLBACK"):
        raise binder.unsupported(node, f"OR {node.resolution}")
    binder.enter_with(node.with_)
    table, plan, scope, find = _target(binder, node, node.from_, rt)
    changes = bind_assignments(binder, table, node.assignments, scope)
    layout = layout_of(plan.columns)
    items = [(position, compile_expr(expr, layout, rt)) for position, expr in changes.items()]
    columns, returning = bind_returning(binder, table, node.alias or table.name, node.returning, rt)
    writer = make_writer(binder, table, rt)
    resolve = {"REPLACE": replace_others, "IGNORE": pass_over}.get(node.resolution or "")
    moving = writer.moves(set(changes)) or resolve is not None
    width = len(table.columns)

    def make(row: Row) -> list[Any]:
        values = list(row[:width])
        for position, closure in items:
            values[position] = closure(row)
        return values

    def run() -> Outcome:
        writer.begin()
        done = writer.replace_rows(list(find()), make, moving, resolve)
        writer.finish()
        return len(done), [] if returning is None else [returning(row) for row in done]

    bulk = None if moving or not _looks_at_itself_alone(node, writer) else BulkChanges(writer, frozenset(changes))

    def run_bulk() -> Outcome:
        assert bulk is not None
        done: list[Row] | None = None if returning is None else []
        bulk.begin(rt.txn, rt.flag)
        bulk.replace(find(), items, done)
        return bulk.finish(), list(map(returning, done)) if returning and done else []

    single = None
    if resolve is None and node.from_ is None and not holds_query(node):
        single = Single(changes, returning)
    columnar = None
    if bulk is not None and returning is None:
        columnar = _in_columns(plan, changes, bulk, lambda rows: bulk.replace(rows, items, None), rt)
    if columnar is not None:
        return Change(lambda: (columnar(), []), columns, plan, "UPDATE", table, writer, single=single)
    return Change(run if bulk is None else run_bulk, columns, _row_gear(plan), "UPDATE", table, writer, single=single)


def compile_delete(binder: Binder, node: ast.Delete, rt: Runtime) -> Change:
    """DELETE."""
    binder.enter_with(node.with_)
    table, plan, _, find = _target(binder, node, node.using, rt)
    columns, returning = bind_returning(binder, table, node.alias or table.name, node.returning, rt)
    writer = make_writer(binder, table, rt)

    def run() -> Outcome:
        writer.begin()
        rows = list(find())
        for i, (key, row) in enumerate(rows):
            if i & 0xFF == 0:
                rt.check()
            writer.delete(key, row)
        writer.finish()
        return len(rows), [] if returning is None else [returning(row) for _, row in rows]

    bulk = BulkChanges(writer, None) if _looks_at_itself_alone(node, writer) else None

    def run_bulk() -> Outcome:
        assert bulk is not None
        done: list[Row] | None = None if returning is None else []
        bulk.begin(rt.txn, rt.flag)
        bulk.remove(find(), done)
        return bulk.finish(), list(map(returning, done)) if returning and done else []

    columnar = None
    if bulk is not None and returning is None:
        columnar = _in_columns(plan, None, bulk, lambda rows: bulk.remove(rows, None), rt)
    if columnar is None:
        plan = _row_gear(plan)

    def run_rows() -> Outcome:
        if columnar is not None:
            return columnar(), []
        return run() if bulk is None else run_bulk()

    def run_all() -> Outcome:
        writer.begin()
        count = writer.delete_all()
        writer.finish()
        return count, []

    def run_range() -> Outcome:
        bounds = find_range()  # type: ignore[misc]
        if bounds is None or rt.txn.count(table.tree, *bounds) < RANGE_MIN:
            return run_rows()
        writer.begin()
        count = writer.delete_range(*bounds)
        writer.finish()
        return count, []

    unread = node.using is None and returning is None and rt.profile is None and not writer.referred
    if unread and node.where is None:
        return Change(run_all, columns, plan, "DELETE", table, writer)
    scan = _row_gear(plan)
    find_range = compile_key_range(scan, rt) if unread and not writer.indexes and isinstance(scan, Scan) else None
    single = Single({}, returning) if node.where is not None and node.using is None and not holds_query(node) else None
    return Change(run_rows if find_range is None else run_range, columns, plan, "DELETE", table, writer, single=single)
