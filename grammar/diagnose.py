"""What to say about a text that cannot be parsed."""

from __future__ import annotations

from collections.abc import Sequence

from grammar.errors import ParseError
from grammar.tokens import Token


def diagnose(text: str, tokens: Sequence[Token], start: str, index: int) -> ParseError:
    """The error for a text whose token number `index` (len(tokens): the end) does not fit."""
    if index == len(tokens):
        end = tokens[-1].end if tokens else len(text)
        return ParseError.at(text, (end, end), "unexpected end of the text")
    token = tokens[index]
    return ParseError.at(text, (token.start, token.end), f"unexpected {token.text[:40]!r}")
