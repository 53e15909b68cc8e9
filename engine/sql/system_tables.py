"""The catalog as tables: sys.tables, sys.columns, sys.indexes, sys.statistics, sys.functions, sys.system_columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.record.types import Type, describe
from engine.sql import functions
from engine.sql.shared import Shared


def _tables(args: tuple[Any, ...], session: Any) -> Iterator[tuple[Any, ...]]:
    for _, table in sorted(session.schema().tables.items()):
        yield table.name, "table", len(table.columns), str(table.key), table.tree, table.sql
    for _, view in sorted(session.schema().views.items()):
        yield view.name, "view", None, None, None, f"CREATE VIEW {view.name} AS {view.sql}"


def _columns(args: tuple[Any, ...], session: Any) -> Iterator[tuple[Any, ...]]:
    for _, table in sorted(session.schema().tables.items()):
        keys = {column.position: place + 1 for place, column in enumerate(table.primary_key)}
        for i, column in enumerate(table.columns):
            yield (
                table.name,
                i,
                column.name,
                column.type.name,
                column.declared,
                column.not_null,
                column.default,
                keys.get(i),
            )


def _indexes(args: tuple[Any, ...], session: Any) -> Iterator[tuple[Any, ...]]:
    schema = session.schema()
    for _, index in sorted(schema.indexes.items()):
        table = schema.tables[index.table.lower()]
        names = ", ".join(table.name_of(c) + (" DESC" if c.descending else "") for c in index.columns)
        yield index.name, index.table, names, index.unique, index.origin, index.tree, index.sql or None


def _statistics(args: tuple[Any, ...], session: Any) -> Iterator[tuple[Any, ...]]:
    schema = session.schema()
    for name, found in sorted(schema.statistics.items()):
        for column, known in found.columns.items():
            common = ", ".join(f"{describe(value)}: {share:.3g}" for value, share in known.common[:8])
            ends = (known.bounds[0], known.bounds[-1]) if known.bounds else (None, None)
            least, greatest = (None if end is None else describe(end) for end in ends)
            yield name, column, found.rows, known.distinct, known.nulls, common, least, greatest


def _functions(args: tuple[Any, ...], session: Any) -> Iterator[tuple[Any, ...]]:
    for name in functions.names():
        found = functions.find(name, 1, False)
        yield name, found is not None and found.aggregate


def _system_columns(args: tuple[Any, ...], session: Any) -> Iterator[tuple[Any, ...]]:
    for _, table in sorted(session.shared.system_tables.items()):
        for i, (name, kind) in enumerate(zip(table.names, table.types, strict=True)):
            yield f"sys.{table.name}", i, name, kind.name, table.most


def register(shared: Shared) -> None:
    """Enter the catalog's tables."""
    text, integer, boolean = Type.TEXT, Type.INTEGER, Type.BOOLEAN
    shared.register_system_table(
        "tables",
        [("name", text), ("kind", text), ("columns", integer), ("key", text), ("tree", integer), ("sql", text)],
        _tables,
    )
    shared.register_system_table(
        "columns",
        [
            ("table_name", text), ("position", integer), ("name", text), ("type", text), ("declared", text),
            ("not_null", boolean), ("default_value", text), ("key_position", integer),
        ],
        _columns,
    )  # fmt: skip
    shared.register_system_table(
        "indexes",
        [
            ("name", text), ("table_name", text), ("columns", text), ("is_unique", boolean), ("origin", text),
            ("tree", integer), ("sql", text),
        ],
        _indexes,
    )  # fmt: skip
    shared.register_system_table(
        "statistics",
        [
            ("table_name", text), ("column_name", text), ("rows", integer), ("distinct_values", Type.REAL),
            ("nulls", Type.REAL), ("most_common", text), ("least_other", text), ("greatest_other", text),
        ],
        _statistics,
    )  # fmt: skip
    shared.register_system_table("functions", [("name", text), ("aggregate", boolean)], _functions)
    shared.register_system_table(
        "system_columns",
        [("table_name", text), ("position", integer), ("name", text), ("type", text), ("arguments", integer)],
        _system_columns,
    )
