"""Shapes by template: statements that differ in their literals alone are taken apart by one regular expression.

    "... VALUES (7, 'Ada') LIMIT 3"  --split-->  pieces "... VALUES (" ", " ") LIMIT " ""   literals 7 'Ada' 3
                                                    |                                          |
                 the first time: shape.py  -->  template: taken, taken, left  -------------> "... VALUES ($#1i, $#2t) LIMIT 3", (7, "Ada")

Between two simple literals (a string in single quotes, a decimal number of up to 18 digits without exponent) stand pieces. Where no piece
holds the beginning of anything that could hide a literal (a comment, another kind of quote, a BLOB), the pieces and the literals' kinds say
which tokens the text has, but for what the literals hold; and no decision of the shaper looks at that. So the decisions are the same for
all texts with the same pieces and kinds, and are remembered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

LENGTH_MAX = 4000  # characters of a statement; longer ones, seldom alike, are not remembered
TEMPLATES_MAX = 1000

Value = int | float | str | bytes

_SPLIT = re.compile(r"('[^']*(?:''[^']*)*'|(?<![\w$.])[0-9]{1,18}(?:\.[0-9]{1,300})?(?![\w$.]))")
_HIDING = ("'", '"', "`", "$", "[", "--", "/*")


class Taken(NamedTuple):
    """A literal that the shaper took out: where it stood in the text, a minus sign before it included, and its value."""

    start: int
    end: int
    value: Value


class _Template(NamedTuple):
    """pieces: the shape's text between the literals. taken: of each literal the parameter's text, "" where it stays; negated: its sign is in front."""

    pieces: tuple[str, ...]
    taken: tuple[str, ...]
    negated: tuple[bool, ...]


_templates: dict[tuple[str, ...], _Template | None] = {}


def cut(text: str) -> list[str] | None:
    """piece, literal, piece ... of a statement, or None where it has no simple literals or is too long."""
    if len(text) > LENGTH_MAX:
        return None
    parts = _SPLIT.split(text)
    return parts if len(parts) > 1 else None


def _key(parts: list[str]) -> tuple[str, ...]:
    kinds = "".join(["t" if literal[0] == "'" else "r" if "." in literal else "i" for literal in parts[1::2]])
    return (kinds, *parts[::2])


def shape_by_template(parts: list[str]) -> tuple[str, tuple[Value, ...]] | None:
    """The shape of a statement that was cut into parts, or None where `learn` has not been told of one like it."""
    key = _key(parts)
    template = _templates.get(key)
    if template is None:
        return None
    values: list[Value] = []
    made = [template.pieces[0]]
    for kind, literal, taken, negated, piece in zip(
        key[0], parts[1::2], template.taken, template.negated, template.pieces[1:], strict=True
    ):
        if not taken:
            made += (literal, piece)
            continue
        made += (taken, piece)
        if kind == "t":
            value: Value = literal[1:-1].replace("''", "'")
        elif kind == "i":
            value = -int(literal) if negated else int(literal)
        else:
            value = -float(literal) if negated else float(literal)
        values.append(value)
    return "".join(made), tuple(values)


def learn(parts: list[str], found: Sequence[Taken]) -> None:
    """Remember how the shaper decided about a statement; found: the literals it took out, in order."""
    key = _key(parts)
    if key in _templates:
        return
    if len(_templates) >= TEMPLATES_MAX:
        _templates.clear()
    _templates[key] = _template(parts, found)


def _template(parts: list[str], found: Sequence[Taken]) -> _Template | None:
    """The template of a statement and all like it, or None where none is certain."""
    if any(mark in piece for piece in parts[::2] for mark in _HIDING):
        return None
    pieces, taken, negated = [parts[0]], [], []
    place, number = len(parts[0]), 0
    for literal, piece in zip(parts[1::2], parts[2::2], strict=True):
        if literal[0] == "'" and pieces[-1][-1:] in ("x", "X"):
            return None  # it is a BLOB
        end = place + len(literal)
        one = found[number] if number < len(found) else None
        if one is not None and one.end == end and one.start <= place:
            number += 1
            cut_off = place - one.start  # the minus sign and space behind it
            pieces[-1] = pieces[-1][: len(pieces[-1]) - cut_off]
            letter = "t" if literal[0] == "'" else "r" if "." in literal else "i"
            taken.append(f"$#{number}{letter}")
            negated.append(cut_off > 0)
        else:
            taken.append("")
            negated.append(False)
        pieces.append(piece)
        place = end + len(piece)
    if number < len(found):  # a literal of another kind was taken
        return None
    return _Template(tuple(pieces), tuple(taken), tuple(negated))
