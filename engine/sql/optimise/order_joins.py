"""Puts inner joins into a cheap order and finds their hash keys.

Nested inner joins are taken apart into relations and conditions, then joined greedily: the smallest relation first, then
always the one that gives the fewest rows, connected ones before cross products.
"""

from __future__ import annotations

from dataclasses import replace

from engine.sql import functions as fn
from engine.sql.expr import Call, Expr, columns_of, conjunction, conjuncts
from engine.sql.optimise.estimates import Estimates, selectivity
from engine.sql.plan import Filter, Join, Plan, Recurse, SetOp, inputs


def order_joins(plan: Plan, estimates: Estimates) -> Plan:
    """The rule."""
    if isinstance(plan, Join):
        if plan.kind == "INNER":
            return _order(plan, estimates)
        return with_keys(
            replace(plan, left=order_joins(plan.left, estimates), right=order_joins(plan.right, estimates))
        )
    if isinstance(plan, SetOp):
        return replace(plan, left=order_joins(plan.left, estimates), right=order_joins(plan.right, estimates))
    if isinstance(plan, Recurse):
        return plan
    if inputs(plan):
        return replace(plan, input=order_joins(plan.input, estimates))  # type: ignore[attr-defined, call-arg]
    return plan


def _flatten(plan: Plan, relations: list[Plan], conditions: list[Expr], estimates: Estimates) -> None:
    """The relations and conditions of nested inner joins."""
    stack = [plan]
    while stack:
        node = stack.pop()
        if isinstance(node, Join) and node.kind == "INNER":
            conditions += conjuncts(node.on)
            stack += [node.right, node.left]
        else:
            relations.append(order_joins(node, estimates))


def _order(plan: Join, estimates: Estimates) -> Plan:
    relations: list[Plan] = []
    conditions: list[Expr] = []
    _flatten(plan, relations, conditions, estimates)
    ids = [{column.id for column in relation.columns} for relation in relations]
    sizes = [estimates.rows(relation) for relation in relations]
    every = set().union(*ids)
    pending = [(condition, columns_of(condition) & every) for condition in conditions]
    remaining = set(range(len(relations)))
    first = min(remaining, key=lambda i: (sizes[i], i))
    remaining.remove(first)
    current, have, size = relations[first], set(ids[first]), sizes[first]
    current, pending = _apply(current, have, pending)
    while remaining:
        best = min(remaining, key=lambda i: (*_cost(size, sizes[i], have, ids[i], pending), i))
        remaining.remove(best)
        have |= ids[best]
        usable = [condition for condition, used in pending if used <= have]
        pending = [(condition, used) for condition, used in pending if not used <= have]
        _, rows = _cost_of(size, sizes[best], usable)
        size = max(1.0, rows)
        columns = (*current.columns, *relations[best].columns)
        current = with_keys(Join(columns, "INNER", current, relations[best], conjunction(usable)))
    assert not pending
    return current


def _apply(
    plan: Plan, have: set[int], pending: list[tuple[Expr, set[int]]]
) -> tuple[Plan, list[tuple[Expr, set[int]]]]:
    """Conditions that need one relation only (or none)."""
    usable = conjunction([condition for condition, used in pending if used <= have])
    rest = [(condition, used) for condition, used in pending if not used <= have]
    return (plan if usable is None else Filter(plan.columns, plan, usable)), rest


def _cost(
    size: float, other: float, have: set[int], ids: set[int], pending: list[tuple[Expr, set[int]]]
) -> tuple[bool, float]:
    usable = [condition for condition, used in pending if used & ids and used <= have | ids]
    return _cost_of(size, other, usable)


def _cost_of(size: float, other: float, usable: list[Expr]) -> tuple[bool, float]:
    """Whether nothing connects the two, and the rows the join gives."""
    equal = any(isinstance(c, Call) and c.function.name == "=" for c in usable)
    rows = max(size, other) if equal else size * other * selectivity(conjunction(usable))
    return not equal, rows


def with_keys(plan: Join) -> Plan:
    """The join with its equalities as hash keys, where it has any that compare like with like."""
    left_ids = {column.id for column in plan.left.columns}
    right_ids = {column.id for column in plan.right.columns}
    left_keys: list[Expr] = []
    right_keys: list[Expr] = []
    rest: list[Expr] = []
    for part in conjuncts(plan.on):
        if isinstance(part, Call) and part.function is fn.COMPARE["="]:
            a, b = part.args
            used_a, used_b = columns_of(a), columns_of(b)
            if used_a & left_ids and used_b & right_ids and not used_a & right_ids and not used_b & left_ids:
                left_keys.append(a)
                right_keys.append(b)
                continue
            if used_b & left_ids and used_a & right_ids and not used_b & right_ids and not used_a & left_ids:
                left_keys.append(b)
                right_keys.append(a)
                continue
        rest.append(part)
    if not left_keys:
        return plan
    return replace(plan, method="hash", left_keys=tuple(left_keys), right_keys=tuple(right_keys), on=conjunction(rest))
