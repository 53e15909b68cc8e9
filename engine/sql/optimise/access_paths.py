"""Chooses how a table is read: by its key, by an index, or whole; and where a join looks rows up instead of hashing them.

An index is used for the leading columns its conditions give values for, and a range of the next one. Preferred is what
leaves the fewest rows by estimate; the table's own key before an index, because it needs no second look.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.catalog.objects import Index, IndexColumn, KeyKind, Table
from engine.record.types import NUMERIC, Type
from engine.sql import functions as fn
from engine.sql.expr import Call, Column, Expr, InItems, SubqueryExpr, columns_of, conjunction, conjuncts, walk
from engine.sql.optimise.estimates import EQUAL, RANGE, Estimates
from engine.sql.plan import Access, AnyOf, Bound, FullScan, Join, KeyAccess, Plan, Recurse, Scan, SetOp, inputs

LOOKUP_COST = 5.0
"""What finding one row by a key costs, in rows read in sequence."""


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
    """A condition `column op value` in which the value does not depend on the scanned table."""

    position: int
    op: str
    value: Expr
    condition: Expr
    exact: bool


_MIRROR = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _terms(scan: Scan) -> Iterator[Term]:
    places = {column.id: position for column, position in zip(scan.columns, scan.positions, strict=True)}
    for condition in conjuncts(scan.filter):
        if not isinstance(condition, Call) or condition.function.name not in _MIRROR:
            continue
        for column, value, op in (
            (condition.args[0], condition.args[1], condition.function.name),
            (condition.args[1], condition.args[0], _MIRROR[condition.function.name]),
        ):
            if not isinstance(column, Column) or column.id not in places or columns_of(value) & places.keys():
                continue
            if any(isinstance(part, SubqueryExpr) for part in walk(value)) and op != "=":
                continue
            exact = value.type is column.type and value.type is not Type.ANY
            yield Term(places[column.id], op, value, condition, exact)


def _keys(table: Table) -> Iterator[tuple[Index | None, tuple[IndexColumn, ...], bool]]:
    """The table's key and its indexes: columns and whether they are unique together."""
    if table.key is KeyKind.ROWID:
        yield None, (IndexColumn(len(table.columns)),), True
    else:
        yield None, table.primary_key, True
    for index in table.indexes:
        if index.plain:
            yield index, index.columns, index.unique


@dataclass(frozen=True, slots=True)
class Choice:
    """An access, the conditions it makes superfluous, and the rows it reads."""

    access: Access
    covered: tuple[Expr, ...]
    rows: float


def choose(scan: Scan, estimates: Estimates) -> Scan:
    """The scan with its cheapest access."""
    total = estimates.table_rows(scan.table)
    terms = list(_terms(scan))
    best = Choice(FullScan(), (), total)
    for index, columns, unique in _keys(scan.table):
        found = _match(index, columns, unique, terms, total) or _any_of(scan, index, columns, unique, total)
        if found is not None and found.rows * (2.0 if index else 1.0) < best.rows * (2.0 if _indexed(best) else 1.0):
            best = found
    if isinstance(best.access, FullScan):
        return scan
    rest = [part for part in conjuncts(scan.filter) if part not in best.covered]
    return replace(scan, access=best.access, filter=conjunction(rest))


def _indexed(choice: Choice) -> bool:
    return isinstance(choice.access, (KeyAccess, AnyOf)) and choice.access.index is not None


def _match(
    index: Index | None, columns: tuple[IndexColumn, ...], unique: bool, terms: list[Term], total: float
) -> Choice | None:
    """Equalities for the leading columns, then perhaps a range."""
    equal: list[Term] = []
    for column in columns:
        found = next((t for t in terms if t.position == column.position and t.op == "="), None)
        if found is None:
            break
        equal.append(found)
    lower = upper = None
    if len(equal) < len(columns):
        position = columns[len(equal)].position
        lower = next((t for t in terms if t.position == position and t.op in (">", ">=")), None)
        upper = next((t for t in terms if t.position == position and t.op in ("<", "<=")), None)
    if not equal and lower is None and upper is None:
        return None
    whole = unique and len(equal) == len(columns)
    rows = 1.0 if whole else total * EQUAL ** len(equal) * (RANGE if lower or upper else 1.0)
    access = KeyAccess(
        index,
        tuple(term.value for term in equal),
        None if lower is None else Bound(lower.value, lower.op == ">="),
        None if upper is None else Bound(upper.value, upper.op == "<="),
        whole,
    )
    covered = [term.condition for term in equal]
    covered += [term.condition for term in (lower, upper) if term is not None and term.exact]
    return Choice(access, tuple(covered), min(rows, max(0.5, total - 0.5)))


def _any_of(
    scan: Scan, index: Index | None, columns: tuple[IndexColumn, ...], unique: bool, total: float
) -> Choice | None:
    """column IN (values) for the leading column."""
    places = {column.id: position for column, position in zip(scan.columns, scan.positions, strict=True)}
    for condition in conjuncts(scan.filter):
        if not isinstance(condition, InItems) or condition.negated or not isinstance(condition.operand, Column):
            continue
        if places.get(condition.operand.id) != columns[0].position:
            continue
        if any(isinstance(part, (Column, SubqueryExpr)) for item in condition.items for part in walk(item)):
            continue
        whole = unique and len(columns) == 1
        each = 1.0 if whole else max(1.0, total * EQUAL)
        rows = len(condition.items) * each * (LOOKUP_COST if total > 100 else 1.0)
        return Choice(AnyOf(index, condition.items, whole), (condition,), rows)
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
    looked = estimates.rows(plan.left) * (LOOKUP_COST + estimates.rows(scan))
    if looked >= estimates.table_rows(right.table):
        return None
    return replace(plan, right=scan, method="lookup", left_keys=(), right_keys=())
