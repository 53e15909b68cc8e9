"""Bound expressions: what an expression means once names are columns and operators are functions.

    Const  Param  Column  Call  Logic  Case  InItems  SubqueryExpr  Aggregate  WindowCall

Every expression has a static `type` (Type.ANY where only running tells). Columns are known by a number that is unique
in a statement, not by a place in a row: rules of the optimiser may move expressions without rewriting them, and the
compiler looks up the place last. Expressions are immutable and compare by structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from engine.base.dataclass import dataclass, replace
from engine.record.types import Type, Value

if TYPE_CHECKING:
    from engine.sql.declaration import Function
    from engine.sql.plan import Plan


@dataclass(frozen=True, slots=True)
class Expr:
    """Any bound expression."""

    type: Type


@dataclass(frozen=True, slots=True)
class Const(Expr):
    """A constant. Compared with its type: 1, 1.0 and TRUE are three constants."""

    value: Value


@dataclass(frozen=True, slots=True)
class Param(Expr):
    """A parameter, by its slot. Its type is ANY unless it stands for a literal."""

    slot: int


@dataclass(frozen=True, slots=True)
class Column(Expr):
    """A column by its number; `name` is for people and takes no part in comparison (numbers are unique)."""

    id: int
    name: str
    collation: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Column) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """An operator or function over its arguments."""

    function: Function
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Logic(Expr):
    """AND or OR of two or more conditions, three-valued."""

    op: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Case(Expr):
    """CASE of conditions; the form with an operand is bound as comparisons."""

    whens: tuple[tuple[Expr, Expr], ...]
    default: Expr | None


@dataclass(frozen=True, slots=True)
class InItems(Expr):
    """operand [NOT] IN (items)."""

    operand: Expr
    items: tuple[Expr, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class SubqueryExpr(Expr):
    """A query inside an expression. kind is "scalar", "exists" or "in"; operands only for "in".

    outer: the columns of enclosing queries its plan looks at, and args their values where the expression stands;
    without them it runs once a statement.
    """

    kind: str
    plan: Plan
    outer: tuple[Column, ...]
    args: tuple[Expr, ...]
    operands: tuple[Expr, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Aggregate(Expr):
    """An aggregate function inside an Aggregate node of the plan."""

    function: Function
    args: tuple[Expr, ...]
    distinct: bool = False
    filter: Expr | None = None
    order_by: tuple[tuple[Expr, bool, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """The rows a window function looks at, around the present one.

    unit: ROWS, RANGE or GROUPS. start, end: kinds of bound as in ast.FrameBound, with their offsets. exclude: None,
    "CURRENT ROW", "GROUP" or "TIES".
    """

    unit: str = "RANGE"
    start: str = "UNBOUNDED PRECEDING"
    start_offset: Expr | None = None
    end: str = "CURRENT ROW"
    end_offset: Expr | None = None
    exclude: str | None = None


@dataclass(frozen=True, slots=True)
class WindowCall(Expr):
    """A function over a window, inside a Window node of the plan. order_by: (expression, descending, NULLs last)."""

    function: Function
    args: tuple[Expr, ...]
    filter: Expr | None = None
    partition_by: tuple[Expr, ...] = ()
    order_by: tuple[tuple[Expr, bool, bool], ...] = ()
    frame: Frame = Frame()

    def map(self, change: Callable[[Expr], Expr]) -> WindowCall:
        """The call with `change` applied to every expression directly below."""
        return replace(
            self,
            args=tuple(change(arg) for arg in self.args),
            filter=None if self.filter is None else change(self.filter),
            partition_by=tuple(change(key) for key in self.partition_by),
            order_by=tuple((change(key), descending, last) for key, descending, last in self.order_by),
        )


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly below; of a subquery its operands and the outer values it needs."""
    if isinstance(expr, Call):
        return expr.args
    if isinstance(expr, Logic):
        return expr.operands
    if isinstance(expr, Case):
        inner = tuple(part for when in expr.whens for part in when)
        return inner if expr.default is None else (*inner, expr.default)
    if isinstance(expr, InItems):
        return (expr.operand, *expr.items)
    if isinstance(expr, SubqueryExpr):
        return (*expr.operands, *expr.args)
    if isinstance(expr, Aggregate):
        extra = () if expr.filter is None else (expr.filter,)
        return (*expr.args, *extra, *(key for key, _, _ in expr.order_by))
    if isinstance(expr, WindowCall):
        extra = () if expr.filter is None else (expr.filter,)
        return (*expr.args, *extra, *expr.partition_by, *(key for key, _, _ in expr.order_by))
    return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all below it."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(children(node))


def columns_of(expr: Expr) -> set[int]:
    """The numbers of the columns an expression looks at, also those of enclosing queries."""
    return {node.id for node in walk(expr) if isinstance(node, Column)}


def rewrite(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The expression with parts replaced, from the top: where `change` gives one it stands, else the parts are looked at.

    Of a subquery its operands and arguments are rewritten; its plan goes on speaking of its outer columns.
    """
    changed = change(expr)
    if changed is not None:
        return changed
    if isinstance(expr, Call):
        first, chain = _spine(expr)
        changed_first = rewrite(first, change) if first is not expr else None
        if changed_first is None:
            args = tuple(rewrite(arg, change) for arg in expr.args)
            return expr if args == expr.args else replace(expr, args=args)
        for node in chain:
            if node is not expr:
                other = change(node)
                if other is not None:
                    changed_first = other
                    continue
            args = (changed_first, *(rewrite(arg, change) for arg in node.args[1:]))
            changed_first = replace(node, args=args)
        return changed_first
    if isinstance(expr, Logic):
        return replace(expr, operands=tuple(rewrite(part, change) for part in expr.operands))
    if isinstance(expr, Case):
        whens = tuple((rewrite(a, change), rewrite(b, change)) for a, b in expr.whens)
        return replace(expr, whens=whens, default=None if expr.default is None else rewrite(expr.default, change))
    if isinstance(expr, InItems):
        items = tuple(rewrite(item, change) for item in expr.items)
        return replace(expr, operand=rewrite(expr.operand, change), items=items)
    if isinstance(expr, SubqueryExpr):
        args = tuple(rewrite(part, change) for part in expr.args)
        return replace(expr, args=args, operands=tuple(rewrite(part, change) for part in expr.operands))
    if isinstance(expr, WindowCall):
        return expr.map(lambda part: rewrite(part, change))
    return expr


def _spine(expr: Call) -> tuple[Expr, list[Call]]:
    """The first operand of a chain of binary operators leaning left, and its nodes from the inside out."""
    chain = [expr]
    while len(chain[-1].args) == 2 and isinstance(chain[-1].args[0], Call) and len(chain[-1].args[0].args) == 2:
        chain.append(chain[-1].args[0])
    chain.reverse()
    return (chain[0].args[0], chain) if len(chain) > 1 else (expr, chain)


def conjuncts(condition: Expr | None) -> list[Expr]:
    """The parts of a condition that all must hold."""
    if condition is None:
        return []
    if isinstance(condition, Logic) and condition.op == "AND":
        return [part for operand in condition.operands for part in conjuncts(operand)]
    return [condition]


def conjunction(parts: list[Expr]) -> Expr | None:
    """One condition out of several; None for none."""
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Logic(Type.BOOLEAN, "AND", tuple(parts))
