"""What kind of thing fits at the cursor: a pure function of the text, made of the grammar's answer and the scope."""

from __future__ import annotations

from anokuro_cli.complete.scope import (
    Block,
    Source,
    ctes_at,
    name_of,
    nest,
    output_names,
    sources_at,
    statement_at,
    word,
)
from engine.base.dataclass import dataclass
from grammar.expect import Expected, expected_at
from grammar.tokens import ERROR, QUOTED, WORD, Token, scan


@dataclass(frozen=True, slots=True)
class Place:
    """prefix: the unfinished word, which a candidate replaces from `start` on. kinds: of "column", "target" (a column that is assigned to), "table", "view", "function", "type", "index", "join" (a join
    condition), "common" (only columns of both sides of a join). qualifier: the name before a dot. levels: sources in scope, innermost query first. ctes: names of CTEs in
    scope. taken: names that stand in the list already. aliases: names given by AS, where they may be used. lower: keywords are being typed in small letters.
    """

    prefix: str
    start: int
    keywords: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    qualifier: str = ""
    levels: tuple[tuple[Source, ...], ...] = ()
    ctes: tuple[str, ...] = ()
    taken: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = ()
    lower: bool = False


def place_at(text: str, offset: int) -> Place | None:
    """None where nothing can be completed: inside a string or comment, or behind an error."""
    before = _tokens_before(text, offset)
    if before and before[-1].kind == ERROR and before[-1].text.startswith('"'):  # a quoted name has been begun
        return _in_quotes(text, offset, before[-1])
    qualifier, start, prefix = _qualified(before, offset)
    levels = tuple(sources_at(text, offset))
    if qualifier:
        return Place(prefix, start, kinds=frozenset(("column", "table")), qualifier=qualifier, levels=levels)
    words = [token.text.upper() for token in before]
    if words[:1] == ["INSERT"] and "JOIN" not in words and "ON" in (words[-1], *words[-2:-1] * (prefix != "")):
        return Place(
            prefix, start, frozenset(("CONFLICT",)), lower=_types_small(text)
        )  # the grammar wants to see the next word
    expected = expected_at(text, offset)
    if expected is None:
        return None
    if expected.prefix and words:
        words.pop()
    kinds = _kinds(expected, words, any(levels))
    keywords = expected.keywords
    target = _listed(text, offset)
    taken: frozenset[str] = frozenset()
    if target is not None and expected.kinds & {"name", "column", "new name"}:
        source, taken = target
        kinds, levels = {"column"}, ((source,),)
    elif words[-1:] == ["ON"] and "column" in kinds and "CONFLICT" not in words:
        kinds.add("join")
    elif _in_using(words):
        kinds, taken = {"common"}, frozenset(_bracket_names(words))
        keywords = frozenset()
    elif words[:1] == ["INSERT"] and _in_values(text, offset):
        levels = ()
    aliases = output_names(text, offset) if "column" in kinds and _in_order_or_group(words) else ()
    lower = _types_small(text)
    return Place(
        expected.prefix,
        expected.start,
        keywords,
        frozenset(kinds),
        "",
        levels,
        tuple(ctes_at(text, offset)),
        taken,
        aliases,
        lower,
    )


def _kinds(expected: Expected, words: list[str], scope: bool) -> set[str]:
    """The kinds of names that fit, of which the grammar knows some by one name only."""
    kinds = set(expected.kinds & {"column", "table", "function", "type"})
    if not kinds and "name" in expected.kinds and scope:
        kinds.add("target")  # SET |
    if words[:1] == ["UPDATE"] and words[-1:] == [","] and not {"FROM", "WHERE", "RETURNING", "("} & set(words):
        return {"target"}
    start = [
        name for name in words if name not in ("IF", "NOT", "EXISTS", "TEMP", "TEMPORARY", "UNIQUE", "OR", "REPLACE")
    ]
    if start[:2] in (["CREATE", "TABLE"], ["CREATE", "VIEW"], ["CREATE", "INDEX"]) and len(start) == 2:
        return set()  # a new name
    if start[:2] == ["DROP", "INDEX"]:
        return {"index"}
    if start[:2] in (["DROP", "TABLE"], ["DROP", "VIEW"]):
        return {"base table"} if start[1] == "TABLE" else {"view"}
    if "type" in kinds and words and words[0] in ("CREATE", "ALTER") and words[-1] in _TYPE_WORDS:
        kinds.discard("type")
    if words[-2:] == ["RENAME", "COLUMN"] or (
        words[-1:] == ["COLUMN"] and words[:1] == ["ALTER"] and "ADD" not in words
    ):
        return {"column"}
    if words[:1] == ["ALTER"] and words[-1:] in (["RENAME"], ["ADD"], ["DROP"]):
        kinds &= {"column"}
    return kinds


_TYPE_WORDS = frozenset(
    (
        "INTEGER",
        "INT",
        "BIGINT",
        "REAL",
        "DOUBLE",
        "FLOAT",
        "TEXT",
        "BLOB",
        "BOOLEAN",
        "DATE",
        "TIMESTAMP",
        "VARCHAR",
        "NUMERIC",
    )
)


def _tokens_before(text: str, offset: int) -> list[Token]:
    """The tokens that count of the statement before the cursor."""
    found: list[Token] = []
    for token in scan(text[:offset]):
        if token.text == ";":
            found = []
        elif token.kind not in ("space", "comment"):
            found.append(token)
    return found


def _in_quotes(text: str, offset: int, token: Token) -> Place | None:
    start = token.start
    place = place_at(text[:start], start)
    if place is None:
        return None
    typed = text[start + 1 : offset].replace('""', '"')
    levels = tuple(sources_at(text[:start] + text[offset:], start))
    return Place(
        typed, start, frozenset(), place.kinds - {"function", "type"}, place.qualifier, levels, place.ctes, place.taken
    )


def _qualified(tokens: list[Token], offset: int) -> tuple[str, int, str]:
    """(name before the dot, where the unfinished word begins, that word); the name is "" where there is no dot."""
    prefix, start = "", offset
    if tokens and tokens[-1].kind == WORD and tokens[-1].end == offset:
        prefix, start = tokens[-1].text, tokens[-1].start
        tokens = tokens[:-1]
    if len(tokens) >= 2 and tokens[-1].text == "." and tokens[-2].kind in (WORD, QUOTED):
        return name_of(tokens[-2]) or "", start, prefix
    return "", start, prefix


def _listed(text: str, offset: int) -> tuple[Source, frozenset[str]] | None:
    """The table whose columns are being listed, and which of them are: INSERT INTO t (|, CREATE INDEX i ON t (|, REFERENCES t (|."""
    items = nest(statement_at(text, offset), len(text)).items
    first = word(items[0]) if items else ""
    for position, item in enumerate(items):
        if not isinstance(item, Block) or not item.start <= offset <= item.end or item.is_query():
            continue
        keyword = word(items[position - 2]) if position >= 2 else ""
        if (keyword == "INTO" and first in ("INSERT", "REPLACE", "WITH")) or (keyword == "ON" and first == "CREATE"):
            return _source_of(items[position - 1]), _names_in(item, offset)
        if first == "CREATE" and word(items[position - 1]) not in ("INDEX",):
            return _in_constraint(item, offset)
    return None


def _in_constraint(block: Block, offset: int) -> tuple[Source, frozenset[str]] | None:
    """REFERENCES t (|"""
    for place, part in enumerate(block.items):
        inside = isinstance(part, Block) and part.start <= offset <= part.end
        if inside and isinstance(part, Block) and place >= 2 and word(block.items[place - 2]) == "REFERENCES":
            return _source_of(block.items[place - 1]), _names_in(part, offset)
    return None


def _source_of(item: Token | Block) -> Source:
    name = name_of(item) or ""
    return Source("", name)


def _names_in(block: Block, offset: int) -> frozenset[str]:
    """The names in a list, without the one being typed."""
    return frozenset(
        (name_of(item) or "").lower()
        for item in block.items
        if isinstance(item, Token) and not item.start <= offset <= item.end
    )


def _in_using(words: list[str]) -> bool:
    depth = 0
    for place in range(len(words) - 1, 0, -1):
        depth += (words[place] == ")") - (words[place] == "(")
        if depth < 0:
            return words[place - 1] == "USING" and "JOIN" in words
    return False


def _bracket_names(words: list[str]) -> list[str]:
    return [name.lower() for name in words[len(words) - words[::-1].index("(") :] if name != ","]


def _in_values(text: str, offset: int) -> bool:
    """Whether the cursor stands in a row of INSERT ... VALUES (...), which sees no columns."""
    behind = ""
    for item in nest(statement_at(text, offset), len(text)).items:
        if isinstance(item, Block) and item.start <= offset <= item.end:
            return behind == "VALUES"
        if word(item) in ("VALUES", "CONFLICT", "RETURNING", "INTO", "SELECT"):
            behind = word(item)
    return False


def _in_order_or_group(words: list[str]) -> bool:
    """Whether the cursor stands in ORDER BY or GROUP BY, where the names that AS has given may be used."""
    for place in range(len(words) - 1, 0, -1):
        if words[place] == "BY":
            return (
                words[place - 1] in ("ORDER", "GROUP")
                and "OVER" not in words[place:]
                and words[max(0, place - 2)] != "("
            )
        if words[place] in ("FROM", "WHERE", "SELECT", "LIMIT"):
            return False
    return False


def _types_small(text: str) -> bool:
    """Whether the person writes keywords in small letters: their first word says it."""
    first = next((token.text for token in scan(text) if token.kind == WORD), "")
    return first != "" and first == first.lower()
