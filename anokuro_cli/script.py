"""Scripts: text from a file, a pipe or the command line, cut into SQL statements and dot commands as it arrives.

A line that begins with `.` or `\\` at column 0, outside a statement, is a dot command; so are the bare words exit, quit and help. Everything else is SQL and ends with a
semicolon, or with the script. A script of any length runs in constant memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from anokuro_cli.errors import Origin
from engine.base.dataclass import dataclass
from grammar.tokens import COMMENT, ERROR, Splitter, scan

BARE_WORDS = ("exit", "quit", "help")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to run. command: a dot command rather than SQL. expanded: ended by \\G, its rows are to be shown as lines."""

    text: str
    origin: Origin
    command: bool
    expanded: bool = False


def is_command(line: str) -> bool:
    """Whether a line that begins a statement is a dot command."""
    return (line[:1] in (".", "\\") and len(line) > 1) or line.strip().rstrip(";").lower() in BARE_WORDS


def items(lines: Iterable[str], name: str) -> Iterator[Item]:
    """The statements and commands of a script, each as soon as it is complete."""
    splitter = Splitter()
    for number, line in enumerate(lines, 1):
        if not splitter.pending() and is_command(line):
            yield Item(line.strip(), Origin(name, number, 1), command=True)
            line = "\n"  # keeps the splitter's line numbers right
        if number == 1 and line.startswith("#!"):
            line = "\n"
        line, ending = _ending(splitter, line)
        pieces = list(splitter.feed(line))
        for piece in pieces:
            expanded = ending == "\\G" and piece is pieces[-1]
            yield Item(piece.text, Origin(name, piece.line, piece.column), command=False, expanded=expanded)
    for piece in splitter.finish():
        yield Item(piece.text, Origin(name, piece.line, piece.column), command=False)


def _ending(splitter: Splitter, line: str) -> tuple[str, str]:
    """psql's and mysql's \\g and \\G at the end of a line are a semicolon: (the line with one, which it was)."""
    bare = line.rstrip()
    ending = bare[-2:]
    if ending not in ("\\g", "\\G") or not _ends_outside(
        _OPENING.get(splitter.closing() or "", splitter.closing() or "") + bare[:-2]
    ):
        return line, ""
    return bare[:-2].rstrip().rstrip(";") + ";" + line[len(bare) :], ending


_OPENING = {"*/": "/*"}


def _ends_outside(text: str) -> bool:
    """Whether a text ends outside strings and comments."""
    last = None
    for token in scan(text):
        last = token
    return last is None or last.kind not in (ERROR, COMMENT)
