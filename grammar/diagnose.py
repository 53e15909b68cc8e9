"""What to say about a text that cannot be parsed.

The message names the token that does not fit; the expectation comes from the parse table. A hint is a repair that has been tried: a
keyword for a misspelt word, a missing comma or keyword, quotes around a reserved word; it is offered only if the
automaton gets further with it, so a hint is never one that would not help.
"""

from __future__ import annotations

from collections.abc import Sequence

from grammar.automaton import reach, states_before
from grammar.errors import ParseError
from grammar.expect import Expected, describe, expected_after
from grammar.spelling import nearest
from grammar.tokens import ERROR, KEYWORDS, QUOTED, RESERVED, STRING, WORD, Token, position

_BACK = 3  # how many tokens before the wrong one may be to blame
_AHEAD = 6  # how many after it show whether a repair helps
_SHOWN = 40
_MISSING = ("FROM", "INTO", "SET", "VALUES", "BY", "TABLE", "AS", "ON", "THEN", "JOIN", "AND", "COLUMN", "TO", "KEY")


def diagnose(text: str, tokens: Sequence[Token], start: str, index: int) -> ParseError:
    """The error for a text whose token number `index` (len(tokens): the end) does not fit."""
    states = states_before(tokens, start, index)
    expected = expected_after(states)
    if index == len(tokens):
        end = tokens[-1].end if tokens else len(text)
        words = describe(expected)
        return ParseError.at(
            text, (end, end), "the statement is not complete", expected=words, hint=_unclosed(text, tokens)
        )
    token = tokens[index]
    if token.kind == ERROR:
        return _lexical(text, token)
    span = (token.start, token.end)
    if token.text == ";" and expected.end:
        return ParseError.at(text, span, "only one statement can stand here", hint="run the statements one by one")
    hint = _hint(text, tokens, start, index, expected)
    return ParseError.at(text, span, f"unexpected {_quoted(token.text)}", expected=describe(expected), hint=hint)


def _quoted(text: str) -> str:
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return shown if shown[0] == '"' else f'"{shown}"'


def _lexical(text: str, token: Token) -> ParseError:
    """An error for what is no token."""
    first = token.text[0]
    line, column = position(text, token.start)
    span = (token.start, token.start + 1)
    since = f"it begins at line {line}, column {column}"
    if first == "'":
        return ParseError.at(
            text, span, "this string is not ended", hint=f"{since}; a ' inside a string is written twice"
        )
    if first in '"`' or (first == "[" and "\n" not in token.text):
        closing = "]" if first == "[" else first
        return ParseError.at(text, span, "this quoted name is not ended", hint=f"{since} and needs a closing {closing}")
    if token.text.startswith("/*"):
        return ParseError.at(text, (token.start, token.start + 2), "this comment is not ended", hint=f"{since}; add */")
    if first == "$" and "$" in token.text[1:]:
        return ParseError.at(text, span, "this dollar-quoted string is not ended", hint=since)
    if first.isdigit() or (first == "." and len(token.text) > 1):
        hint = "a name that begins with a digit is written in double quotes"
        return ParseError.at(text, (token.start, token.end), f"{_quoted(token.text)} is no number", hint=hint)
    hints = {
        "!": "write NOT, or <> for unequal",
        ":": "a parameter is written :name, a cast ::type",
        "@": "a parameter is written @name",
        "$": "a parameter is written $name",
        "\\": "a backslash has no meaning here",
        "{": "there are no braces in this language",
        "^": "write power(x, y) for a power",
    }
    name = _quoted(token.text) if first.isprintable() else f"the character U+{ord(first):04X}"
    return ParseError.at(text, span, f"{name} has no meaning here", hint=hints.get(first))


def _unclosed(text: str, tokens: Sequence[Token]) -> str | None:
    """Where the innermost parenthesis or CASE still open began."""
    stack: list[Token] = []
    for token in tokens:
        word = token.text.upper() if token.kind == WORD else token.text
        if word in ("(", "CASE") and token.kind != QUOTED:
            stack.append(token)
        elif stack and word == (")" if stack[-1].text == "(" else "END"):
            stack.pop()
    if not stack:
        return None
    line, column = position(text, stack[-1].start)
    closing = ")" if stack[-1].text == "(" else "END"
    return f'the "{stack[-1].text}" at line {line}, column {column} is not closed; add {closing}'


def _hint(text: str, tokens: Sequence[Token], start: str, index: int, expected: Expected) -> str | None:
    token = tokens[index]
    before = tokens[index - 1] if index else None
    word = token.text.upper()
    if token.text == ")" and sum((t.text == "(") - (t.text == ")") for t in tokens[: index + 1]) < 0:
        return 'there is no "(" for this ")"'
    if token.text == "&" and before is not None and before.text == "&":
        return "write AND"
    repair = _Repair(tokens, start, index)
    after_comma = before is not None and before.text == "," and (word in RESERVED or token.text in (")", ";"))
    if after_comma and repair.works_without(index - 1):
        return "remove the comma before it"
    better = repair.misspelt()
    if better is not None:
        return f"did you mean {better}?"
    if token.kind == WORD and word in RESERVED and expected.kinds and repair.works(index, _name(token), replacing=True):
        return f'{word} is a reserved word; as a name it is written "{token.text}", in double quotes'
    if token.kind == STRING and expected.kinds and repair.works(index, _name(token), replacing=True):
        return "single quotes make a text; a name is written in double quotes"
    if "," in expected.signs and repair.works(index, Token("sign", ",", token.start, token.start)):
        return "is a comma missing before it?"
    for keyword in _MISSING:
        if keyword in expected.keywords:
            missing = Token(WORD, keyword, token.start, token.start)
            if repair.works(index, missing):
                return f"is {keyword} missing before it?"
    return None


def _name(token: Token) -> Token:
    return Token(QUOTED, '"name"', token.start, token.end)


class _Repair:
    """Tries changes near the wrong token, looking only at its surroundings, however long the text is."""

    def __init__(self, tokens: Sequence[Token], start: str, index: int) -> None:
        self.first = max(0, index - _BACK)
        self.states = states_before(tokens, start, self.first)
        # One token more before the first: what a token is can depend on the one before it.
        self.lead = min(1, self.first)
        self.window = list(tokens[self.first - self.lead : index + _AHEAD])
        self.wrong = index - self.first + self.lead
        self.at_end = index + _AHEAD >= len(tokens)

    def works(self, index: int, token: Token, replacing: bool = False) -> bool:
        """Whether `token` before (or instead of) tokens[index] lets the automaton read on."""
        local = index - self.first + self.lead
        changed = [*self.window[:local], token, *self.window[local + replacing :]]
        return self._gain(changed, 1 - replacing)

    def works_without(self, index: int) -> bool:
        """Whether leaving out tokens[index] helps."""
        local = index - self.first + self.lead
        return self._gain([*self.window[:local], *self.window[local + 1 :]], -1)

    def _gain(self, changed: list[Token], longer: int) -> bool:
        reached = reach(self.states, changed, self.lead, self.at_end)
        complete = reached == len(changed) + self.at_end
        return complete or reached >= self.wrong + longer + 2

    def misspelt(self) -> str | None:
        """The keyword that a word at or shortly before the wrong token seems to be meant for."""
        best: tuple[int, int, str] | None = None  # rank among the similar, distance from the wrong token, keyword
        for local in range(self.wrong, self.lead - 1, -1):
            token = self.window[local]
            if token.kind != WORD or token.text.upper() in RESERVED:
                continue
            for rank, keyword in enumerate(nearest(token.text.upper(), KEYWORDS)):
                candidate = (rank, self.wrong - local, keyword)
                if best is not None and best[:2] <= candidate[:2]:
                    continue
                replaced = [*self.window[:local], token._replace(text=keyword), *self.window[local + 1 :]]
                if self._gain(replaced, 0):
                    best = candidate
        return best[2] if best is not None else None
