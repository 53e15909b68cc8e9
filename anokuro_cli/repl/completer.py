"""Completion for prompt_toolkit, which asks in a thread of its own.

The schema is read again after a statement that may have changed it, when a completion is next asked for and no statement runs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from anokuro_cli.complete.candidates import Candidate, complete, match
from anokuro_cli.dot import COMMANDS
from anokuro_cli.schema import Schema, read_schema
from anokuro_cli.text import neutralise

if TYPE_CHECKING:
    from anokuro_cli.shell import Session

_SHOWN_MAX = 300


class SchemaCache:
    """The schema as it was when last looked at."""

    def __init__(self, session: Session):
        self._session = session
        self._schema = Schema()
        self._stale = True
        self.lock = threading.Lock()  # held while a statement runs: a session does one thing at a time

    def statement_ran(self, sql: str) -> None:
        """To be told of everything that was run."""
        if any(word in sql.upper() for word in ("CREATE", "DROP", "ALTER", "ROLLBACK", "COMMIT", ".")):
            self._stale = True

    def get(self) -> Schema:
        """The schema; an older one while a statement runs or the database cannot answer."""
        if self._stale and self.lock.acquire(blocking=False):
            try:
                self._schema = read_schema(self._session.db)
                self._stale = False
            except Exception:
                self._stale = False  # asked again after the next statement that may change it
            finally:
                self.lock.release()
        return self._schema


class ShellCompleter(Completer):
    """SQL and dot commands."""

    def __init__(self, cache: SchemaCache):
        self._cache = cache
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text
        if text[:1] in (".", "\\") and "\n" not in text:
            yield from self._command(document, complete_event)
            return
        before = document.char_before_cursor
        if not complete_event.completion_requested and not (before.isalnum() or before in '_."'):
            return  # nothing pops up by itself before a letter is typed; and a Tab that follows finds nobody at work
        candidates, start = complete(text, document.cursor_position, self._cache.get())
        typed = document.cursor_position - start
        if typed and len(candidates) == 1 and candidates[0].text.lower() == text[start:].lower():
            return
        for candidate in candidates[:_SHOWN_MAX]:
            yield _completion(candidate, -typed)

    def _command(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        name, space, rest = before.partition(" ")
        if not space:
            for command in COMMANDS.values():
                for spelled in (command.name, *command.aliases):
                    if spelled.startswith(name):
                        yield _completion(Candidate(spelled, command.help), -len(name))
            return
        found = COMMANDS.get(name) or next((c for c in COMMANDS.values() if name in c.aliases), None)
        if found is None:
            return
        word = rest.rpartition(" ")[2]
        if found.completes == "path":
            yield from self._paths.get_completions(Document(word, len(word)), event)
            return
        fitting = [
            (quality, choice, meta)
            for choice, meta in self._choices(found.completes)
            if (quality := match(choice, word)) is not None
        ]
        for _, choice, meta in sorted(fitting, key=lambda entry: entry[0]):  # what begins with the word comes first
            yield _completion(Candidate(choice, meta), -len(word))

    def _choices(self, completes: str | tuple[str, ...]) -> Iterable[tuple[str, str]]:
        if completes == "table":
            return [(table.name, table.kind) for table in self._cache.get().tables]
        if completes == "command":
            return [(command.name, command.help) for command in COMMANDS.values()]
        return [(choice, "") for choice in completes] if isinstance(completes, tuple) else []


def _completion(candidate: Candidate, start: int) -> Completion:
    return Completion(
        candidate.text,
        start_position=start,
        display=neutralise(candidate.text),
        display_meta=neutralise(candidate.meta),
    )
