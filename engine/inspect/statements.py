"""Inspection statements: from the syntax tree to a model, and from a model to the rows of a result.

INSPECT PAGE 42  --grammar-->  ast.InspectPage  --model_of-->  PageModel  --rows_of-->  rows, as sys.page_items(42) has them
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.base.errors import NotSupportedError, ProgrammingError
from engine.inspect.inspector import LiveInspector
from engine.inspect.model import Model
from engine.inspect.trace import TraceModel, trace_call
from grammar import ast
from grammar.unparse import unparse


def value_of(node: ast.Expr | None, params: Any) -> Any:
    """The value of a literal or a parameter. Raises ProgrammingError for any other expression."""
    if node is None:
        return None
    if isinstance(node, ast.Literal):
        return node.value
    if isinstance(node, ast.Parameter):
        # a session hands a mapping over as the only element of a tuple
        if len(params) == 1 and isinstance(params, (tuple, list)) and isinstance(params[0], Mapping):
            params = params[0]
        try:
            if isinstance(params, Mapping):
                return params[node.name if node.name is not None else str(node.index)]
            return params[(node.index or 1) - 1]
        except (KeyError, IndexError) as error:
            raise ProgrammingError("a parameter of the inspection has no value") from error
    raise ProgrammingError("an inspection takes numbers, texts and parameters, no expressions")


def _number(node: ast.Expr | None, params: Any, what: str) -> int | None:
    value = value_of(node, params)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ProgrammingError(f"the {what} is a number, not {value!r}")
    return value


def _needed(node: ast.Expr, params: Any, what: str) -> int:
    value = _number(node, params, what)
    if value is None:
        raise ProgrammingError(f"the {what} is a number, not NULL")
    return value


def trace_of(inspector: LiveInspector, session: Any, node: ast.Trace, params: Any) -> TraceModel:
    """Run a statement, traced, in its session; its rows are read and counted. An error of the statement is part of the trace."""
    text = unparse(node.statement)
    if len(params) == 1 and isinstance(params, (tuple, list)) and isinstance(params[0], Mapping):
        params = params[0]

    def run() -> int:
        result = session.execute(text, params)
        rows = len(result.fetchall())
        return rows or max(result.rowcount or 0, 0)

    return trace_call(text, run, inspector.source.owners)


def model_of(inspector: LiveInspector, node: ast.Statement, params: Any = ()) -> Model:
    """The model a statement asks for. Raises ProgrammingError, NotSupportedError."""
    if isinstance(node, ast.InspectPage):
        return inspector.page(_needed(node.page, params, "page"), _number(node.at_lsn, params, "LSN"))
    if isinstance(node, ast.InspectLayout):
        return inspector.layout(node.kind)
    if isinstance(node, ast.InspectTree):
        return inspector.tree(node.name.name, value_of(node.key, params))
    if isinstance(node, ast.InspectWal):
        return inspector.wal(
            _number(node.from_lsn, params, "LSN"),
            _number(node.page, params, "page"),
            _number(node.transaction, params, "transaction"),
        )
    if isinstance(node, ast.Diff):
        return inspector.diff(
            _needed(node.page, params, "page"), _needed(node.low, params, "LSN"), _needed(node.high, params, "LSN")
        )
    if isinstance(node, ast.HistoryPage):
        return inspector.page_history(_needed(node.page, params, "page"))
    if isinstance(node, ast.HistoryRow):
        return inspector.row_history(node.table.name, value_of(node.key, params))
    if isinstance(node, ast.Inspect):
        what = {"txns": "transactions"}.get(node.what.lower(), node.what.lower())
        if what in ("file", "pool", "latches", "snapshots", "memtable", "transactions"):
            found = getattr(inspector, what)()
            assert isinstance(found, Model)
            return found
    raise NotSupportedError(f"{type(node).__name__} is no inspection that is there yet")
