"""Expressions of the syntax tree to bound expressions: names become columns, operators functions, types are known.

Comparisons settle here what their sides are compared as: a text literal beside a DATE, TIMESTAMP or number becomes one;
a parameter is converted when it is bound; a DATE beside a TIMESTAMP becomes one. Constant parts are computed here.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.base.errors import DatabaseError, DataError, Error, LimitError, NotSupportedError
from engine.record.types import NUMERIC, Type, convert, describe, normalise, try_convert, type_named, type_of
from engine.sql import functions as fn
from engine.sql import kernels
from engine.sql.collation import BINARY, NOCASE, bare, collation_of, compared, folded, keyed, marked
from engine.sql.declaration import Function, common_type
from engine.sql.expr import (
    Aggregate,
    Call,
    Case,
    Column,
    Const,
    Expr,
    InItems,
    Logic,
    Param,
    SubqueryExpr,
    walk,
)
from engine.sql.plan import Plan, Project
from engine.sql.scope import Scope, problem, suggestion
from grammar import ast
from grammar.node import replace

if TYPE_CHECKING:
    from engine.sql.bind_window import Windows
    from engine.sql.binder import Binder

OF_MOMENTS = {"date": 0, "time": 0, "datetime": 0, "julianday": 0, "unixepoch": 0, "strftime": 1}
"""Functions of a moment, and which of their arguments it is."""
NOW_SLOTS = {"TIMESTAMP": (-1, Type.TIMESTAMP), "DATE": (-2, Type.DATE), "TIME": (-3, Type.TEXT)}
IN_LIST_MAX = 50_000
"""Items of an IN list."""
IN_DEPTH_MAX = 3
_CONVERTED = (Type.INTEGER, Type.REAL, Type.BOOLEAN, Type.DATE, Type.TIMESTAMP)


class ExprBinder:
    """Binds the expressions of one place: a scope, and whether aggregates and windows may stand there (collected then)."""

    def __init__(
        self,
        binder: Binder,
        scope: Scope,
        aggregates: dict[Aggregate, Column] | None = None,
        place: str = "here",
        windows: Windows | None = None,
    ):
        self.binder = binder
        self.scope = scope
        self.aggregates = aggregates
        self.place = place
        self.windows = windows

    def fail(self, node: ast.Node, message: str, hint: str | None = None) -> DatabaseError:
        """An error at a node."""
        return problem(self.binder.text, node.span, message, hint)

    def bind(self, node: ast.Expr) -> Expr:
        """The meaning of an expression. Raises ProgrammingError with its place."""
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise problem(self.binder.text, node.span, f"{type(node).__name__} cannot stand {self.place}")
        return handler(self, node)

    def condition(self, node: ast.Expr) -> Expr:
        """An expression used as a condition."""
        return self.as_condition(self.bind(node), node)

    def where(self, node: ast.Expr) -> Expr:
        """A condition of which only matters where it is true.

        There x IN (a query that looks at outer columns) is EXISTS of a row of the query that equals x, for which a hash
        table over the query's own column does; the set of its rows would have to be made for each outer row.
        """
        if isinstance(node, ast.Logical) and node.op == "AND":
            return Logic(Type.BOOLEAN, "AND", tuple(self.where(operand) for operand in node.operands))
        if not isinstance(node, ast.InQuery) or node.negated or self.binder.in_depth >= IN_DEPTH_MAX:
            return self.condition(node)
        self.binder.in_depth += 1
        try:
            return self._correlated_in(node)
        finally:
            self.binder.in_depth -= 1

    def _correlated_in(self, node: ast.InQuery) -> Expr:
        """See `where`. The query is bound twice, which is why only so many may be nested."""
        bound = self.condition(node)
        if not isinstance(bound, SubqueryExpr) or not bound.outer:
            return bound
        given = node.operand.items if isinstance(node.operand, ast.RowValue) else (node.operand,)
        names = tuple(f"\0in{i}" for i in range(len(given)))  # names that no operand can mean
        equal = [
            ast.Binary("=", operand, ast.ColumnRef(name, span=node.span), span=node.span)
            for name, operand in zip(names, given, strict=True)
        ]
        condition = equal[0] if len(equal) == 1 else ast.Logical("AND", tuple(equal), span=node.span)
        source = ast.SubqueryRef(node.query, "\0in", names, span=node.span)
        items = (ast.SelectItem(ast.Literal(1, span=node.span), span=node.span),)
        inner = ast.Select(items, source, condition, span=node.span)
        return self.bind(ast.Exists(ast.Query(inner, span=node.span), span=node.span))

    def as_condition(self, expr: Expr, node: ast.Expr) -> Expr:
        """Refuses what is no condition."""
        if expr.type not in NUMERIC and expr.type not in (Type.ANY, Type.NULL):
            raise self.fail(node, f"a condition is needed, and this is {expr.type.name}")
        return expr

    # ------------------------------------------------------------------------------------------------- leaves

    def literal(self, node: ast.Literal) -> Expr:
        value = normalise(node.value)
        return Const(type_of(value), value)

    def current_time(self, node: ast.CurrentTime) -> Expr:
        slot, kind = NOW_SLOTS[node.kind]
        return Param(kind, slot)

    def parameter(self, node: ast.Parameter) -> Expr:
        slot, kind = self.binder.params.bind(node)
        return Param(kind, slot)

    def column(self, node: ast.ColumnRef) -> Expr:
        found = self.scope.resolve(node.name, node.table)
        if isinstance(found, Expr):
            return found
        full = f"{node.table}.{node.name}" if node.table else node.name
        if found:
            owners = ", ".join(sorted({f"{entry.table}.{entry.name}" for entry in found}))
            raise self.fail(node, f"the column {full} is ambiguous", f"say which: {owners}")
        close = suggestion(full, self.scope.names())
        raise self.fail(node, f"no such column: {full}", f"did you mean {close}?" if close else None)

    # ---------------------------------------------------------------------------------------------- operators

    def unary(self, node: ast.Unary) -> Expr:
        operand = self.bind(node.operand)
        if node.op == "NOT":
            return self.negation(self.as_condition(operand, node.operand))
        return self.call(fn.OPERATORS[(node.op, 1)], (operand,), node)

    @staticmethod
    def negation(condition: Expr) -> Expr:
        """NOT of a bound condition."""
        return fold(Call(Type.BOOLEAN, fn.NOT, (condition,)))

    def binary(self, node: ast.Binary) -> Expr:
        first, nodes = ast.left_spine(node)
        if len(nodes) > self.binder.chain_max:
            raise problem(
                self.binder.text, node.span,
                f"a chain of {len(nodes)} operators; at most {self.binder.chain_max} are executed", kind=LimitError,
            )  # fmt: skip
        if isinstance(first, ast.RowValue):
            return self.row_comparison(node)
        left, left_node = self.bind(first), first
        for link in nodes:
            left = self.combine(link, left, left_node)
            left_node = link
        return left

    def combine(self, node: ast.Binary, left: Expr, left_node: ast.Expr) -> Expr:
        """One link of a chain of operators."""
        right = self.bind(node.right)
        if node.op in fn.COMPARE:
            return self.comparison(node.op, left, right, node)
        function = fn.OPERATORS.get((node.op, 2))
        if function is None:
            raise problem(
                self.binder.text, node.span, f"the operator {node.op} is not supported", kind=NotSupportedError
            )
        return self.call(function, (left, right), node)

    def row_comparison(self, node: ast.Binary) -> Expr:
        """(a, b) = (c, d) and (a, b) <> (c, d); the orders lexicographically."""
        if not (isinstance(node.left, ast.RowValue) and isinstance(node.right, ast.RowValue)):
            raise self.fail(node, "a row value can be compared with a row value only")
        left, right = node.left.items, node.right.items
        if len(left) != len(right):
            raise self.fail(node, f"row values of {len(left)} and {len(right)} items cannot be compared")
        pairs = [(self.bind(a), self.bind(b)) for a, b in zip(left, right, strict=True)]
        equal = [self.comparison("=", a, b, node) for a, b in pairs]
        if node.op in ("=", "<>"):
            same = Logic(Type.BOOLEAN, "AND", tuple(equal))
            return same if node.op == "=" else self.negation(same)
        if node.op not in fn.COMPARE:
            raise self.fail(node, f"the operator {node.op} does not take row values")
        strict = node.op[0]
        result = self.comparison(node.op, *pairs[-1], node)
        for i in range(len(pairs) - 2, -1, -1):
            tie = Logic(Type.BOOLEAN, "AND", (equal[i], result))
            result = Logic(Type.BOOLEAN, "OR", (self.comparison(strict, *pairs[i], node), tie))
        return result

    def comparison(self, sign: str, left: Expr, right: Expr, node: ast.Node) -> Expr:
        """left sign right, of bound sides."""
        left, right = self.harmonise(*compared(left, right), node)
        plain = comparable(left.type, right.type)
        table = fn.COMPARE if plain else fn.COMPARE_ANY
        return fold(Call(Type.BOOLEAN, table[sign], (left, right)))

    def harmonise(self, left: Expr, right: Expr, node: ast.Node) -> tuple[Expr, Expr]:
        """Both sides as what they are compared as."""
        if left.type is right.type:
            return left, right
        try:
            return coerce(left, right.type), coerce(right, left.type)
        except DataError as error:
            raise self.fail(node, str(error)) from None

    def logical(self, node: ast.Logical) -> Expr:
        operands = tuple(self.condition(operand) for operand in node.operands)
        return Logic(Type.BOOLEAN, node.op, operands)

    def is_null(self, node: ast.IsNull) -> Expr:
        function = fn.IS_NOT_NULL if node.negated else fn.IS_NULL
        return fold(Call(Type.BOOLEAN, function, (self.bind(node.operand),)))

    def is_truth(self, node: ast.IsTruth) -> Expr:
        return fold(Call(Type.BOOLEAN, fn.IS_TRUTH[(node.truth, node.negated)], (self.condition(node.operand),)))

    def is_distinct(self, node: ast.IsDistinct) -> Expr:
        sides = self.harmonise(*compared(self.bind(node.left), self.bind(node.right)), node)
        function = fn.IS_NOT_DISTINCT if node.negated else fn.IS_DISTINCT
        return fold(Call(Type.BOOLEAN, function, sides))

    def between(self, node: ast.Between) -> Expr:
        operand = self.bind(node.operand)
        parts = (
            self.comparison(">=", operand, self.bind(node.low), node),
            self.comparison("<=", operand, self.bind(node.high), node),
        )
        inside = Logic(Type.BOOLEAN, "AND", parts)
        return self.negation(inside) if node.negated else inside

    def like(self, node: ast.Like) -> Expr:
        function = fn.LIKES.get(node.op)
        if function is None:
            raise problem(
                self.binder.text, node.span, f"{node.op} is not supported; use LIKE or GLOB", kind=NotSupportedError
            )
        parts = [self.bind(node.operand), self.bind(node.pattern)]
        if node.escape is not None:
            parts.append(self.bind(node.escape))
        result = self.call(function, tuple(parts), node)
        return self.negation(result) if node.negated else result

    def in_list(self, node: ast.InList) -> Expr:
        if len(node.items) > IN_LIST_MAX:
            text = f"an IN list has at most {IN_LIST_MAX:,} items; put them into a table"
            raise problem(self.binder.text, node.span, text, kind=LimitError)
        if isinstance(node.operand, ast.RowValue):
            return self.row_in_list(node, node.operand)
        operand = self.bind(node.operand)
        nocase = collation_of(operand) == NOCASE
        operand = keyed(operand)
        items: list[Expr] = []
        for item in node.items:
            bound = folded(self.bind(item)) if nocase else bare(self.bind(item))
            if bound.type is not operand.type:
                operand_type = operand.type
                operand, bound = self.harmonise(operand, bound, item)
                if operand.type is not operand_type:
                    items = [self.harmonise(operand, earlier, item)[1] for earlier in items]
            items.append(bound)
        return InItems(Type.BOOLEAN, operand, tuple(items), node.negated)

    def row_in_list(self, node: ast.InList, operand: ast.RowValue) -> Expr:
        """(a, b) IN ((1, 2), (3, 4))."""
        equalities = [self.row_comparison(ast.Binary("=", operand, item, span=node.span)) for item in node.items]
        if not equalities:
            return Const(Type.BOOLEAN, node.negated)
        any_of = equalities[0] if len(equalities) == 1 else Logic(Type.BOOLEAN, "OR", tuple(equalities))
        return self.negation(any_of) if node.negated else any_of

    # ------------------------------------------------------------------------------------- CASE, CAST, functions

    def case(self, node: ast.Case) -> Expr:
        operand = None if node.operand is None else self.bind(node.operand)
        whens = []
        for when in node.whens:
            if operand is None:
                condition = self.condition(when.condition)
            else:
                condition = self.comparison("=", operand, self.bind(when.condition), when)
            whens.append((condition, self.bind(when.result)))
        default = None if node.default is None else self.bind(node.default)
        results = [result for _, result in whens] + ([] if default is None else [default])
        return Case(common_type(tuple(result.type for result in results)), tuple(whens), default)

    def cast(self, node: ast.Cast) -> Expr:
        try:
            kind = type_named(node.type.name)
        except Error as error:
            raise self.fail(node.type, str(error)) from None
        operand = self.bind(node.operand)
        return operand if operand.type is kind else self.call(fn.CASTS[kind], (operand,), node)

    def collate(self, node: ast.Collate) -> Expr:
        operand = self.bind(node.operand)
        name = node.collation.upper()
        if name not in BINARY and name != NOCASE:
            raise self.fail(node, f"no such collation: {node.collation}", "there are BINARY and NOCASE")
        return marked(operand, NOCASE if name == NOCASE else "BINARY")

    def row_value(self, node: ast.RowValue) -> Expr:
        raise self.fail(node, "a row value can stand in comparisons and IN only")

    def function(self, node: ast.FunctionCall) -> Expr:
        low = node.name.lower()
        if node.over is not None:
            if self.windows is None:
                raise self.fail(node, f"a window function cannot stand {self.place}", "compute it in a subquery")
            return self.windows.bind(self, node)
        if low in ("coalesce", "ifnull"):
            return self.coalesce(node)
        if low in ("iif", "if"):
            return self.iif(node)
        if low == "now" and not node.args and not node.star:
            return self.current_time(ast.CurrentTime("TIMESTAMP", span=node.span))
        if low in OF_MOMENTS:
            node = self._of_now(node, OF_MOMENTS[low])
        function = self.binder.functions.get(low) or fn.find(low, len(node.args), node.star)
        if function is None:
            if low in fn.WINDOW_NAMES:
                raise self.fail(node, f"{node.name} needs a window", f"{node.name}(...) OVER (ORDER BY ...)")
            close = suggestion(low, fn.names())
            raise self.fail(node, f"no such function: {node.name}", f"did you mean {close}?" if close else None)
        if function.aggregate:
            return self.aggregate(node, function)
        if node.star or node.distinct or node.filter is not None or node.order_by:
            raise self.fail(node, f"{node.name} is no aggregate function")
        return self.call(function, tuple(self.bind(arg) for arg in node.args), node)

    @staticmethod
    def _of_now(node: ast.FunctionCall, place: int) -> ast.FunctionCall:
        """A function of a moment, whose 'now', or whose missing moment, is CURRENT_TIMESTAMP."""
        args = list(node.args)
        now = ast.CurrentTime("TIMESTAMP", span=node.span)
        if len(args) == place:
            args.append(now)
        elif len(args) > place:
            given = args[place]
            if isinstance(given, ast.Literal) and isinstance(given.value, str) and given.value.lower() == "now":
                args[place] = now
        return replace(node, args=tuple(args))

    def coalesce(self, node: ast.FunctionCall) -> Expr:
        if len(node.args) < 1 or node.star:
            raise self.fail(node, f"{node.name} needs arguments")
        args = tuple(self.bind(arg) for arg in node.args)
        return Call(common_type(tuple(arg.type for arg in args)), COALESCE, args)

    def iif(self, node: ast.FunctionCall) -> Expr:
        if len(node.args) not in (2, 3):
            raise self.fail(node, f"{node.name} needs a condition and one or two values")
        condition, first, *rest = node.args
        whens = ((self.condition(condition), self.bind(first)),)
        default = self.bind(rest[0]) if rest else None
        kinds = (whens[0][1].type,) if default is None else (whens[0][1].type, default.type)
        return Case(common_type(kinds), whens, default)

    def aggregate(self, node: ast.FunctionCall, function: Function) -> Expr:
        if self.aggregates is None:
            raise self.fail(node, f"the aggregate function {node.name} cannot stand {self.place}")
        if node.star and function.name != "count":
            raise self.fail(node, f"only count takes *, not {node.name}")
        inner = ExprBinder(self.binder, self.scope, None, "inside an aggregate function")
        args = tuple(inner.bind(arg) for arg in node.args)
        if node.distinct and function.name == "count":
            args = tuple(map(keyed, args))
        if not node.star and not (max(function.least, 1) <= len(args) <= function.most):
            raise self.fail(node, f"{node.name} takes {_count(max(function.least, 1), function.most)}, not {len(args)}")
        if node.distinct and not args:
            raise self.fail(node, "DISTINCT needs an argument")
        if args and function.kinds[0] == "number" and args[0].type not in (*NUMERIC, Type.ANY, Type.NULL):
            raise self.fail(node, f"{node.name} needs numbers, not {args[0].type.name}")
        condition = None if node.filter is None else inner.condition(node.filter)
        order = tuple((keyed(inner.bind(i.expr)), i.descending, nulls_last(i)) for i in node.order_by)
        kind = function.result_type(tuple(arg.type for arg in args) or (Type.ANY,))
        call = Aggregate(kind, function, args, node.distinct, condition, order)
        if call not in self.aggregates:
            self.aggregates[call] = self.binder.new_column(function.name, kind)
        return self.aggregates[call]

    def call(self, function: Function, args: tuple[Expr, ...], node: ast.Node) -> Expr:
        """A checked call, computed when its arguments are constants."""
        self.check_arguments(function, function.least, args, node)
        return fold(Call(function.result_type(tuple(arg.type for arg in args)), function, args))

    def check_arguments(self, function: Function, least: int, args: tuple[Expr, ...], node: ast.Node) -> None:
        """Refuses a wrong number of arguments, and those of a wrong type."""
        if not least <= len(args) <= function.most:
            raise self.fail(node, f"{function.name} takes {_count(least, function.most)}, not {len(args)}")
        for i, arg in enumerate(args):
            wanted = function.kinds[min(i, len(function.kinds) - 1)]
            if not _fits(arg.type, wanted):
                raise self.fail(node, f"{function.name} needs {_WANTED[wanted]}, not {arg.type.name}")

    # -------------------------------------------------------------------------------------------- subqueries

    def scalar_query(self, node: ast.ScalarQuery) -> Expr:
        query, scope = self.binder.subquery(node.query, self.scope)
        if len(query.columns) != 1:
            raise self.fail(node, f"a query used as a value gives one column, not {len(query.columns)}")
        outer = tuple(scope.outer.values())
        return SubqueryExpr(query.columns[0].type, "scalar", query, outer, outer)

    def row_query(self, node: ast.ScalarQuery) -> SubqueryExpr:
        """A query used as a row of values: its first row, NULL where there is none."""
        query, scope = self.binder.subquery(node.query, self.scope)
        outer = tuple(scope.outer.values())
        return SubqueryExpr(Type.ANY, "row", query, outer, outer)

    def exists(self, node: ast.Exists) -> Expr:
        query, scope = self.binder.subquery(node.query, self.scope)
        outer = tuple(scope.outer.values())
        return SubqueryExpr(Type.BOOLEAN, "exists", query, outer, outer)

    def in_query(self, node: ast.InQuery) -> Expr:
        items = node.operand.items if isinstance(node.operand, ast.RowValue) else (node.operand,)
        query, scope = self.binder.subquery(node.query, self.scope)
        if len(query.columns) != len(items):
            raise self.fail(node, f"IN compares {len(items)} value(s) with a query of {len(query.columns)} column(s)")
        bound = [self.bind(item) for item in items]
        query = self._folded_query(query, [collation_of(operand) == NOCASE for operand in bound])
        operands = []
        for operand, column in zip(map(keyed, bound), query.columns, strict=True):
            if operand.type is not column.type:
                operand = coerce(operand, column.type)
            operands.append(operand)
        outer = tuple(scope.outer.values())
        return SubqueryExpr(Type.BOOLEAN, "in", query, outer, outer, tuple(operands), node.negated)

    def _folded_query(self, query: Plan, nocase: list[bool]) -> Plan:
        """A query some of whose columns are compared under NOCASE."""
        if not any(nocase):
            return query
        exprs = tuple(folded(column) if fold else column for column, fold in zip(query.columns, nocase, strict=True))
        columns = tuple(self.binder.new_column(column.name, column.type) for column in query.columns)
        return self.binder.optimise(Project(columns, query, exprs))


def nulls_last(item: ast.OrderItem | ast.IndexedColumn) -> bool:
    """Whether NULL comes last: as the smallest value by default."""
    return item.descending if item.nulls_first is None else not item.nulls_first


def comparable(left: Type, right: Type) -> bool:
    """Whether values of these types compare by Python's own operators."""
    if left in NUMERIC and right in NUMERIC:
        return True
    return left is right and left is not Type.ANY


def coerce(expr: Expr, kind: Type) -> Expr:
    """`expr` as what it is compared as beside a side of type `kind`. Raises DataError for 'x' beside a DATE."""
    if isinstance(expr, Const) and isinstance(expr.value, str) and kind in _CONVERTED:
        value = try_convert(expr.value, kind)
        if value is not None:
            return Const(kind, value)
        if kind in (Type.DATE, Type.TIMESTAMP):
            if kind is Type.DATE and (moment := try_convert(expr.value, Type.TIMESTAMP)) is not None:
                return Const(Type.TIMESTAMP, moment)
            raise DataError(f"{describe(expr.value)} is no {kind.name}")
        return expr
    if isinstance(expr, Const) and kind is Type.TIMESTAMP and type(expr.value) is datetime.date:
        return Const(kind, convert(expr.value, kind))
    if expr.type is Type.DATE and kind is Type.TIMESTAMP:
        return Call(Type.TIMESTAMP, fn.CASTS[Type.TIMESTAMP], (expr,))
    if isinstance(expr, Param) and expr.type in (Type.ANY, Type.TEXT) and kind in _CONVERTED:
        function = fn.COERCE[kind]
        known = kind is Type.TIMESTAMP and expr.type is Type.TEXT  # a parameter may be anything but a moment, too
        return Call(kind if known else Type.ANY, function, (expr,))
    return expr


def fold(call: Call) -> Expr:
    """The call, or its value when all arguments are constants; an error is left to the running statement."""
    if not call.function.constant or not all(isinstance(arg, Const) for arg in call.args):
        return call
    values = [arg.value for arg in call.args if isinstance(arg, Const)]
    if not call.function.null_aware and None in values:
        return Const(call.type if call.type is not Type.ANY else Type.NULL, None)
    try:
        value = call.function.implementation(*values)
    except Error:
        return call
    return Const(call.type if call.type is not Type.ANY else type_of(value), value)


def has_columns(expr: Expr) -> bool:
    """Whether the expression looks at any column or query."""
    return any(isinstance(part, (Column, SubqueryExpr)) for part in walk(expr))


def _count(least: int, most: int) -> str:
    if least == most:
        return "no argument" if least == 0 else f"{least} argument{'s' if least > 1 else ''}"
    return f"{least} to {most} arguments"


_WANTED = {"number": "a number", "integer": "an integer", "sum": "a number or a moment"}


def _fits(kind: Type, wanted: str) -> bool:
    if wanted in ("any", "text") or kind in (Type.ANY, Type.NULL):
        return True
    if wanted == "integer":
        return kind in (Type.INTEGER, Type.BOOLEAN)
    return kind in NUMERIC or (wanted == "sum" and kind in (Type.DATE, Type.TIMESTAMP))


COALESCE = Function("coalesce", 1, 1000, ("any",), common_type, lambda *v: next((x for x in v if x is not None), None), True,
                    columns=kernels.coalesce)  # fmt: skip

_HANDLERS: dict[type[ast.Expr], Callable[[ExprBinder, Any], Expr]] = {
    ast.Literal: ExprBinder.literal,
    ast.CurrentTime: ExprBinder.current_time,
    ast.Parameter: ExprBinder.parameter,
    ast.ColumnRef: ExprBinder.column,
    ast.Unary: ExprBinder.unary,
    ast.Binary: ExprBinder.binary,
    ast.Logical: ExprBinder.logical,
    ast.IsNull: ExprBinder.is_null,
    ast.IsTruth: ExprBinder.is_truth,
    ast.IsDistinct: ExprBinder.is_distinct,
    ast.Between: ExprBinder.between,
    ast.Like: ExprBinder.like,
    ast.InList: ExprBinder.in_list,
    ast.InQuery: ExprBinder.in_query,
    ast.Case: ExprBinder.case,
    ast.Cast: ExprBinder.cast,
    ast.Collate: ExprBinder.collate,
    ast.RowValue: ExprBinder.row_value,
    ast.FunctionCall: ExprBinder.function,
    ast.ScalarQuery: ExprBinder.scalar_query,
    ast.Exists: ExprBinder.exists,
}
