"""Leaves out of every node the columns nobody above needs, so that scans decode only what is used."""

from __future__ import annotations

from collections.abc import Iterable

from engine.base.dataclass import replace
from engine.sql.expr import Expr, columns_of
from engine.sql.optimise.estimates import Estimates
from engine.sql.plan import (
    Distinct,
    Filter,
    Group,
    Hashed,
    Join,
    Kept,
    KeyAccess,
    Limit,
    Plan,
    Project,
    Recurse,
    Scan,
    SetOp,
    Sort,
    Window,
)


def prune_columns(plan: Plan, estimates: Estimates) -> Plan:
    """The rule."""
    return _prune(plan, {column.id for column in plan.columns})


def _used(exprs: Iterable[Expr | None]) -> set[int]:
    return {number for expr in exprs if expr is not None for number in columns_of(expr)}


def _prune(plan: Plan, needed: set[int]) -> Plan:
    """The plan with at least the needed columns of it."""
    if isinstance(plan, Scan):
        wanted = needed | _used([plan.filter])
        pairs = [(c, p) for c, p in zip(plan.columns, plan.positions, strict=True) if c.id in wanted]
        columns, positions = tuple(c for c, _ in pairs), tuple(p for _, p in pairs)
        return replace(plan, columns=columns, positions=positions)
    if isinstance(plan, Filter):
        inner = _prune(plan.input, needed | _used([plan.condition]))
        return replace(plan, input=inner, columns=inner.columns)
    if isinstance(plan, Hashed):
        inner = _prune(plan.input, needed | _used(plan.keys))
        return replace(plan, input=inner, columns=inner.columns)
    if isinstance(plan, Project):
        pairs_ = [(c, e) for c, e in zip(plan.columns, plan.exprs, strict=True) if c.id in needed]
        exprs = tuple(e for _, e in pairs_)
        return replace(plan, columns=tuple(c for c, _ in pairs_), exprs=exprs, input=_prune(plan.input, _used(exprs)))
    if isinstance(plan, Join):
        return _prune_join(plan, needed)
    if isinstance(plan, Group):
        exprs_ = [*plan.keys, *plan.aggregates]
        return replace(plan, input=_prune(plan.input, _used(exprs_)))
    if isinstance(plan, Window):
        return _prune_window(plan, needed)
    if isinstance(plan, Sort):
        inner = _prune(plan.input, needed | _used(key.expr for key in plan.keys))
        return replace(plan, input=inner, columns=inner.columns)
    if isinstance(plan, (Limit, Kept)):
        inner = _prune(plan.input, needed)
        return replace(plan, input=inner, columns=inner.columns)
    if isinstance(plan, Distinct):
        return replace(plan, input=_whole(plan.input))
    if isinstance(plan, SetOp):
        return replace(plan, left=_whole(plan.left), right=_whole(plan.right))
    if isinstance(plan, Recurse):
        return plan
    return plan


def _whole(plan: Plan) -> Plan:
    """All columns of the node itself are needed, in their order."""
    return _prune(plan, {column.id for column in plan.columns})


def _prune_window(plan: Window, needed: set[int]) -> Plan:
    """Calls whose value nobody needs go; with the last of them the node."""
    width = len(plan.columns) - len(plan.calls)
    pairs = [(c, e) for c, e in zip(plan.columns[width:], plan.calls, strict=True) if c.id in needed]
    if not pairs:
        return _prune(plan.input, needed)
    inner = _prune(plan.input, needed | _used(call for _, call in pairs))
    columns = (*inner.columns, *(c for c, _ in pairs))
    return replace(plan, input=inner, columns=columns, calls=tuple(e for _, e in pairs))


def _prune_join(plan: Join, needed: set[int]) -> Plan:
    inside = needed | _used([plan.on, *plan.left_keys, *plan.right_keys])
    if plan.method == "lookup":
        inside |= _outer_columns(plan.right)
    left, right = _prune(plan.left, inside), _prune(plan.right, inside)
    return replace(plan, left=left, right=right, columns=(*left.columns, *right.columns))


def _outer_columns(plan: Plan) -> set[int]:
    """The columns a lookup's access uses."""
    assert isinstance(plan, Scan) and isinstance(plan.access, KeyAccess)
    bounds = [bound.value for bound in (plan.access.lower, plan.access.upper) if bound is not None]
    return _used([*plan.access.equal, *bounds, plan.filter])
