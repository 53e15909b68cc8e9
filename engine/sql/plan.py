"""Plans: trees of immutable nodes, first as the binder writes them, then as the optimiser leaves them.

    OneRow  Rows  Scan  SystemScan  Filter  Project  Join  Hashed  Kept  Group  Window  Sort  Limit  Distinct  SetOp  Recurse  Working
    Columnar: what is below it runs in the column gear

Every node has `columns`, what its rows hold in this order. A node says what is to be done and, where there is a choice
(`Scan.access`, `Join.method`), how; both gears of the executor work from the same nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.base.dataclass import dataclass, field
from engine.catalog.objects import Index, Table
from engine.sql.expr import Aggregate, Column, Expr, WindowCall, columns_of


@dataclass(frozen=True, slots=True)
class Plan:
    """Any node."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class OneRow(Plan):
    """A single row without columns: what a SELECT without FROM reads."""


@dataclass(frozen=True, slots=True)
class Rows(Plan):
    """The rows of VALUES."""

    rows: tuple[tuple[Expr, ...], ...]


@dataclass(frozen=True, slots=True)
class FullScan:
    """All rows of the table, in the order of its key."""

    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range."""

    value: Expr
    inclusive: bool


@dataclass(frozen=True, slots=True)
class KeyAccess:
    """Rows found by the table's key (index None) or an index: leading columns equal, then perhaps a range of the next one.

    equal: the wanted values of the leading columns. lower, upper: bounds of the column behind them. unique: at most one
    row can be found (all columns of a unique key are given). terms: the conditions it was made of; where the values have
    their columns' types, all rows that are found meet them.
    """

    index: Index | None
    equal: tuple[Expr, ...]
    lower: Bound | None = None
    upper: Bound | None = None
    unique: bool = False
    reverse: bool = False
    terms: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Rows whose leading key column equals one of several values (IN); duplicates are found once."""

    index: Index | None
    values: tuple[Expr, ...]
    unique: bool = False


Access = FullScan | KeyAccess | AnyOf


@dataclass(frozen=True, slots=True)
class Scan(Plan):
    """Rows of a table. positions: the places of `columns` in the table; filter: tested on `columns`."""

    table: Table
    positions: tuple[int, ...]
    alias: str
    access: Access = field(default_factory=FullScan)
    filter: Expr | None = None


@dataclass(frozen=True)
class SystemTable:
    """A table computed on demand: sys.*.

    names, types: of its columns. provider(args, session) gives its rows. least, most: how many arguments it takes.
    """

    name: str
    names: tuple[str, ...]
    types: tuple[Any, ...]
    provider: Callable[[tuple[Any, ...], Any], Iterable[tuple[Any, ...]]] = field(compare=False)
    least: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class SystemScan(Plan):
    """Rows of a system table."""

    table: SystemTable
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Filter(Plan):
    """Rows for which the condition is true."""

    input: Plan
    condition: Expr


@dataclass(frozen=True, slots=True)
class Project(Plan):
    """For each row, the values of expressions."""

    input: Plan
    exprs: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Join(Plan):
    """Pairs of rows. kind: INNER, LEFT, RIGHT, FULL.

    method: "loop" (each pair is tried), "hash" (a table of the right side by right_keys, probed with left_keys), or
    "lookup" (the right side is run anew for each left row, whose columns its access uses). on: what pairs must satisfy;
    with "hash" what is left of it beyond the keys.
    """

    kind: str
    left: Plan
    right: Plan
    on: Expr | None = None
    method: str = "loop"
    left_keys: tuple[Expr, ...] = ()
    right_keys: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Hashed(Plan):
    """The rows of `input` whose `keys` equal `values`, which speak of enclosing queries; hashed once a statement."""

    input: Plan
    keys: tuple[Expr, ...]
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Kept(Plan):
    """The rows of `input`, computed once a statement: part of a subquery that runs often, the same each time."""

    input: Plan


@dataclass(frozen=True, slots=True)
class Columnar(Plan):
    """The rows of `input`, which is computed in the column gear. read: how many rows that touches, by estimate."""

    input: Plan
    read: float


@dataclass(frozen=True, slots=True)
class Group(Plan):
    """One row a group: the values of `keys`, then of `aggregates`. Without keys exactly one row."""

    input: Plan
    keys: tuple[Expr, ...]
    aggregates: tuple[Aggregate, ...]


@dataclass(frozen=True, slots=True)
class Window(Plan):
    """Each row followed by the values of `calls`, which all have the same partitions and order; rows come in that order."""

    input: Plan
    calls: tuple[WindowCall, ...]


@dataclass(frozen=True, slots=True)
class CountRows(Plan):
    """count(*) of a whole table, without reading its rows."""

    table: Table


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order."""

    expr: Expr
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Sort(Plan):
    """The rows in order. limit, offset: of the LIMIT above, where only the first rows are needed (top-k)."""

    input: Plan
    keys: tuple[SortKey, ...]
    limit: Expr | None = None
    offset: Expr | None = None


@dataclass(frozen=True, slots=True)
class Limit(Plan):
    """At most `limit` rows after the first `offset`."""

    input: Plan
    limit: Expr | None
    offset: Expr | None


@dataclass(frozen=True, slots=True)
class Distinct(Plan):
    """Each row once."""

    input: Plan


@dataclass(frozen=True, slots=True)
class SetOp(Plan):
    """UNION, INTERSECT or EXCEPT."""

    op: str
    all: bool
    left: Plan
    right: Plan


@dataclass(frozen=True, slots=True)
class Recurse(Plan):
    """WITH RECURSIVE: the rows of `first`, then again and again of `step` over the rows before (Working), until none is new."""

    name: str
    first: Plan
    step: Plan
    all: bool
    key: int


@dataclass(frozen=True, slots=True)
class Working(Plan):
    """Inside Recurse: the rows of the round before."""

    key: int


def inputs(plan: Plan) -> tuple[Plan, ...]:
    """The nodes directly below."""
    if isinstance(plan, (Filter, Project, Hashed, Kept, Columnar, Group, Window, Sort, Limit, Distinct)):
        return (plan.input,)
    if isinstance(plan, (Join, SetOp)):
        return (plan.left, plan.right)
    if isinstance(plan, Recurse):
        return (plan.first, plan.step)
    return ()


def exprs(plan: Plan) -> list[Expr]:
    """The expressions of a node itself."""
    found: list[Expr | None] = []
    if isinstance(plan, Scan):
        found = [plan.filter, *access_values(plan.access)]
    elif isinstance(plan, SystemScan):
        found = [*plan.args]
    elif isinstance(plan, Rows):
        found = [value for row in plan.rows for value in row]
    elif isinstance(plan, Filter):
        found = [plan.condition]
    elif isinstance(plan, Project):
        found = [*plan.exprs]
    elif isinstance(plan, Join):
        found = [plan.on, *plan.left_keys, *plan.right_keys]
    elif isinstance(plan, Hashed):
        found = [*plan.keys, *plan.values]
    elif isinstance(plan, Group):
        found = [*plan.keys, *plan.aggregates]
    elif isinstance(plan, Window):
        found = [*plan.calls]
    elif isinstance(plan, Sort):
        found = [*(key.expr for key in plan.keys), plan.limit, plan.offset]
    elif isinstance(plan, Limit):
        found = [plan.limit, plan.offset]
    return [expr for expr in found if expr is not None]


def access_values(access: Access) -> list[Expr]:
    """The values an access looks for."""
    if isinstance(access, AnyOf):
        return list(access.values)
    if isinstance(access, KeyAccess):
        return [*access.equal, *(bound.value for bound in (access.lower, access.upper) if bound is not None)]
    return []


def outer_columns(plan: Plan) -> set[int]:
    """The columns a plan looks at that none of its nodes gives: those of enclosing queries."""
    used: set[int] = set()
    own: set[int] = set()
    stack = [plan]
    while stack:
        node = stack.pop()
        own.update(column.id for column in node.columns)
        for expr in exprs(node):
            used |= columns_of(expr)
        stack.extend(inputs(node))
    return used - own
