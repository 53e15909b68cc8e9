"""Definitions that follow a change: the SQL kept in the catalog, rewritten for other names of tables and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from grammar import ast
from grammar.parser import parse, parse_expression
from grammar.tokens import quote
from grammar.unparse import unparse

NodeT = TypeVar("NodeT", bound=ast.Node)
Change = Callable[[ast.Node], ast.Node]


def transformed(node: NodeT, change: Change) -> NodeT:
    """The tree with `change` applied to every node, from the leaves up."""
    values: dict[str, Any] = {}
    for field in node._fields:
        value = getattr(node, field)
        other = _value(value, change)
        if other is not value:
            values[field] = other
    return change(ast.replace(node, **values) if values else node)  # type: ignore[return-value]


def _value(value: Any, change: Change) -> Any:
    if isinstance(value, ast.Node):
        return transformed(value, change)
    if isinstance(value, tuple):
        items = tuple(_value(item, change) for item in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def column_renamer(table: str, old: str, new: str) -> Change:
    """For text in which a column can only be one of `table` (CHECK, an index): references to `old` say `new`."""

    def change(node: ast.Node) -> ast.Node:
        if isinstance(node, ast.ColumnRef) and node.name.lower() == old.lower():
            return ast.replace(node, name=new)
        return node

    return change


def qualifier_renamer(old: str, new: str) -> Change:
    """References `old.column` say `new.column`."""

    def change(node: ast.Node) -> ast.Node:
        if isinstance(node, ast.ColumnRef) and node.table is not None and node.table.lower() == old.lower():
            return ast.replace(node, table=new)
        return node

    return change


def rewritten_expression(sql: str, change: Change) -> str:
    """An expression as SQL with its tree changed; the same text where nothing is."""
    node = parse_expression(sql)
    other = transformed(node, change)
    return sql if other is node else unparse(other)


def rewritten_statement(sql: str, change: Callable[[Any], ast.Node]) -> str:
    """A statement as SQL with its tree changed; the same text where nothing is."""
    if not sql:
        return sql
    node = parse(sql)
    other = change(node)
    return sql if other is node else unparse(other)


def tables_read(query: ast.Node) -> Iterable[ast.TableRef]:
    """The tables a query names, but for those of its own WITH clauses."""
    own = {item.name.lower() for item in query.walk() if isinstance(item, ast.CommonTable)}
    for node in query.walk():
        if isinstance(node, ast.TableRef) and (node.name.schema is not None or node.name.name.lower() not in own):
            yield node


def view_reads(sql: str, old: str, new: str) -> str:
    """A view's query with the table `old` read under its new name, and still called `old` in the query itself.

    The text is left as it is but for the names, because expressions without an alias are called as they are written.
    """
    edits = []
    for node in tables_read(parse(sql)):
        if node.name.name.lower() == old.lower() and (node.name.schema or "main").lower() == "main":
            start, end = node.name.span
            edits.append((start, end, quote(new) + ("" if node.alias else f" AS {quote(old)}")))
    for start, end, text in sorted(edits, reverse=True):
        sql = sql[:start] + text + sql[end:]
    return sql
