"""The last result as a table: `.last SELECT a, count(*) FROM last GROUP BY a` loads the kept rows into a database in memory and asks that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anokuro_cli.executing import watched
from anokuro_cli.opening import MEMORY
from anokuro_cli.render.batches import batches
from anokuro_cli.render.formats import show_rows
from grammar.tokens import quote

if TYPE_CHECKING:
    from anokuro_cli.shell import Session

TABLE = "last"
_TYPES = frozenset(("INTEGER", "REAL", "TEXT", "BLOB", "BOOLEAN", "DATE", "TIMESTAMP"))


def query_result(session: Session, sql: str) -> None:
    """Runs a query over the last result, and shows what it gives. Raises what the engine raises."""
    kept = session.last_result
    names = unique_names(kept.columns)
    types = [
        kind if kind in _TYPES else _type_of(kept.rows, place)
        for place, kind in enumerate(kept.types or [""] * len(names))
    ]
    with session.handle.again(MEMORY, readonly=False) as handle:
        declared = ", ".join(f"{quote(name)} {kind}" for name, kind in zip(names, types, strict=True))
        handle.db.execute(f"CREATE TABLE {TABLE} ({declared})")
        rows = kept.rows
        if "TEXT" in types:  # a column of several types has been made one of text
            rows = [tuple(_fitted(value, kind) for value, kind in zip(row, types, strict=True)) for row in rows]
        if rows:
            handle.db.executemany(f"INSERT INTO {TABLE} VALUES ({', '.join('?' * len(names))})", rows)
        result = handle.db.execute(sql.rstrip().rstrip(";"), session.bound(sql))
        with session.paged() as output:
            show_rows(result.columns, watched(session, batches(result)), output, session.settings)


def unique_names(columns: object) -> list[str]:
    """Column names, of which later equals get a number: a, a_2."""
    names: list[str] = []
    for name in columns:  # type: ignore[attr-defined]
        unique, number = name, 1
        while unique.lower() in (known.lower() for known in names):
            number += 1
            unique = f"{name}_{number}"
        names.append(unique)
    return names


def _type_of(rows: list[tuple[object, ...]], place: int) -> str:
    """The type that all values of a column have, TEXT where there is none."""
    kinds = {type(row[place]).__name__ for row in rows if row[place] is not None}
    if len(kinds) != 1:
        return "TEXT"
    known = {
        "int": "INTEGER",
        "float": "REAL",
        "bool": "BOOLEAN",
        "bytes": "BLOB",
        "date": "DATE",
        "datetime": "TIMESTAMP",
    }
    return known.get(kinds.pop(), "TEXT")


def _fitted(value: object, kind: str) -> object:
    return value if kind != "TEXT" or value is None or isinstance(value, str) else str(value)
