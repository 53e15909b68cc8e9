"""From the parser's reductions to the syntax tree.

The parser calls the Builder's methods bottom-up, one per reduction of the rule or alias of the same name in sql.lark, with the
span of text and the children that the rule keeps: tokens, nodes, tuples, plain values. Nothing here recurses.
"""

from __future__ import annotations

import datetime
import math
from typing import Any

from grammar import ast
from grammar.node import Span
from grammar.spelling import nearest
from grammar.tokens import QUOTED, Token, integer_value, string_value, unquote
from grammar.transform_statements import StatementBuilder

_SAME_OPERATOR = {"==": "=", "!=": "<>"}
_LONG_TYPES = frozenset(
    (
        "BIG INT",
        "BIT VARYING",
        "CHAR VARYING",
        "CHARACTER LARGE OBJECT",
        "CHARACTER VARYING",
        "DOUBLE PRECISION",
        "LONG VARCHAR",
        "NATIONAL CHARACTER",
        "NATIONAL CHARACTER VARYING",
        "NATIVE CHARACTER",
        "UNSIGNED BIG INT",
        "UNSIGNED INTEGER",
        "VARYING CHARACTER",
    )
)
_AFTER_TYPE = (
    "PRIMARY",
    "NOT",
    "NULL",
    "UNIQUE",
    "CHECK",
    "DEFAULT",
    "COLLATE",
    "REFERENCES",
    "GENERATED",
    "CONSTRAINT",
)
_CURRENT_ROW = "CURRENT ROW"


class Builder(StatementBuilder):
    """Builds the tree of one text. One instance per parse: it counts the parameters."""

    # -------------------------------------------------------------------------------------------------- general

    def start_statement(self, span: Span, statement: ast.Statement) -> ast.Statement:
        return statement

    def start_expression(self, span: Span, expr: ast.Expr) -> ast.Expr:
        return expr

    # --------------------------------------------------------------------------------------------- expressions

    def or_(self, span: Span, *operands: ast.Expr) -> ast.Expr:
        return _logical(span, "OR", operands)

    def and_(self, span: Span, *operands: ast.Expr) -> ast.Expr:
        return _logical(span, "AND", operands)

    def not_(self, span: Span, operand: ast.Expr) -> ast.Expr:
        return ast.Unary("NOT", operand, span=span)

    def equality(self, span: Span, token: Token) -> Token:
        return token

    def sign(self, span: Span, token: Token) -> Token:
        return token

    def like_operator(self, span: Span, token: Token) -> str:
        return token.text.upper()

    def binary(self, span: Span, left: ast.Expr, operator: Token, right: ast.Expr) -> ast.Expr:
        return ast.Binary(_SAME_OPERATOR.get(operator.text, operator.text), left, right, span=span)

    def signed(self, span: Span, operator: Token, operand: ast.Expr) -> ast.Expr:
        if operator.text == "-" and isinstance(operand, ast.Literal) and type(operand.value) in (int, float):
            value = operand.value
            assert isinstance(value, (int, float))
            if math.copysign(1, value) > 0 and value is not True:
                self.unfolded.pop(id(operand), None)
                return ast.Literal(-value, span=span)
        return ast.Unary(operator.text, operand, span=span)

    def is_(self, span: Span, left: ast.Expr, right: ast.Expr) -> ast.Expr:
        return _is(span, left, right, negated=False)

    def is_not(self, span: Span, left: ast.Expr, right: ast.Expr) -> ast.Expr:
        return _is(span, left, right, negated=True)

    def is_unknown(self, span: Span, operand: ast.Expr) -> ast.Expr:
        return ast.IsTruth(operand, None, span=span)

    def is_not_unknown(self, span: Span, operand: ast.Expr) -> ast.Expr:
        return ast.IsTruth(operand, None, True, span=span)

    def is_distinct(self, span: Span, left: ast.Expr, right: ast.Expr) -> ast.Expr:
        return ast.IsDistinct(left, right, span=span)

    def is_not_distinct(self, span: Span, left: ast.Expr, right: ast.Expr) -> ast.Expr:
        return ast.IsDistinct(left, right, True, span=span)

    def is_null(self, span: Span, operand: ast.Expr) -> ast.Expr:
        return ast.IsNull(operand, span=span)

    def is_not_null(self, span: Span, operand: ast.Expr) -> ast.Expr:
        return ast.IsNull(operand, True, span=span)

    def expressions(self, span: Span, *items: ast.Expr) -> tuple[ast.Expr, ...]:
        return items

    def in_list(self, span: Span, operand: ast.Expr, negated: bool, items: tuple[ast.Expr, ...] | None) -> ast.Expr:
        return ast.InList(operand, items or (), negated, span=span)

    def in_query(self, span: Span, operand: ast.Expr, negated: bool, query: ast.Query) -> ast.Expr:
        return ast.InQuery(operand, query, negated, span=span)

    def in_table(self, span: Span, operand: ast.Expr, negated: bool, name: ast.ObjectName) -> ast.Expr:
        everything = ast.SelectItem(ast.Star(span=name.span), span=name.span)
        select = ast.Select((everything,), ast.TableRef(name, span=name.span), span=name.span)
        return ast.InQuery(operand, ast.Query(select, span=name.span), negated, span=span)

    def between(self, span: Span, operand: ast.Expr, negated: bool, low: ast.Expr, high: ast.Expr) -> ast.Expr:
        return ast.Between(operand, low, high, negated, span=span)

    def like(
        self,
        span: Span,
        operand: ast.Expr,
        negated: bool,
        operator: str,
        pattern: ast.Expr,
        escape: ast.Expr | None = None,
    ) -> ast.Expr:
        return ast.Like(operator, operand, pattern, escape, negated, span=span)

    def collate(self, span: Span, operand: ast.Expr, name: str) -> ast.Expr:
        return ast.Collate(operand, name, span=span)

    def cast(self, span: Span, operand: ast.Expr, type_name: ast.TypeName) -> ast.Expr:
        return ast.Cast(operand, type_name, span=span)

    def row_value(self, span: Span, *items: ast.Expr) -> ast.Expr:
        return ast.RowValue(items, span=span)

    def scalar_query(self, span: Span, query: ast.Query) -> ast.Expr:
        return ast.ScalarQuery(query, span=span)

    def exists(self, span: Span, query: ast.Query) -> ast.Expr:
        return ast.Exists(query, span=span)

    def when(self, span: Span, condition: ast.Expr, result: ast.Expr) -> ast.When:
        return ast.When(condition, result, span=span)

    def case(self, span: Span, operand: ast.Expr | None, *rest: Any) -> ast.Expr:
        return ast.Case(operand, rest[:-1], rest[-1], span=span)

    def extract(self, span: Span, field: str, source: ast.Expr) -> ast.Expr:
        return ast.FunctionCall("extract", (ast.Literal(field, span=span), source), span=span)

    def column_ref(self, span: Span, *names: str) -> ast.Expr:
        return ast.ColumnRef(*reversed(names), span=span)

    def parameter(self, span: Span, token: Token) -> ast.Expr:
        text = token.text
        if text == "?":
            self.parameters += 1
            return ast.Parameter(self.parameters, span=span)
        if text[0] == "?" or (text[0] == "$" and text[1:].isdigit()):
            index = int(text[1:]) if len(text) < 7 else 0
            if not 1 <= index <= self.PARAMETERS_MAX:
                self.fail(span, f"a parameter's number lies between 1 and {self.PARAMETERS_MAX}")
            self.parameters = max(self.parameters, index)
            return ast.Parameter(index, span=span)
        return ast.Parameter(None, text[1:], span=span)

    # ------------------------------------------------------------------------------------------------- literals

    def integer(self, span: Span, token: Token) -> ast.Expr:
        value = integer_value(token.text)
        if value is None:
            self.fail(span, "an INTEGER has 64 bits; this number does not fit", hint="write it with a point for a REAL")
        literal = ast.Literal(value, span=span)
        if value == 2**63:
            self.unfolded[id(literal)] = literal
        return literal

    def real(self, span: Span, token: Token) -> ast.Expr:
        value = float(token.text.replace("_", ""))
        if math.isinf(value):
            self.fail(span, "this number is too large for a REAL, whose limit is about 1.8e308")
        return ast.Literal(value, span=span)

    def string(self, span: Span, token: Token) -> ast.Expr:
        return ast.Literal(string_value(token.text), span=span)

    def blob(self, span: Span, token: Token) -> ast.Expr:
        digits = token.text[2:-1]
        try:
            value = bytes.fromhex(digits) if not any(map(str.isspace, digits)) else None
        except ValueError:
            value = None
        if value is None:
            self.fail(span, "a BLOB literal is pairs of hexadecimal digits, as in X'00FF'")
        return ast.Literal(value, span=span)

    def null(self, span: Span) -> ast.Expr:
        return ast.Literal(None, span=span)

    def true_literal(self, span: Span) -> ast.Expr:
        return ast.Literal(True, span=span)

    def false_literal(self, span: Span) -> ast.Expr:
        return ast.Literal(False, span=span)

    def date(self, span: Span, token: Token) -> ast.Expr:
        try:
            text = string_value(token.text)
            value = datetime.date.fromisoformat(text) if len(text) == 10 else None
        except ValueError:
            value = None
        if value is None:
            self.fail(span, "this is no date", hint="a date is written DATE '2024-12-31'")
        return ast.Literal(value, span=span)

    def timestamp(self, span: Span, token: Token) -> ast.Expr:
        try:
            value = datetime.datetime.fromisoformat(string_value(token.text).strip())
        except ValueError:
            self.fail(span, "this is no timestamp", hint="a timestamp is written TIMESTAMP '2024-12-31 23:59:59'")
        if value.tzinfo is not None:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        return ast.Literal(value, span=span)

    def current_date(self, span: Span) -> ast.Expr:
        return ast.CurrentTime("DATE", span=span)

    def current_time(self, span: Span) -> ast.Expr:
        return ast.CurrentTime("TIME", span=span)

    def current_timestamp(self, span: Span) -> ast.Expr:
        return ast.CurrentTime("TIMESTAMP", span=span)

    # ------------------------------------------------------------------------------------ functions and windows

    def arguments(self, span: Span, *args: ast.Expr) -> dict[str, Any]:
        return {"args": args}

    def arguments_star(self, span: Span) -> dict[str, Any]:
        return {"star": True}

    def arguments_distinct(self, span: Span, *args: ast.Expr) -> dict[str, Any]:
        return {"args": args, "distinct": True}

    def arguments_ordered(self, span: Span, *args: Any) -> dict[str, Any]:
        return {"args": args[:-1], "order_by": args[-1]}

    def arguments_distinct_ordered(self, span: Span, *args: Any) -> dict[str, Any]:
        return {"args": args[:-1], "order_by": args[-1], "distinct": True}

    def function_call(
        self,
        span: Span,
        name: ast.ObjectName,
        arguments: dict[str, Any],
        filter_: ast.Expr | None,
        over: ast.Window | None,
    ) -> ast.Expr:
        return ast.FunctionCall(name.name, schema=name.schema, filter=filter_, over=over, span=span, **arguments)

    def window(
        self,
        span: Span,
        base: str | None,
        partition_by: tuple[ast.Expr, ...] | None,
        order_by: tuple[ast.OrderItem, ...] | None,
        frame: ast.Frame | None,
    ) -> ast.Window:
        span = (min(span), span[1])  # OVER (): an empty rule's span lies between its neighbours
        return ast.Window(base, partition_by or (), order_by or (), frame, span=span)

    def window_name(self, span: Span, name: str) -> ast.Window:
        return ast.Window(name, bare=True, span=span)

    def partition_by(self, span: Span, *items: ast.Expr) -> tuple[ast.Expr, ...]:
        return items

    def frame_unit(self, span: Span, token: Token) -> str:
        return token.text.upper()

    def frame_from(self, span: Span, unit: str, start: ast.FrameBound, exclude: str | None) -> ast.Frame:
        return ast.Frame(unit, start, None, exclude, span=span)

    def frame(
        self, span: Span, unit: str, start: ast.FrameBound, end: ast.FrameBound, exclude: str | None
    ) -> ast.Frame:
        return ast.Frame(unit, start, end, exclude, span=span)

    def frame_exclude(self, span: Span, excluded: str) -> str:
        return excluded

    def unbounded_preceding(self, span: Span) -> ast.FrameBound:
        return ast.FrameBound("UNBOUNDED PRECEDING", span=span)

    def unbounded_following(self, span: Span) -> ast.FrameBound:
        return ast.FrameBound("UNBOUNDED FOLLOWING", span=span)

    def current_row(self, span: Span) -> ast.FrameBound:
        return ast.FrameBound(_CURRENT_ROW, span=span)

    def preceding(self, span: Span, offset: ast.Expr) -> ast.FrameBound:
        return ast.FrameBound("PRECEDING", offset, span=span)

    def following(self, span: Span, offset: ast.Expr) -> ast.FrameBound:
        return ast.FrameBound("FOLLOWING", offset, span=span)

    # ---------------------------------------------------------------------------------------------------- types

    def type_word(self, span: Span, token: Token) -> Token:
        return token

    def type_number(self, span: Span, *tokens: Token | None) -> int:
        number = tokens[-1]
        assert number is not None
        value = integer_value(number.text)
        if value is None:
            self.fail(span, "this number is too large for a type")
        return value

    def type_arguments(self, span: Span, *numbers: int) -> tuple[int, ...]:
        return numbers

    def type(self, span: Span, *parts: Any) -> ast.TypeName:
        tokens = [part for part in parts if isinstance(part, Token)]
        words = [token.text.upper() if token.kind != QUOTED else unquote(token.text) for token in tokens]
        if len(words) > 1 and " ".join(words) not in _LONG_TYPES:
            self._refuse_type(tokens)
        words += [part for part in parts if isinstance(part, str) and part]
        arguments = next((part for part in parts if isinstance(part, tuple) and not isinstance(part, Token)), ())
        return ast.TypeName(" ".join(words), arguments, span=span)

    def _refuse_type(self, tokens: list[Token]) -> None:
        """Several words that are no type: a constraint misspelt, or the comma before the next column missing."""
        wrong = tokens[1]
        similar = nearest(wrong.text.upper(), _AFTER_TYPE)
        hint = f"did you mean {similar[0]}?" if similar else "is a comma missing before it?"
        self.fail((wrong.start, wrong.end), f'unexpected "{wrong.text}" after a type', hint=hint)


def _logical(span: Span, operator: str, operands: tuple[ast.Expr, ...]) -> ast.Expr:
    flat: list[ast.Expr] = []
    for operand in operands:
        if isinstance(operand, ast.Logical) and operand.op == operator:
            flat.extend(operand.operands)
        else:
            flat.append(operand)
    return ast.Logical(operator, tuple(flat), span=span)


def _is(span: Span, left: ast.Expr, right: ast.Expr, negated: bool) -> ast.Expr:
    """IS does three things: test for NULL, test for truth, compare with NULL as a value."""
    if isinstance(right, ast.Literal):
        if right.value is None:
            return ast.IsNull(left, negated, span=span)
        if isinstance(right.value, bool):
            return ast.IsTruth(left, right.value, negated, span=span)
    return ast.IsDistinct(left, right, not negated, span=span)
