"""A progress bar on standard error: rows, bytes and the time left, after DELAY_SECONDS, erased when the work is done.

Nothing is shown, and rich is not imported, where standard error is no terminal or the work is done sooner.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from anokuro_cli.text import neutralise

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output

DELAY_SECONDS = 0.5


class Progress:
    """Used as a context; `update` may be called as often as one likes."""

    def __init__(self, messages: Output, quiet: bool = False):
        self._messages, self._silent = messages, quiet or not messages.terminal
        self._began = perf_counter()
        self._bar: Any = None
        self._task: Any = None
        self._label = ""

    def __enter__(self) -> Progress:
        self._began = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, label: str, rows: int | None, done_bytes: int, all_bytes: int) -> None:
        """label: what is being done; a new label begins a new bar. rows: None where there are none to count."""
        if self._silent or (self._bar is None and perf_counter() - self._began < DELAY_SECONDS):
            return
        if self._bar is None:
            self._bar = _new_bar(self._messages)
            self._bar.start()
        if label != self._label:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._label = label
            self._task = self._bar.add_task(neutralise(label), total=all_bytes or None, rows="")
        self._bar.update(
            self._task, completed=min(done_bytes, all_bytes), rows="" if rows is None else f"{rows:,} rows"
        )


def _new_bar(messages: Output) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(file=messages.stream, no_color=not messages.colour, markup=False, highlight=False)
    return Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[rows]}", markup=False),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
