"""What names a place in a statement can see: tables with their aliases, CTEs, subqueries; the innermost query first.

The statement is being typed, so it is not parsed but read as nested brackets:

    WITH big AS ([SELECT ...]) SELECT | FROM flights f JOIN big ON f.id = big.id WHERE f.x IN ([SELECT ...])
                  block          query                                                     block

A bracket whose first word is SELECT, WITH or VALUES is a query with a scope of its own inside that of the query around it. FROM may come after the cursor; the
text behind the cursor counts as well.
"""

from __future__ import annotations

from engine.base.dataclass import dataclass, field
from grammar.tokens import QUOTED, RESERVED, WORD, Token, significant, unquote

_QUERY = frozenset(("SELECT", "WITH", "VALUES"))
_SET = frozenset(("UNION", "INTERSECT", "EXCEPT"))
_ENDS_FROM = frozenset(("WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "WINDOW", "SET", "RETURNING", "FETCH"))
_NO_ALIAS = RESERVED | frozenset(
    (
        "CROSS",
        "FULL",
        "INNER",
        "LEFT",
        "NATURAL",
        "OFFSET",
        "RIGHT",
        "WINDOW",
        "FETCH",
        "ABORT",
        "DO",
        "OUTER",
        "LATERAL",
    )
)


_TABLE_CONSTRAINTS = frozenset(("PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "CONSTRAINT"))


@dataclass(frozen=True, slots=True)
class Source:
    """Something in FROM. name: how columns are qualified; table: the table behind it, "" for a query; columns: those of a query, where known."""

    name: str
    table: str = ""
    columns: tuple[str, ...] | None = None
    inner: tuple[Source, ...] = ()


@dataclass(slots=True)
class Block:
    """A bracketed part, or the whole statement. items are tokens and blocks."""

    start: int
    end: int
    items: list[Token | Block] = field(default_factory=list)

    def is_query(self) -> bool:
        """Whether it has a scope of its own."""
        return bool(self.items) and word(self.items[0]) in _QUERY


def word(item: Token | Block | None) -> str:
    """A token's text in capitals, "" for anything but a word or sign."""
    return item.text.upper() if isinstance(item, Token) and item.kind not in (QUOTED,) else ""


def name_of(item: Token | Block | None) -> str | None:
    """The name that a token is, or None."""
    if not isinstance(item, Token):
        return None
    if item.kind == QUOTED:
        return unquote(item.text)
    return item.text if item.kind == WORD else None


def statement_at(text: str, offset: int) -> list[Token]:
    """The tokens of the statement in which the cursor stands."""
    tokens: list[Token] = []
    for token in significant(text):
        if token.text == ";":
            if token.start >= offset:
                break
            tokens = []
        else:
            tokens.append(token)
    return tokens


def nest(tokens: list[Token], length: int) -> Block:
    """The brackets of a statement; one that is not closed reaches to the end."""
    root = Block(0, length)
    stack = [root]
    for token in tokens:
        if token.text == "(":
            inner = Block(token.end, length)
            stack[-1].items.append(inner)
            stack.append(inner)
        elif token.text == ")" and len(stack) > 1:
            stack.pop().end = token.start
        else:
            stack[-1].items.append(token)
    return root


def sources_at(text: str, offset: int) -> list[tuple[Source, ...]]:
    """The sources that the cursor can see, innermost query first."""
    root = nest(statement_at(text, offset), len(text))
    levels: list[tuple[Source, ...]] = []
    _descend(root, offset, {}, levels)
    levels.reverse()
    return levels


def _descend(block: Block, offset: int, ctes: dict[str, Source], levels: list[tuple[Source, ...]]) -> None:
    if block.is_query() or not levels:
        ctes = {**ctes, **_ctes(block, ctes)}
        levels.append(tuple(_sources(_segment(block, offset), ctes, offset)))
    for place, item in enumerate(block.items):
        if isinstance(item, Block) and item.start <= offset <= item.end:
            if item.is_query() and _stands_alone(block.items[:place]):
                levels.clear()
            _descend(item, offset, ctes, levels)


def _stands_alone(before: list[Token | Block]) -> bool:
    """Whether a query in brackets sees nothing of the one around it: in FROM (but for LATERAL), or as a common table."""
    for item in reversed(before):
        if word(item) in ("MATERIALIZED", "NOT"):
            continue
        return word(item) in ("FROM", "JOIN", "AS") or (word(item) == "," and _is_from_list(before))
    return False


def _is_from_list(before: list[Token | Block]) -> bool:
    words = [word(item) for item in before]
    return "FROM" in words and not _ENDS_FROM & set(words[len(words) - words[::-1].index("FROM") :])


def ctes_at(text: str, offset: int) -> list[str]:
    """The names of the CTEs that the cursor can see."""
    found: dict[str, Source] = {}
    block: Block | None = nest(statement_at(text, offset), len(text))
    while block is not None:
        found |= _ctes(block, found)
        inner = [item for item in block.items if isinstance(item, Block) and item.start <= offset <= item.end]
        block = inner[0] if inner else None
    return [source.name for source in found.values()]


def _ctes(block: Block, outer: dict[str, Source]) -> dict[str, Source]:
    """WITH name [(columns)] AS [NOT MATERIALIZED] (query), ..."""
    if word(block.items[0] if block.items else None) != "WITH":
        return {}
    found: dict[str, Source] = {}
    previous: str | None = None
    columns: tuple[str, ...] | None = None
    for item in block.items[1:]:
        if isinstance(item, Block):
            if item.is_query() and previous is not None:
                known = {**outer, **found}
                shown = columns if columns is not None else _columns_of(item, known)
                found[previous.lower()] = Source(previous, "", shown, tuple(_star_sources(item, known)))
                previous, columns = None, None
            elif previous is not None:
                columns = tuple(name for part in item.items if (name := name_of(part)) is not None)
        elif word(item) in ("RECURSIVE", "AS", "NOT", "MATERIALIZED", ","):
            continue
        elif word(item) in ("SELECT", "INSERT", "UPDATE", "DELETE", "VALUES"):
            break
        else:
            previous = name_of(item)
    return found


def _segment(block: Block, offset: int) -> list[Token | Block]:
    """The part of a query between set operators that holds the cursor."""
    segment: list[Token | Block] = []
    for item in block.items:
        if word(item) in _SET:
            if item.start >= offset:
                break
            segment = []
        else:
            segment.append(item)
    return _of_insert(segment, offset)


def _of_insert(segment: list[Token | Block], offset: int) -> list[Token | Block]:
    """Of INSERT INTO t ... SELECT ... RETURNING ..., either the query or what is about the table, as the cursor stands."""
    words = [word(item) for item in segment]
    if "INTO" not in words[:5] or "SELECT" not in words:
        return segment
    begin = words.index("SELECT")
    ends = [place for place, name in enumerate(words) if place > begin and name in ("RETURNING", "CONFLICT")]
    end = ends[0] if ends else len(segment)
    if end < len(segment) and offset > segment[end].start:
        return segment[:begin] + segment[end:]
    return segment[begin:end] if offset > segment[begin].start else segment[:begin]


def _sources(items: list[Token | Block], ctes: dict[str, Source], offset: int = -1) -> list[Source]:
    """What stands behind FROM, JOIN, UPDATE, INTO, and ON of CREATE INDEX; the table that INSERT could not insert is `excluded`."""
    found: list[Source] = _defined_here(items)
    words = [word(item) for item in items]
    if "CONFLICT" in words and "SET" in words[words.index("CONFLICT") :] and "INTO" in words:
        into = items[words.index("INTO") + 1] if words.index("INTO") + 1 < len(items) else None
        name = name_of(into)
        if name is not None and offset > items[words.index("CONFLICT")].start:
            found.append(Source("excluded", name))
    create = word(items[0] if items else None) == "CREATE"
    in_from = False
    position = 0
    while position < len(items):
        here = word(items[position])
        position += 1
        if here in _ENDS_FROM:
            in_from = False
        begins = here in ("FROM", "JOIN", "UPDATE", "INTO", "REFERENCES") or (here == "," and in_from)
        begins = begins or (create and here == "ON") or (here == "TABLE" and word(items[0]) == "ALTER")
        if here == "FROM":
            in_from = True
        if begins:
            while word(items[position] if position < len(items) else None) in ("LATERAL", "ONLY", "OR", "IF", "EXISTS"):
                position += 1
            position = _source(items, position, ctes, found)
    return found


def _defined_here(items: list[Token | Block]) -> list[Source]:
    """CREATE TABLE t (a INTEGER, b TEXT, PRIMARY KEY (|)): the columns defined so far."""
    words = [word(item) for item in items[:4]]
    if words[:1] != ["CREATE"] or "TABLE" not in words:
        return []
    block = next((item for item in items if isinstance(item, Block)), None)
    if block is None:
        return []
    names: list[str] = []
    begins = True
    for item in block.items:
        if begins and word(item) not in _TABLE_CONSTRAINTS and name_of(item) is not None:
            names.append(name_of(item) or "")
        begins = word(item) == ","
    return [Source("", "", tuple(names))]


def _source(items: list[Token | Block], position: int, ctes: dict[str, Source], found: list[Source]) -> int:
    """Reads one source at `position`; returns the position behind it."""
    item = items[position] if position < len(items) else None
    source: Source | None = None
    if isinstance(item, Block):
        position += 1
        if item.is_query():
            source = Source("", "", _columns_of(item, ctes), tuple(_star_sources(item, ctes)))
        else:  # FROM (a JOIN b)
            found += _sources([Token(WORD, "FROM", item.start, item.start), *item.items], ctes)
    else:
        name = name_of(item)
        if name is None or (item is not None and item.kind == WORD and name.upper() in RESERVED):
            return position
        position += 1
        if word(items[position] if position < len(items) else None) == ".":
            after = name_of(items[position + 1] if position + 1 < len(items) else None)
            name = f"{name}.{after or ''}"
            position += 2 if after is not None else 1
        source = ctes.get(name.lower()) or Source(name.rpartition(".")[2], name)
    alias, position = (None, position) if word(items[0]) == "ALTER" else _alias(items, position)
    if source is not None:
        found.append(Source(alias or source.name, source.table, source.columns, source.inner))
    return position


def _alias(items: list[Token | Block], position: int) -> tuple[str | None, int]:
    item = items[position] if position < len(items) else None
    if word(item) == "AS":
        return name_of(items[position + 1] if position + 1 < len(items) else None), position + 2
    name = name_of(item)
    if name is None or (isinstance(item, Token) and item.kind == WORD and name.upper() in _NO_ALIAS):
        return None, position
    return name, position + 1


def _select_list(block: Block) -> list[list[Token | Block]]:
    """The expressions of a query's first SELECT."""
    items = block.items
    start = next((i + 1 for i, item in enumerate(items) if word(item) == "SELECT"), len(items))
    if word(items[start] if start < len(items) else None) in ("DISTINCT", "ALL"):
        start += 1
    expressions: list[list[Token | Block]] = [[]]
    for item in items[start:]:
        if word(item) in ("FROM", *_ENDS_FROM, *_SET):
            break
        if word(item) == ",":
            expressions.append([])
        else:
            expressions[-1].append(item)
    return [expression for expression in expressions if expression]


def _columns_of(block: Block, ctes: dict[str, Source]) -> tuple[str, ...]:
    """The names of a query's columns, but for those of a star, which _star_sources gives."""
    names = [name_of(expression[-1]) for expression in _select_list(block)]
    return tuple(name for name in names if name is not None)


def _star_sources(block: Block, ctes: dict[str, Source]) -> list[Source]:
    """The sources that * or t.* of a query takes all columns of."""
    sources = _sources(_segment(block, block.start), {**ctes, **_ctes(block, ctes)})
    found: list[Source] = []
    for expression in _select_list(block):
        if word(expression[-1]) != "*":
            continue
        if len(expression) == 1:
            found += sources
        elif len(expression) == 3:
            qualifier = (name_of(expression[0]) or "").lower()
            found += [source for source in sources if source.name.lower() == qualifier]
    return found


def output_names(text: str, offset: int) -> tuple[str, ...]:
    """The names that AS gives in the select list of the innermost query around the cursor: what ORDER BY and GROUP BY may say as well."""
    block: Block | None = nest(statement_at(text, offset), len(text))
    query: Block | None = None
    while block is not None:
        if block.is_query():
            query = block
        inside = [item for item in block.items if isinstance(item, Block) and item.start <= offset <= item.end]
        block = inside[0] if inside else None
    if query is None:
        return ()
    part = Block(query.start, query.end, _segment(query, offset))
    names = [name_of(each[-1]) for each in _select_list(part) if len(each) > 1 and word(each[-2]) != "."]
    return tuple(name for name in names if name is not None)
