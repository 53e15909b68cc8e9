"""How many rows a plan will give, roughly.

What is known of a column comes from ANALYZE (engine.catalog.statistics), brought to the table's present size; of a key it
is known without. Where nothing is known the selectivities are the customary guesses. Conditions are taken to be
independent; of several hash keys the further ones count less and less, because keys seldom are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.base.dataclass import dataclass
from engine.catalog.objects import Index, KeyKind, Table
from engine.catalog.statistics import ColumnStatistics, TableStatistics
from engine.record.types import Value
from engine.sql.expr import Call, Column, Const, Expr, InItems, Logic, Param, conjuncts
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
    Project,
    Rows,
    Scan,
    SetOp,
    inputs,
)

EQUAL, RANGE, BETWEEN, OTHER = 0.05, 0.3, 0.1, 0.5
SYSTEM_ROWS = 100.0
LITERAL_SLOT = 1_000_000  # as in engine.sql.binder
_MIRROR = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a column: its statistics, or only that it is a key; rows: of its table now; grown: since ANALYZE."""

    rows: float
    statistics: ColumnStatistics | None
    unique: bool = False
    grown: float = 1.0

    @property
    def distinct(self) -> float:
        """How many different values it has."""
        if self.unique or self.statistics is None:
            return self.rows
        found = self.statistics.distinct
        many = found > 0.1 * self.rows / max(self.grown, 1e-9)
        return max(1.0, found * self.grown if many else found)

    def equal(self, value: Any) -> float:
        """The share of rows with a value; UNKNOWN: with any one value."""
        if self.unique or self.statistics is None:
            return 1.0 / max(self.rows, 1.0)
        if value is UNKNOWN:
            return min(1.0, (1.0 - self.statistics.nulls) / self.distinct)
        if self.grown > 1.01 and self.statistics.beyond(value):
            return 1.0 / max(self.rows, 1.0)
        return self.statistics.equal(value)

    def between(self, lower: tuple[Any, bool] | None, upper: tuple[Any, bool] | None) -> float | None:
        """The share of rows in a range; None where it cannot be said."""
        statistics = self.statistics
        if statistics is None or any(bound is not None and bound[0] is UNKNOWN for bound in (lower, upper)):
            return None
        low = 0.0 if lower is None else statistics.below(lower[0], not lower[1])
        high = 1.0 - statistics.nulls if upper is None else statistics.below(upper[0], upper[1])
        if low is None or high is None:
            return None
        share = max(high - low, 0.0)
        if self.grown > 1.01 and upper is None:  # rows that came later are taken to be the greatest
            share = share / self.grown + (1.0 - 1.0 / self.grown)
        return max(share, 1.0 / max(self.rows, 1.0))


UNKNOWN = object()
"""A value that only the running statement knows."""


class Estimates:
    """Estimates for one statement. table_rows: the size of a table. statistics: by lower-case name of the table.

    gear: "auto", or the gear everything is to run in (engine.sql.columns.choose).
    """

    def __init__(
        self,
        table_rows: Callable[[Table], float],
        statistics: Mapping[str, TableStatistics] | None = None,
        literals: Sequence[Value] = (),
        gear: str = "auto",
    ):
        self._count = table_rows
        self._sizes: dict[int, float] = {}
        self.statistics = statistics or {}
        self.literals = literals
        self.gear = gear
        self.columns: dict[int, Known] = {}

    def table_rows(self, table: Table) -> float:
        """The size of a table, the same all through the planning of a statement."""
        rows = self._sizes.get(table.tree)
        if rows is None:
            rows = self._sizes[table.tree] = self._count(table)
        return rows

    # ------------------------------------------------------------------------------------------------- columns

    def learn(self, plan: Plan) -> None:
        """Take note of what the columns of a plan stand for."""
        for node in inputs(plan):
            self.learn(node)
        if isinstance(plan, Scan):
            for column, position in zip(plan.columns, plan.positions, strict=True):
                if column.id not in self.columns and position < len(plan.table.columns):
                    known = self.known(plan.table, position, plan.table.columns[position].name)
                    if known is not None:
                        self.columns[column.id] = known
            return
        pairs: Sequence[tuple[Column, Expr]] = ()
        if isinstance(plan, Project):
            pairs = list(zip(plan.columns, plan.exprs, strict=True))
        elif isinstance(plan, Group):
            pairs = list(zip(plan.columns, plan.keys, strict=False))
        for column, expr in pairs:
            if isinstance(expr, Column) and expr.id in self.columns:
                self.columns.setdefault(column.id, self.columns[expr.id])

    def known(self, table: Table, position: int, name: str) -> Known | None:
        """What is known of a column (or, position -1, of an index expression called by its SQL)."""
        rows = self.table_rows(table)
        alone = [(column.position,) for column in table.primary_key] if len(table.primary_key) == 1 else []
        alone += [(i.columns[0].position,) for i in table.indexes if i.unique and i.plain and len(i.columns) == 1]
        if position >= 0 and (position,) in alone and not self.statistics.get(table.name.lower()):
            return Known(rows, None, True)
        statistics = self.statistics.get(table.name.lower())
        column = None if statistics is None else statistics.columns.get(name.lower() if position >= 0 else name)
        if column is None or statistics is None:
            return None
        return Known(rows, column, (position,) in alone, rows / max(statistics.rows, 1))

    def value(self, expr: Expr) -> Any:
        """The value of an expression, as far as it can be known before the statement runs."""
        if isinstance(expr, Const):
            return expr.value
        if isinstance(expr, Param) and 0 <= expr.slot - LITERAL_SLOT < len(self.literals):
            return self.literals[expr.slot - LITERAL_SLOT]
        return UNKNOWN

    # ---------------------------------------------------------------------------------------------- conditions

    def selectivity(self, condition: Expr | None) -> float:
        """The share of rows a condition leaves."""
        share = 1.0
        ranges: dict[int, list[tuple[str, Any]]] = {}
        for part in conjuncts(condition):
            bound = self._range_of(part)
            if bound is None:
                share *= self._one(part)
            else:
                ranges.setdefault(bound[0], []).append(bound[1:])
        for number, bounds in ranges.items():
            share *= self.range_share(self.columns.get(number), bounds)
        return share

    def _range_of(self, part: Expr) -> tuple[int, str, Any] | None:
        if isinstance(part, Call) and part.function.name in ("<", "<=", ">", ">="):
            left, right = part.args
            if isinstance(left, Column) and not isinstance(right, Column):
                return left.id, part.function.name, self.value(right)
            if isinstance(right, Column) and not isinstance(left, Column):
                return right.id, _MIRROR[part.function.name], self.value(left)
        return None

    @staticmethod
    def range_share(known: Known | None, bounds: list[tuple[str, Any]]) -> float:
        """The share of rows within bounds (operator, value) of one column."""
        lower = next(((value, op == ">=") for op, value in bounds if op in (">", ">=")), None)
        upper = next(((value, op == "<=") for op, value in bounds if op in ("<", "<=")), None)
        share = None if known is None else known.between(lower, upper)
        if share is not None:
            return share
        return BETWEEN if lower is not None and upper is not None else RANGE

    def _one(self, part: Expr) -> float:
        """The share of one condition that is no range."""
        if isinstance(part, Logic):
            if part.op == "AND":
                return self.selectivity(part)
            missed = 1.0
            for operand in part.operands:
                missed *= 1.0 - self.selectivity(operand)
            return 1.0 - missed
        if isinstance(part, InItems):
            each = sum(self._equal(part.operand, self.value(item)) for item in part.items)
            return max(1.0 - each, 0.0) if part.negated else min(1.0, each)
        if isinstance(part, Const):
            return 1.0 if part.value else 0.0
        if isinstance(part, Call):
            return self._call(part)
        return OTHER

    def _call(self, part: Call) -> float:
        name = part.function.name
        if name in ("=", "<>"):
            share = self._equality(*part.args)
            return share if name == "=" else max(1.0 - share, 0.0)
        if name == "NOT":
            return max(1.0 - self.selectivity(part.args[0]), 0.0)
        if name in ("IS NULL", "IS NOT NULL") and isinstance(part.args[0], Column):
            known = self.columns.get(part.args[0].id)
            nulls = EQUAL if known is None or known.statistics is None else known.statistics.nulls
            return nulls if name == "IS NULL" else 1.0 - nulls
        if name in ("<", "<=", ">", ">="):
            return RANGE
        return 0.1 if name in ("LIKE", "ILIKE", "GLOB") else OTHER

    def _equality(self, left: Expr, right: Expr) -> float:
        if isinstance(left, Column) and isinstance(right, Column):
            found = [self.columns[c.id].distinct for c in (left, right) if c.id in self.columns]
            return 1.0 / max(found) if found else EQUAL
        if isinstance(right, Column):
            left, right = right, left
        return self._equal(left, self.value(right))

    def _equal(self, left: Expr, value: Any) -> float:
        known = self.columns.get(left.id) if isinstance(left, Column) else None
        return EQUAL if known is None else known.equal(value)

    # --------------------------------------------------------------------------------------------------- plans

    def rows(self, plan: Plan) -> float:
        """The number of rows a plan gives, at least 1 but for plans that are empty by themselves."""
        if isinstance(plan, Scan):
            return self._scan(plan)
        if isinstance(plan, Rows):
            return float(len(plan.rows))
        if isinstance(plan, (OneRow, CountRows)):
            return 1.0
        if isinstance(plan, Filter):
            return max(1.0, self.rows(plan.input) * self.selectivity(plan.condition))
        if isinstance(plan, Hashed):
            shares = [self._equal(key, UNKNOWN) for key in plan.keys]
            return max(1.0, self.rows(plan.input) * _together(shares))
        if isinstance(plan, Join):
            return self._join(plan)
        if isinstance(plan, Group):
            return self._groups(plan.keys, self.rows(plan.input)) if plan.keys else 1.0
        if isinstance(plan, Distinct):
            return self._groups(plan.input.columns, self.rows(plan.input))
        if isinstance(plan, Limit):
            inner = self.rows(plan.input)
            known = UNKNOWN if plan.limit is None else self.value(plan.limit)
            return min(inner, float(known)) if isinstance(known, int) and known >= 0 else inner
        if isinstance(plan, SetOp):
            left, right = self.rows(plan.left), self.rows(plan.right)
            return left + right if plan.op == "UNION" else left
        below = inputs(plan)
        return self.rows(below[0]) if below else SYSTEM_ROWS

    def _groups(self, keys: Sequence[Expr], rows: float) -> float:
        """How many different combinations of values there are among so many rows."""
        found = 1.0
        for key in keys:
            known = self.columns.get(key.id) if isinstance(key, Column) else None
            found *= max(1.0, rows * 0.1) if known is None else known.distinct
        return max(1.0, min(found, rows))

    def _scan(self, plan: Scan) -> float:
        return max(1.0, self._found(plan))

    def _found(self, plan: Scan) -> float:
        """The rows a scan finds on average, also less than one."""
        rows = self.table_rows(plan.table) * self.access_share(plan.table, plan.access)
        return rows * self.selectivity(plan.filter)

    def access_share(self, table: Table, access: Any) -> float:
        """The share of a table's rows that an access reads."""
        rows = self.table_rows(table)
        if isinstance(access, AnyOf):
            known = self._key_column(table, access.index, 0)
            each = (
                1.0 / rows if access.unique else EQUAL if known is None else known.equal(self.value(value))
                for value in access.values
            )  # fmt: skip
            return min(1.0, sum(each))
        if not isinstance(access, KeyAccess):
            return 1.0
        if access.unique:
            return 1.0 / rows
        shares: list[float] = []
        for i, value in enumerate(access.equal):
            known = self._key_column(table, access.index, i)
            shares.append(EQUAL if known is None else known.equal(self.value(value)))
        share = _together(shares)
        bounds = [
            (sign + ("=" if bound.inclusive else ""), self.value(bound.value))
            for sign, bound in ((">", access.lower), ("<", access.upper))
            if bound is not None
        ]
        if bounds:
            share *= self.range_share(self._key_column(table, access.index, len(access.equal)), bounds)
        return share

    def _key_column(self, table: Table, index: Index | None, place: int) -> Known | None:
        if index is None and table.key is KeyKind.ROWID:
            return Known(self.table_rows(table), None, True)
        column = (table.primary_key if index is None else index.columns)[place]
        return self.known(table, column.position, table.name_of(column))

    def _join(self, plan: Join) -> float:
        left, right = self.rows(plan.left), self.rows(plan.right)
        if plan.method == "lookup" and isinstance(plan.right, Scan):
            rows = left * self._found(plan.right)
        else:
            rows = self.joined(left, right, list(zip(plan.left_keys, plan.right_keys, strict=True)))
        rows *= self.selectivity(plan.on)
        return max(rows, left if plan.kind in ("LEFT", "FULL") else 1.0)

    def joined(self, left: float, right: float, keys: Sequence[tuple[Expr, Expr]]) -> float:
        """The rows of a join of so many rows on both sides over equalities."""
        shares = []
        for pair in keys:
            found = [
                self.columns[key.id].distinct for key in pair if isinstance(key, Column) and key.id in self.columns
            ]
            shares.append(1.0 / max(found) if found else 1.0 / max(min(left, right), 1.0))
        return max(1.0, left * right * _together(shares))


def _together(shares: Sequence[float]) -> float:
    """The share left by several equalities: the strictest counts fully, each further one less."""
    share, weight = 1.0, 1.0
    for one in sorted(shares):
        share *= one**weight
        weight /= 2
    return share
