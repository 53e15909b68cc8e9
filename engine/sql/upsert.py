"""ON CONFLICT and INSERT OR ...: what is done about the rows a new row collides with.

A clause with a target is about collisions on that key alone; one without is about all. Of several clauses the first that
fits counts. A resolver is called with the rows in the way and says whether the new row is to be inserted all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from engine.base.errors import ProgrammingError
from engine.catalog.objects import Table
from engine.sql.assignments import bind_assignments, column_position
from engine.sql.bind_expr import ExprBinder
from engine.sql.binder import Binder
from engine.sql.collation import NOCASE, folded, keyed
from engine.sql.compile_expr import Closure, Row, Runtime, compile_condition, compile_expr
from engine.sql.execute import layout_of
from engine.sql.expr import Expr, conjuncts
from engine.sql.index_entries import IndexEntries
from engine.sql.optimise.implication import implied
from engine.sql.row_exprs import bind_row_expr, table_scope
from engine.sql.scope import Entry
from engine.sql.writer import Writer, pass_over, replace_others
from grammar import ast

Others = list[tuple[bytes, Row]]
Same = Callable[[Row, Row], bool]
Outcome = tuple[bool, Row | None]


class Clause:
    """One ON CONFLICT. same: whether two rows collide on its target, None without one. assign: None for DO NOTHING."""

    def __init__(
        self, same: Same | None, assign: Callable[[Row, Row], list[Any]] | None = None, condition: Closure | None = None
    ):
        self.same = same
        self.assign = assign
        self.condition = condition

    def fits(self, others: Others, row: Row) -> bool:
        """Whether every collision is one on this clause's target."""
        same = self.same
        return same is None or all(same(row, other) for _, other in others)


class Upsert:
    """The clauses of an INSERT in order. changed: the row that DO UPDATE made of the one in the way, or None."""

    def __init__(self, clauses: list[Clause]):
        self.clauses = clauses
        self.changed: Row | None = None

    def __call__(self, writer: Writer, others: Others, row: Row) -> bool:
        self.changed = None
        for clause in self.clauses:
            same = clause.same
            hit = others if same is None else [pair for pair in others if same(row, pair[1])]
            if hit:
                break
        else:
            raise self._collision(writer, others, row)
        if clause.assign is None:
            if not clause.fits(others, row):
                raise self._collision(writer, others, row)
            return False
        if len(others) > 1:
            raise ProgrammingError(f"ON CONFLICT: the new row of {writer.table.name} collides with several rows")
        key, old = hit[0]
        if clause.condition is not None and not clause.condition((*old, *row)):
            return False
        assign = clause.assign
        self.changed = writer.replace_rows([(key, old)], lambda _: assign(old, row), moving=True)[0]
        return False

    @staticmethod
    def _collision(writer: Writer, others: Others, row: Row) -> Exception:
        """The error for a collision that no clause is about."""
        writer.collisions(None, row)
        return writer.key_taken()


def bind_resolution(binder: Binder, node: ast.Insert, table: Table, alias: str, writer: Writer, rt: Runtime) -> Any:
    """What is done about rows in the way; None: an error."""
    if node.on_conflict:
        clauses = [_clause(binder, clause, table, alias, writer, rt) for clause in node.on_conflict]
        for clause, written in zip(clauses[:-1], node.on_conflict, strict=False):
            if clause.same is None:
                raise binder.fail(written, "an ON CONFLICT without a target can only be the last one")
        if len(clauses) == 1 and clauses[0].same is None and clauses[0].assign is None:
            return pass_over
        return Upsert(clauses)
    if node.resolution in ("FAIL", "ROLLBACK"):
        raise binder.unsupported(node, f"OR {node.resolution}")
    return {"REPLACE": replace_others, "IGNORE": pass_over}.get(node.resolution or "")


def _clause(binder: Binder, node: ast.OnConflict, table: Table, alias: str, writer: Writer, rt: Runtime) -> Clause:
    same = _target(binder, node, table, writer) if node.target else None
    if node.action == "NOTHING":
        return Clause(same)
    scope, columns = table_scope(binder, table, alias)
    new = tuple(binder.new_column(column.name, column.type, column.collation) for column in table.columns)
    scope.entries += [Entry("excluded", column.name, column, hidden=True) for column in new]
    layout = layout_of((*columns, *new))
    assignments = bind_assignments(binder, table, node.assignments, scope)
    changes = {position: compile_expr(expr, layout, rt) for position, expr in assignments.items()}
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

    return Clause(same, assign, condition)


def _target(binder: Binder, node: ast.OnConflict, table: Table, writer: Writer) -> Same:
    """Whether two rows collide on the key a clause names: the primary key, or a UNIQUE index it describes."""
    scope, columns = table_scope(binder, table, table.name)
    expr_binder = ExprBinder(binder, scope, place="in ON CONFLICT")
    wanted: set[int | Expr] = set()
    for item in node.target:
        if isinstance(item.expr, ast.ColumnRef):
            wanted.add(column_position(binder, table, item.expr))
        else:
            binder.exact = True
            wanted.add(keyed(expr_binder.bind(item.expr)))
    known: list[Expr] = []
    if node.target_where is not None:
        binder.exact = True
        known = conjuncts(expr_binder.condition(node.target_where))
    if {column.position for column in table.primary_key} == wanted:
        places = [column.position for column in table.primary_key]
        return lambda row, other: all(row[p] == other[p] for p in places)
    for entries in writer.indexes:
        index = entries.index
        shown = {folded(column): place for place, column in enumerate(columns) if column.collation == NOCASE}
        held: set[int | Expr] = {
            c.position if c.expr is None else bind_row_expr(binder, table, c.expr, "in an index", columns)[0]
            for c in index.columns
        }
        held = {part if isinstance(part, int) else shown.get(part, part) for part in held}
        if not index.unique or held != wanted:
            continue
        if index.where is not None:
            condition, _ = bind_row_expr(binder, table, index.where, "in a partial index", columns)
            if not implied(condition, known):
                continue
        return partial(_collide, entries)
    raise binder.fail(node, "ON CONFLICT needs the columns of the primary key or of a UNIQUE index")


def _collide(entries: IndexEntries, row: Row, other: Row) -> bool:
    """Whether two rows cannot both be in a UNIQUE index."""
    if entries.applies is not None and not (entries.applies(row) and entries.applies(other)):
        return False
    values = list(entries.values(row))
    return None not in values and values == list(entries.values(other))
