"""count(*) of a whole table is asked of its tree instead of counted row by row."""

from __future__ import annotations

from engine.base.dataclass import replace
from engine.sql.optimise.estimates import Estimates
from engine.sql.plan import CountRows, FullScan, Group, Join, Plan, Recurse, Scan, SetOp, inputs


def count_rows(plan: Plan, estimates: Estimates) -> Plan:
    """The rule."""
    if isinstance(plan, Group) and not plan.keys and len(plan.aggregates) == 1 and isinstance(plan.input, Scan):
        call, scan = plan.aggregates[0], plan.input
        bare = call.function.name == "count" and not call.args and call.filter is None
        if bare and isinstance(scan.access, FullScan) and scan.filter is None:
            return CountRows(plan.columns, scan.table)
    if isinstance(plan, (SetOp, Join)):
        return replace(plan, left=count_rows(plan.left, estimates), right=count_rows(plan.right, estimates))
    if isinstance(plan, Recurse):
        return plan
    if inputs(plan):
        return replace(plan, input=count_rows(plan.input, estimates))  # type: ignore[attr-defined, call-arg]
    return plan
