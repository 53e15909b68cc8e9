"""A subquery that scans a whole table for each outer row gets a hash table instead, made once a statement.

    EXISTS (SELECT 1 FROM flights f WHERE f.dest = a.faa AND f.month = 1)
        ->  flights with month = 1, hashed by dest, looked up by a.faa

It applies where a scan has an equality between its own columns and columns of enclosing queries, and nothing else of it
depends on those. Where an index serves the equality, the rule before has taken that already.
"""

from __future__ import annotations

from dataclasses import replace

from engine.sql import functions as fn
from engine.sql.expr import Call, Expr, columns_of, conjunction, conjuncts
from engine.sql.optimise.estimates import Estimates
from engine.sql.plan import Filter, FullScan, Hashed, Join, Plan, Recurse, Scan, SetOp, inputs


def hash_correlated(plan: Plan, estimates: Estimates) -> Plan:
    """The rule."""
    if isinstance(plan, Scan):
        return _hashed(plan)
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
    keys: list[Expr] = []
    values: list[Expr] = []
    alone: list[Expr] = []
    above: list[Expr] = []
    for part in conjuncts(scan.filter):
        if columns_of(part) <= own:
            alone.append(part)
            continue
        sides = _sides(part, own)
        if sides is None:
            above.append(part)
        else:
            keys.append(sides[0])
            values.append(sides[1])
    if not keys:
        return scan
    inner = replace(scan, filter=conjunction(alone))
    hashed = Hashed(inner.columns, inner, tuple(keys), tuple(values))
    condition = conjunction(above)
    return hashed if condition is None else Filter(hashed.columns, hashed, condition)


def _sides(part: Expr, own: set[int]) -> tuple[Expr, Expr] | None:
    """The side of an equality that speaks of the scan, and the one that speaks of enclosing queries only."""
    if not isinstance(part, Call) or part.function is not fn.COMPARE["="]:
        return None
    for inner, outer in (part.args, part.args[::-1]):
        used = columns_of(inner)
        if used and used <= own and not columns_of(outer) & own:
            return inner, outer
    return None
