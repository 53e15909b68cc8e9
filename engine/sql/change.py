"""INSERT, and what it shares with UPDATE and DELETE (change_rows.py): compiled functions that change rows through a Writer.

Each `compile_*` gives a Change: `run()` makes the change and gives the number of rows and what RETURNING asks for. Rows
to be changed are all found before the first is changed, so that no statement sees what it does itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.base.dataclass import dataclass
from engine.catalog.objects import Table
from engine.record.types import Type
from engine.sql.assignments import column_position
from engine.sql.bind_expr import ExprBinder
from engine.sql.bind_from import FromBinder
from engine.sql.binder import Binder
from engine.sql.bulk import Bulk
from engine.sql.compile_expr import Closure, Row, Runtime, compile_expr
from engine.sql.execute import compile_plan, layout_of, projection
from engine.sql.expr import Column, Const, Expr
from engine.sql.plan import Plan, Rows
from engine.sql.row_exprs import default_expr, table_scope
from engine.sql.scope import Scope, problem
from engine.sql.upsert import Upsert, bind_resolution
from engine.sql.writer import Writer
from engine.sql.writers import make_writer
from grammar import ast

Outcome = tuple[int, list[Row]]


@dataclass
class Single:
    """What is known of a change of one row: see engine.sql.points. values: by column, of INSERT all, of UPDATE what SET names.

    returning: from a stored row to what RETURNING asks for.
    """

    values: dict[int, Expr]
    returning: Closure | None = None


@dataclass
class Change:
    """A compiled change. run gives the number of rows and the rows of RETURNING; columns are None without it.

    single: where it may be a change of one row, and holds no query.
    """

    run: Callable[[], Outcome]
    columns: tuple[Column, ...] | None
    plan: Plan
    what: str
    table: Table
    writer: Writer
    single: Single | None = None


def holds_query(node: ast.Node) -> bool:
    """Whether a change has a query in it (the VALUES of an INSERT are not meant)."""
    source = node.source if isinstance(node, ast.Insert) else None
    return any(isinstance(part, ast.Query) and part is not source for part in node.walk())


def find_table(binder: Binder, name: ast.ObjectName) -> Table:
    """The table a change names. Raises ProgrammingError for views, system tables and what is not there."""
    found = FromBinder(binder, Scope()).lookup(name)
    if not isinstance(found, Table):
        raise problem(binder.text, name.span, f"{name} is not a table and cannot be changed")
    return found


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
    binder.enter_with(node.with_)
    table = find_table(binder, node.table)
    alias = node.alias or table.name
    targets = [column_position(binder, table, column) for column in node.columns] or list(range(len(table.columns)))
    if len(set(targets)) != len(targets):
        raise binder.fail(node.columns[0], "a column is named twice")
    source = _source(binder, node, table, targets)
    columns, returning = bind_returning(binder, table, alias, node.returning, rt)
    writer = make_writer(binder, table, rt)
    resolve = bind_resolution(binder, node, table, alias, writer, rt)
    run_source = compile_plan(source, rt)
    arrange = _arrange(binder, table, targets, rt)
    one_row = isinstance(source, Rows) and len(source.rows) == 1
    bulk = Bulk(writer) if returning is None and resolve is None and not one_row else None

    def run() -> Outcome:
        writer.begin()
        count = 0
        results: list[Row] = []
        rows = run_source() if isinstance(source, Rows) else iter(list(run_source()))
        if bulk is not None:
            bulk.begin(rt.txn, rt.flag)
            for row in rows:
                bulk.add(row if arrange is None else arrange(row))
            count = bulk.finish()
            writer.finish()
            return count, results
        for row in rows:
            values = row if arrange is None else arrange(row)
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

    single = None
    if one_row and resolve is None and not holds_query(node):
        assert isinstance(source, Rows)
        given = dict(zip(targets, source.rows[0], strict=True))
        exprs = {p: given[p] if p in given else default_expr(binder, table, p) for p in range(len(table.columns))}
        single = Single(exprs, returning)
    return Change(run, columns, source, "INSERT", table, writer, single)


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
