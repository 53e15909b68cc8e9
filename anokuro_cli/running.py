"""How far the running statement is: a thread looks at the engine's counters while the statement has the main thread.

    begin ----0.5 s---- line ---- line ---- line ---- end or hide: the line is erased, then rows may be written
             (nothing is drawn before: nearly every statement is over by then)

Only where standard error is a terminal. One thread serves all statements; while they are short it does not even wake up for each of them.
"""

from __future__ import annotations

import threading
from time import perf_counter, sleep
from typing import TYPE_CHECKING

from anokuro_cli.progress import DELAY_SECONDS, Progress
from grammar.tokens import KEYWORDS

if TYPE_CHECKING:
    from anokuro_cli.shell import Session

LOOK_SECONDS = 0.2
ALL_READ = 0.99  # of the rows that scans will read; their number is an estimate


class Running:
    """Belongs to one session. `rows_written` is added to by whoever writes rows to a file."""

    def __init__(self, session: Session):
        self._session = session
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._waits = False
        self._began: float | None = None
        self._progress: Progress | None = None
        self._label = ""
        self.rows_written = 0
        self._reads = 0

    def begin(self, label: str) -> None:
        """A statement runs from now on. label: its text, of which the first words are shown, or what is being done with it."""
        session = self._session
        if not session.messages.terminal or session.settings.quiet:
            return
        self._label, self.rows_written = label, 0
        self._began = perf_counter()
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)
            self._thread.start()
        elif self._waits:
            with self._wake:
                self._wake.notify()

    def end(self) -> None:
        """The statement is over, or rows are to be written to the terminal: nothing is drawn any more."""
        if self._began is None:
            return
        self._began = None
        with self._wake:  # not while the thread is drawing
            if self._progress is not None:
                self._progress.erase()
                self._progress = None

    def _watch(self) -> None:
        while True:
            with self._wake:
                self._waits = True  # first: who begins a statement after the look below sees it
                while self._began is None:
                    self._wake.wait()
                self._waits = False
            self._reads = self._page_reads()
            while self._began is not None:
                sleep(LOOK_SECONDS)
                with self._wake:
                    began = self._began
                    if began is not None and perf_counter() - began >= DELAY_SECONDS:
                        self._draw(began)

    def _page_reads(self) -> int:
        try:
            return int(self._session.db.stats()["page_reads"])
        except Exception:  # a database that is being closed
            return self._reads

    def _draw(self, began: float) -> None:
        session = self._session
        if self._progress is None:
            self._progress = Progress(session.messages, began=began)
        try:
            read, expected = session.db.session.progress()
            done = (self._page_reads() - self._reads) * int(session.db.stats()["page_size"])
        except Exception:
            return
        if read >= ALL_READ * expected:
            expected = 0  # how long it takes to sort or group what has been read nobody knows
        rows = max(self.rows_written, read)
        self._progress.update(_name(self._label), rows or None, done, all_rows=expected)


def _name(sql: str) -> str:
    """What a statement is called: CREATE INDEX, SELECT. What is no statement is shown as it is."""
    words = sql.split(None, 2)
    if not words or words[0].upper() not in KEYWORDS:
        return sql
    return " ".join(words[: 2 if words[0].upper() in ("CREATE", "ALTER", "DROP") else 1]).upper()
