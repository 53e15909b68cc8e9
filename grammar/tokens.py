"""The scanner: one compiled regular expression that cuts any text into tokens, for everybody who needs tokens.

    text -> scan()  -> every token, nothing left out      (highlighting)
         -> scan_significant()  -> without space and comments    (parser)
         -> split(), Splitter, is_complete()             (scripts, the shell's Enter key)

The statement cache's shape() is in shape.py.

Every character belongs to exactly one token: "".join(t.text for t in scan(text)) == text, whatever the text is. What cannot be a
token is one of kind ERROR; nothing here raises. All of it takes time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

SPACE, COMMENT, WORD, QUOTED, INTEGER, REAL, STRING, BLOB, PARAMETER, SIGN, ERROR = (
    "space",
    "comment",
    "word",
    "quoted",
    "integer",
    "real",
    "string",
    "blob",
    "parameter",
    "sign",
    "error",
)

_NAME = r"[^\W\d][\w$]*"
_DIGITS = r"[0-9](?:_?[0-9])*"
_MASTER = re.compile(
    rf"""
    (?P<space>[\s\ufeff]+)
  | (?P<comment>--[^\n]* | /\*(?:[^*]|\*(?!/))*\*/)
  | (?P<blob>[xX]'[^']*')
  | (?P<word>{_NAME})
  | (?P<real>(?:{_DIGITS}\.(?:{_DIGITS})?(?:[eE][+-]?{_DIGITS})? | \.{_DIGITS}(?:[eE][+-]?{_DIGITS})?
        | {_DIGITS}[eE][+-]?{_DIGITS})(?![\w$]))
  | (?P<integer>(?:0[xX][0-9a-fA-F]+(?:_[0-9a-fA-F]+)* | {_DIGITS})(?![\w$.]))
  | (?P<string>'[^']*(?:''[^']*)*'(?!') | \$(?P<tag>(?:[^\W\d]\w*)?)\$(?:[^$]|\$(?!(?P=tag)\$))*\$(?P=tag)\$)
  | (?P<quoted>"[^"]*(?:""[^"]*)*"(?!") | `[^`]*(?:``[^`]*)*`(?!`) | \[[^\]\n]*\])
  | (?P<parameter>\?[0-9]* | [:@]{_NAME} | \$\#?\w+(?![\w$]))
  | (?P<sign>->>|->|\|\||<<|>>|<=|>=|<>|!=|==|::|/(?!\*)|[-+*%&|~<>=(),.;])
  | (?P<error>'[\s\S]* | "[\s\S]* | `[\s\S]* | \[[^\n]* | /\*[\s\S]* | \$\w*\$[\s\S]* | [0-9.][\w.$]* | [\s\S])
    """,
    re.VERBOSE,
)

# Never a name, unless quoted or behind a dot. Every other keyword is one only where the grammar can use it.
RESERVED_WORDS = """
    ALL ALTER AND AS BETWEEN CASE CHECK COLLATE CONSTRAINT CREATE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DEFAULT
    DELETE DISTINCT DROP ELSE EXCEPT EXISTS FALSE FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL JOIN
    LIMIT NOT NOTNULL NULL ON OR ORDER PRIMARY REFERENCES RETURNING SELECT SET TABLE THEN TRUE UNION UNIQUE UPDATE USING
    VALUES WHEN WHERE WITH
"""
RESERVED = frozenset(RESERVED_WORDS.split())

# Keywords only where the grammar can use them.
UNRESERVED_WORDS = """
    ABORT ACTION ADD ALWAYS ANALYZE ASC AT AUTOINCREMENT BEGIN BY CASCADE CAST CHECKPOINT COLUMN COMMIT CONFLICT COPY CROSS
    CURRENT DATE DEFERRABLE DEFERRED DESC DIFF DO DOUBLE END ESCAPE EXCLUDE EXCLUSIVE EXPLAIN EXTRACT FAIL FETCH FILE FILTER
    FIRST FOLLOWING FULL GENERATED GLOB GROUPS HISTORY IF IGNORE ILIKE IMMEDIATE INITIALLY INNER INSPECT ISOLATION KEY LAST
    LATCHES LATERAL LAYOUT LEFT LEVEL LIKE LSN MATCH MATERIALIZED MEMTABLE NATURAL NEXT NO NOTHING NULLS OF OFFSET ONLY OTHERS
    OUTER OVER PAGE PARTITION PLAN POOL PRECEDING PRECISION QUERY RANGE READ RECURSIVE REGEXP REINDEX RELEASE RENAME REPEATABLE
    REPLACE RESTRICT RIGHT ROLLBACK ROW ROWID ROWS SAVEPOINT SERIALIZABLE SNAPSHOT SNAPSHOTS START STORED STRICT TEMP
    TEMPORARY TIES TIME TIMESTAMP TO TRACE TRANSACTION TREE TXN TXNS UNBOUNDED UNKNOWN VACUUM VIEW VIRTUAL WAL WINDOW
    WITHOUT WORK WRITE ZONE
"""
UNRESERVED = frozenset(UNRESERVED_WORDS.split())
KEYWORDS = RESERVED | UNRESERVED


class Token(NamedTuple):
    """kind is one of the constants above; start and end are offsets in characters."""

    kind: str
    text: str
    start: int
    end: int


class Piece(NamedTuple):
    """A statement of a script: its text without the semicolon, and where it begins.

    offset: in characters from the beginning of the script; line and column: 1-based, of the first character of the statement
    proper; terminated: whether a semicolon ended it.
    """

    text: str
    offset: int
    line: int
    column: int
    terminated: bool


def scan(text: str) -> Iterator[Token]:
    """All tokens of `text`, space, comments and errors included."""
    for match in _MASTER.finditer(text):
        kind = match.lastgroup
        assert kind is not None
        yield Token(kind, match.group(), match.start(), match.end())


def scan_significant(text: str, start: int, end: int) -> Iterator[Token]:
    """The tokens of text[start:end] that the parser reads, all but space and comments; offsets are those of `text`."""
    for match in _MASTER.finditer(text, start, end):
        kind = match.lastgroup
        assert kind is not None
        if kind not in _SKIPPED:
            yield Token(kind, match.group(), match.start(), match.end())


def significant(text: str) -> list[Token]:
    """The tokens of `text` that the parser reads."""
    return list(scan_significant(text, 0, len(text)))


_SKIPPED = frozenset((SPACE, COMMENT))


def position(text: str, offset: int) -> tuple[int, int]:
    """The 1-based line and column (in characters) of an offset."""
    before = text.count("\n", 0, offset)
    return before + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def is_complete(text: str) -> bool:
    """Whether nothing is missing before `text` can be run: it is blank, or its last token is a semicolon.

    A semicolon in a string, a quoted name or a comment does not count, nor does one before an unfinished string.
    """
    last = None
    for match in _MASTER.finditer(text):
        if match.lastgroup not in _SKIPPED:
            last = match.group()
    return last is None or last == ";"


def is_open(text: str) -> bool:
    """Whether `text` ends inside a string, a quoted name or a block comment."""
    last = None
    for match in _MASTER.finditer(text):
        last = match
    return last is not None and last.lastgroup == ERROR and _closing(last.group()) is not None


def split(text: str) -> Iterator[Piece]:
    """The statements of a script, empty ones left out."""
    splitter = Splitter()
    yield from splitter.feed(text)
    yield from splitter.finish()


class Splitter:
    """Cuts a script that arrives in chunks of any size into statements.

        splitter = Splitter()
        for chunk in source:
            for piece in splitter.feed(chunk): ...
        for piece in splitter.finish(): ...

    Text is scanned once: only the last token of a chunk, which the next chunk may lengthen, is looked at again.
    """

    def __init__(self) -> None:
        self._text = ""  # from the end of the last statement on
        self._scanned = 0  # offset in _text up to which tokens are final
        self._first: int | None = None  # offset in _text of the statement's first token
        self._last = 0  # offset in _text of the end of the statement's last token
        self._offset, self._line, self._column = 0, 1, 1  # place of _text[0]
        self._waiting: list[str] = []  # chunks that cannot yet end the open string they belong to
        self._closing: str | None = None

    def feed(self, chunk: str) -> Iterator[Piece]:
        """The statements that `chunk` completes."""
        if self._closing is not None and self._closing not in chunk:
            self._waiting.append(chunk)
            return
        yield from self._take(chunk, final=False)

    def finish(self) -> Iterator[Piece]:
        """What is left when the script has ended: at most one unterminated statement, or the last terminated one."""
        yield from self._take("", final=True)
        if self._first is not None:
            yield self._piece(self._last, terminated=False)
        self._drop(len(self._text))

    def pending(self) -> bool:
        """Whether a statement, or a comment, has begun that is not complete."""
        return self._first is not None or self._closing is not None

    def closing(self) -> str | None:
        """What ends the string, quoted name or comment that is still open; None where none is."""
        return self._closing

    def _take(self, chunk: str, final: bool) -> Iterator[Piece]:
        self._text += "".join(self._waiting) + chunk
        self._waiting.clear()
        self._closing = None
        while True:
            piece_end = None
            for match in _MASTER.finditer(self._text, self._scanned):
                at_end = match.end() == len(self._text)
                if at_end and not final and match.group() != ";":
                    self._closing = _closing(match.group()) if match.lastgroup == ERROR else None
                    return
                self._scanned = match.end()
                if match.lastgroup in _SKIPPED:
                    continue
                if match.group() == ";":
                    piece_end = match
                    break
                if self._first is None:
                    self._first = match.start()
                self._last = match.end()
            if piece_end is None:
                return
            if self._first is not None:
                yield self._piece(piece_end.start(), terminated=True)
            self._drop(piece_end.end())

    def _piece(self, end: int, terminated: bool) -> Piece:
        assert self._first is not None
        line, column = position(self._text, self._first)
        return Piece(
            self._text[self._first : end],
            self._offset + self._first,
            self._line + line - 1,
            column if line > 1 else self._column + column - 1,
            terminated,
        )

    def _drop(self, end: int) -> None:
        line, column = position(self._text, end)
        self._offset += end
        self._column = column if line > 1 else self._column + column - 1
        self._line += line - 1
        self._text = self._text[end:]
        self._scanned, self._last, self._first = 0, 0, None


def _closing(text: str) -> str | None:
    """A character without which an ERROR token that reaches the end of the text cannot become a whole token."""
    if text[0] in "'\"`$":
        return text[0] if len(text) > 1 or text[0] != "$" else None
    if text[0] == "[":
        return None  # ends at the line's end anyway
    return "/" if text.startswith("/*") else None


def unquote(text: str) -> str:
    """The name a quoted identifier means."""
    if text[0] == "[":
        return text[1:-1]
    return text[1:-1].replace(text[0] * 2, text[0])


def string_value(text: str) -> str:
    """The value of a STRING token, '...' or $tag$...$tag$."""
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    tag = text.index("$", 1) + 1
    return text[tag:-tag]


def integer_value(text: str) -> int | None:
    """The value of an INTEGER token, or None where it is above 2**63 (which is itself allowed, for -2**63)."""
    digits = text.replace("_", "")
    hexadecimal = digits[:2] in ("0x", "0X")
    significant_digits = digits[2:].lstrip("0") if hexadecimal else digits.lstrip("0")
    if len(significant_digits) > 19:
        return None
    value = int(digits, 16 if hexadecimal else 10)
    return value if value <= 2**63 else None


def quote(name: str) -> str:
    """A name as it must be written: quoted where it is not a plain word, or a reserved one."""
    if re.fullmatch(_NAME, name) and name.upper() not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'
