"""ANALYZE: samples the tables and writes what it finds into the catalog.

The rows are read from a snapshot of their own, so that the statement conflicts with nobody; only the results are
written. A table is read to its end, but only every n-th row is decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from engine.catalog.catalog import Schema
from engine.catalog.objects import Table
from engine.catalog.statistics import TableStatistics, summarise
from engine.record.types import Value
from engine.sql.binder import Binder
from engine.sql.compile_expr import Closure, Runtime, compile_expr
from engine.sql.row_exprs import bind_row_expr
from engine.sql.scope import problem, suggestion
from grammar import ast

SAMPLE = 30_000
"""Rows of a table that are looked at."""


def analysed_tables(schema: Schema, text: str, node: ast.Analyze) -> list[Table]:
    """The tables an ANALYZE means. Raises ProgrammingError for one that is not there."""
    if node.name is None:
        return list(schema.tables.values())
    table = schema.tables.get(node.name.name.lower())
    if table is None:
        close = suggestion(node.name.name, [t.name for t in schema.tables.values()])
        hint = f"did you mean {close}?" if close else None
        raise problem(text, node.name.span, f"no such table: {node.name}", hint)
    return [table]


def analyse(table: Table, txn: Any, schema: Schema, check: Callable[[], None]) -> TableStatistics:
    """The statistics of a table as a transaction sees it. check: called now and then, ends the work by raising."""
    total = txn.count(table.tree)
    step = max(1, total // SAMPLE)
    rows = []
    decoder = table.decoder(tuple(range(len(table.columns))))
    for row in decoder.rows(islice(txn.scan(table.tree), 0, None, step)):
        rows.append(row)
        if len(rows) & 1023 == 0:
            check()
    columns = {}
    for position, column in enumerate(table.columns):
        columns[column.name.lower()] = summarise([row[position] for row in rows], total)
        check()
    for text, closure in _expressions(table, schema).items():
        columns[text] = summarise([_value(closure, row) for row in rows], total)
    return TableStatistics(total, columns)


def _expressions(table: Table, schema: Schema) -> dict[str, Closure]:
    """The expressions the table's indexes hold, by their SQL."""
    found: dict[str, Closure] = {}
    for index in table.indexes:
        for column in index.columns:
            if column.expr is not None and column.expr not in found:
                expr, columns = bind_row_expr(Binder("", schema, {}), table, column.expr, "in an index")
                layout = {c.id: place for place, c in enumerate(columns)}
                found[column.expr] = compile_expr(expr, layout, Runtime())
    return found


def _value(closure: Closure, row: tuple[Any, ...]) -> Value:
    value: Value = closure(row)
    return value
