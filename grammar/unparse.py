"""From the syntax tree back to text.

`unparse(node)` gives text that parses to an equal tree, on one line, with as few parentheses as the precedences allow, and with every name
quoted that could be taken for a keyword. It does not recurse: each node's writer returns parts (text, or nodes still to be written),
which a loop expands.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from grammar import ast
from grammar.node import Node
from grammar.tokens import quote

# How tightly an expression binds; the levels of sql.lark.
ANY, AND, NOT, PREDICATE, COMPARISON, BITWISE, ADDITIVE, MULTIPLICATIVE, CONCATENATION, COLLATED, UNARY, PRIMARY = (
    range(12)
)
_BINARY = {
    **dict.fromkeys(("=", "<>"), PREDICATE),
    **dict.fromkeys(("<", "<=", ">", ">="), COMPARISON),
    **dict.fromkeys(("&", "|", "<<", ">>"), BITWISE),
    **dict.fromkeys(("+", "-"), ADDITIVE),
    **dict.fromkeys(("*", "/", "%"), MULTIPLICATIVE),
    **dict.fromkeys(("||", "->", "->>"), CONCATENATION),
}


class Inside:
    """An expression that must bind at least as tightly as `level`, or be parenthesised."""

    __slots__ = ("expr", "level")

    def __init__(self, expr: ast.Expr, level: int) -> None:
        self.expr = expr
        self.level = level


Part = str | Node | Inside
Parts = Sequence[Part]
WRITERS: dict[type[Node], Callable[[Any], Parts]] = {}


def unparse(node: Node) -> str:
    """The text of a statement, an expression or any other node."""
    out: list[str] = []
    stack: list[Part] = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            out.append(part)
            continue
        if isinstance(part, Inside):
            if _level(part.expr) < part.level:
                stack += (")", part.expr, "(")
                continue
            part = part.expr
        stack.extend(reversed(WRITERS[type(part)](part)))
    return "".join(out)


def writes(*kinds: type[Node]) -> Callable[[Callable[[Any], Parts]], Callable[[Any], Parts]]:
    """Registers the writer of some node classes."""

    def register(writer: Callable[[Any], Parts]) -> Callable[[Any], Parts]:
        for kind in kinds:
            assert kind not in WRITERS
            WRITERS[kind] = writer
        return writer

    return register


def listed(items: Iterable[Part], separator: str = ", ") -> list[Part]:
    """The items with a separator between them."""
    parts: list[Part] = []
    for item in items:
        if parts:
            parts.append(separator)
        parts.append(item)
    return parts


def clause(keyword: str, value: Part | None) -> list[Part]:
    """` KEYWORD value`, or nothing for None."""
    return [] if value is None else [f" {keyword} ", value]


def clauses(keyword: str, items: Sequence[Part]) -> list[Part]:
    """` KEYWORD item, item`, or nothing without items."""
    return [f" {keyword} ", *listed(items)] if items else []


def names(items: Sequence[str]) -> str:
    """` (a, b)`, or nothing."""
    return f" ({', '.join(map(quote, items))})" if items else ""


def alias(name: str | None, columns: tuple[str, ...] = ()) -> str:
    """` AS name (columns)`, or nothing."""
    return f" AS {quote(name)}{names(columns)}" if name is not None else ""


def _level(expr: ast.Expr) -> int:
    match expr:
        case ast.Logical(op):
            return ANY if op == "OR" else AND
        case ast.Unary(op):
            return NOT if op == "NOT" else UNARY
        case ast.Binary(op):
            return _BINARY[op]
        case (
            ast.IsNull() | ast.IsTruth() | ast.IsDistinct() | ast.InList() | ast.InQuery() | ast.Between() | ast.Like()
        ):
            return PREDICATE
        case ast.Collate():
            return COLLATED
        case ast.Literal(value) if isinstance(value, (int, float)) and str(value).startswith("-"):
            return UNARY
    return PRIMARY


def _not(negated: bool) -> str:
    return "NOT " if negated else ""


def literal(value: object) -> str:
    """A constant as it is written."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return repr(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case bytes():
            return f"X'{value.hex().upper()}'"
        case datetime.datetime():
            return f"TIMESTAMP '{value.isoformat(' ')}'"
        case datetime.date():
            return f"DATE '{value.isoformat()}'"
    raise TypeError(f"{type(value).__name__} is no literal")


# ---------------------------------------------------------------------------------------------------- expressions


@writes(ast.Literal)
def _literal(node: ast.Literal) -> Parts:
    return (literal(node.value),)


@writes(ast.CurrentTime)
def _current(node: ast.CurrentTime) -> Parts:
    return (f"CURRENT_{node.kind}",)


@writes(ast.Parameter)
def _parameter(node: ast.Parameter) -> Parts:
    if node.name is None:
        return (f"?{node.index}",)
    return (f"${node.name}" if not node.name[0].isalpha() and node.name[0] != "_" else f":{node.name}",)


@writes(ast.ColumnRef)
def _column(node: ast.ColumnRef) -> Parts:
    return (".".join(quote(name) for name in (node.schema, node.table, node.name) if name is not None),)


@writes(ast.Star)
def _star(node: ast.Star) -> Parts:
    return ("".join(f"{quote(name)}." for name in (node.schema, node.table) if name is not None) + "*",)


@writes(ast.DefaultValue)
def _default_value(node: ast.DefaultValue) -> Parts:
    return ("DEFAULT",)


@writes(ast.Unary)
def _unary(node: ast.Unary) -> Parts:
    if node.op == "NOT":
        return "NOT ", Inside(node.operand, NOT)
    # "--" would begin a comment
    return node.op, " " if _level(node.operand) == UNARY else "", Inside(node.operand, UNARY)


@writes(ast.Binary)
def _binary(node: ast.Binary) -> Parts:
    level = _BINARY[node.op]
    return Inside(node.left, level), f" {node.op} ", Inside(node.right, level + 1)


@writes(ast.Logical)
def _logical(node: ast.Logical) -> Parts:
    inner = AND if node.op == "OR" else NOT
    return listed((Inside(operand, inner) for operand in node.operands), f" {node.op} ")


@writes(ast.IsNull)
def _is_null(node: ast.IsNull) -> Parts:
    return Inside(node.operand, PREDICATE), f" IS {_not(node.negated)}NULL"


@writes(ast.IsTruth)
def _is_truth(node: ast.IsTruth) -> Parts:
    truth = "UNKNOWN" if node.truth is None else literal(node.truth)
    return Inside(node.operand, PREDICATE), f" IS {_not(node.negated)}{truth}"


@writes(ast.IsDistinct)
def _is_distinct(node: ast.IsDistinct) -> Parts:
    return Inside(node.left, PREDICATE), f" IS {_not(node.negated)}DISTINCT FROM ", Inside(node.right, COMPARISON)


@writes(ast.InList)
def _in_list(node: ast.InList) -> Parts:
    return Inside(node.operand, PREDICATE), f" {_not(node.negated)}IN (", *listed(node.items), ")"


@writes(ast.InQuery)
def _in_query(node: ast.InQuery) -> Parts:
    return Inside(node.operand, PREDICATE), f" {_not(node.negated)}IN (", node.query, ")"


@writes(ast.Between)
def _between(node: ast.Between) -> Parts:
    bounds = (Inside(node.low, COMPARISON), " AND ", Inside(node.high, COMPARISON))
    return Inside(node.operand, PREDICATE), f" {_not(node.negated)}BETWEEN ", *bounds


@writes(ast.Like)
def _like(node: ast.Like) -> Parts:
    escape = clause("ESCAPE", Inside(node.escape, COMPARISON) if node.escape is not None else None)
    operator = f" {_not(node.negated)}{node.op} "
    return Inside(node.operand, PREDICATE), operator, Inside(node.pattern, COMPARISON), *escape


@writes(ast.When)
def _when(node: ast.When) -> Parts:
    return " WHEN ", node.condition, " THEN ", node.result


@writes(ast.Case)
def _case(node: ast.Case) -> Parts:
    operand = (" ", node.operand) if node.operand is not None else ()
    return "CASE", *operand, *node.whens, *clause("ELSE", node.default), " END"


@writes(ast.Cast)
def _cast(node: ast.Cast) -> Parts:
    return "CAST(", node.operand, " AS ", node.type, ")"


@writes(ast.TypeName)
def _type_name(node: ast.TypeName) -> Parts:
    arguments = f"({', '.join(map(str, node.arguments))})" if node.arguments else ""
    head, zone, tail = node.name, "", ""
    for suffix in (" WITH TIME ZONE", " WITHOUT TIME ZONE"):
        if node.name.endswith(suffix):
            head, zone = node.name.removesuffix(suffix), suffix
    if not all(word.isidentifier() and (word == word.upper()) for word in head.split(" ")):
        head = '"' + head.replace('"', '""') + '"'
    return head, arguments, zone, tail


@writes(ast.Collate)
def _collate(node: ast.Collate) -> Parts:
    return Inside(node.operand, COLLATED), f" COLLATE {quote(node.collation)}"


@writes(ast.RowValue)
def _row_value(node: ast.RowValue) -> Parts:
    return "(", *listed(node.items), ")"


@writes(ast.Exists)
def _exists(node: ast.Exists) -> Parts:
    return "EXISTS (", node.query, ")"


@writes(ast.ScalarQuery)
def _scalar_query(node: ast.ScalarQuery) -> Parts:
    return "(", node.query, ")"


@writes(ast.FunctionCall)
def _function_call(node: ast.FunctionCall) -> Parts:
    name = f"{quote(node.schema)}.{quote(node.name)}" if node.schema else quote(node.name)
    inner: list[Part] = ["*"] if node.star else [*(["DISTINCT "] if node.distinct else []), *listed(node.args)]
    parts: list[Part] = [f"{name}(", *inner, *clauses("ORDER BY", node.order_by), ")"]
    if node.filter is not None:
        parts += " FILTER (WHERE ", node.filter, ")"
    if node.over is not None:
        parts += " OVER ", node.over
    return parts


@writes(ast.Window)
def _window(node: ast.Window) -> Parts:
    if node.bare:
        assert node.base is not None
        return (quote(node.base),)
    inner: list[Part] = [f" {quote(node.base)}"] if node.base is not None else []
    inner += clauses("PARTITION BY", node.partition_by) + clauses("ORDER BY", node.order_by)
    inner += [" ", node.frame] if node.frame is not None else []
    return "(", *_trimmed(inner), ")"


def _trimmed(parts: list[Part]) -> list[Part]:
    if parts and isinstance(parts[0], str):
        parts[0] = parts[0].lstrip()
    return parts


@writes(ast.Frame)
def _frame(node: ast.Frame) -> Parts:
    exclude = f" EXCLUDE {node.exclude}" if node.exclude is not None else ""
    if node.end is None:
        return f"{node.unit} ", node.start, exclude
    return f"{node.unit} BETWEEN ", node.start, " AND ", node.end, exclude


@writes(ast.FrameBound)
def _frame_bound(node: ast.FrameBound) -> Parts:
    return (node.kind,) if node.offset is None else (Inside(node.offset, COMPARISON), f" {node.kind}")


# Writers of queries and statements register themselves when this module is imported.
from grammar import unparse_statements  # noqa: E402, F401
