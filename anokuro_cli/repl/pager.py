"""Long results go through a pager: $ANOKURO_PAGER, else $PAGER, else `less -SRXF`.

Rows are held back until there are more than fit on the screen; then the pager starts and the rest streams into it. A result that fits is written as it is.
"""

from __future__ import annotations

import io
import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any, TextIO

from anokuro_cli.render.output import Output

DEFAULT = "less -SRXF"


class PagerClosed(Exception):
    """The person has left the pager before the result's end; nothing is wrong."""


class _Stream(io.TextIOBase):
    """Holds text back until it is too long for the screen."""

    def __init__(self, terminal: TextIO, lines_max: int, started: Callable[[], None]):
        self._terminal, self._left, self._started = terminal, lines_max, started
        self._held: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self.seconds = 0.0  # in which somebody read

    def write(self, text: str) -> int:
        if self._process is None:
            self._held.append(text)
            self._left -= text.count("\n")
            if self._left < 0 and not self._start():
                self._left = 1 << 62
        else:
            self._send(text)
        return len(text)

    def _start(self) -> bool:
        command = shlex.split(os.environ.get("ANOKURO_PAGER") or os.environ.get("PAGER") or DEFAULT)
        self._terminal.flush()
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, encoding="utf-8")
        except (OSError, ValueError):
            return False
        self._started()
        self._send("".join(self._held))
        self._held.clear()
        return True

    def _send(self, text: str) -> None:
        assert self._process is not None and self._process.stdin is not None
        began = perf_counter()
        try:
            self._process.stdin.write(text)
        except BrokenPipeError as error:
            raise PagerClosed from error
        finally:
            self.seconds += perf_counter() - began

    def flush(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.flush()
            except BrokenPipeError as error:
                raise PagerClosed from error

    def finish(self) -> None:
        """Writes what was held, or waits for the person to leave the pager."""
        if self._process is None:
            self._terminal.write("".join(self._held))
            return
        began = perf_counter()
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # in the pager, Ctrl-C is the pager's
        try:
            assert self._process.stdin is not None
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
            self.seconds += perf_counter() - began


class Paged:
    """Context around the rendering of one result; gives the Output to render to. started: told when the pager comes up."""

    def __init__(self, output: Output, started: Callable[[], None] = lambda: None):
        self._stream = _Stream(output.stream, max(output.height - 3, 1), started)
        self.output = Output(
            self._stream,  # type: ignore[arg-type]
            output.terminal,
            output.width,
            output.height,
            output.colour,
            output.unicode,
        )

    @property
    def seconds(self) -> float:
        """How long somebody read."""
        return self._stream.seconds

    def __enter__(self) -> Output:
        return self.output

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        self._stream.finish()
        return kind is PagerClosed
