"""Temporary files of queries. They have no name from the moment they are made: whatever happens, the system removes them."""

from __future__ import annotations

import os
from typing import IO, Any

from engine.base.errors import OperationalError


def temporary_file(store: Any) -> IO[bytes]:
    """A new file beside the database, or where the system keeps such files. Raises OperationalError."""
    import tempfile  # with all it imports 5 ms, for the few queries that need it

    path = getattr(store, "path", None) or ""
    folder = os.path.dirname(os.path.abspath(path)) if path else ""
    usable = bool(folder) and os.path.isdir(folder) and os.access(folder, os.W_OK)
    try:
        return tempfile.TemporaryFile(prefix=".spill-", dir=folder if usable else None)
    except OSError as error:
        raise OperationalError(f"no temporary file for a query beyond query_memory: {error}") from None
