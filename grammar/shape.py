"""The shape of a statement: its text with literals turned into parameters, the key of the statement cache.

    shape("SELECT a FROM t WHERE b = 5 AND c = 'x' LIMIT 3")
      -> ("SELECT a FROM t WHERE b = $#1i AND c = $#2t LIMIT 3", (5, "x"))

`$#1i` parses to Parameter(name="#1i"): the first literal, an INTEGER. The letter (i, r, t, b: INTEGER, REAL, TEXT, BLOB) makes statements whose
literals differ in type differ in shape. The user's own parameters stay as they are.

A literal may become a parameter only where that cannot change what the statement means. It stays
- in the select list and RETURNING (it can be part of a column's name) and in everything that must be recognised as the same
  expression elsewhere: GROUP BY, HAVING, ORDER BY, WINDOW, a conflict target;
- where its value decides the plan or the syntax: ORDER BY 1, LIMIT 5, LIKE 'a%', DATE '...', VARCHAR(30);
- in FROM, outside of ON: arguments of table functions;
- in every statement but queries, INSERT, UPDATE and DELETE.
So the clauses whose literals are taken are WHERE, ON, VALUES and SET, and subqueries in FROM and in those have such clauses again.

Statements that differ from earlier ones in simple literals alone are not scanned: shape_templates.py.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from grammar import tokens
from grammar.shape_templates import Taken, Value, cut, learn, shape_by_template
from grammar.tokens import integer_value, string_value

_FIRST = frozenset(("SELECT", "WITH", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"))
_TAKE = frozenset(("WHERE", "ON", "VALUES", "SET"))
_KEEP = frozenset(("FROM", "UNION", "EXCEPT", "INTERSECT"))
_KEEP_ALL = frozenset(
    ("SELECT", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "RETURNING", "WINDOW", "CONFLICT")
)
_KEEP_NEXT = frozenset(("LIKE", "ILIKE", "GLOB", "REGEXP", "MATCH", "ESCAPE", "DATE", "TIMESTAMP"))
_CLAUSES = _TAKE | _KEEP | _KEEP_ALL
_OPERATOR_WORDS = frozenset(
    ("WHERE", "ON", "AND", "OR", "NOT", "BETWEEN", "THEN", "ELSE", "WHEN", "CASE", "IS", "FROM")
)
_CAST_FOLLOWS = re.compile(r"\s*(?:::|/\*|--)")
_LITERAL_KINDS = frozenset((tokens.INTEGER, tokens.REAL, tokens.STRING, tokens.BLOB))


_DEEP = 200
"""So many parentheses are refused by the parser, soon after it has begun."""


class _TooDeep(Exception):
    pass


class Mode(NamedTuple):
    """take: literals become parameters. fixed: neither here nor in parentheses below can a clause change that."""

    take: bool
    fixed: bool


_TAKING, _KEEPING, _FIXED = Mode(True, False), Mode(False, False), Mode(False, True)


def shape(text: str) -> tuple[str, tuple[Value, ...]]:
    """The shape of a statement's text and the literals taken out of it, in order. Never raises; wrong text keeps its shape."""
    if "$#" in text:
        return text, ()  # such names are ours
    parts = cut(text)
    if parts is not None:
        found = shape_by_template(parts)
        if found is not None:
            return found
    shaper = _Shaper(text)
    try:
        made = shaper.run()
    except _TooDeep:
        return text, ()
    if parts is not None and made[1]:
        learn(parts, shaper.taken)
    return made


class _Shaper:
    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: list[str] = []
        self.taken: list[Taken] = []
        self.copied = 0  # up to where the text is in parts
        self.mode = _KEEPING
        self.outer: list[Mode] = []
        self.conflict = False  # between CONFLICT and DO
        self.before = ("", "", 0)  # kind, text (upper case for words) and start of the last token
        self.second = ""  # text of the token before that

    def run(self) -> tuple[str, tuple[Value, ...]]:
        first = True
        for token in tokens.scan_significant(self.text, 0, len(self.text)):
            kind, text, start, end = token
            if kind == tokens.WORD:
                text = text.upper()
                if text in _CLAUSES and self.before[1] not in (".", "DISTINCT"):
                    self._clause(text)
                elif text == "DO":
                    self.conflict = False
            elif kind == tokens.SIGN:
                self._sign(text)
            elif kind in _LITERAL_KINDS:
                if self.mode.take and self.before[1] not in _KEEP_NEXT:
                    self._literal(kind, text, start, end)
            elif kind == tokens.ERROR:
                return self.text, ()
            if first:
                if text not in _FIRST and text != "(":
                    return self.text, ()
                first = False
            self.second = self.before[1]
            self.before = (kind, text, start)
        if not self.taken:
            return self.text, ()
        self.parts.append(self.text[self.copied :])
        return "".join(self.parts), tuple([taken.value for taken in self.taken])

    def _clause(self, word: str) -> None:
        if word == "CONFLICT":
            self.conflict = True
        if self.outer and self.outer[-1].fixed:
            return
        if word in _TAKE and not (self.conflict and word != "SET"):
            self.mode = _TAKING
        elif word == "SELECT" or word in _KEEP_ALL:
            self.mode = _FIXED
        else:
            self.mode = _KEEPING

    def _sign(self, sign: str) -> None:
        if sign == "(":
            self.outer.append(self.mode)
            if len(self.outer) > _DEEP:
                raise _TooDeep
            if self.mode.take and self.second in ("AS", "::"):
                self.mode = _FIXED  # the numbers of a type
        elif sign == ")" and self.outer:
            self.mode = self.outer.pop()
        elif sign == ";":
            self.mode = _KEEPING
            self.outer.clear()

    def _literal(self, kind: str, text: str, start: int, end: int) -> None:
        value = _value(kind, text)
        if value is None:
            return
        if isinstance(value, (int, float)) and self._is_negated(end):
            start, value = self.before[2], -value
        self.taken.append(Taken(start, end, value))
        letter = {int: "i", float: "r", str: "t", bytes: "b"}[type(value)]
        self.parts += (self.text[self.copied : start], f"$#{len(self.taken)}{letter}")
        self.copied = end

    def _is_negated(self, end: int) -> bool:
        """Whether the minus before a number is a sign that belongs to it alone."""
        if self.before[1] != "-" or _CAST_FOLLOWS.match(self.text, end):
            return False
        return self.second in _OPERATOR_WORDS or self.second in ("(", ",", "=", "==", "<", ">", "<=", ">=", "<>", "!=")


def _value(kind: str, text: str) -> Value | None:
    """The value of a literal's token, or None where it must be left to the parser to refuse."""
    if kind == tokens.INTEGER:
        integer = integer_value(text)
        return integer if integer is not None and integer < 2**63 else None
    if kind == tokens.STRING:
        return string_value(text)
    if kind == tokens.REAL:
        real = float(text.replace("_", ""))
        return real if real <= 1.8e308 and real != float("inf") else None
    try:
        return bytes.fromhex(text[2:-1]) if not any(map(str.isspace, text)) else None
    except ValueError:
        return None
