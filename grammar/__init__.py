"""The SQL of Anokuro: text to syntax tree and back, tokens, and what may come next. Opens no database.

    from grammar import parse, parse_script, parse_expression, ParseError
    from grammar import ast

Importing this package loads none of it; its parts load when first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from grammar.errors import ParseError
    from grammar.parser import parse, parse_expression, parse_script

__all__ = ["ParseError", "parse", "parse_expression", "parse_script"]


def __getattr__(name: str) -> object:
    if name in ("parse", "parse_script", "parse_expression"):
        from grammar import parser

        return getattr(parser, name)
    if name == "ParseError":
        from grammar.errors import ParseError

        return ParseError
    raise AttributeError(f"module 'grammar' has no attribute {name!r}")
