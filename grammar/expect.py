"""What may legally come next, in machine's and in human words.

    expected_at("SELECT a FROM ", 14)  -> Expected(keywords={"LATERAL"}, kinds={"table", "function"}, signs={"("}, ...)

Everything is read off the parse table at the state that the text before the cursor leads to, so the grammar is the only source. The kinds
are those a completion can fill: see KINDS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grammar import tables
from grammar.automaton import END, IDENT, Unexpected, acceptable, states_before
from grammar.tokens import COMMENT, ERROR, KEYWORDS, SPACE, WORD, Token, scan

# Kind of thing -> the nonterminals (of sql.lark) whose presence says that an identifier here would be one.
KINDS = {
    "column": frozenset(("column_ref", "column")),
    "function": frozenset(("function_call",)),
    "table": frozenset(("object_name",)),
    "type": frozenset(("type_word",)),
    "alias": frozenset(("alias_name",)),
    "new name": frozenset(("new_name",)),
    "name": frozenset(("name", "copy_option_name", "column_name")),
}
_WORD_OF = {number: word for word, number in tables.WORDS.items()}
_WORD_OF[tables.TERMINALS.index("UPSERT_ON")] = "ON"
_LITERALS = {tables.TERMINALS.index(name): name.lower() for name in ("INTEGER", "REAL", "STRING", "BLOB", "PARAMETER")}


class Expected(NamedTuple):
    """What may stand at a place.

    keywords and signs are as written ("SELECT", "("); literals are of "integer", "real", "string", "blob", "parameter";
    kinds are keys of KINDS; end: whether the statement may end here; prefix: the unfinished word before the cursor, which
    what is expected would replace, starting at `start`; nonterminals: the raw names, for finer questions. After a dot the only
    kind is "name": what comes before the dot says of what.
    """

    keywords: frozenset[str]
    signs: frozenset[str]
    literals: frozenset[str]
    kinds: frozenset[str]
    end: bool
    prefix: str
    start: int
    nonterminals: frozenset[str]


NOTHING = frozenset[str]()


def expected_at(text: str, offset: int, start: str = "start_statement") -> Expected | None:
    """What may come at `offset` of `text`, given the statement before it; a word that touches the cursor is a prefix.

    Earlier statements of a script are passed over. None inside a string, a quoted name or a comment, or where the text before the
    cursor is already wrong.
    """
    tokens, prefix, begin = _before(text, offset)
    if tokens is None:
        return None
    try:
        states = states_before(tokens, start, len(tokens))
    except Unexpected:
        return None
    return expected_after(states, prefix, begin)


def expected_after(states: Sequence[int], prefix: str = "", begin: int = 0) -> Expected:
    """What may come after a stack of states."""
    found = acceptable(states)
    words = {_WORD_OF[number] for number in found if number in _WORD_OF}
    gotos = frozenset(tables.NONTERMINALS[n] for n in tables.GOTOS[found[IDENT]]) if IDENT in found else NOTHING
    kinds = {kind for kind, nonterminals in KINDS.items() if gotos & nonterminals}
    if kinds & {"column", "table", "new name", "alias"}:
        kinds.discard("name")  # only the way to the others
    if "column" in kinds:
        kinds.discard("table")  # a function's name is an object_name too
    if "table" in kinds and "table_function" not in gotos and "from_item" in gotos:
        kinds.add("function")
    return Expected(
        frozenset(words & KEYWORDS),
        frozenset(words - KEYWORDS),
        frozenset(_LITERALS[number] for number in found if number in _LITERALS),
        frozenset(kinds),
        END in found,
        prefix,
        begin,
        gotos,
    )


def _before(text: str, offset: int) -> tuple[list[Token] | None, str, int]:
    """The tokens of the statement before the cursor without the word being typed, that word, and where it begins."""
    tokens: list[Token] = []
    last: Token | None = None
    for token in scan(text[:offset]):
        last = token
        if token.text == ";":
            tokens.clear()
        elif token.kind not in (SPACE, COMMENT):
            tokens.append(token)
    if last is None or last.kind in (SPACE,):
        return tokens, "", offset
    if last.kind == COMMENT:
        return (None, "", offset) if last.text.startswith("--") else (tokens, "", offset)
    if last.kind == ERROR:
        return None, "", offset
    if last.kind == WORD:
        tokens.pop()
        return tokens, last.text, last.start
    return tokens, "", offset


# ------------------------------------------------------------------------------------------------ in human words

_OPERATORS = frozenset(
    [
        "=",
        "==",
        "<>",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "%",
        "||",
        "&",
        "|",
        "<<",
        ">>",
        "->",
        "->>",
        "::",
    ]
) | frozenset(
    (
        "AND",
        "OR",
        "IS",
        "IN",
        "NOT",
        "LIKE",
        "ILIKE",
        "GLOB",
        "REGEXP",
        "MATCH",
        "BETWEEN",
        "ISNULL",
        "NOTNULL",
        "COLLATE",
    )
)
_EXPRESSION = frozenset(
    [
        "(",
        "-",
        "+",
        "~",
        "NOT",
        "CASE",
        "CAST",
        "EXISTS",
        "EXTRACT",
        "NULL",
        "TRUE",
        "FALSE",
        "DATE",
        "TIMESTAMP",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
    ]
)
_JOINS = frozenset(("INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL"))
_SETS = frozenset(("EXCEPT", "INTERSECT"))
# The most useful first; the rest follows by the alphabet.
_ORDER = [
    ",",
    ")",
    "(",
    "FROM",
    "INTO",
    "SET",
    "VALUES",
    "TABLE",
    "INDEX",
    "VIEW",
    "WHERE",
    "BY",
    "AS",
    "ON",
    "USING",
    "JOIN",
    "GROUP",
    "ORDER",
    "LIMIT",
    "THEN",
    "WHEN",
    "ELSE",
    "END",
    "AND",
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
]
_ARTICLES = {"alias": "an alias", "new name": "a name", "column": "a column name", "table": "a table name"}


def describe(expected: Expected, most: int = 7) -> tuple[str, ...]:
    """A short list in words a person uses, most useful first: `a table name`, `","`, `WHERE`."""
    words = set(expected.keywords | expected.signs)
    phrases: list[str] = []
    if {"SELECT", "INSERT", "CREATE", "BEGIN"} <= words:
        return ("a statement, such as SELECT, INSERT or CREATE",)
    if "column" in expected.kinds and expected.literals:
        phrases.append("an expression")
        words -= _EXPRESSION
    elif expected.kinds:
        kinds = expected.kinds - {"function"}
        kinds -= {"alias"} if words else frozenset()  # where there is a choice, an alias is the least likely
        phrases += [_ARTICLES.get(kind, f"a {kind}") for kind in sorted(kinds)]
    elif expected.literals:
        phrases += [f"a {name}" if name[0] not in "aeiou" else f"an {name}" for name in sorted(expected.literals)]
    if {"=", "+"} <= words:
        words -= _OPERATORS
        phrases.append("an operator")
    words -= _JOINS if "JOIN" in words else set()
    words -= _SETS if "UNION" in words else set()
    ordered = sorted(words, key=lambda word: (_ORDER.index(word) if word in _ORDER else len(_ORDER), word))
    room = max(1, most - len(phrases) - expected.end)
    phrases += [_shown(word) for word in ordered[:room]]
    if expected.end:
        phrases.append("the end of the statement")
    return tuple(phrases)


def _shown(word: str) -> str:
    return word if word in KEYWORDS else f'"{word}"'
