"""What a row asks of an index: the values it is entered under, or nothing where a partial index leaves it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from engine.catalog.catalog import Schema
from engine.catalog.objects import Index, Table
from engine.sql.binder import Binder
from engine.sql.compile_expr import Closure, Row, Runtime, compile_condition, compile_expr
from engine.sql.row_exprs import bind_row_expr, positions_of


class IndexEntries:
    """Makes the entries of one index.

    values: from a row of the whole table to what is indexed of it. applies: whether the row is in the index; None: always.
    columns: the table's columns all this looks at.
    """

    __slots__ = ("applies", "columns", "index", "values")

    def __init__(
        self, index: Index, values: Callable[[Row], Sequence[Any]], applies: Closure | None, columns: frozenset[int]
    ):
        self.index = index
        self.values = values
        self.applies = applies
        self.columns = columns

    def entry(self, row: Row, key: bytes) -> tuple[bytes, bytes] | None:
        """Key and value of the row's entry; None where it has none."""
        if self.applies is not None and not self.applies(row):
            return None
        return self.index.entry(self.values(row), key)


def compile_entries(binder: Binder | None, table: Table, index: Index, rt: Runtime) -> IndexEntries:
    """The entries of an index. binder: any; None where there is none (a check of the files)."""
    if index.plain:
        positions = [column.position for column in index.columns]
        if len(positions) == 1:
            (place,) = positions
            return IndexEntries(index, lambda row: (row[place],), None, frozenset(positions))
        return IndexEntries(index, itemgetter(*positions), None, frozenset(positions))
    binder = binder or Binder("", Schema(), {})
    used: set[int] = set()
    closures: list[Closure] = []
    for column in index.columns:
        if column.expr is None:
            closures.append(itemgetter(column.position))
            used.add(column.position)
            continue
        expr, columns = bind_row_expr(binder, table, column.expr, "in an index")
        used |= positions_of(expr, columns)
        closures.append(compile_expr(expr, _layout(columns), rt))
    applies = None
    if index.where is not None:
        condition, columns = bind_row_expr(binder, table, index.where, "in a partial index")
        used |= positions_of(condition, columns)
        applies = compile_condition(condition, _layout(columns), rt)
    return IndexEntries(index, lambda row: [closure(row) for closure in closures], applies, frozenset(used))


def _layout(columns: tuple[Any, ...]) -> dict[int, int]:
    return {column.id: place for place, column in enumerate(columns)}
