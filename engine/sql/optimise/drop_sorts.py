"""Drops a sort whose order the rows already have, because a table or index is read in the order of its key.

Under a LIMIT, an index in the wanted order is read for its first rows; without one, the sort keeps no more than those.
"""

from __future__ import annotations

from engine.base.dataclass import replace
from engine.catalog.objects import IndexColumn, KeyKind
from engine.sql.expr import Column
from engine.sql.optimise.access_paths import index_serves
from engine.sql.optimise.estimates import Estimates
from engine.sql.plan import (
    Filter,
    FullScan,
    Join,
    KeyAccess,
    Limit,
    Plan,
    Project,
    Recurse,
    Scan,
    SetOp,
    Sort,
    SortKey,
    inputs,
)


def drop_sorts(plan: Plan, estimates: Estimates) -> Plan:
    """The rule."""
    if isinstance(plan, Sort):
        ordered = _in_order(plan.input, list(plan.keys))
        if ordered is not None:
            return drop_sorts(ordered, estimates)
    if isinstance(plan, (SetOp, Join)):
        return replace(plan, left=drop_sorts(plan.left, estimates), right=drop_sorts(plan.right, estimates))
    if isinstance(plan, Recurse):
        return plan
    if isinstance(plan, Limit) and isinstance(plan.input, (Project, Sort)):
        plan = _index_for_limit(plan)
    if inputs(plan):
        return replace(plan, input=drop_sorts(plan.input, estimates))  # type: ignore[attr-defined, call-arg]
    return plan


def _index_for_limit(plan: Limit) -> Limit:
    """LIMIT over a sort of a whole table: an index in that order finds the first rows without reading all."""
    above: list[Project] = []
    node = plan.input
    while isinstance(node, Project):
        above.append(node)
        node = node.input
    if not isinstance(node, Sort):
        return plan
    ordered = _in_order(node.input, list(node.keys), indexes=True)
    if ordered is None:
        ordered = replace(node, limit=plan.limit, offset=plan.offset)
    for project in reversed(above):
        ordered = replace(project, input=ordered)
    return replace(plan, input=ordered)


def _in_order(plan: Plan, keys: list[SortKey], indexes: bool = False) -> Plan | None:
    """The plan reading in the order of `keys`, or None when it cannot."""
    if isinstance(plan, Project):
        meaning = dict(zip(plan.columns, plan.exprs, strict=True))
        below = []
        for key in keys:
            expr = meaning.get(key.expr) if isinstance(key.expr, Column) else None
            if not isinstance(expr, Column):
                return None
            below.append(replace(key, expr=expr))
        inner = _in_order(plan.input, below, indexes)
        return None if inner is None else replace(plan, input=inner)
    if isinstance(plan, Filter):
        inner = _in_order(plan.input, keys, indexes)
        return None if inner is None else replace(plan, input=inner)
    return _scan_in_order(plan, keys, indexes) if isinstance(plan, Scan) else None


def _scan_in_order(scan: Scan, keys: list[SortKey], indexes: bool) -> Scan | None:
    places = dict(zip(scan.columns, scan.positions, strict=True))
    wanted = [(places.get(key.expr), key) for key in keys if isinstance(key.expr, Column)]
    if len(wanted) != len(keys) or any(position is None for position, _ in wanted):
        return None
    access = scan.access
    if isinstance(access, KeyAccess):
        columns = _columns(scan) if access.index is None else access.index.columns
        direction = _direction(columns[len(access.equal) :], wanted)
        return None if direction is None else replace(scan, access=replace(access, reverse=direction))
    if not isinstance(access, FullScan):
        return None
    direction = _direction(_columns(scan), wanted)
    if direction is not None:
        return replace(scan, access=FullScan(direction))
    if indexes:
        for index in scan.table.indexes:
            if any(c.expr is not None for c in index.columns) or not index_serves(index, scan):
                continue
            direction = _direction(index.columns, wanted)
            if direction is not None:
                return replace(scan, access=KeyAccess(index, (), reverse=direction))
    return None


def _columns(scan: Scan) -> tuple[IndexColumn, ...]:
    table = scan.table
    return (IndexColumn(len(table.columns)),) if table.key is KeyKind.ROWID else table.primary_key


def _direction(columns: tuple[IndexColumn, ...], wanted: list[tuple[int | None, SortKey]]) -> bool | None:
    """False: the key's order is the wanted one; True: it is its reverse; None: neither."""
    if len(wanted) > len(columns):
        return None
    directions = set()
    for column, (position, key) in zip(columns, wanted, strict=False):
        if column.position != position:
            return None
        last = column.descending if column.nulls_last is None else column.nulls_last
        turned = key.descending != column.descending
        if (last != key.nulls_last) != turned:
            return None
        directions.add(turned)
    return directions.pop() if len(directions) == 1 else None
