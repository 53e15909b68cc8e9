"""Errors of the language, and how they are shown.

A ParseError knows its place, what was expected in human words and, where something can be guessed, a hint. `render` draws it:

    error: unexpected "FORM"
      |
    1 | SELECT * FORM users
      |          ^^^^
      = expected "," or FROM
      = hint: did you mean FROM?
"""

from __future__ import annotations

from grammar.node import Span
from grammar.tokens import position

_TAB = 4


class ParseError(Exception):
    """A text that is no statement of the language.

    line, column: 1-based place of the error, in characters. span: its (start, end) offsets in the text. expected: what could
    have stood there, in words a person uses. hint: a guess at what was meant, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        line: int = 1,
        column: int = 1,
        span: Span = (0, 0),
        expected: tuple[str, ...] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.span = span
        self.expected = expected
        self.hint = hint

    @classmethod
    def at(
        cls, text: str, span: Span, message: str, *, expected: tuple[str, ...] = (), hint: str | None = None
    ) -> ParseError:
        """An error at a span of `text`."""
        line, column = position(text, span[0])
        return cls(message, line=line, column=column, span=span, expected=expected, hint=hint)


class TooDeepError(ParseError):
    """A text that is nested more deeply than is read."""


def render(text: str, error: ParseError) -> str:
    """The error as plain text: message, the lines concerned with carets under the span, expectation and hint.

    `text` is the text that was parsed. Control characters in it are shown as dots, tabs as spaces to the next stop.
    """
    lines = [f"error: {_printable(error.message)}"]
    lines += _excerpt(text, error.span)
    if error.expected:
        lines.append(f"  = expected {one_of(error.expected)}")
    if error.hint:
        lines.append(f"  = hint: {_printable(error.hint)}")
    return "\n".join(lines)


def one_of(words: tuple[str, ...]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " or " + words[-1]


def _excerpt(text: str, span: Span, lines_max: int = 4) -> list[str]:
    start, end = max(0, min(span[0], len(text))), max(0, min(span[1], len(text)))
    first_line, _ = position(text, start)
    last_line, _ = position(text, max(start, end - 1))
    shown_last = min(last_line, first_line + lines_max - 1)
    gutter = len(str(shown_last))
    drawn = [f"{' ' * gutter} |"]
    line_start = text.rfind("\n", 0, start) + 1
    for number in range(first_line, shown_last + 1):
        line_end = text.find("\n", line_start)
        line_end = len(text) if line_end < 0 else line_end
        line = text[line_start:line_end].rstrip("\r")
        from_, to = max(start - line_start, 0), min(end - line_start, len(line))
        shown, columns = _layout(line)
        left = columns[min(from_, len(line))]
        width = max(1, columns[max(to, 0)] - left) if to >= 0 else 1
        shown, left, width = _window(shown, left, width)
        drawn.append(f"{number:>{gutter}} | {shown}".rstrip())
        drawn.append(f"{' ' * gutter} | {' ' * left}{'^' * width}")
        line_start = line_end + 1
    if shown_last < last_line:
        drawn.append(f"{' ' * gutter} | ...")
    return drawn


def _layout(line: str) -> tuple[str, list[int]]:
    """The line as shown, and the terminal column at which each of its characters (and its end) stands."""
    shown, columns, column = [], [], 0
    for character in line:
        columns.append(column)
        if character == "\t":
            width = _TAB - column % _TAB
            shown.append(" " * width)
        else:
            width = character_width(character)
            shown.append(_printable(character))
        column += width
    columns.append(column)
    return "".join(shown), columns


def _window(shown: str, left: int, width: int, limit: int = 160) -> tuple[str, int, int]:
    """Cuts a very long line down to the surroundings of the error; only for lines of narrow characters."""
    if len(shown) <= limit or not shown.isascii():
        return shown, left, min(width, max(1, limit * 2))
    start = max(0, left - limit // 2)
    cut = shown[start : start + limit]
    prefix = "..." if start else ""
    suffix = "..." if start + limit < len(shown) else ""
    left = left - start + len(prefix)
    return prefix + cut + suffix, left, max(1, min(width, len(prefix) + len(cut) - left))


def character_width(character: str) -> int:
    """How many terminal columns a character takes: 0, 1 or 2."""
    if " " <= character <= "~":
        return 1
    from unicodedata import category, east_asian_width

    if category(character) in ("Mn", "Me"):
        return 0
    if not character.isprintable():
        return 1  # shown as a dot
    return 2 if east_asian_width(character) in "WF" else 1


def _printable(text: str) -> str:
    from unicodedata import category

    return "".join(c if c.isprintable() or category(c) in ("Mn", "Me") else "·" for c in text)
