"""The history file as prompt_toolkit wants it, quick with a hundred thousand entries.

    file --thread, newest first, each text once--> strings --chunks, between which keys are read--> the lines that Up and Ctrl-R go through
                                                      +-----> the grey text

An entry is written when its statement has ended, so that it can say how long that took and how it ended. Where the file cannot be used, the session remembers by itself and
warns once.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from itertools import chain
from typing import Any

from prompt_toolkit.auto_suggest import AutoSuggest, Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.history import History
from prompt_toolkit.search import SearchDirection, SearchState

from anokuro_cli.history import Entry, HistoryFile

CHUNK = 1000  # strings given to prompt_toolkit before it may read keys again: less than a millisecond
LOOK_SECONDS = 0.02


class FileHistory(History):
    """warn: told once if the file cannot be used."""

    def __init__(self, file: HistoryFile, database: str, warn: Callable[[str], None]):
        super().__init__()
        self._file, self._database, self._warn = file, database, warn
        self._works = True
        self._typed: tuple[str, float] | None = None
        self._new: list[str] = []  # typed in this session, oldest first
        self._old: list[str] = []  # from the file, newest first
        self._loader: threading.Thread | None = None

    # ---- reading

    def load_history_strings(self) -> Iterable[str]:
        """The file's texts, newest first, each once."""
        seen: set[str] = set()
        try:
            for entry in self._file.newest_first():
                if entry.text not in seen:
                    seen.add(entry.text)
                    yield entry.text
        except OSError as error:
            self._give_up(error)

    async def load(self) -> AsyncGenerator[str, None]:
        """Newest first, as they come from the file; called for every prompt anew."""
        if self._loader is None:
            self._loader = threading.Thread(target=self.load_all, name="history", daemon=True)
            self._loader.start()
            self._loader.join(
                LOOK_SECONDS
            )  # most files are read by then, and whoever presses Up at once finds the last line
        for text in self._new[::-1]:
            yield text
        place = 0
        while True:
            over = not self._loader.is_alive()  # looked at first: what comes after the look is given in the next round
            for text in self._old[place : place + CHUNK]:
                place += 1
                yield text
            if place < len(self._old):
                await asyncio.sleep(0)
            elif over:
                return
            else:
                await asyncio.sleep(LOOK_SECONDS)

    def load_all(self) -> None:
        """Reads the file to its end, text by text."""
        for text in self.load_history_strings():
            self._old.append(text)

    def newest_first(self) -> Iterable[str]:
        """Everything that is known so far."""
        return chain(reversed(self._new), self._old)

    def get_strings(self) -> list[str]:
        """Everything that is known so far, oldest first."""
        return [*reversed(self._old), *self._new]

    # ---- writing

    def append_string(self, string: str) -> None:
        """Remembers what was typed."""
        self._new.append(string)
        self.store_string(string)

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


class Suggestions(AutoSuggest):
    """The grey text: the rest of the newest line in the history that begins as the present line does."""

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """None where there is nothing to suggest."""
        begun = document.text.rpartition("\n")[2]
        if not begun.strip() or not isinstance(buffer.history, FileHistory):
            return None
        for text in buffer.history.newest_first():
            if begun in text:
                for line in reversed(text.split("\n")):
                    if line.startswith(begun):
                        return Suggestion(line[len(begun) :])
        return None


def search(
    buffer: Buffer, state: SearchState, include_current_position: bool = False, count: int = 1
) -> tuple[int, int] | None:
    """Ctrl-R and Ctrl-S, in place of Buffer._search, which makes a regular expression and a Document for every line: (line, cursor), None where nothing is found."""
    lines = list(buffer._working_lines)  # a deque is slow in its middle
    fold: Callable[[str], str] = str.lower if state.ignore_case() else str
    wanted, back = fold(state.text), state.direction == SearchDirection.BACKWARD
    at, cursor = buffer.working_index, buffer.cursor_position
    lines[at] = buffer.text
    for _ in range(count):
        found = _search_once(lines, fold, wanted, back, at, cursor, include_current_position)
        if found is None:
            return None
        at, cursor = found
    return at, cursor


def _search_once(
    lines: list[str], fold: Callable[[str], str], wanted: str, back: bool, at: int, cursor: int, here: bool
) -> tuple[int, int] | None:
    line = fold(lines[at])
    place = line.rfind(wanted, 0, cursor) if back else line.find(wanted, cursor if here else cursor + 1)
    if place >= 0:
        return at, place
    order: Any = (
        chain(range(at - 1, -1, -1), range(len(lines) - 1, at, -1))
        if back
        else chain(range(at + 1, len(lines)), range(at))
    )
    for number in order:
        line = fold(lines[number])
        if wanted in line:
            return number, line.rfind(wanted) if back else line.find(wanted)
    return None
