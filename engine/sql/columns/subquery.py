"""Subqueries inside expressions of the column gear.

A query that looks at nothing outside runs once. One that does runs once for each different combination of what it looks
at. EXISTS over rows found by equalities alone becomes a look whether the keys are among those of the inner rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.base.dataclass import replace
from engine.base.errors import DataError
from engine.record.types import Type
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, kind_of
from engine.sql.columns.batch import Batch, together
from engine.sql.columns.choose import has_columns
from engine.sql.columns.codes import encode
from engine.sql.columns.join import Table, aligned
from engine.sql.columns.watch import take
from engine.sql.compile_expr import compile_expr
from engine.sql.expr import Column, Expr, SubqueryExpr, columns_of, rewrite, walk
from engine.sql.kernels import call
from engine.sql.plan import Columnar, Distinct, Filter, Group, Hashed, Kept, Plan, Project, Rows, exprs, outer_columns

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
    joined = None
    if expr.kind == "exists":
        joined = _semi_join(expr, ev)
    elif expr.kind == "scalar":
        joined = _grouped(expr, ev)
    if joined is not None:
        return joined
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
            known = ev.rt.memo[name] = (call("unique", call("drop_null", array)), array.null_count > 0)
        return known

    def outcome(batch: Batch) -> Any:
        known, unknown = values()
        if not len(known) and not unknown:
            return arrow.scalar(expr.negated)
        operand = ev.value(expr.operands[0], batch)
        if kind_of(operand) is Type.NULL or kind_of(known) is Type.NULL:
            return arrow.pa.scalar(None, arrow.pa.bool_())
        operand, known = aligned(operand, known), aligned(known, operand)
        return among_array(operand, known, unknown, expr.negated)

    return outcome


def _semi_join(expr: SubqueryExpr, ev: Evaluator) -> Callable[[Batch], Any] | None:
    """EXISTS (rows whose keys equal outer values, and no other condition on those)."""
    from engine.sql.columns.operators import compile_columns

    hashed = _only_hashed(expr.plan)
    if hashed is None:
        return None
    values = _given(expr, hashed, ev)
    run = compile_columns(hashed.input, ev)
    name = object()

    def known_keys() -> list[Any]:
        found = ev.rt.memo.get(name)
        if found is None:
            batch = together(hashed.input.columns, run())
            found = ev.rt.memo[name] = [ev.array(key, batch) for key in hashed.keys]
        return found

    def outcome(batch: Batch) -> Any:
        keys = known_keys()
        wanted = [ev.array(value, batch) for value in values]
        if not len(keys[0]):
            return arrow.scalar(expr.negated)
        _, codes = _codes(ev, outcome, keys, wanted)
        return call("is_null" if expr.negated else "is_valid", codes)

    return outcome


def _given(expr: SubqueryExpr, hashed: Hashed, ev: Evaluator) -> list[Expr]:
    """What the hash table is asked for, in terms of the row the subquery stands in."""
    given = dict(zip((column.id for column in expr.outer), expr.args, strict=True))
    values = [rewrite(value, lambda part: _outer(part, given)) for value in hashed.values]
    for value in (*values, *hashed.keys):
        for part in walk(value):
            if isinstance(part, SubqueryExpr):
                prepare(part, ev)
    return values


def _codes(ev: Evaluator, name: object, keys: list[Any], wanted: list[Any]) -> tuple[Table, Any]:
    """The table of the keys, made once a statement, and the code each row asks it for; NULL where there is none."""
    tables = ev.rt.memo.setdefault(name, {})
    kinds = tuple(kind_of(value) for value in wanted)
    table = tables.get(kinds)
    if table is None:
        alike = [aligned(key, value) for key, value in zip(keys, wanted, strict=True)]
        table = tables[kinds] = (Table(alike, len(keys[0])), alike)
    return table[0], table[0].codes([aligned(value, key) for value, key in zip(wanted, table[1], strict=True)])


def _grouped(expr: SubqueryExpr, ev: Evaluator) -> Callable[[Batch], Any] | None:
    """An aggregate of the rows whose keys equal outer values: all groups at once, and each row takes its own."""
    from engine.sql.columns.operators import compile_columns

    above: list[Project] = []
    plan = expr.plan
    while isinstance(plan, (Project, Columnar)):
        if isinstance(plan, Project):
            above.append(plan)
        plan = plan.input
    if not isinstance(plan, Group) or plan.keys or not has_columns(plan):
        return None
    outside = {column.id for column in expr.outer}
    if any(columns_of(part) & outside for node in (*above, plan) for part in exprs(node)):
        return None
    found = _keyed(plan.input, outside)
    if found is None:
        return None
    below, holders, hashed = found
    group = Group((*holders, *plan.columns), below, holders, plan.aggregates)
    nothing = replace(plan, input=Rows(plan.input.columns, ()))
    values = _given(expr, hashed, ev)
    finish, on_nothing = compile_columns(_over(above, group), ev), compile_columns(_over(above, nothing), ev)
    name = object()

    def groups() -> tuple[list[Any], Any, Any]:
        made = ev.rt.memo.get(name)
        if made is None:
            batch = together((*holders, expr.plan.columns[0]), finish())
            alone = next(on_nothing()).arrays[0]
            made = ev.rt.memo[name] = (batch.arrays[: len(holders)], batch.arrays[-1], alone)
        return made

    def outcome(batch: Batch) -> Any:
        keys, array, alone = groups()
        wanted = [ev.array(value, batch) for value in values]
        if not len(array):
            return arrow.repeated(alone[0], batch.rows)
        table, codes = _codes(ev, outcome, keys, wanted)
        taken = take(array, take(table.places, codes))  # groups have one row a key
        return taken if not alone[0].is_valid else call("if_else", call("is_valid", codes), taken, alone[0])

    return outcome


def _over(above: list[Project], plan: Plan) -> Plan:
    """The projections of a subquery over another plan, which keeps the columns it has in front."""
    kept = plan.keys if isinstance(plan, Group) else ()
    made = plan
    for project in reversed(above):
        columns = (*(key for key in kept if isinstance(key, Column)), *project.columns)
        made = Project(columns, made, (*kept, *project.exprs))
    return made


def _keyed(plan: Plan, outside: set[int]) -> tuple[Plan, tuple[Column, ...], Hashed] | None:
    """The rows of all keys of the hash lookup below, with the keys as columns."""
    if isinstance(plan, (Columnar, Kept)):
        return _keyed(plan.input, outside)
    if isinstance(plan, Hashed):
        if outer_columns(plan.input):
            return None
        holders = tuple(Column(key.type, -1_000_001 - place, "") for place, key in enumerate(plan.keys))
        below: Plan = Project((*plan.input.columns, *holders), plan.input, (*plan.input.columns, *plan.keys))
        return below, holders, plan
    if not isinstance(plan, (Filter, Project)) or any(columns_of(part) & outside for part in exprs(plan)):
        return None
    found = _keyed(plan.input, outside)
    if found is None:
        return None
    below, holders, hashed = found
    if isinstance(plan, Filter):
        return replace(plan, input=below, columns=below.columns), holders, hashed
    return Project((*plan.columns, *holders), below, (*plan.exprs, *holders)), holders, hashed


def _outer(part: Expr, given: dict[int, Expr]) -> Expr | None:
    return given.get(part.id) if isinstance(part, Column) else None


def _only_hashed(plan: Plan) -> Hashed | None:
    """The hash lookup that alone decides whether a plan gives a row."""
    while isinstance(plan, (Project, Distinct, Columnar)):
        plan = plan.input
    if not isinstance(plan, Hashed) or outer_columns(plan.input):
        return None
    return plan
