"""Looking inside a database: models of pages, trees, the file, the pool, latches, the log, struct layouts.

    open database --live(db)-----> LiveInspector ---+
                                                    +--> frozen dataclasses --> rows of sys.*, JSON, a terminal
    files alone ----offline(path)-> OfflineInspector +

Every inspection has one model (one module each: page, tree, file, pool, latches, wal, layout, snapshots), which holds data
only. How it looks is the matter of whoever shows it: `to_json` (model.py says what its shape is), the tables of sys.*
(tables.py), or a renderer above this package. Looking does not change what is looked at, and holds it up for no longer
than one page copy (probe.py). Files alone need not be intact (file_source.py).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from engine.inspect.model import Model, to_json

if TYPE_CHECKING:
    from engine.inspect.inspector import LiveInspector, OfflineInspector
    from engine.storage.file import FileSystem

__all__ = ["Model", "live", "offline", "statement", "to_json"]


def live(db: Any) -> LiveInspector:
    """The inspections of an open engine.Database."""
    from engine.inspect.inspector import LiveInspector

    return LiveInspector(db.store, db.catalog)


def offline(path: str | os.PathLike[str], fs: FileSystem | None = None) -> OfflineInspector:
    """The inspections of a database's files, which may be damaged or in use. A context manager.

    Raises OperationalError where there is no such file, or it cannot be read.
    """
    from engine.inspect.file_source import FileSource
    from engine.inspect.inspector import OfflineInspector
    from engine.storage.file_os import OsFileSystem

    return OfflineInspector(FileSource(fs if fs is not None else OsFileSystem(), os.fspath(path)))


def statement(db: Any, node: Any, params: Any = ()) -> Model:
    """The model that an inspection statement (INSPECT ... as grammar.ast has it) asks for."""
    from engine.inspect.statements import model_of

    return model_of(live(db), node, params)
