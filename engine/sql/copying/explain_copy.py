"""EXPLAIN [ANALYZE] COPY: what is read or written, and the plan of the query whose rows go to a file."""

from __future__ import annotations

import os
from time import perf_counter
from typing import TYPE_CHECKING, Any

from engine.base.counters import thread_counters
from engine.record.types import Type
from engine.sql.copying.files import shown
from engine.sql.copying.options import CopyOptions, read_options
from engine.sql.copying.statement import find_copied, path_of, query_text, run_copy
from engine.sql.explain import MEASURED_COLUMNS, measured
from engine.sql.profile import Measured
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
        started, before = perf_counter(), thread_counters()
        count = run_copy(session, sql, copy, params).rowcount
        whole = Measured(count, 1)
        whole.add(started, before)
        own = measured(whole, [])
        row = (operation, detail, None, count, 1, round(whole.seconds * 1000, 3), "column", *own)
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
