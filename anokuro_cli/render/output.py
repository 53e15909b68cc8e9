"""Where rendered text goes: a stream, and what is known about the terminal behind it."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from engine.base.dataclass import dataclass

RESET = "\x1b[0m"
STYLES = {"dim": "\x1b[2m", "bold": "\x1b[1m", "red": "\x1b[31m", "yellow": "\x1b[33m", "cyan": "\x1b[36m"}


@dataclass(slots=True)
class Output:
    """A stream with the abilities of what it leads to.

    width: columns of the terminal, 0 where there is none (nothing is ever shortened then). colour: SGR sequences may be written. unicode:
    lines may be drawn with box characters.
    """

    stream: TextIO
    terminal: bool = False
    width: int = 0
    height: int = 0
    colour: bool = False
    unicode: bool = True

    def write(self, text: str) -> None:
        self.stream.write(text)

    def line(self, text: str = "") -> None:
        self.stream.write(text + "\n")

    def flush(self) -> None:
        self.stream.flush()

    def style(self, text: str, name: str) -> str:
        """`text` in one of STYLES, where colour is wanted."""
        return STYLES[name] + text + RESET if self.colour and text else text

    def resize(self) -> None:
        """Takes the terminal's present size; it may have changed since the last statement."""
        if self.terminal:
            self.width, self.height = terminal_size(self.stream)


def terminal_size(stream: TextIO) -> tuple[int, int]:
    """Columns and lines of a terminal, as the kernel says; 80 by 24 where it does not know."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return 80, 24
    return size.columns or 80, size.lines or 24


def output_for(stream: TextIO, colour: str = "auto") -> Output:
    """The Output of a standard stream. colour: auto, always or never; auto obeys NO_COLOR and TERM=dumb."""
    terminal = stream.isatty()
    width, height = terminal_size(stream) if terminal else (0, 0)
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "") in ("", "dumb")
    use_colour = colour == "always" or (colour == "auto" and terminal and not plain)
    return Output(stream, terminal, width, height, use_colour, can_draw(stream))


def can_draw(stream: TextIO) -> bool:
    """Whether the stream's encoding has box drawing characters."""
    try:
        "│─┼…".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def prepare_standard_streams() -> None:
    """UTF-8 where data leaves for a file or pipe; escapes instead of failures where a terminal cannot show a character."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        if stream.isatty():
            reconfigure(errors="backslashreplace")
        else:
            reconfigure(encoding="utf-8", errors="backslashreplace" if stream is sys.stderr else "surrogateescape")
