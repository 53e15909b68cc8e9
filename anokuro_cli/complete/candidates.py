"""Candidates for a place, ranked: columns of the innermost query, columns of outer ones, tables, functions, keywords; in each, what begins with the
typed word comes before what merely contains its letters in order.
"""

from __future__ import annotations

from collections.abc import Iterator

from anokuro_cli.complete.joins import join_conditions
from anokuro_cli.complete.place import Place, place_at
from anokuro_cli.complete.sources import columns_of
from anokuro_cli.schema import Schema
from engine.base.dataclass import dataclass
from grammar.tokens import quote

TYPES = ("INTEGER", "REAL", "TEXT", "BLOB", "BOOLEAN", "DATE", "TIMESTAMP")


@dataclass(frozen=True, slots=True)
class Candidate:
    """text replaces the typed word; meta stands beside it ("INTEGER, flights", "table", "keyword")."""

    text: str
    meta: str
    name: str = ""


def complete(text: str, offset: int, schema: Schema) -> tuple[list[Candidate], int]:
    """(candidates, best first; offset from which they replace the text)."""
    place = place_at(text, offset)
    if place is None:
        return [], offset
    found: dict[str, tuple[tuple[int, int, int], Candidate]] = {}
    for order, (group, candidate) in enumerate(_all(place, schema)):
        quality = match(candidate.name or candidate.text, place.prefix)
        if quality is None:
            continue
        key = candidate.text.lower()
        if key not in found:
            found[key] = ((quality, group, order), candidate)
    ranked = sorted(found.values(), key=lambda entry: entry[0])
    return [candidate for _, candidate in ranked], place.start


def match(name: str, prefix: str) -> int | None:
    """How well a name fits what was typed: 0 it begins with it, 1 a word in it does, 2 it has its letters in order; None not at all."""
    low, typed = name.lower(), prefix.lower()
    if low.startswith(typed):
        return 0
    if "_" + typed in low or "." + typed in low:
        return 1
    if len(typed) < 2:
        return None
    letters = iter(low)
    return 2 if low[0] == typed[0] and all(letter in letters for letter in typed) else None


def _all(place: Place, schema: Schema) -> Iterator[tuple[int, Candidate]]:
    """(group, candidate); a lower group comes first."""
    if place.qualifier:
        yield from _of_qualifier(place, schema)
        return
    if "join" in place.kinds:
        for condition, meta in join_conditions(place.levels[0] if place.levels else (), schema):
            yield -1, Candidate(condition, meta)
    if "common" in place.kinds:
        yield from _common_columns(place, schema)
        return
    for name in place.aliases:
        yield 0, Candidate(quote(name), "named by AS", name)
    if "target" in place.kinds:
        for source in (place.levels[0] if place.levels else ())[:1]:
            for name, kind in columns_of(source, schema):
                yield 0, Candidate(quote(name), f"{kind} {source.name}".strip(), name)
    if "column" in place.kinds:
        for depth, level in enumerate(place.levels):
            for source in level:
                for name, kind in columns_of(source, schema):
                    if name.lower() in place.taken:
                        continue
                    yield min(depth, 1), Candidate(quote(name), f"{kind} {source.name}".strip(), name)
        for level in place.levels:
            for source in level:
                if source.name and source.name != source.table:
                    yield 2, Candidate(quote(source.name), f"alias of {source.table or 'query'}", source.name)
                elif source.name:
                    yield 3, Candidate(quote(source.name), "table", source.name)
    for kind in ("base table", "view"):
        if kind in place.kinds:
            for table in schema.tables:
                if table.kind == kind.removeprefix("base "):
                    yield 0, Candidate(quote(table.name), table.kind, table.name)
    if "table" in place.kinds:
        for name in place.ctes:
            yield 0, Candidate(quote(name), "common table", name)
        for table in schema.tables:
            yield 0, Candidate(quote(table.name), table.kind, table.name)
        if place.prefix:
            for table in schema.system:
                yield 3, Candidate(table.name, table.kind, table.name)
    if "index" in place.kinds:
        for index in schema.indexes:
            yield 0, Candidate(quote(index.name), f"index on {index.table}", index.name)
    if "type" in place.kinds:
        for name in TYPES:
            yield 0, Candidate(_as_typed(name, place), "type")
    if "function" in place.kinds and place.prefix:
        for name in schema.functions:
            yield 4, Candidate(name.lower(), "function")
    for keyword in sorted(place.keywords):
        yield 5, Candidate(_as_typed(keyword, place), "keyword")


def _of_qualifier(place: Place, schema: Schema) -> Iterator[tuple[int, Candidate]]:
    """What may come behind a name and a dot: columns of that source, or tables of that schema."""
    wanted = place.qualifier.lower()
    for level in place.levels:
        for source in level:
            if source.name.lower() == wanted:
                for name, kind in columns_of(source, schema):
                    yield 0, Candidate(_behind_dot(name), f"{kind} {source.name}".strip(), name)
                return
    for table in (*schema.tables, *schema.system):
        owner, dot, name = table.name.partition(".")
        if dot and owner.lower() == wanted:
            yield 0, Candidate(_behind_dot(name), table.kind, name)


def _behind_dot(name: str) -> str:
    """A name as it is written behind a dot, where no word is a keyword."""
    plain = name.isidentifier() and name.isascii() and name == name.lower()
    return name if plain else quote(name)


def _common_columns(place: Place, schema: Schema) -> Iterator[tuple[int, Candidate]]:
    """USING (|: the columns that the table joined last has in common with those before it."""
    sources = place.levels[0] if place.levels else ()
    if len(sources) < 2:
        return
    left = {name.lower() for source in sources[:-1] for name, _ in columns_of(source, schema)}
    for name, kind in columns_of(sources[-1], schema):
        if name.lower() in left and name.lower() not in place.taken:
            yield 0, Candidate(quote(name), f"{kind} in both", name)


def _as_typed(keyword: str, place: Place) -> str:
    small = place.prefix == place.prefix.lower() if place.prefix else place.lower
    return keyword.lower() if small else keyword
