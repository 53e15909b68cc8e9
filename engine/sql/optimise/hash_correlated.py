"""A subquery that scans a whole table for each outer row gets a hash table instead, made once a statement.

    EXISTS (SELECT 1 FROM flights f WHERE f.dest = a.faa AND f.month = 1)
        ->  flights with month = 1, hashed by dest, looked up by a.faa

It applies where a scan, or a filter above anything, has an equality between its own columns and columns of enclosing
queries, and nothing else below it depends on those. Where an index serves the equality, the rule before has taken that already.
"""

from __future__ import annotations

from engine.base.dataclass import replace
from engine.sql import functions as fn
from engine.sql.expr import Call, Expr, columns_of, conjunction, conjuncts
from engine.sql.optimise.estimates import Estimates
from engine.sql.plan import Filter, FullScan, Hashed, Join, Plan, Recurse, Scan, SetOp, inputs, outer_columns


def hash_correlated(plan: Plan, estimates: Estimates) -> Plan:
    """The rule."""
    if isinstance(plan, Scan):
        return _hashed(plan)
    if isinstance(plan, Filter) and not outer_columns(plan.input):
        return _split(plan.input, plan.condition)
    if isinstance(plan, (Join, SetOp)):
        left = hash_correlated(plan.left, estimates)
        if isinstance(plan, Join) and plan.method == "lookup":
            return replace(plan, left=left)
        return replace(plan, left=left, right=hash_correlated(plan.right, estimates))
    if isinstance(plan, Recurse):
        return plan
    if inputs(plan):
        return replace(plan, input=hash_correlated(plan.input, estimates))  # type: ignore[attr-defined, call-arg]
    return plan


def _hashed(scan: Scan) -> Plan:
    if not isinstance(scan.access, FullScan) or scan.filter is None:
        return scan
    own = {column.id for column in scan.columns}
    alone = conjunction([part for part in conjuncts(scan.filter) if columns_of(part) <= own])
    outer = conjunction([part for part in conjuncts(scan.filter) if not columns_of(part) <= own])
    return scan if outer is None or not _keys(outer, own) else _split(replace(scan, filter=alone), outer)


def _keys(condition: Expr, own: set[int]) -> bool:
    return any(_sides(part, own) is not None for part in conjuncts(condition))


def _split(plan: Plan, condition: Expr) -> Plan:
    """The plan under a condition: its equalities with outer values as a hash table, the rest as a filter."""
    own = {column.id for column in plan.columns}
    keys: list[Expr] = []
    values: list[Expr] = []
    above: list[Expr] = []
    for part in conjuncts(condition):
        sides = _sides(part, own)
        if sides is None:
            above.append(part)
        else:
            keys.append(sides[0])
            values.append(sides[1])
    hashed = Hashed(plan.columns, plan, tuple(keys), tuple(values)) if keys else plan
    rest = conjunction(above)
    return hashed if rest is None else Filter(hashed.columns, hashed, rest)


def _sides(part: Expr, own: set[int]) -> tuple[Expr, Expr] | None:
    """The side of an equality that speaks of the scan, and the one that speaks of enclosing queries only."""
    if not isinstance(part, Call) or part.function is not fn.COMPARE["="]:
        return None
    for inner, outer in (part.args, part.args[::-1]):
        used = columns_of(inner)
        if columns_of(outer) and used and used <= own and not columns_of(outer) & own:
            return inner, outer
    return None
