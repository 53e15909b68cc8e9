"""Makes the writer of a table, with its CHECKs, indexes and DEFAULTs compiled, and those its FOREIGN KEYs lead to."""

from __future__ import annotations

from typing import Any

from engine.catalog.objects import Table
from engine.sql.binder import Binder
from engine.sql.compile_expr import Closure, Runtime, compile_condition, compile_expr
from engine.sql.foreign_keys import ForeignKeys, links_to, make_link
from engine.sql.index_entries import compile_entries
from engine.sql.row_exprs import bind_row_expr, default_expr
from engine.sql.writer import Writer


def make_writer(binder: Binder, table: Table, rt: Runtime) -> Writer:
    """A writer for one statement. Tables that actions can change have writers of their own, which share its links."""
    writer = _writer(binder, table, rt)
    if not table.foreign_keys and table.name.lower() not in binder.schema.referring:
        return writer
    links = ForeignKeys(rt)
    waiting = [writer]
    links.writers[table.name.lower()] = writer
    while waiting:
        one = waiting.pop()
        one.links = links
        found = (make_link(binder.schema, one.table, key) for key in one.table.foreign_keys)
        one.referring = [link for link in found if link is not None]
        one.referred = list(links_to(binder.schema, one.table))
        for link in one.referred:
            name = link.child.name.lower()
            if name not in links.writers:
                links.writers[name] = _writer(binder, link.child, rt)
                waiting.append(links.writers[name])
    return writer


def _writer(binder: Binder, table: Table, rt: Runtime) -> Writer:
    checks: list[tuple[str, Closure]] = []
    for check in table.checks:
        condition, columns = bind_row_expr(binder, table, check.sql, "in CHECK")
        layout = {column.id: place for place, column in enumerate(columns)}
        checks.append((check.name or check.sql, compile_condition(condition, layout, rt)))

    def default(position: int) -> Any:
        return compile_expr(default_expr(binder, table, position), {}, rt)(())

    entries = [compile_entries(binder, table, index, rt) for index in table.indexes]
    return Writer(table, rt, checks, entries, default)
