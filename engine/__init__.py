"""Anokuro: an embedded database you can see through.

    import engine

    with engine.open("shop.ank") as db:
        db.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        db.execute("INSERT INTO users VALUES (?, ?)", (7, "Ada"))
        print(db.execute("SELECT name FROM users WHERE id = ?", (7,)).fetchone())
        events = db.tree("events")
        events.put(b"k", b"v")

`engine.open` gives a Database; `engine.connect` a PEP 249 connection. engine/README.md walks through the layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.base.errors import (
    ConflictError,
    CorruptionError,
    DatabaseError,
    DataError,
    Error,
    HistoryError,
    IntegrityError,
    InterfaceError,
    InternalError,
    LimitError,
    LockedError,
    NestingError,
    NotSupportedError,
    OperationalError,
    ParseError,
    PoisonedError,
    ProgrammingError,
    ReadOnlyError,
    StatementInterrupted,
    Warning,
)

if TYPE_CHECKING:
    from engine.api.database import Database, Transaction
    from engine.api.database import open_database as open
    from engine.api.dbapi import apilevel, connect, paramstyle, threadsafety
    from engine.api.recover import recover
    from engine.api.result import Result
    from engine.api.tree import Tree

__version__ = "0.1.0"

_LAZY = {
    "open": ("engine.api.database", "open_database"),
    "recover": ("engine.api.recover", "recover"),
    "Database": ("engine.api.database", "Database"),
    "Transaction": ("engine.api.database", "Transaction"),
    "Tree": ("engine.api.tree", "Tree"),
    "Result": ("engine.api.result", "Result"),
    "connect": ("engine.api.dbapi", "connect"),
    "apilevel": ("engine.api.dbapi", "apilevel"),
    "paramstyle": ("engine.api.dbapi", "paramstyle"),
    "threadsafety": ("engine.api.dbapi", "threadsafety"),
}


def __getattr__(name: str) -> Any:
    """The API's names are imported when they are first used, so that `import engine.base` stays cheap."""
    if name in _LAZY:
        import importlib

        module, attribute = _LAZY[name]
        value = getattr(importlib.import_module(module), attribute)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "ConflictError",
    "CorruptionError",
    "DataError",
    "Database",
    "DatabaseError",
    "Error",
    "HistoryError",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "LimitError",
    "LockedError",
    "NestingError",
    "NotSupportedError",
    "OperationalError",
    "ParseError",
    "PoisonedError",
    "ProgrammingError",
    "ReadOnlyError",
    "Result",
    "StatementInterrupted",
    "Transaction",
    "Tree",
    "Warning",
    "apilevel",
    "connect",
    "open",
    "paramstyle",
    "recover",
    "threadsafety",
]
