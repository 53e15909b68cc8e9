"""The last rule of the optimiser: which parts of a plan run in the column gear.

A node belongs to it when it, its expressions and aggregates have column forms, and when it or anything below it touches
many rows; then so do the nodes below that have forms, and those above it. What has none (windows, recursion, lookups,
system tables) runs in the row gear, and rows are turned into batches or batches into rows between the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from engine.base.dataclass import replace
from engine.sql.columns import arrow
from engine.sql.expr import Column, Expr, SubqueryExpr, columns_of, rewrite, walk
from engine.sql.optimise.estimates import Estimates
from engine.sql.plan import (
    Columnar,
    Distinct,
    Filter,
    FullScan,
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
    exprs,
    inputs,
    outer_columns,
)

WORTH = 2_000.0
"""Rows a part must touch to run in columns."""
LOOKUP_COST, INDEX_ROW, COLUMN_ROW = 5.0, 2.5, 0.15
"""What one lookup in the row gear, a row found by it, and a row read in columns cost, in rows read in sequence by the row gear."""
WORTH_READING = 10_000.0
"""The same for a part that only reads rows and hands them on."""


def choose_gear(plan: Plan, estimates: Estimates) -> Plan:
    """The rule. estimates.gear: "auto", "row", or "column", which is for tests: whatever has a form, however small."""
    if estimates.gear == "row" or not arrow.available():
        return plan
    worth = -1.0 if estimates.gear == "column" else WORTH
    if isinstance(plan, Scan):  # of UPDATE and DELETE
        read = _touched(plan, estimates)
        return Columnar(plan.columns, plan, read) if read >= worth and has_columns(plan) else plan
    return _choose(plan, estimates, worth)


def _choose(plan: Plan, estimates: Estimates, worth: float) -> Plan:
    """The plan with the topmost parts that pay wrapped."""
    if isinstance(plan, (Columnar, Recurse)):
        return plan
    if has_columns(plan) and not outer_columns(plan):  # what runs for each outer row mostly stops at its first
        read = _read(plan, estimates)
        if read >= (worth if worth < 0 or _pays(plan) else WORTH_READING):
            return Columnar(plan.columns, _inside(plan, estimates, worth), read)
    return _below(plan, lambda node: _choose(node, estimates, worth))


def _inside(plan: Plan, estimates: Estimates, worth: float) -> Plan:
    """A node below one that runs in columns: it does so too, or what is below it is chosen anew."""
    if not has_columns(plan):
        return _choose(plan, estimates, worth)
    plan = _without_lookups(plan, estimates)
    return _below(plan, lambda node: _inside(node, estimates, worth))


def _below(plan: Plan, change: Callable[[Plan], Plan]) -> Plan:
    """The node over changed inputs; what a lookup reads again and again stays."""
    if isinstance(plan, Join) and plan.method == "lookup":
        return replace(plan, left=change(plan.left))
    if isinstance(plan, (Join, SetOp)):
        return replace(plan, left=change(plan.left), right=change(plan.right))
    if inputs(plan):
        return replace(plan, input=change(plan.input))  # type: ignore[attr-defined, call-arg]
    return plan


def _without_lookups(plan: Plan, estimates: Estimates) -> Plan:
    """The node with subqueries that would look up many rows through an index, for each row anew, hashed instead."""
    if not isinstance(plan, (Scan, Filter, Project)):
        return plan
    rows = (
        estimates.access_share(plan.table, plan.access) * estimates.table_rows(plan.table)
        if isinstance(plan, Scan)
        else (estimates.rows(plan.input))
    )

    def change(part: Expr) -> Expr | None:
        if isinstance(part, SubqueryExpr) and part.args and part.kind in ("exists", "scalar"):
            return replace(part, plan=_hashed(part, part.plan, rows, estimates))
        return None

    if isinstance(plan, Project):
        return replace(plan, exprs=tuple(rewrite(expr, change) for expr in plan.exprs))
    if isinstance(plan, Filter):
        return replace(plan, condition=rewrite(plan.condition, change))
    return plan if plan.filter is None else replace(plan, filter=rewrite(plan.filter, change))


def _hashed(query: SubqueryExpr, plan: Plan, rows: float, estimates: Estimates) -> Plan:
    """A subquery's plan with the lookup at its bottom as a hash lookup, if so many lookups cost more."""
    if isinstance(plan, (Project, Filter, Group, Distinct)):
        return replace(plan, input=_hashed(query, plan.input, rows, estimates))
    if not isinstance(plan, Scan) or not isinstance(plan.access, KeyAccess):
        return plan
    access = plan.access
    outside = {column.id for column in query.outer}
    columns = plan.table.primary_key if access.index is None else access.index.columns
    if (
        access.lower is not None
        or access.upper is not None
        or not access.equal
        or len(access.equal) > len(columns)
        or any(not columns_of(value) or not columns_of(value) <= outside for value in access.equal)
        or any(column.expr is not None for column in columns)
        or (plan.filter is not None and columns_of(plan.filter) & outside)
        or (access.index is not None and not access.index.plain)
    ):
        return plan
    total = estimates.table_rows(plan.table)
    each = total * estimates.access_share(plan.table, access)
    # EXISTS stops at the first row that fits
    seen = min(each, 4.0 / max(estimates.selectivity(plan.filter), 1e-6)) if query.kind == "exists" else each
    if rows * (LOOKUP_COST + seen * INDEX_ROW) < total * COLUMN_ROW:
        return plan
    keys = tuple(
        Column(plan.table.type_of(column), -2_000_001 - place, plan.table.name_of(column))
        for place, column in enumerate(columns[: len(access.equal)])
    )
    if any(key.type is not value.type for key, value in zip(keys, access.equal, strict=True)):
        return plan
    places = tuple(column.position for column in columns[: len(keys)])
    by_place = dict(zip(plan.positions, plan.columns, strict=True))  # a column is read once
    more = [(key, place) for key, place in zip(keys, places, strict=True) if place not in by_place]
    keys = tuple(by_place.get(place, key) for key, place in zip(keys, places, strict=True))
    scan = replace(
        plan,
        access=FullScan(),
        columns=(*plan.columns, *(key for key, _ in more)),
        positions=(*plan.positions, *(place for _, place in more)),
    )
    inner = Columnar(scan.columns, scan, total) if total >= WORTH_READING else scan
    return Hashed(scan.columns, inner, keys, access.equal)


def has_columns(plan: Plan) -> bool:
    """Whether a node has a column form."""
    if isinstance(plan, Join):
        return plan.method == "hash" and bool(plan.left_keys)
    if isinstance(plan, SetOp):
        return plan.op == "UNION" or not plan.all
    if isinstance(plan, Group):
        from engine.sql.columns.group import has_form

        return all(has_form(call) for call in plan.aggregates)
    if isinstance(plan, Window):
        from engine.sql.columns.window import has_form as window_has_form

        return all(window_has_form(call) for call in plan.calls)
    if not isinstance(plan, (Scan, Filter, Project, Sort, Limit, Distinct, Kept, Columnar)):
        return False
    return all(_expr_has(expr) for expr in exprs(plan))


def _expr_has(expr: Expr) -> bool:
    return not any(isinstance(part, SubqueryExpr) and part.kind == "row" for part in walk(expr))


def _pays(plan: Plan) -> bool:
    """Whether there is work to do on rows at all: not where rows are only read and handed on."""
    while isinstance(plan, (Project, Limit, Kept)):
        if isinstance(plan, Project) and any(list(walk(expr))[1:] for expr in plan.exprs):
            return True
        plan = plan.input
    return not isinstance(plan, Scan) or plan.filter is not None


def _read(plan: Plan, estimates: Estimates) -> float:
    """The most rows that one of the nodes of a part, or of a subquery in it that runs once, touches."""
    inner = [_whole_tables(part.plan, estimates) for expr in exprs(plan) for part in walk(expr) if _is_query(part)]
    return max([_touched(plan, estimates), *inner])


def _is_query(expr: Expr) -> TypeGuard[SubqueryExpr]:
    return isinstance(expr, SubqueryExpr)


def _whole_tables(plan: Plan, estimates: Estimates) -> float:
    """The rows of the largest table that a subquery reads whole: once a statement, for it is hashed or kept."""
    if isinstance(plan, Scan):
        return estimates.table_rows(plan.table) if isinstance(plan.access, FullScan) else 0.0
    return max((_whole_tables(node, estimates) for node in inputs(plan)), default=0.0)


def _touched(plan: Plan, estimates: Estimates) -> float:
    if isinstance(plan, Scan):
        share = 1.0 if isinstance(plan.access, FullScan) else estimates.access_share(plan.table, plan.access)
        return estimates.table_rows(plan.table) * share
    if isinstance(plan, Limit) and _streams(plan.input):
        inner = max(estimates.rows(plan.input), 1.0)
        return _read(plan.input, estimates) * min(1.0, estimates.rows(plan) / inner)
    below = [_read(node, estimates) for node in inputs(plan) if has_columns(node)]
    return max([*below, *(estimates.rows(node) for node in inputs(plan))], default=0.0)


def _streams(plan: Plan) -> bool:
    while isinstance(plan, (Filter, Project, Limit)):
        plan = plan.input
    return isinstance(plan, Scan)


__all__ = ["choose_gear", "has_columns"]
