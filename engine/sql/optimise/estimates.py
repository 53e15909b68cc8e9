"""How many rows a plan will give, roughly. Without statistics by ANALYZE the selectivities are the customary guesses."""

from __future__ import annotations

from collections.abc import Callable

from engine.catalog.objects import Table
from engine.sql.expr import Call, Const, Expr, InItems, Logic, conjuncts
from engine.sql.plan import (
    AnyOf,
    CountRows,
    Distinct,
    Filter,
    Group,
    Hashed,
    Join,
    KeyAccess,
    Limit,
    OneRow,
    Plan,
    Rows,
    Scan,
    SetOp,
    inputs,
)

EQUAL, RANGE, OTHER = 0.05, 0.3, 0.5
SYSTEM_ROWS = 100.0


def selectivity(condition: Expr | None) -> float:
    """The share of rows a condition leaves."""
    share = 1.0
    for part in conjuncts(condition):
        if isinstance(part, Call) and part.function.name == "=":
            share *= EQUAL
        elif isinstance(part, Call) and part.function.name in ("<", "<=", ">", ">="):
            share *= RANGE
        elif isinstance(part, InItems) and not part.negated:
            share *= min(1.0, EQUAL * max(1, len(part.items)))
        elif isinstance(part, Logic) and part.op == "OR":
            share *= min(1.0, sum(selectivity(operand) for operand in part.operands))
        elif not isinstance(part, Const):
            share *= OTHER
    return share


class Estimates:
    """Estimates over the sizes of tables, which `table_rows` tells."""

    def __init__(self, table_rows: Callable[[Table], float]):
        self.table_rows = table_rows

    def rows(self, plan: Plan) -> float:
        """The number of rows a plan gives, at least 1 but for plans that are empty by themselves."""
        if isinstance(plan, Scan):
            return self._scan(plan)
        if isinstance(plan, Rows):
            return float(len(plan.rows))
        if isinstance(plan, (OneRow, CountRows)):
            return 1.0
        if isinstance(plan, Filter):
            return max(1.0, self.rows(plan.input) * selectivity(plan.condition))
        if isinstance(plan, Hashed):
            return max(1.0, self.rows(plan.input) * EQUAL ** len(plan.keys))
        if isinstance(plan, Join):
            return self._join(plan)
        if isinstance(plan, Group):
            return max(1.0, self.rows(plan.input) * 0.1) if plan.keys else 1.0
        if isinstance(plan, Distinct):
            return max(1.0, self.rows(plan.input) * 0.5)
        if isinstance(plan, Limit):
            inner = self.rows(plan.input)
            known = plan.limit.value if isinstance(plan.limit, Const) else None
            return min(inner, float(known)) if isinstance(known, int) and known >= 0 else inner
        if isinstance(plan, SetOp):
            left, right = self.rows(plan.left), self.rows(plan.right)
            return left + right if plan.op == "UNION" else left
        below = inputs(plan)
        return self.rows(below[0]) if below else SYSTEM_ROWS

    def _scan(self, plan: Scan) -> float:
        rows = self.table_rows(plan.table)
        access = plan.access
        if isinstance(access, KeyAccess):
            if access.unique:
                return 1.0
            rows *= EQUAL ** len(access.equal)
            rows *= RANGE if access.lower or access.upper else 1.0
        elif isinstance(access, AnyOf):
            rows = min(rows, len(access.values) * (1.0 if access.unique else max(1.0, rows * EQUAL)))
        return max(1.0, rows * selectivity(plan.filter))

    def _join(self, plan: Join) -> float:
        left, right = self.rows(plan.left), self.rows(plan.right)
        if plan.method == "lookup":
            rows = left * right
        elif plan.left_keys:
            rows = max(left, right)
        else:
            rows = left * right
        rows *= selectivity(plan.on)
        return max(rows, left if plan.kind in ("LEFT", "FULL") else 1.0)
