"""Puts inner joins into a cheap order and finds their hash keys.

Nested inner joins are taken apart into relations and conditions. Up to DYNAMIC_MAX relations the cheapest order in which
one relation after the other is joined is found by dynamic programming over sets (Selinger and others, 1979); of more it is
built greedily, always with the relation that adds the least. The cost of a join is the rows it gives, those it is probed
with, and what bringing in the relation costs: a hash table of its rows, or lookups where its key allows them.
"""

from __future__ import annotations

from engine.base.dataclass import dataclass, replace
from engine.sql import functions as fn
from engine.sql.expr import Call, Column, Expr, columns_of, conjunction, conjuncts
from engine.sql.optimise.access_paths import LOOKUP_COST
from engine.sql.optimise.estimates import Estimates
from engine.sql.plan import Filter, Join, Plan, Recurse, Scan, SetOp, inputs

DYNAMIC_MAX = 8
BUILD_ROW = 2.0
"""What a row put into a hash table costs, in rows probed with."""

Condition = tuple[Expr, int]
"""A condition and the set of relations it needs, as bits."""


def order_joins(plan: Plan, estimates: Estimates) -> Plan:
    """The rule."""
    if isinstance(plan, Join):
        if plan.kind == "INNER":
            return _order(plan, estimates)
        return with_keys(
            replace(plan, left=order_joins(plan.left, estimates), right=order_joins(plan.right, estimates))
        )
    if isinstance(plan, SetOp):
        return replace(plan, left=order_joins(plan.left, estimates), right=order_joins(plan.right, estimates))
    if isinstance(plan, Recurse):
        return plan
    if inputs(plan):
        return replace(plan, input=order_joins(plan.input, estimates))  # type: ignore[attr-defined, call-arg]
    return plan


def _flatten(plan: Plan, relations: list[Plan], conditions: list[Expr], estimates: Estimates) -> None:
    """The relations and conditions of nested inner joins."""
    stack = [plan]
    while stack:
        node = stack.pop()
        if isinstance(node, Join) and node.kind == "INNER":
            conditions += conjuncts(node.on)
            stack += [node.right, node.left]
        else:
            relations.append(order_joins(node, estimates))


def _order(plan: Join, estimates: Estimates) -> Plan:
    relations: list[Plan] = []
    found: list[Expr] = []
    _flatten(plan, relations, found, estimates)
    places = {column.id: i for i, relation in enumerate(relations) for column in relation.columns}
    conditions: list[Condition] = []
    for condition in found:
        bits = 0
        for number in columns_of(condition):
            if number in places:
                bits |= 1 << places[number]
        conditions.append((condition, bits))
    search = _Search(relations, conditions, estimates)
    order = search.best() if len(relations) <= DYNAMIC_MAX else search.greedy()
    return _build(relations, conditions, order)


def _build(relations: list[Plan], conditions: list[Condition], order: list[int]) -> Plan:
    """The joins in this order, each condition where all it needs is there."""
    current, have = relations[order[0]], 1 << order[0]
    pending = conditions
    alone = conjunction([condition for condition, bits in pending if not bits & ~have])
    if alone is not None:
        current = Filter(current.columns, current, alone)
    for place in order[1:]:
        pending = [pair for pair in pending if pair[1] & ~have]
        have |= 1 << place
        usable = conjunction([condition for condition, bits in pending if not bits & ~have])
        columns = (*current.columns, *relations[place].columns)
        current = with_keys(Join(columns, "INNER", current, relations[place], usable))
    return current


@dataclass(frozen=True, slots=True)
class _Partial:
    """The cheapest way found to join a set of relations."""

    cost: float
    rows: float
    order: tuple[int, ...]


class _Search:
    """Looks for a cheap order."""

    def __init__(self, relations: list[Plan], conditions: list[Condition], estimates: Estimates):
        self.relations = relations
        self.conditions = conditions
        self.estimates = estimates
        self.sizes = [estimates.rows(relation) for relation in relations]
        self.reads = [
            max(estimates.table_rows(r.table), 1.0) if isinstance(r, Scan) else size
            for r, size in zip(relations, self.sizes, strict=True)
        ]

    def _start(self, place: int) -> _Partial:
        return _Partial(self.reads[place], self.sizes[place], (place,))

    def best(self) -> list[int]:
        """The cheapest order of all, by dynamic programming."""
        count = len(self.relations)
        table = {1 << i: self._start(i) for i in range(count)}
        for size in range(2, count + 1):
            for have in [key for key in table if key.bit_count() == size - 1]:
                for place in range(count):
                    if not have >> place & 1:
                        made = self._join(table[have], have, place)
                        other = table.get(have | 1 << place)
                        if other is None or (made.cost, made.order) < (other.cost, other.order):
                            table[have | 1 << place] = made
        return list(table[(1 << count) - 1].order)

    def greedy(self) -> list[int]:
        """A cheap order: the smallest relation, then always what adds the least."""
        count = len(self.relations)
        first = min(range(count), key=lambda i: (self.sizes[i], i))
        made, have = self._start(first), 1 << first
        while len(made.order) < count:
            rest = (place for place in range(count) if not have >> place & 1)
            made = min((self._join(made, have, place) for place in rest), key=lambda p: (p.cost, p.order))
            have |= 1 << made.order[-1]
        return list(made.order)

    def _join(self, left: _Partial, have: int, place: int) -> _Partial:
        """One relation more."""
        bit, estimates = 1 << place, self.estimates
        keys, others = [], []
        for condition, bits in self.conditions:
            if bits & bit and not bits & ~(have | bit) and bits != bit:
                pair = _sides(condition, self.relations[place])
                if pair is None:
                    others.append(condition)
                else:
                    keys.append(pair)
        right = self.sizes[place]
        rows = estimates.joined(left.rows, right, keys) if keys else left.rows * right
        rows = max(1.0, rows * estimates.selectivity(conjunction(others)))
        if not keys:
            work = left.rows * right
            return _Partial(left.cost + self.reads[place] + 4 * work + rows, rows, (*left.order, place))
        bring = self.reads[place] + BUILD_ROW * right + left.rows
        if self._has_key(place, [b for _, b in keys]):
            bring = min(bring, left.rows * LOOKUP_COST)
        return _Partial(left.cost + bring + rows, rows, (*left.order, place))

    def _has_key(self, place: int, wanted: list[Expr]) -> bool:
        """Whether rows of a relation can be looked up by one of these columns."""
        scan = self.relations[place]
        if not isinstance(scan, Scan):
            return False
        positions = {
            position
            for column, position in zip(scan.columns, scan.positions, strict=True)
            if any(isinstance(expr, Column) and expr.id == column.id for expr in wanted)
        }
        table = scan.table
        leading = {
            key[0].position for key in (table.primary_key, *(i.columns for i in table.indexes if i.plain)) if key
        }
        return bool(positions & leading)


def _sides(condition: Expr, right: Plan) -> tuple[Expr, Expr] | None:
    """The two sides of an equality, the one over `right` second; None for what is no hash key."""
    if not isinstance(condition, Call) or condition.function is not fn.COMPARE["="]:
        return None
    ids = {column.id for column in right.columns}
    for a, b in (condition.args, condition.args[::-1]):
        used = columns_of(b)
        if used and used <= ids and not columns_of(a) & ids:
            return a, b
    return None


def with_keys(plan: Join) -> Plan:
    """The join with its equalities as hash keys, where it has any that compare like with like."""
    left_ids = {column.id for column in plan.left.columns}
    right_ids = {column.id for column in plan.right.columns}
    left_keys: list[Expr] = []
    right_keys: list[Expr] = []
    rest: list[Expr] = []
    for part in conjuncts(plan.on):
        if isinstance(part, Call) and part.function is fn.COMPARE["="]:
            a, b = part.args
            used_a, used_b = columns_of(a), columns_of(b)
            if used_a & left_ids and used_b & right_ids and not used_a & right_ids and not used_b & left_ids:
                left_keys.append(a)
                right_keys.append(b)
                continue
            if used_b & left_ids and used_a & right_ids and not used_b & right_ids and not used_a & left_ids:
                left_keys.append(b)
                right_keys.append(a)
                continue
        rest.append(part)
    if not left_keys:
        return plan
    return replace(plan, method="hash", left_keys=tuple(left_keys), right_keys=tuple(right_keys), on=conjunction(rest))
