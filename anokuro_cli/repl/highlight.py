"""Colours for what is typed, from the grammar's own tokens."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.lexers import Lexer

from anokuro_cli.text import neutralise_in_place
from grammar.tokens import (
    BLOB,
    COMMENT,
    ERROR,
    INTEGER,
    KEYWORDS,
    PARAMETER,
    QUOTED,
    REAL,
    RESERVED,
    STRING,
    WORD,
    scan,
)


class Neutralise(Processor):
    """Shows dangerous characters in what is typed, pasted, completed or taken from history as a mark; the text itself keeps them."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """One line of the buffer; positions stay as they are."""
        shown: StyleAndTextTuples = [
            (fragment[0], neutralise_in_place(fragment[1])) for fragment in transformation_input.fragments
        ]
        return Transformation(shown)


_CLASSES = {
    COMMENT: "class:sql.comment",
    QUOTED: "class:sql.name",
    INTEGER: "class:sql.number",
    REAL: "class:sql.number",
    STRING: "class:sql.string",
    BLOB: "class:sql.string",
    PARAMETER: "class:sql.parameter",
}
_FIRST_WORDS = KEYWORDS - frozenset(
    ("DATE", "TIME", "LEVEL", "PAGE", "FILE", "POOL", "KEY", "ROW", "TREE", "TXN", "LSN")
)


class SqlLexer(Lexer):
    """Highlights SQL, and a dot command as a whole."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        lines = styled_lines(document.text)
        return lambda number: lines[number] if number < len(lines) else []


def styled_lines(text: str) -> list[StyleAndTextTuples]:
    """One list of (style, text) for each line."""
    if text[:1] in (".", "\\"):
        name, space, rest = text.partition(" ")
        return [[("class:sql.command", name), ("", space + rest)]]
    lines: list[StyleAndTextTuples] = [[]]
    for token in scan(text):
        style = _CLASSES.get(token.kind, "")
        if token.kind == WORD and token.text.upper() in _FIRST_WORDS:
            style = "class:sql.keyword" if token.text.upper() in RESERVED else "class:sql.keyword.soft"
        elif token.kind == ERROR:
            style = "class:sql.string" if token.text[0] in "'$" else "class:sql.error"
            if token.text.startswith("/*"):
                style = "class:sql.comment"
        for number, part in enumerate(token.text.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append((style, part))
    return lines
