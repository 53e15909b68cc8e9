"""Subqueries inside expressions of the column gear.

A query that looks at nothing outside runs once. One that does runs once for each different combination of what it looks
at. EXISTS over rows found by equalities alone becomes a look whether the keys are among those of the inner rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.base.errors import DataError
from engine.record.types import Type
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, kind_of
from engine.sql.columns.batch import Batch, together
from engine.sql.columns.codes import encode
from engine.sql.columns.join import Table, _aligned
from engine.sql.compile_expr import compile_expr
from engine.sql.expr import Column, Expr, SubqueryExpr, rewrite, walk
from engine.sql.kernels import call
from engine.sql.plan import Columnar, Distinct, Hashed, Plan, Project, outer_columns

if TYPE_CHECKING:
    from engine.sql.columns.evaluate import Evaluator

DIFFERENT = 50_000
"""Beyond so many different combinations a subquery that runs for each is left to the row gear."""


def prepare(expr: SubqueryExpr, ev: Evaluator) -> None:
    """Have the evaluator know how to compute a subquery."""
    if id(expr) not in ev.subqueries:
        ev.subqueries[id(expr)] = (expr, _compile(expr, ev))


def _compile(expr: SubqueryExpr, ev: Evaluator) -> Callable[[Batch], Any]:
    if expr.kind == "row":
        return _no_form
    if expr.kind == "exists":
        semi = _semi_join(expr, ev)
        if semi is not None:
            return semi
    if expr.kind == "in" and not expr.args and len(expr.operands) == 1:
        return _in_query(expr, ev)
    return _by_value(expr, ev)


def _no_form(batch: Batch) -> Any:
    raise NoForm("a row of values")


def _by_value(expr: SubqueryExpr, ev: Evaluator) -> Callable[[Batch], Any]:
    """The row gear's subquery, asked for each different combination of its arguments."""
    given = (*expr.args, *expr.operands)
    holders = tuple(Column(part.type, -1 - place, "") for place, part in enumerate(given))
    split = len(expr.args)
    alone = replace(expr, args=holders[:split], operands=holders[split:])
    closure = compile_expr(alone, {holder.id: place for place, holder in enumerate(holders)}, ev.rt)

    def outcome(batch: Batch) -> Any:
        try:
            if not given:
                return arrow.scalar(closure(()))
            codes = encode([ev.array(part, batch) for part in given])
            if codes.count > DIFFERENT:
                raise NoForm("too many different values")
            found = [closure(row) for row in zip(*map(arrow.python_values, codes.uniques), strict=True)]
        except DataError as error:
            raise NoForm(str(error)) from None
        return arrow.array_of(found, expr.type).take(codes.codes)

    return outcome


def _in_query(expr: SubqueryExpr, ev: Evaluator) -> Callable[[Batch], Any]:
    """operand [NOT] IN (a query that looks at nothing outside)."""
    from engine.sql.columns.evaluate import among_array
    from engine.sql.columns.operators import compile_columns

    run = compile_columns(expr.plan, ev)
    name = object()

    def values() -> Any:
        known = ev.rt.memo.get(name)
        if known is None:
            batch = together(expr.plan.columns, run())
            array = batch.arrays[0]
            known = ev.rt.memo[name] = (arrow.pc.unique(array.drop_null()), array.null_count > 0)
        return known

    def outcome(batch: Batch) -> Any:
        known, unknown = values()
        if not len(known) and not unknown:
            return arrow.scalar(expr.negated)
        operand = ev.value(expr.operands[0], batch)
        if kind_of(operand) is Type.NULL or kind_of(known) is Type.NULL:
            return arrow.pa.scalar(None, arrow.pa.bool_())
        operand, known = _aligned(operand, known), _aligned(known, operand)
        return among_array(operand, known, unknown, expr.negated)

    return outcome


def _semi_join(expr: SubqueryExpr, ev: Evaluator) -> Callable[[Batch], Any] | None:
    """EXISTS (rows whose keys equal outer values, and no other condition on those)."""
    from engine.sql.columns.operators import compile_columns

    hashed = _only_hashed(expr.plan)
    if hashed is None:
        return None
    given = dict(zip((column.id for column in expr.outer), expr.args, strict=True))
    values = [rewrite(value, lambda part: _outer(part, given)) for value in hashed.values]
    for value in (*values, *hashed.keys):
        for part in walk(value):
            if isinstance(part, SubqueryExpr):
                prepare(part, ev)
    run = compile_columns(hashed.input, ev)
    name = object()

    def known_keys() -> list[Any]:
        found = ev.rt.memo.get(name)
        if found is None:
            batch = together(hashed.input.columns, run())
            found = ev.rt.memo[name] = [ev.array(key, batch) for key in hashed.keys]
        return found  # type: ignore[no-any-return]

    def outcome(batch: Batch) -> Any:
        keys = known_keys()
        wanted = [ev.array(value, batch) for value in values]
        if not len(keys[0]):
            return arrow.scalar(expr.negated)
        tables = ev.rt.memo.setdefault(outcome, {})
        kinds = tuple(kind_of(value) for value in wanted)
        table = tables.get(kinds)
        if table is None:
            aligned = [_aligned(key, value) for key, value in zip(keys, wanted, strict=True)]
            table = tables[kinds] = (Table(aligned, len(keys[0])), aligned)
        wanted = [_aligned(value, key) for value, key in zip(wanted, table[1], strict=True)]
        codes = table[0].codes(wanted)
        return call("is_null" if expr.negated else "is_valid", codes)

    return outcome


def _outer(part: Expr, given: dict[int, Expr]) -> Expr | None:
    return given.get(part.id) if isinstance(part, Column) else None


def _only_hashed(plan: Plan) -> Hashed | None:
    """The hash lookup that alone decides whether a plan gives a row."""
    while isinstance(plan, (Project, Distinct, Columnar)):
        plan = plan.input
    if not isinstance(plan, Hashed) or outer_columns(plan.input):
        return None
    return plan
