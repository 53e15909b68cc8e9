"""Chooses how a table is read: by its key, by an index, or whole; and where a join looks rows up instead of hashing them.

A partial index is used where the conditions imply its own (implication.py), an index over expressions where a condition
speaks of the same expression. An index is used for the leading columns its conditions give values for, and a range of the next one. Preferred is what
leaves the fewest rows by estimate; the table's own key before an index, because it needs no second look.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.base.dataclass import dataclass, replace
from engine.catalog.catalog import Schema
from engine.catalog.objects import Index, KeyKind
from engine.record.types import NUMERIC, Type
from engine.sql import functions as fn
from engine.sql.binder import Binder
from engine.sql.expr import Call, Column, Expr, InItems, SubqueryExpr, columns_of, conjunction, conjuncts, walk
from engine.sql.optimise.estimates import Estimates
from engine.sql.optimise.implication import implied
from engine.sql.plan import Access, AnyOf, Bound, FullScan, Join, KeyAccess, Plan, Recurse, Scan, SetOp, inputs
from engine.sql.row_exprs import bind_row_expr

LOOKUP_COST = 5.0
"""What finding one place by a key costs, in rows read in sequence."""
INDEX_ROW = 2.5
"""What a row found through an index costs, in rows read in sequence: it lies somewhere else."""


def access_paths(plan: Plan, estimates: Estimates) -> Plan:
    """The rule."""
    if isinstance(plan, Scan):
        return choose(plan, estimates)
    if isinstance(plan, Join):
        return _join(plan, estimates)
    if isinstance(plan, SetOp):
        return replace(plan, left=access_paths(plan.left, estimates), right=access_paths(plan.right, estimates))
    if isinstance(plan, Recurse):
        return plan
    if inputs(plan):
        return replace(plan, input=access_paths(plan.input, estimates))  # type: ignore[attr-defined, call-arg]
    return plan


@dataclass(frozen=True, slots=True)
class Term:
    """A condition `target op value` in which the value does not depend on the scanned table.

    target: the position of a column, or an expression over the table's columns.
    """

    target: int | Expr
    op: str
    value: Expr
    condition: Expr
    exact: bool


_MIRROR = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _target(expr: Expr, places: dict[int, int]) -> int | Expr | None:
    """What an index could hold of a side of a condition; None where it is not the scanned table's."""
    if isinstance(expr, Column):
        return places.get(expr.id)
    used = columns_of(expr)
    return expr if used and used <= places.keys() else None


def _terms(scan: Scan) -> Iterator[Term]:
    places = {column.id: position for column, position in zip(scan.columns, scan.positions, strict=True)}
    expressions = any(c.expr is not None for index in scan.table.indexes for c in index.columns)
    for condition in conjuncts(scan.filter):
        if not isinstance(condition, Call) or condition.function.name not in _MIRROR:
            continue
        for column, value, op in (
            (condition.args[0], condition.args[1], condition.function.name),
            (condition.args[1], condition.args[0], _MIRROR[condition.function.name]),
        ):
            target = _target(column, places) if expressions or isinstance(column, Column) else None
            if target is None or columns_of(value) & places.keys():
                continue
            if any(isinstance(part, SubqueryExpr) for part in walk(value)) and op != "=":
                continue
            exact = value.type is column.type and value.type is not Type.ANY
            yield Term(target, op, value, condition, exact)


Targets = tuple[int | Expr, ...]


def _keys(scan: Scan) -> Iterator[tuple[Index | None, Targets, bool]]:
    """The table's key and those of its indexes that hold every wanted row: what they hold, and whether it is unique."""
    table = scan.table
    if table.key is KeyKind.ROWID:
        yield None, (len(table.columns),), True
    else:
        yield None, tuple(column.position for column in table.primary_key), True
    for index in table.indexes:
        if index.plain:
            yield index, tuple(column.position for column in index.columns), index.unique
        elif index_serves(index, scan):
            yield index, _index_targets(index, scan), index.unique


def index_serves(index: Index, scan: Scan) -> bool:
    """Whether an index has every row the scan's conditions leave."""
    if index.where is None:
        return True
    columns = _table_columns(scan)
    if columns is None:
        return False
    condition, _ = bind_row_expr(_binder(), scan.table, index.where, "in a partial index", columns)
    return implied(condition, conjuncts(scan.filter))


def _index_targets(index: Index, scan: Scan) -> Targets:
    columns = _table_columns(scan)
    targets: list[int | Expr] = []
    for column in index.columns:
        if column.expr is None:
            targets.append(column.position)
        elif columns is not None:
            targets.append(bind_row_expr(_binder(), scan.table, column.expr, "in an index", columns)[0])
    return tuple(targets) if len(targets) == len(index.columns) else ()


def _table_columns(scan: Scan) -> tuple[Column, ...] | None:
    """The scan's columns in the table's order; None where it has not all of them."""
    by_position = dict(zip(scan.positions, scan.columns, strict=True))
    found = tuple(by_position[i] for i in range(len(scan.table.columns)) if i in by_position)
    return found if len(found) == len(scan.table.columns) else None


def _binder() -> Binder:
    return Binder("", Schema(), {})


@dataclass(frozen=True, slots=True)
class Choice:
    """An access, the conditions it makes superfluous, and what it costs, in rows read in sequence."""

    access: Access
    covered: tuple[Expr, ...]
    cost: float


def choose(scan: Scan, estimates: Estimates) -> Scan:
    """The scan with its cheapest access."""
    total = estimates.table_rows(scan.table)
    terms = list(_terms(scan))
    best = Choice(FullScan(), (), total)
    for index, columns, unique in _keys(scan):
        if not columns:
            continue
        found = _match(index, columns, unique, terms) or _any_of(scan, index, columns, unique)
        if found is not None:
            cost = _cost(scan, found[0], total, estimates)
            if cost < best.cost:
                best = Choice(found[0], found[1], cost)
    if isinstance(best.access, FullScan):
        return scan
    rest = [part for part in conjuncts(scan.filter) if part not in best.covered]
    return replace(scan, access=best.access, filter=conjunction(rest))


def _cost(scan: Scan, access: KeyAccess | AnyOf, total: float, estimates: Estimates) -> float:
    """Of an access; in a small table a place is found at once."""
    rows = estimates.access_share(scan.table, access) * total
    places = len(access.values) if isinstance(access, AnyOf) else 1
    cost = rows * (1.0 if access.index is None else INDEX_ROW) + places * min(LOOKUP_COST, total / 20)
    exact = isinstance(access, KeyAccess) and (access.unique or len(access.equal) > 0)
    return min(cost, max(0.5, total - 0.5)) if exact and total < 50 else cost


def _match(
    index: Index | None, columns: Targets, unique: bool, terms: list[Term]
) -> tuple[KeyAccess, tuple[Expr, ...]] | None:
    """Equalities for the leading columns, then perhaps a range."""
    equal: list[Term] = []
    for column in columns:
        found = next((t for t in terms if t.target == column and t.op == "="), None)
        if found is None:
            break
        equal.append(found)
    lower = upper = None
    if len(equal) < len(columns):
        column = columns[len(equal)]
        lower = next((t for t in terms if t.target == column and t.op in (">", ">=")), None)
        upper = next((t for t in terms if t.target == column and t.op in ("<", "<=")), None)
    if not equal and lower is None and upper is None:
        return None
    whole = unique and len(equal) == len(columns)
    access = KeyAccess(
        index,
        tuple(term.value for term in equal),
        None if lower is None else Bound(lower.value, lower.op == ">="),
        None if upper is None else Bound(upper.value, upper.op == "<="),
        whole,
        terms=tuple(term.condition for term in (*equal, lower, upper) if term is not None),
    )
    covered = [term.condition for term in equal]
    covered += [term.condition for term in (lower, upper) if term is not None and term.exact]
    return access, tuple(covered)


def _any_of(scan: Scan, index: Index | None, columns: Targets, unique: bool) -> tuple[AnyOf, tuple[Expr, ...]] | None:
    """column IN (values) for the leading column."""
    places = {column.id: position for column, position in zip(scan.columns, scan.positions, strict=True)}
    for condition in conjuncts(scan.filter):
        if not isinstance(condition, InItems) or condition.negated:
            continue
        if _target(condition.operand, places) != columns[0]:
            continue
        if any(isinstance(part, (Column, SubqueryExpr)) for item in condition.items for part in walk(item)):
            continue
        return AnyOf(index, condition.items, unique and len(columns) == 1), (condition,)
    return None


def _join(plan: Join, estimates: Estimates) -> Plan:
    """A hash join, or lookups of the right table's rows where few are looked up."""
    left = access_paths(plan.left, estimates)
    plan = replace(plan, left=left, columns=(*left.columns, *plan.right.columns))
    if plan.method == "hash" and plan.kind in ("INNER", "LEFT") and isinstance(plan.right, Scan):
        looked_up = _lookup(plan, plan.right, estimates)
        if looked_up is not None:
            return looked_up
    right = access_paths(plan.right, estimates)
    return replace(plan, right=right, columns=(*left.columns, *right.columns))


def _lookup(plan: Join, right: Scan, estimates: Estimates) -> Join | None:
    equalities: list[Expr] = []
    for a, b in zip(plan.left_keys, plan.right_keys, strict=True):
        if not (a.type is b.type or (a.type in NUMERIC and b.type in NUMERIC)):
            return None
        equalities.append(Call(Type.BOOLEAN, fn.COMPARE["="], (b, a)))
    scan = choose(replace(right, filter=conjunction(conjuncts(right.filter) + equalities)), estimates)
    if not isinstance(scan.access, KeyAccess) or not scan.access.equal:
        return None
    used = {number for value in scan.access.equal for number in columns_of(value)}
    if not used & {column.id for column in plan.left.columns}:
        return None
    each = estimates.access_share(right.table, scan.access) * estimates.table_rows(right.table)
    looked = estimates.rows(plan.left) * (LOOKUP_COST + each * (1.0 if scan.access.index is None else INDEX_ROW))
    if looked >= estimates.table_rows(right.table):
        return None
    return replace(plan, right=scan, method="lookup", left_keys=(), right_keys=())
