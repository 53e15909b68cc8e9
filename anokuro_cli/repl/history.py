"""The history file as prompt_toolkit wants it. An entry is written when its statement has ended, so that it can say how long that took and how it ended.

Where the file cannot be used, the session remembers by itself and warns once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import islice

from prompt_toolkit.history import History

from anokuro_cli.history import Entry, HistoryFile

LOADED_MAX = 20_000  # newest entries that are offered at the prompt


class FileHistory(History):
    """warn: told once if the file cannot be used."""

    def __init__(self, file: HistoryFile, database: str, warn: Callable[[str], None]):
        super().__init__()
        self._file, self._database, self._warn = file, database, warn
        self._works = True
        self._typed: tuple[str, float] | None = None

    def load_history_strings(self) -> Iterable[str]:
        """Newest first."""
        try:
            return [entry.text for entry in islice(self._file.newest_first(), LOADED_MAX)]
        except OSError as error:
            self._give_up(error)
            return []

    def store_string(self, string: str) -> None:
        """Notes what was typed, until `ended`."""
        self._typed = (string, time.time())

    def ended(self, seconds: float, status: int) -> None:
        """Writes what was typed last, with what came of it."""
        if self._typed is None or not self._works:
            return
        text, when = self._typed
        self._typed = None
        try:
            self._file.append(Entry(text, when, self._database, seconds, status))
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if self._works:
            self._works = False
            self._warn(f"history is not kept: {self._file.path}: {error.strerror}")
