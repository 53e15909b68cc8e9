"""EXPLAIN [ANALYZE] COPY: what is read or written, and the plan of the query whose rows go to a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from engine.record.types import Type
from engine.sql.copying.files import shown
from engine.sql.copying.options import CopyOptions, read_options
from engine.sql.copying.statement import find_copied, path_of, query_text, run_copy
from engine.sql.explain import MEASURED_COLUMNS, PlanNode, measured_lines
from engine.sql.profile import Span
from engine.sql.result import Result
from grammar import ast

if TYPE_CHECKING:
    from engine.sql.session import Session

_COLUMNS = ("operation", "detail", "rows", "gear")
_KINDS = (Type.TEXT, Type.TEXT, Type.INTEGER, Type.TEXT)


def explain_copy(session: Session, sql: str, node: ast.Explain, copy: ast.Copy, params: Any) -> Result:
    """The rows of an EXPLAIN of COPY. With ANALYZE the COPY is carried out, and is one node; its file is written or read."""
    path, rest = path_of(copy, params)
    options = read_options(path, copy.options)
    operation, detail = f"copy {copy.direction.lower()}", _detail(session, sql, copy, path, options)
    if node.analyze:
        span = Span()
        count = run_copy(session, sql, copy, params).rowcount
        node_of_copy = PlanNode(operation, detail, 0, (), span.end(count), "column")
        (first,) = measured_lines(node_of_copy)
        row = (*first[:2], None, *first[3:])  # nobody knows how many rows a file has
        names, kinds = (tuple(part) for part in zip(*MEASURED_COLUMNS, strict=True))
        return Result(names, kinds, iter([row]), -1, None, "EXPLAIN")
    rows: list[tuple[Any, ...]] = [(operation, detail, None, "column")]
    if copy.direction == "TO":
        below = session.execute(f"EXPLAIN {query_text(sql, copy)}", rest).fetchall()
        rows = [(operation, detail, below[0][2], "column"), *(("  " + row[0], *row[1:]) for row in below)]
    return Result(_COLUMNS, _KINDS, iter(rows), -1, None, "EXPLAIN")


def _detail(session: Session, sql: str, copy: ast.Copy, path: str, options: CopyOptions) -> str:
    parts = [] if copy.table is None else [find_copied(session, sql, copy)]
    compressed = ", gzip" if options.gzip else ""
    parts.append(f"{shown(path)} as {options.format}{compressed}")
    if copy.direction == "FROM" and os.path.isfile(path):
        parts.append(f"{os.path.getsize(path) / (1 << 20):.1f} MB")
    return "; ".join(parts)
