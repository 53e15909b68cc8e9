"""In subqueries that run for each outer row: what does not depend on that row is computed once and kept.

EXISTS (SELECT 1 FROM flights f JOIN airports a ON a.faa = f.dest WHERE f.tailnum = p.tailnum)
    ->  the hash table of airports is made once a statement, not once for each p
"""

from __future__ import annotations

from engine.base.dataclass import replace
from engine.sql.optimise.estimates import Estimates
from engine.sql.plan import (
    CountRows,
    Hashed,
    Join,
    Kept,
    KeyAccess,
    OneRow,
    Plan,
    Recurse,
    Rows,
    Scan,
    SetOp,
    inputs,
    outer_columns,
)


def keep_repeated(plan: Plan, estimates: Estimates) -> Plan:
    """The rule. A plan that looks at no enclosing query runs once anyway."""
    return _below(plan) if outer_columns(plan) else plan


def _below(plan: Plan) -> Plan:
    """A plan that depends on the outer row, with the parts that do not kept."""
    if isinstance(plan, Join) and plan.method == "lookup":
        return replace(plan, left=_kept(plan.left))
    if isinstance(plan, (Join, SetOp)):
        return replace(plan, left=_kept(plan.left), right=_kept(plan.right))
    if isinstance(plan, Recurse):
        return plan
    if isinstance(plan, Hashed):  # keeps a hash table of its own
        return replace(plan, input=_below(plan.input)) if outer_columns(plan.input) else plan
    if inputs(plan):
        return replace(plan, input=_kept(plan.input))  # type: ignore[attr-defined, call-arg]
    return plan


def _kept(plan: Plan) -> Plan:
    if outer_columns(plan):
        return _below(plan)
    cheap = isinstance(plan, (OneRow, Rows, CountRows, Kept))
    cheap = cheap or (isinstance(plan, Scan) and isinstance(plan.access, KeyAccess) and plan.access.unique)
    return plan if cheap else Kept(plan.columns, plan)
