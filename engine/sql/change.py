"""INSERT, UPDATE and DELETE: bound against the schema, compiled to functions that change rows through a Writer.

Each `compile_*` gives a Change: `run()` makes the change and gives the number of rows and what RETURNING asks for. Rows
to be changed are all found before the first is changed, so that no statement sees what it does itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from engine.base.errors import ProgrammingError
from engine.catalog.objects import Table
from engine.record.types import Type
from engine.sql.bind_expr import ExprBinder
from engine.sql.bind_from import FromBinder
from engine.sql.binder import LITERAL_SLOT, Binder
from engine.sql.compile_expr import Closure, Row, Runtime, compile_condition, compile_expr
from engine.sql.execute import compile_plan, layout_of, projection
from engine.sql.expr import Column, Const, Expr, Param
from engine.sql.plan import Filter, Plan, Rows, Scan
from engine.sql.row_exprs import default_expr, table_scope
from engine.sql.scan import compile_keyed_scan
from engine.sql.scope import Entry, Scope, problem, suggestion
from engine.sql.writer import Writer, pass_over, replace_others
from engine.sql.writers import make_writer
from grammar import ast

Outcome = tuple[int, list[Row]]


@dataclass
class Change:
    """A compiled change. run gives the number of rows and the rows of RETURNING; columns are None without it.

    many: takes one row of parameters at a time and is quick; None where the statement's shape does not allow it.
    """

    run: Callable[[], Outcome]
    columns: tuple[Column, ...] | None
    plan: Plan
    what: str
    table: Table
    writer: Writer
    many: Callable[[Any], None] | None = None


def find_table(binder: Binder, name: ast.ObjectName) -> Table:
    """The table a change names. Raises ProgrammingError for views, system tables and what is not there."""
    found = FromBinder(binder, Scope()).lookup(name)
    if not isinstance(found, Table):
        raise problem(binder.text, name.span, f"{name} is not a table and cannot be changed")
    return found


def column_position(binder: Binder, table: Table, node: ast.ColumnRef) -> int:
    """The place of a column that a change names."""
    position = table.positions.get(node.name.lower())
    if position is None:
        close = suggestion(node.name, [column.name for column in table.columns])
        hint = f"did you mean {close}?" if close else None
        raise problem(binder.text, node.span, f"the table {table.name} has no column {node.name}", hint)
    return position


def bind_returning(
    binder: Binder, table: Table, alias: str, items: tuple[ast.SelectItem, ...], rt: Runtime
) -> tuple[tuple[Column, ...] | None, Closure | None]:
    """The columns of RETURNING, and a function from a stored row to theirs."""
    if not items:
        return None, None
    scope, columns = table_scope(binder, table, alias)
    expr_binder = ExprBinder(binder, scope, place="in RETURNING")
    names: list[str] = []
    exprs: list[Expr] = []
    for item in items:
        if isinstance(item.expr, ast.Star):
            names += [column.name for column in columns]
            exprs += columns
        else:
            names.append(binder.item_name(item))
            exprs.append(expr_binder.bind(item.expr))
    make = projection(tuple(exprs), layout_of(columns), rt) or (lambda row: row)
    return tuple(binder.new_column(n, e.type) for n, e in zip(names, exprs, strict=True)), make


# ---------------------------------------------------------------------------------------------------------- INSERT


def compile_insert(binder: Binder, node: ast.Insert, rt: Runtime) -> Change:
    """INSERT and REPLACE."""
    if node.with_ is not None:
        raise binder.unsupported(node, "WITH before INSERT (put it before the SELECT)")
    table = find_table(binder, node.table)
    alias = node.alias or table.name
    targets = [column_position(binder, table, column) for column in node.columns] or list(range(len(table.columns)))
    if len(set(targets)) != len(targets):
        raise binder.fail(node.columns[0], "a column is named twice")
    source = _source(binder, node, table, targets)
    columns, returning = bind_returning(binder, table, alias, node.returning, rt)
    writer = make_writer(binder, table, rt)
    resolve = _resolution(binder, node, table, alias, rt)
    run_source = compile_plan(source, rt)
    arrange = _arrange(binder, table, targets, rt)

    def run() -> Outcome:
        writer.begin()
        count, results = 0, []
        rows = run_source() if isinstance(source, Rows) else iter(list(run_source()))
        for row in rows:
            values = row if arrange is None else arrange(row)
            if returning is None and resolve is None and writer.plain:
                writer.insert_fast(values)
                count += 1
                continue
            stored = writer.insert(values, resolve)
            if stored is not None:
                count += 1
                if returning is not None:
                    results.append(returning(stored))
            elif isinstance(resolve, Upsert) and resolve.changed is not None:
                count += 1
                if returning is not None:
                    results.append(returning(resolve.changed))
            if count & 0xFF == 0:
                rt.check()
        writer.finish()
        return count, results

    many = _many(source, arrange, writer, resolve) if returning is None else None
    return Change(run, columns, source, "INSERT", table, writer, many)


def _source(binder: Binder, node: ast.Insert, table: Table, targets: list[int]) -> Plan:
    """The plan of the rows to be inserted; DEFAULT among VALUES is written out."""
    if node.source is None:
        exprs = tuple(default_expr(binder, table, position) for position in targets)
        return Rows(tuple(binder.new_column("", expr.type) for expr in exprs), (exprs,))
    body = node.source.body
    plain = not (node.source.order_by or node.source.limit or node.source.offset or node.source.with_)
    if isinstance(body, ast.Values) and plain:
        expr_binder = ExprBinder(binder, Scope(), place="in VALUES")
        rows = []
        for row in body.rows:
            _check_width(binder, row[0], len(row), targets, table)
            rows.append(
                tuple(
                    default_expr(binder, table, position)
                    if isinstance(value, ast.DefaultValue)
                    else expr_binder.bind(value)
                    for value, position in zip(row, targets, strict=True)
                )
            )
        columns = tuple(binder.new_column("", Type.ANY) for _ in targets)
        return Rows(columns, tuple(rows))
    plan = binder.optimise(binder.query(node.source))
    _check_width(binder, node.source, len(plan.columns), targets, table)
    return plan


def _check_width(binder: Binder, node: ast.Node, width: int, targets: list[int], table: Table) -> None:
    if width != len(targets):
        raise binder.fail(node, f"{width} values for {len(targets)} columns of {table.name}")


def _arrange(binder: Binder, table: Table, targets: list[int], rt: Runtime) -> Closure | None:
    """A function from the given values to a whole row; None when they are one already."""
    width = len(table.columns)
    if targets == list(range(width)):
        return None
    sources: list[Any] = []
    constant = True
    for position in range(width):
        if position in targets:
            sources.append(targets.index(position))
        else:
            expr = default_expr(binder, table, position)
            constant = constant and isinstance(expr, Const)
            sources.append(compile_expr(expr, {}, rt))
    if constant:
        base = [None if isinstance(s, int) else s(()) for s in sources]
        places = [(position, s) for position, s in enumerate(sources) if isinstance(s, int)]

        def spread(row: Row) -> list[Any]:
            values = base.copy()
            for position, place in places:
                values[position] = row[place]
            return values

        return spread
    return lambda row: [row[s] if isinstance(s, int) else s(()) for s in sources]


def _many(source: Plan, arrange: Closure | None, writer: Writer, resolve: Any) -> Callable[[Any], None] | None:
    """The quick way of executemany: one row of VALUES made of parameters, constants and simple expressions."""
    if not isinstance(source, Rows) or len(source.rows) != 1 or resolve is not None:
        return None
    exprs = source.rows[0]
    insert = writer.insert_fast if writer.plain else writer.insert
    if not all(isinstance(expr, Param) and 0 <= expr.slot < LITERAL_SLOT for expr in exprs):
        return None
    slots = [expr.slot for expr in exprs if isinstance(expr, Param)]
    if slots == list(range(len(slots))):
        if arrange is None:
            return insert  # type: ignore[return-value]
        return lambda params: insert(arrange(params))  # type: ignore[return-value]
    pick = itemgetter(*slots) if len(slots) > 1 else lambda params: (params[slots[0]],)
    if arrange is None:
        return lambda params: insert(pick(params))  # type: ignore[return-value]
    return lambda params: insert(arrange(pick(params)))  # type: ignore[return-value]


class Upsert:
    """ON CONFLICT DO UPDATE: changes the row that is in the way."""

    def __init__(self, assign: Callable[[Row, Row], list[Any]], condition: Closure | None, targets: list[int] | None):
        self.assign = assign
        self.condition = condition
        self.targets = targets
        self.changed: Row | None = None

    def __call__(self, writer: Writer, others: list[tuple[bytes, Row]], row: Row) -> bool:
        self.changed = None
        if len(others) > 1 or (self.targets and any(row[t] != others[0][1][t] for t in self.targets)):
            raise writer.key_taken() if len(others) == 1 else _several(writer)
        key, old = others[0]
        if self.condition is not None and not self.condition((*old, *row)):
            return False
        self.changed = writer.replace_rows([(key, old)], lambda _: self.assign(old, row), moving=True)[0]
        return False


def _several(writer: Writer) -> ProgrammingError:
    return ProgrammingError(f"ON CONFLICT: the new row of {writer.table.name} collides with several rows")


def _resolution(binder: Binder, node: ast.Insert, table: Table, alias: str, rt: Runtime) -> Any:
    """What is done about rows in the way; None: an error."""
    if node.on_conflict:
        if len(node.on_conflict) > 1:
            raise binder.unsupported(node.on_conflict[1], "more than one ON CONFLICT clause")
        return _upsert(binder, node.on_conflict[0], table, alias, rt)
    if node.resolution in (None, "ABORT", "FAIL", "ROLLBACK"):
        if node.resolution in ("FAIL", "ROLLBACK"):
            raise binder.unsupported(node, f"OR {node.resolution}")
        return None
    return replace_others if node.resolution == "REPLACE" else pass_over


def _upsert(binder: Binder, node: ast.OnConflict, table: Table, alias: str, rt: Runtime) -> Any:
    if node.target_where is not None:
        raise binder.unsupported(node, "a condition in the conflict target")
    targets = []
    for item in node.target:
        if not isinstance(item.expr, ast.ColumnRef):
            raise binder.unsupported(item, "an expression in the conflict target")
        targets.append(column_position(binder, table, item.expr))
    if targets:
        keys = [{c.position for c in table.primary_key}] + [
            {c.position for c in i.columns} for i in table.indexes if i.unique
        ]
        if set(targets) not in keys:
            raise binder.fail(node, "ON CONFLICT needs the columns of the primary key or of a UNIQUE index")
    if node.action == "NOTHING":
        return pass_over if not targets else _only_target(targets)
    scope, columns = table_scope(binder, table, alias)
    new = tuple(binder.new_column(column.name, column.type) for column in table.columns)
    scope.entries += [Entry("excluded", column.name, column, hidden=True) for column in new]
    layout = layout_of((*columns, *new))
    changes = bind_assignments(binder, table, node.assignments, scope, layout, rt)
    condition = None
    if node.where is not None:
        bound = ExprBinder(binder, scope, place="in WHERE").condition(node.where)
        condition = compile_condition(bound, layout, rt)

    def assign(old: Row, row: Row) -> list[Any]:
        both = (*old, *row)
        values = list(old)
        for position, closure in changes.items():
            values[position] = closure(both)
        return values

    return Upsert(assign, condition, targets or None)


def _only_target(targets: list[int]) -> Any:
    def resolve(writer: Writer, others: list[tuple[bytes, Row]], row: Row) -> bool:
        if not any(all(row[t] == other[t] for t in targets) for _, other in others):
            writer.collisions(None, row)
            raise writer.key_taken()
        return False

    return resolve


# ------------------------------------------------------------------------------------------------- UPDATE, DELETE


def bind_assignments(
    binder: Binder, table: Table, nodes: tuple[ast.Assignment, ...], scope: Scope, layout: dict[int, int], rt: Runtime
) -> dict[int, Closure]:
    """SET: the new value of each changed column; of a column named twice the last one counts, as in SQLite."""
    expr_binder = ExprBinder(binder, scope, place="in SET")
    changes: dict[int, Closure] = {}
    for node in nodes:
        values: tuple[ast.Expr, ...] = (node.value,)
        if len(node.columns) > 1:
            if not isinstance(node.value, ast.RowValue):
                raise binder.unsupported(node, "SET (columns) = (query)")
            values = node.value.items
        if len(values) != len(node.columns):
            raise binder.fail(node, f"{len(values)} values for {len(node.columns)} columns")
        for column, value in zip(node.columns, values, strict=True):
            position = column_position(binder, table, column)
            if isinstance(value, ast.DefaultValue):
                expr = default_expr(binder, table, position)
            else:
                expr = expr_binder.bind(value)
            changes[position] = compile_expr(expr, layout, rt)
    return changes


def _target_scan(
    binder: Binder, name: ast.ObjectName, alias: str | None, where: ast.Expr | None
) -> tuple[Table, Scan, Scope]:
    """The table of an UPDATE or DELETE, and the scan of the rows it means."""
    table = find_table(binder, name)
    scope = Scope()
    plan, entries = FromBinder(binder, scope).base_table(table, alias or table.name, (), name)
    scope.entries += entries
    if where is not None:
        condition = ExprBinder(binder, scope, place="in WHERE").condition(where)
        plan = Filter(plan.columns, plan, condition)
    scan = binder.optimise(plan)
    assert isinstance(scan, Scan)
    return table, scan, scope


def compile_update(binder: Binder, node: ast.Update, rt: Runtime) -> Change:
    """UPDATE."""
    if node.from_ is not None or node.with_ is not None:
        raise binder.unsupported(node, "UPDATE ... FROM" if node.from_ else "WITH before UPDATE")
    if node.resolution in ("FAIL", "ROLLBACK"):
        raise binder.unsupported(node, f"OR {node.resolution}")
    table, scan, scope = _target_scan(binder, node.table, node.alias, node.where)
    changes = bind_assignments(binder, table, node.assignments, scope, layout_of(scan.columns), rt)
    columns, returning = bind_returning(binder, table, node.alias or table.name, node.returning, rt)
    writer = make_writer(binder, table, rt)
    find = compile_keyed_scan(scan, rt)
    resolve = {"REPLACE": replace_others, "IGNORE": pass_over}.get(node.resolution or "")
    moving = writer.moves(set(changes)) or resolve is not None
    items = list(changes.items())
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

    return Change(run, columns, scan, "UPDATE", table, writer)


def compile_delete(binder: Binder, node: ast.Delete, rt: Runtime) -> Change:
    """DELETE."""
    if node.using is not None or node.with_ is not None:
        raise binder.unsupported(node, "DELETE ... USING" if node.using else "WITH before DELETE")
    table, scan, _ = _target_scan(binder, node.table, node.alias, node.where)
    columns, returning = bind_returning(binder, table, node.alias or table.name, node.returning, rt)
    writer = make_writer(binder, table, rt)
    find = compile_keyed_scan(scan, rt)

    def run() -> Outcome:
        writer.begin()
        rows = list(find())
        for i, (key, row) in enumerate(rows):
            if i & 0xFF == 0:
                rt.check()
            writer.delete(key, row)
        writer.finish()
        return len(rows), [] if returning is None else [returning(row) for _, row in rows]

    return Change(run, columns, scan, "DELETE", table, writer)


__all__ = ["Change", "compile_delete", "compile_insert", "compile_update"]
