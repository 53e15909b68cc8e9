"""Join conditions: what foreign keys say, in either direction, then columns of the same name and type.

... FROM flights f JOIN airlines a ON |        f.carrier = a.carrier
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from anokuro_cli.complete.scope import Source
from anokuro_cli.complete.sources import columns_of
from anokuro_cli.schema import Schema
from grammar.tokens import quote

Key = tuple[
    tuple[str, ...], str, tuple[str, ...]
]  # columns, the table they refer to, its columns (() for its primary key)


def join_conditions(sources: Sequence[Source], schema: Schema) -> Iterator[tuple[str, str]]:
    """(condition, what it rests on) for joining the last source to one of those before it."""
    if len(sources) < 2:
        return
    last = sources[-1]
    found: set[str] = set()
    for other in reversed(sources[:-1]):
        for condition, meta in (
            *_by_key(other, last, schema),
            *_by_key(last, other, schema),
            *_by_name(other, last, schema),
        ):
            if condition not in found:
                found.add(condition)
                yield condition, meta


def _by_key(source: Source, target: Source, schema: Schema) -> Iterator[tuple[str, str]]:
    table, other = schema.table(source.table), schema.table(target.table)
    if table is None or other is None:
        return
    for columns, name, wanted in foreign_keys(table.sql):
        if name.lower() == other.name.lower():
            ends = wanted or tuple(column.name for column in other.columns if column.key)
            pairs = zip(columns, ends, strict=False)
            yield " AND ".join(_equal(source, left, target, right) for left, right in pairs), "foreign key"


def _by_name(left: Source, right: Source, schema: Schema) -> Iterator[tuple[str, str]]:
    known = {name.lower(): (name, kind) for name, kind in columns_of(left, schema)}
    for name, kind in columns_of(right, schema):
        same = known.get(name.lower())
        if same is not None and (same[1] == kind or not same[1] or not kind):
            yield _equal(left, same[0], right, name), "same name"


def _equal(left: Source, one: str, right: Source, two: str) -> str:
    return f"{quote(left.name)}.{quote(one)} = {quote(right.name)}.{quote(two)}"


@lru_cache(2000)
def foreign_keys(sql: str) -> tuple[Key, ...]:
    """The foreign keys in the text of a CREATE TABLE."""
    from grammar import ParseError, ast, parse

    if "references" not in sql.lower():
        return ()
    try:
        node = parse(sql)
    except ParseError:
        return ()
    if not isinstance(node, ast.CreateTable):
        return ()
    keys: list[Key] = []
    for column in node.columns:
        for constraint in column.constraints:
            if isinstance(constraint, ast.ForeignKey):
                keys.append(((column.name,), constraint.table.name, _names(constraint.target_columns)))
    for constraint in node.constraints:
        if isinstance(constraint, ast.ForeignKey):
            keys.append((_names(constraint.columns), constraint.table.name, _names(constraint.target_columns)))
    return tuple(keys)


def _names(columns: Sequence[object]) -> tuple[str, ...]:
    return tuple(str(getattr(column, "name", column)) for column in columns)
