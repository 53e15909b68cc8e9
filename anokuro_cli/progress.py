"""A line on standard error that says how far long work has come, after DELAY_SECONDS, erased when the work is done.

    importing flights ━━━━━━━━━━───────────  48%  162,304 rows  15.1 of 31.4 MB  0:02 left

Nothing is shown where standard error is no terminal. What does not fit is left out, the bar first; the line is never longer than the terminal is wide,
so that one carriage return and one "erase to the end" remove it.
"""

from __future__ import annotations

import os
import threading
from time import perf_counter
from typing import TYPE_CHECKING

from anokuro_cli.text import clip, display_width, neutralise

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output

DELAY_SECONDS, EVERY_SECONDS = 0.5, 0.1
BAR_WIDTH = 24
ENOUGH_SHARE = 0.01  # before so much is done, nobody can say how long the rest takes


class Progress:
    """Used as a context; `update` may be called as often as one likes, from any thread."""

    def __init__(self, messages: Output, quiet: bool = False, began: float | None = None):
        self._messages, self._silent = messages, quiet or not messages.terminal
        self._lock = threading.Lock()
        self._began = self._drawn_at = perf_counter() if began is None else began
        self._label = ""
        self._labelled_at = self._began
        self._shown = ""

    def __enter__(self) -> Progress:
        self._began = self._labelled_at = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.erase()

    def update(self, label: str, rows: int | None, done_bytes: int = 0, all_bytes: int = 0, all_rows: int = 0) -> None:
        """label: what is being done; a new label begins anew. rows: None where there are none to count. all_bytes, all_rows: 0 where nobody knows."""
        now = perf_counter()
        if self._silent or now - self._began < DELAY_SECONDS:
            return
        if label != self._label:
            self._label, self._labelled_at = label, now if self._label else self._began
        elif now - self._drawn_at < EVERY_SECONDS:
            return
        self._drawn_at = now
        share = done_bytes / all_bytes if all_bytes else (rows or 0) / all_rows if all_rows else None
        if share is not None and share > 1:
            share = None  # more than there was expected to be: an estimate that has proved wrong
        self._draw(line(self._messages, label, share, rows, done_bytes, all_bytes, now - self._labelled_at))

    def _draw(self, text: str) -> None:
        with self._lock:
            if text != self._shown:
                self._put(text)

    def erase(self) -> None:
        """Removes the line, so that something else can be written where it stood."""
        with self._lock:
            if self._shown:
                self._put("")

    def _put(self, text: str) -> None:
        dumb = os.environ.get("TERM", "") in (
            "",
            "dumb",
        )  # knows no sequence: what stood there is overwritten with spaces
        rest = " " * (display_width(self._shown) - display_width(text)) if dumb else "\x1b[K"
        self._messages.write(f"\r{text}{rest}" + ("" if text else "\r"))
        self._messages.flush()
        self._shown = text


def line(
    messages: Output, label: str, share: float | None, rows: int | None, done: int, whole: int, elapsed: float
) -> str:
    """The line as it is to stand on the terminal."""
    messages.resize()
    width = max(messages.width - 1, 10)  # the last column stays free: a character there may break the line
    parts = [f"{share:4.0%}"] if share is not None else []
    if rows is not None:
        parts.append(f"{rows:,} rows")
    if done or whole:
        parts.append(f"{_size(done)} of {_size(whole)}" if whole else _size(done))
    if share is not None and ENOUGH_SHARE <= share < 1:
        parts.append(f"{_clock(elapsed * (1 - share) / share)} left")
    else:
        parts.append(_clock(elapsed))
    name = clip(neutralise(label), max(width // 3, 8), "…" if messages.unicode else "~")
    while len(parts) > 1 and display_width("  ".join([name, *parts])) > width:
        parts.pop(-2)  # the time is what people look for
    text = "  ".join(parts)
    room = min(width - display_width(name) - len(text) - 3, BAR_WIDTH)
    if share is not None and room >= 8:
        full = round(room * share)
        marks = ("━", "─") if messages.unicode else ("#", ".")
        text = f"{messages.style(marks[0] * full, 'cyan')}{messages.style(marks[1] * (room - full), 'dim')} {text}"
    return clip(f"{name} {text}", width) if "\x1b" not in text else f"{name} {text}"


def _size(count: int) -> str:
    """1,234,567 -> 1.2 MB"""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("GB is the last unit")


def _clock(seconds: float) -> str:
    """75.3 -> 1:15; hours where there are some."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
