"""The LALR(1) automaton that runs on tables.py, and the look ahead that makes keywords contextual.

    tokens --> terminal() --> Automaton.parse() --reductions--> transform.Builder --> statement
                   ^                |
                   +--- can_shift --+      "could this keyword be shifted in the present state?"

A stack of states and, beside it, of values and their spans. Reductions happen in a loop, so the depth of nesting costs memory but
no recursion. A word that is a keyword elsewhere is a name here if the automaton could not shift it as a keyword; whether it could is
found by running the reductions on a copy of the top of the stack, so it is exact and not only what LALR's merged lookaheads say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from grammar import tables
from grammar.tokens import BLOB, ERROR, INTEGER, PARAMETER, QUOTED, REAL, RESERVED, STRING, WORD, Token
from grammar.transform import Builder

_NUMBER = {name: number for number, name in enumerate(tables.TERMINALS)}
END = _NUMBER["$END"]
IDENT = _NUMBER["IDENT"]
_UPSERT_ON = _NUMBER["UPSERT_ON"]
_KINDS = {
    QUOTED: IDENT,
    INTEGER: _NUMBER["INTEGER"],
    REAL: _NUMBER["REAL"],
    STRING: _NUMBER["STRING"],
    BLOB: _NUMBER["BLOB"],
    PARAMETER: _NUMBER["PARAMETER"],
    ERROR: -1,
}
# Keywords only before a string, or before an opening parenthesis; a name otherwise.
_BEFORE_STRING = frozenset(("DATE", "TIMESTAMP"))
_BEFORE_PARENTHESIS = frozenset(("CAST", "FILTER"))

_DROP, _KEEP, _SPLICE, _ABSENT = 0, 1, 2, 3


class Unexpected(Exception):
    """The token with this index (the number of tokens: the end) cannot follow what came before."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class Rule:
    """One rule as the loop needs it.

    passes: index (negative) of the only child where the rule just hands it on, else 0; is_unit: that is all the rule consists
    of. method: None where the children are collected for the parent. plain: all symbols are children.
    """

    __slots__ = ("is_unit", "length", "method", "nonterminal", "passes", "plain", "treatment")

    def __init__(self, nonterminal: int, length: int, method: str, treatment: tuple[int, ...]) -> None:
        self.nonterminal = nonterminal
        self.length = length
        self.treatment = treatment
        self.passes = treatment.index(_KEEP) - length if method == "=" else 0
        self.method: Callable[..., Any] | None = getattr(Builder, method) if method not in ("", "=") else None
        self.is_unit = length == 1 and self.passes != 0
        self.plain = all(what == _KEEP for what in treatment)


RULES = [Rule(*rule) for rule in tables.RULES]
_BY_ACTION = RULES[::-1]  # so that a negative action -n-1 is the index of rule n
_ACTIONS, _DEFAULTS, _GOTOS = tables.ACTIONS, tables.DEFAULTS, tables.GOTOS


def can_shift(stack: Sequence[int], terminal: int) -> bool:
    """Whether the automaton with this stack of states accepts the terminal next (exactly, defaults notwithstanding)."""
    return shift_state(stack, terminal) != 0


def shift_state(stack: Sequence[int], terminal: int) -> int:
    """The state from which `terminal` would be shifted after all reductions before it, or 0 if it cannot be."""
    below = len(stack) - 1  # states of `stack` still in use, less the top one
    above = [stack[below]]  # the top one and what has been pushed instead of those used up
    while True:
        state = above[-1]
        action = _ACTIONS[state].get(terminal) or _DEFAULTS[state]
        if action >= 0:
            return state if action else 0
        rule = _BY_ACTION[action]
        length = rule.length
        if length < len(above):
            del above[len(above) - length :]
            top = above[-1]
        else:
            below -= length - len(above) + 1
            above.clear()
            above.append(stack[below])
            top = stack[below]
        above.append(_GOTOS[top][rule.nonterminal])


def terminal(tokens: Sequence[Token], index: int, stack: Sequence[int]) -> int:
    """The terminal that a token is in this state; -1 for one that is none."""
    token = tokens[index]
    if token.kind != WORD:
        number = _KINDS.get(token.kind)
        return tables.WORDS.get(token.text, -1) if number is None else number
    word = token.text.upper()
    number = tables.WORDS.get(word)
    if number is None or (index and tokens[index - 1].text == "."):
        return IDENT
    if word == "ON":
        return _UPSERT_ON if _begins_upsert(tokens, index) else number
    if word in RESERVED:
        return number
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    if word in _BEFORE_STRING and (following is None or following.kind != STRING):
        return IDENT if can_shift(stack, IDENT) else number
    if word in _BEFORE_PARENTHESIS and (following is None or following.text != "("):
        return IDENT
    if word == "EXTRACT" and not _begins_extract(tokens, index):
        return IDENT
    return number if can_shift(stack, number) else IDENT


def _begins_extract(tokens: Sequence[Token], index: int) -> bool:
    """Tells EXTRACT(field FROM x) from a function or column of that name; what is cut off counts as the former."""
    if index + 1 < len(tokens) and tokens[index + 1].text != "(":
        return False
    return index + 1 < len(tokens) and (index + 3 >= len(tokens) or tokens[index + 3].text.upper() == "FROM")


def _begins_upsert(tokens: Sequence[Token], index: int) -> bool:
    """Tells the ON of `... FROM a JOIN b ON CONFLICT DO ...` from that of a join condition."""
    return (
        index + 2 < len(tokens)
        and tokens[index + 1].text.upper() == "CONFLICT"
        and (tokens[index + 2].text == "(" or tokens[index + 2].text.upper() == "DO")
    )


def parse(tokens: Sequence[Token], start: str, builder: Builder) -> Any:
    """The value of the start rule for these tokens. Raises Unexpected; the builder may raise ParseError."""
    first, last = tables.STARTS[start]
    states, starts, ends = [first], [0], [0]
    values: list[Any] = [None]
    end_offset = 0
    for index in range(len(tokens) + 1):
        if index < len(tokens):
            token = tokens[index]
            number, start_offset = terminal(tokens, index, states), token.start
        else:
            token, number, start_offset = None, END, end_offset
        while True:
            state = states[-1]
            action = _ACTIONS[state].get(number) or _DEFAULTS[state]
            if action >= 0:
                break
            rule = _BY_ACTION[action]
            if rule.is_unit:  # most reductions: a lone operand climbs through the levels of precedence
                states[-1] = _GOTOS[states[-2]][rule.nonterminal]
            else:
                _reduce(rule, states, values, starts, ends, (start_offset, end_offset), builder)
        if action == 0:
            raise Unexpected(index)
        states.append(action)
        values.append(token)
        starts.append(start_offset)
        end_offset = token.end if token is not None else end_offset
        ends.append(end_offset)
    assert states[-1] == last, "the end was shifted, so the start rule is complete"
    return values[-2]


def _reduce(
    rule: Rule,
    states: list[int],
    values: list[Any],
    starts: list[int],
    ends: list[int],
    here: tuple[int, int],
    builder: Builder,
) -> None:
    """Replaces the top `rule.length` entries of the stacks by one. `here` is where an empty rule stands."""
    length = rule.length
    if length:
        span = (starts[-length], ends[-1])
        children = values[-length:]
        value = children[rule.passes] if rule.passes else _apply(rule, span, children, builder)
        del states[-length:], values[-length:], starts[-length:], ends[-length:]
    else:
        span = here
        value = _apply(rule, span, [], builder)
    states.append(_GOTOS[states[-1]][rule.nonterminal])
    values.append(value)
    starts.append(span[0])
    ends.append(span[1])


def _apply(rule: Rule, span: tuple[int, int], symbols: list[Any], builder: Builder) -> Any:
    if not rule.plain:
        symbols = _collect(rule.treatment, symbols)
    if rule.method is None:
        return symbols
    return rule.method(builder, span, *symbols)


def _collect(treatment: tuple[int, ...], symbols: list[Any]) -> list[Any]:
    """The children of a rule. A spliced list that comes first is lengthened in place: it has no other owner."""
    children: list[Any] = []
    taken: Iterable[Any] = iter(symbols)
    for what in treatment:
        if what == _ABSENT:
            children.append(None)
            continue
        symbol = next(taken)  # type: ignore[call-overload]
        if what == _KEEP:
            children.append(symbol)
        elif what == _SPLICE:
            if children:
                children.extend(symbol)
            else:
                children = symbol
    return children


def states_before(tokens: Sequence[Token], start: str, count: int) -> list[int]:
    """The stack of states after the first `count` tokens, before any reduction that the next one would cause.

    Raises Unexpected where these tokens cannot be read.
    """
    states = [tables.STARTS[start][0]]
    for index in range(count):
        if not _advance(states, terminal(tokens, index, states)):
            raise Unexpected(index)
    return states


def acceptable(states: Sequence[int]) -> dict[int, int]:
    """Every terminal that may come next, with the state it would be shifted from."""
    found = {}
    for number in range(len(tables.TERMINALS)):
        state = shift_state(states, number)
        if state:
            found[number] = state
    return found


def reach(states: Sequence[int], tokens: Sequence[Token], first: int, at_end: bool) -> int:
    """How far the automaton gets from tokens[first] on: the index of the first token that does not fit.

    len(tokens) where all fit, and one more where, with `at_end`, the end fits too.
    """
    stack = list(states)
    for index in range(first, len(tokens) + at_end):
        number = terminal(tokens, index, stack) if index < len(tokens) else END
        if not _advance(stack, number):
            return index
    return len(tokens) + at_end


def _advance(states: list[int], number: int) -> bool:
    """Feeds a terminal to a stack of states alone; whether it fitted (the stack is spoiled if not)."""
    while True:
        action = _ACTIONS[states[-1]].get(number) or _DEFAULTS[states[-1]]
        if action >= 0:
            break
        rule = _BY_ACTION[action]
        if rule.length:
            del states[-rule.length :]
        states.append(_GOTOS[states[-1]][rule.nonterminal])
    states.append(action)
    return action != 0
