"""Every error the shell shows goes through here: what is wrong, where, what to do, and the exit status.

sales.sql:3:8: error: no such column: nmae
    SELECT nmae FROM users
           ^^^^
hint: did you mean "name"?
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from anokuro_cli.habits import statement_hint
from anokuro_cli.text import display_width, neutralise, neutralise_lines
from engine.base.dataclass import dataclass

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output

OK, FAILED, USAGE, CANNOT_OPEN, TIMEOUT, INTERRUPTED = 0, 1, 2, 3, 4, 130


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement stands: the script's name ("" at the prompt) and the 1-based place of its first character."""

    name: str = ""
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """An error ready to be shown. line, column: 1-based in the script, 0 where unknown. excerpt: the source with a caret line, or ""."""

    message: str
    status: int = FAILED
    hint: str | None = None
    kind: str = "error"
    name: str = ""
    line: int = 0
    column: int = 0
    excerpt: str = ""


class ShellError(Exception):
    """A dot command or subcommand cannot do what was asked."""

    def __init__(self, message: str, hint: str | None = None, status: int = FAILED):
        super().__init__(message)
        self.hint = hint
        self.status = status


class Declined(ShellError):
    """The person was asked, and said no."""


class Leave(Exception):
    """The session is to end with this status (.quit)."""

    def __init__(self, status: int = OK):
        super().__init__(status)
        self.status = status


_OPENING = {
    "LockedError": "one process at a time has a database open for writing; wait until that one closes it, or open it with --readonly",
    "CorruptionError": "anokuro check FILE lists what is damaged; restore a backup, or anokuro recover FILE --output NEW",
}
_HINTS = {
    "ConflictError": "another transaction changed the same data first; run the transaction again",
    "ReadOnlyError": "the database was opened read-only",
    "PoisonedError": "open the database again; what was acknowledged is safe",
    "InternalError": "this is a bug in anokuro, please report it with the statement",
}


def explain(error: BaseException, sql: str = "", origin: Origin | None = None) -> Problem:
    """What to tell about any exception; `sql` is the statement's text and `origin` its place, where there are such."""
    known = getattr(error, "problem", None)
    if isinstance(known, Problem):  # a database that cannot be opened has been explained already
        return known
    kind = type(error).__name__
    hint = getattr(error, "hint", None) or _HINTS.get(kind)
    message = str(getattr(error, "message", None) or error) or kind
    if kind == "ParseError" and not hint:
        hint = statement_hint(sql)
    expected = getattr(error, "expected", ())
    if expected:
        message += ", expected " + " or ".join(
            [", ".join(expected[:-1]), expected[-1]] if len(expected) > 1 else expected
        )
    name, line, column, excerpt = origin.name if origin else "", 0, 0, ""
    span = getattr(error, "span", None)
    if origin is not None:
        line, column = origin.line, origin.column
        if span is not None and sql:
            start = max(0, min(span[0], len(sql)))
            in_line, in_column = sql.count("\n", 0, start) + 1, start - sql.rfind("\n", 0, start)
            column = in_column if in_line > 1 else origin.column + in_column - 1
            line = origin.line + in_line - 1
            excerpt = caret(sql, start, max(span[1], start))
    if isinstance(error, (KeyboardInterrupt, Interrupted)) or kind == "StatementInterrupted":
        return Problem("interrupted", INTERRUPTED, None, "interrupted", name, line, column)
    if isinstance(error, OSError):
        message = explain_os_error(error)
    status = getattr(error, "status", FAILED)
    return Problem(message, status, hint, kind, name, line, column, excerpt)


class Interrupted(Exception):
    """Ctrl-C while rows were being shown or loaded."""


class TimedOut(ShellError):
    """A statement took longer than --timeout allows."""

    def __init__(self, seconds: float):
        super().__init__(
            f"the statement took longer than {seconds:g} s", "--timeout and .timeout set the limit", TIMEOUT
        )


def explain_opening(error: BaseException, path: str) -> Problem:
    """What to tell when a database cannot be opened."""
    kind = type(error).__name__
    hint = getattr(error, "hint", None) or _OPENING.get(kind)
    message = explain_os_error(error) if isinstance(error, OSError) else str(error)
    # what the engine says often begins with the path: then that comes first, and the rest explains it
    message = message.removeprefix("cannot open ").removeprefix(path).lstrip(": ").removeprefix("is ")
    return Problem(f"cannot open {path}: {message}", CANNOT_OPEN, hint, kind)


def explain_os_error(error: OSError) -> str:
    """An operating system's error in plain words, with the file it is about."""
    words = {
        errno.ENOENT: "no such file",
        errno.EISDIR: "is a directory",
        errno.EACCES: "permission denied",
        errno.ENOSPC: "the disk is full",
        errno.ENOTDIR: "a part of the path is not a directory",
    }.get(error.errno or 0, error.strerror or str(error))
    return f"{error.filename}: {words}" if error.filename else words


def caret(sql: str, start: int, end: int) -> str:
    """The lines that the span touches (three at the most), each with carets below."""
    lines: list[str] = []
    offset = 0
    for line in sql.split("\n"):
        first, last = max(start - offset, 0), min(end - offset, len(line))
        touched = offset <= start <= offset + len(line) or (start < offset < end)
        if touched and len(lines) < 6:
            before = display_width(neutralise(line[:first]))
            marked = max(display_width(neutralise(line[first:last])), 1)
            lines += ["    " + neutralise(line), "    " + " " * before + "^" * marked]
        offset += len(line) + 1
    return "\n".join(lines)


def show_problem(problem: Problem, output: Output, as_json: bool = False) -> None:
    """Writes a problem to standard error, as text or as one line of JSON."""
    if as_json:
        from anokuro_cli.render.documents import to_json

        fields: dict[str, object] = {"error": problem.message, "type": problem.kind, "status": problem.status}
        if problem.line:
            fields |= {"file": problem.name or None, "line": problem.line, "column": problem.column}
        if problem.hint:
            fields["hint"] = problem.hint
        output.line("{" + ",".join(f"{to_json(key)}:{to_json(value)}" for key, value in fields.items()) + "}")
        return
    word = output.style("interrupted" if problem.status == INTERRUPTED else "error", "red")
    place = f"{neutralise(problem.name)}:{problem.line}:{problem.column}: " if problem.name else ""
    taken = display_width(place) + len("error: ")
    body = "" if problem.status == INTERRUPTED else f": {_fitting(problem.message, output, taken)}"
    output.line(f"{place}{word}{body}")
    if problem.excerpt:
        output.line(problem.excerpt)
    if problem.hint:
        output.line(f"{output.style('hint', 'cyan')}: {_fitting(problem.hint, output, len('hint: '))}")
    output.flush()


def _fitting(text: str, output: Output, taken: int) -> str:
    """A text made harmless and, on a terminal, broken between words; `taken` columns of the first line are."""
    text = neutralise_lines(text)
    if not 0 < output.width < taken + display_width(text) or "\n" in text:
        return text
    from textwrap import wrap

    lines = wrap(text, output.width, initial_indent=" " * taken, subsequent_indent="  ", break_long_words=False)
    return "\n".join(lines)[taken:]
