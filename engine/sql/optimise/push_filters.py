"""Moves conditions down to where their columns come from, so that rows are refused as early as can be.

    Filter(a.x = 1 AND b.y > a.z, Join(a, b))   ->   Join(Scan(a, x = 1), b, on b.y > a.z)

Also: a RIGHT join becomes a LEFT one with its sides exchanged, and a LEFT join whose right side must not be NULL (a
condition above would refuse such rows) becomes INNER.
"""

from __future__ import annotations

from engine.base.dataclass import replace
from engine.sql.expr import (
    Call,
    Column,
    Expr,
    Logic,
    columns_of,
    conjunction,
    conjuncts,
    rewrite,
    walk,
)
from engine.sql.optimise.estimates import Estimates
from engine.sql.plan import Distinct, Filter, Group, Join, Limit, Plan, Project, Recurse, Scan, SetOp, Sort, Window


def push_filters(plan: Plan, estimates: Estimates) -> Plan:
    """The rule."""
    return _push(plan, [])


def _push(plan: Plan, conditions: list[Expr]) -> Plan:
    """The plan with `conditions`, which speak of its columns, worked in."""
    if isinstance(plan, Filter):
        return _push(plan.input, conditions + conjuncts(plan.condition))
    if isinstance(plan, Scan):
        return replace(plan, filter=conjunction(conjuncts(plan.filter) + conditions))
    if isinstance(plan, Join):
        return _push_join(plan, conditions)
    if isinstance(plan, Project):
        return _push_project(plan, conditions)
    if isinstance(plan, Group):
        return _push_group(plan, conditions)
    if isinstance(plan, (Sort, Distinct)):
        return replace(plan, input=_push(plan.input, conditions))
    if isinstance(plan, Window):
        return _push_window(plan, conditions)
    if isinstance(plan, SetOp):
        return _push_set(plan, conditions)
    if isinstance(plan, Limit):
        plan = replace(plan, input=_push(plan.input, []))
    elif isinstance(plan, Recurse):
        plan = replace(plan, first=_push(plan.first, []), step=_push(plan.step, []))
    return _above(plan, conditions)


def _above(plan: Plan, conditions: list[Expr]) -> Plan:
    condition = conjunction(conditions)
    return plan if condition is None else Filter(plan.columns, plan, condition)


def _substitute(conditions: list[Expr], columns: tuple[Column, ...], exprs: tuple[Expr, ...]) -> list[Expr]:
    """The conditions over what the columns stand for."""
    meaning = dict(zip((column.id for column in columns), exprs, strict=True))
    return [
        rewrite(condition, lambda part: meaning.get(part.id) if isinstance(part, Column) else None)
        for condition in conditions
    ]


def _repeatable(expr: Expr) -> bool:
    return all(part.function.constant for part in walk(expr) if isinstance(part, Call))


def _push_project(plan: Project, conditions: list[Expr]) -> Plan:
    if not all(_repeatable(expr) for expr in plan.exprs):
        return _above(replace(plan, input=_push(plan.input, [])), conditions)
    return replace(plan, input=_push(plan.input, _substitute(conditions, plan.columns, plan.exprs)))


def _push_group(plan: Group, conditions: list[Expr]) -> Plan:
    keys = plan.columns[: len(plan.keys)]
    known = {column.id for column in keys}
    all_ids = {column.id for column in plan.columns}
    down = [c for c in conditions if keys and columns_of(c) & all_ids <= known and _repeatable(c)]
    stay = [c for c in conditions if c not in down]
    return _above(replace(plan, input=_push(plan.input, _substitute(down, keys, plan.keys))), stay)


def _push_window(plan: Window, conditions: list[Expr]) -> Plan:
    """Below a window go conditions on whole partitions only: of the others it must see every row."""
    keys = {key.id for key in plan.calls[0].partition_by if isinstance(key, Column)}
    inside = {column.id for column in plan.columns}
    down = [c for c in conditions if columns_of(c) & inside and columns_of(c) & inside <= keys and _repeatable(c)]
    inner = _push(plan.input, down)
    columns = (*inner.columns, *plan.columns[len(plan.columns) - len(plan.calls) :])
    return _above(replace(plan, input=inner, columns=columns), [c for c in conditions if c not in down])


def _push_set(plan: SetOp, conditions: list[Expr]) -> Plan:
    left = _push(plan.left, _substitute(conditions, plan.columns, plan.left.columns))
    right = _push(plan.right, _substitute(conditions, plan.columns, plan.right.columns))
    return replace(plan, left=left, right=right)


def _push_join(plan: Join, conditions: list[Expr]) -> Plan:
    if plan.kind == "RIGHT":
        columns = (*plan.right.columns, *plan.left.columns)
        plan = replace(plan, kind="LEFT", left=plan.right, right=plan.left, columns=columns)
    left_ids = {column.id for column in plan.left.columns}
    right_ids = {column.id for column in plan.right.columns}
    if plan.kind == "LEFT" and any(refuses_null(condition, right_ids) for condition in conditions):
        plan = replace(plan, kind="INNER")
    on = conjuncts(plan.on)
    if plan.kind == "INNER":
        conditions, on = [], on + conditions
    to_left: list[Expr] = []
    to_right: list[Expr] = []
    kept: list[Expr] = []
    for part in on:
        used = columns_of(part)
        if not used & right_ids and plan.kind == "INNER" and _repeatable(part):
            to_left.append(part)
        elif not used & left_ids and used & right_ids and plan.kind in ("INNER", "LEFT") and _repeatable(part):
            to_right.append(part)
        else:
            kept.append(part)
    above = []
    for part in conditions:
        used = columns_of(part)
        if plan.kind == "LEFT" and not used & right_ids and _repeatable(part):
            to_left.append(part)
        else:
            above.append(part)
    left, right = _push(plan.left, to_left), _push(plan.right, to_right)
    columns = (*left.columns, *right.columns)
    return _above(replace(plan, left=left, right=right, on=conjunction(kept), columns=columns), above)


def refuses_null(condition: Expr, ids: set[int]) -> bool:
    """Whether the condition cannot be true when all these columns are NULL."""
    if isinstance(condition, Logic):
        test = any if condition.op == "AND" else all
        return test(refuses_null(part, ids) for part in condition.operands)
    if isinstance(condition, Call) and condition.function.name == "IS NOT NULL":
        return _gives_null(condition.args[0], ids)
    return _gives_null(condition, ids)


def _gives_null(expr: Expr, ids: set[int]) -> bool:
    if isinstance(expr, Column):
        return expr.id in ids
    return isinstance(expr, Call) and not expr.function.null_aware and any(_gives_null(arg, ids) for arg in expr.args)
