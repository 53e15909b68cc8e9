"""What kind of thing fits at the cursor: a pure function of the text, made of the grammar's answer and the scope."""

from __future__ import annotations

from anokuro_cli.complete.scope import Source, ctes_at, name_of, nest, sources_at, statement_at, word
from engine.base.dataclass import dataclass
from grammar.tokens import QUOTED, WORD, Token, scan


@dataclass(frozen=True, slots=True)
class Place:
    """prefix: the unfinished word, which a candidate replaces from `start` on. kinds: of "column", "table", "function", "type", "index".
    qualifier: the name before a dot. levels: sources in scope, innermost query first. ctes: names of CTEs in scope.
    """

    prefix: str
    start: int
    keywords: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    qualifier: str = ""
    levels: tuple[tuple[Source, ...], ...] = ()
    ctes: tuple[str, ...] = ()


def place_at(text: str, offset: int) -> Place | None:
    """None where nothing can be completed: inside a string or comment, or behind an error."""
    before = _tokens_before(text, offset)
    qualifier, start, prefix = _qualified(before, offset)
    levels = tuple(sources_at(text, offset))
    if qualifier:
        return Place(prefix, start, kinds=frozenset(("column", "table")), qualifier=qualifier, levels=levels)
    target = _listed_table(text, offset)
    from grammar.expect import expected_at

    expected = expected_at(text, offset)
    if expected is None:
        return None
    kinds = set(expected.kinds & {"column", "table", "function", "type"})
    if target is not None and expected.kinds & {"name", "column", "new name"}:
        kinds, levels = {"column"}, ((Source(target, target),),)
    elif not kinds and "name" in expected.kinds and any(levels):
        kinds.add("column")  # SET |, USING (|
    if _names_index(before):
        kinds = {"index"}
    return Place(
        expected.prefix, expected.start, expected.keywords, frozenset(kinds), "", levels, tuple(ctes_at(text, offset))
    )


def _tokens_before(text: str, offset: int) -> list[Token]:
    return list(scan(text[:offset]))[-8:]


def _qualified(tokens: list[Token], offset: int) -> tuple[str, int, str]:
    """(name before the dot, where the unfinished word begins, that word); the name is "" where there is no dot."""
    prefix, start = "", offset
    if tokens and tokens[-1].kind == WORD:
        prefix, start = tokens[-1].text, tokens[-1].start
        tokens = tokens[:-1]
    if len(tokens) >= 2 and tokens[-1].text == "." and tokens[-2].kind in (WORD, QUOTED):
        return name_of(tokens[-2]) or "", start, prefix
    if tokens and tokens[-1].kind == "error" and tokens[-1].text.endswith("."):
        return "", start, prefix
    return "", start, prefix


def _listed_table(text: str, offset: int) -> str | None:
    """The table whose columns are being listed: INSERT INTO t (|, CREATE INDEX i ON t (|, REFERENCES t (|."""
    root = nest(statement_at(text, offset), len(text))
    items = root.items
    for position, item in enumerate(items):
        if isinstance(item, Token) or not item.start <= offset <= item.end or item.is_query():
            continue
        keyword = word(items[position - 2]) if position >= 2 else ""
        first = word(items[0])
        if (keyword == "INTO" and first in ("INSERT", "REPLACE", "WITH")) or (keyword == "ON" and first == "CREATE"):
            return name_of(items[position - 1])
        inner = [token for token in item.items if isinstance(token, Token) or token.start <= offset <= token.end]
        for place, part in enumerate(inner):
            if not isinstance(part, Token) and place >= 2 and word(inner[place - 2]) == "REFERENCES":
                return name_of(inner[place - 1])
    return None


def _names_index(tokens: list[Token]) -> bool:
    """DROP INDEX [IF EXISTS] |"""
    words = [token.text.upper() for token in tokens if token.kind == WORD]
    return "INDEX" in words and words[words.index("INDEX") - 1 : words.index("INDEX")] == ["DROP"]
