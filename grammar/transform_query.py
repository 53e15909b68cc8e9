"""Names, queries and FROM: the first part of the Builder (see transform.py)."""

from __future__ import annotations

from typing import Any, NoReturn

from grammar import ast
from grammar.errors import ParseError
from grammar.node import Span
from grammar.tokens import QUOTED, Token, unquote

_Body = ast.Select | ast.Values | ast.SetOperation | ast.Query


class QueryBuilder:
    """What the other parts of the Builder need, and everything about queries."""

    PARAMETERS_MAX = 32_766

    def __init__(self, text: str) -> None:
        self.text = text
        self.parameters = 0
        self.unfolded: dict[int, ast.Literal] = {}  # 2**63 written without a minus before it, by id

    def fail(self, span: Span, message: str, hint: str | None = None) -> NoReturn:
        """Refuses what the grammar alone cannot."""
        raise ParseError.at(self.text, span, message, hint=hint)

    # ------------------------------------------------------------------------------------------- plain values

    def true(self, span: Span) -> bool:
        return True

    def false(self, span: Span) -> bool:
        return False

    def none(self, span: Span) -> None:
        return None

    def words(self, span: Span, *tokens: Token) -> str:
        return " ".join(token.text.upper() for token in tokens)

    # --------------------------------------------------------------------------------------------------- names

    def name(self, span: Span, token: Token) -> str:
        if token.kind != QUOTED:
            return token.text
        name = unquote(token.text)
        if not name:
            self.fail(span, "a name cannot be empty")
        return name

    new_name = alias_name = column_name = name

    def object_name(self, span: Span, *names: str) -> ast.ObjectName:
        return ast.ObjectName(*reversed(names), span=span)

    def column(self, span: Span, name: str) -> ast.ColumnRef:
        return ast.ColumnRef(name, span=span)

    def columns(self, span: Span, *columns: ast.ColumnRef) -> tuple[ast.ColumnRef, ...]:
        return columns

    def new_names(self, span: Span, *names: str) -> tuple[str, ...]:
        return names

    # ------------------------------------------------------------------------------------------------- queries

    def query_statement(self, span: Span, query: ast.Query) -> ast.Query:
        return query

    def query(
        self,
        span: Span,
        with_: ast.With | None,
        body: _Body,
        order_by: tuple[ast.OrderItem, ...] | None,
        limit: tuple[ast.Expr | None, ast.Expr | None] | None,
    ) -> ast.Query:
        body = _bare(body)
        rows, offset = limit or (None, None)
        if isinstance(body, ast.Query) and with_ is None and order_by is None and limit is None:
            return body
        return ast.Query(body, order_by or (), rows, offset, with_, span=span)

    def query_term(self, span: Span, term: _Body) -> _Body:
        return term

    def paren_query(self, span: Span, query: ast.Query) -> ast.Query:
        return query

    def union(self, span: Span, left: _Body, all_: bool, right: _Body) -> ast.SetOperation:
        return ast.SetOperation("UNION", _bare(left), _bare(right), all_, span=span)

    def except_(self, span: Span, left: _Body, all_: bool, right: _Body) -> ast.SetOperation:
        return ast.SetOperation("EXCEPT", _bare(left), _bare(right), all_, span=span)

    def intersect(self, span: Span, left: _Body, all_: bool, right: _Body) -> ast.SetOperation:
        return ast.SetOperation("INTERSECT", _bare(left), _bare(right), all_, span=span)

    def with_clause(self, span: Span, recursive: bool | None, *tables: ast.CommonTable) -> ast.With:
        return ast.With(tables, bool(recursive), span=span)

    def common_table(
        self, span: Span, name: str, columns: tuple[str, ...] | None, materialized: bool | None, query: ast.Query
    ) -> ast.CommonTable:
        return ast.CommonTable(name, query, columns or (), materialized, span=span)

    def select(
        self,
        span: Span,
        distinct: bool,
        items: tuple[ast.SelectItem, ...],
        from_: ast.FromItem | None,
        where: ast.Expr | None,
        group_by: tuple[ast.Expr, ...] | None,
        having: ast.Expr | None,
        windows: tuple[ast.NamedWindow, ...] | None,
    ) -> ast.Select:
        return ast.Select(items, from_, where, group_by or (), having, windows or (), distinct, span=span)

    def select_items(self, span: Span, *items: ast.SelectItem) -> tuple[ast.SelectItem, ...]:
        return items

    def select_item(self, span: Span, expr: ast.Expr, alias: str | None = None) -> ast.SelectItem:
        return ast.SelectItem(expr, alias, span=span)

    def star(self, span: Span, *names: str) -> ast.Star:
        return ast.Star(*reversed(names), span=span)

    def group_by(self, span: Span, *items: ast.Expr) -> tuple[ast.Expr, ...]:
        return items

    def window_clause(self, span: Span, *windows: ast.NamedWindow) -> tuple[ast.NamedWindow, ...]:
        return windows

    def named_window(self, span: Span, name: str, window: ast.Window) -> ast.NamedWindow:
        return ast.NamedWindow(name, window, span=span)

    def order_by(self, span: Span, *items: ast.OrderItem) -> tuple[ast.OrderItem, ...]:
        return items

    def order_item(self, span: Span, expr: ast.Expr, descending: bool, nulls_first: bool | None) -> ast.OrderItem:
        return ast.OrderItem(expr, descending, nulls_first, span=span)

    def limit(
        self, span: Span, limit: ast.Expr | None, offset: ast.Expr | None = None
    ) -> tuple[ast.Expr | None, ast.Expr | None]:
        return limit, offset

    def offset_limit(
        self, span: Span, offset: ast.Expr | None, limit: ast.Expr | None = None
    ) -> tuple[ast.Expr | None, ast.Expr | None]:
        return limit, offset

    def limit_all(self, span: Span) -> None:
        return None

    def values(self, span: Span, *rows: tuple[ast.Expr, ...]) -> ast.Values:
        return ast.Values(rows, span=span)

    def row(self, span: Span, *values: ast.Expr) -> tuple[ast.Expr, ...]:
        return values

    def default_value(self, span: Span) -> ast.DefaultValue:
        return ast.DefaultValue(span=span)

    # ---------------------------------------------------------------------------------------------------- FROM

    def table_alias(
        self, span: Span, alias: str, columns: tuple[str, ...] | None
    ) -> tuple[str | None, tuple[str, ...]]:
        return alias, columns or ()

    def as_of(self, span: Span, name: str) -> str:
        return name

    def table_ref(
        self,
        span: Span,
        name: ast.ObjectName,
        as_of: str | None,
        alias: tuple[str | None, tuple[str, ...]] | None,
    ) -> ast.TableRef:
        return ast.TableRef(name, *(alias or (None, ())), as_of, span=span)

    def aliased_table_ref(
        self, span: Span, name: ast.ObjectName, alias: tuple[str | None, tuple[str, ...]], as_of: str
    ) -> ast.TableRef:
        return ast.TableRef(name, *alias, as_of, span=span)

    def table_function(
        self,
        span: Span,
        name: ast.ObjectName,
        args: tuple[ast.Expr, ...] | None,
        alias: tuple[str | None, tuple[str, ...]] | None,
    ) -> ast.TableFunction:
        return ast.TableFunction(name, args or (), *(alias or (None, ())), span=span)

    def subquery_ref(
        self, span: Span, query: ast.Query, alias: tuple[str | None, tuple[str, ...]] | None
    ) -> ast.SubqueryRef:
        return ast.SubqueryRef(query, *(alias or (None, ())), span=span)

    def lateral_ref(
        self, span: Span, query: ast.Query, alias: tuple[str | None, tuple[str, ...]] | None
    ) -> ast.SubqueryRef:
        return ast.SubqueryRef(query, *(alias or (None, ())), lateral=True, span=span)

    def inner_kind(self, span: Span) -> str:
        return "INNER"

    def left_kind(self, span: Span) -> str:
        return "LEFT"

    def right_kind(self, span: Span) -> str:
        return "RIGHT"

    def full_kind(self, span: Span) -> str:
        return "FULL"

    def join_on(self, span: Span, condition: ast.Expr) -> dict[str, Any]:
        return {"on": condition}

    def join_using(self, span: Span, columns: tuple[ast.ColumnRef, ...]) -> dict[str, Any]:
        return {"using": columns}

    def qualified_join(
        self, span: Span, left: ast.FromItem, kind: str, right: ast.FromItem, condition: dict[str, Any] | None
    ) -> ast.Join:
        if condition is None and kind != "INNER":
            self.fail(span, f"a {kind} JOIN needs a condition", hint="add ON ... or USING (...)")
        return ast.Join(kind, left, right, span=span, **(condition or {}))

    def natural_join(self, span: Span, left: ast.FromItem, kind: str, right: ast.FromItem) -> ast.Join:
        return ast.Join(kind, left, right, natural=True, span=span)

    def cross_join(self, span: Span, left: ast.FromItem, right: ast.FromItem) -> ast.Join:
        return ast.Join("CROSS", left, right, span=span)


def _bare(body: _Body) -> _Body:
    """A query in parentheses that needs none: only its body."""
    if isinstance(body, ast.Query) and not (body.order_by or body.limit or body.offset or body.with_):
        return body.body
    return body
