"""Shapes: equal for statements that differ in literals alone, and never a change of meaning."""

from __future__ import annotations

import random
import re

import pytest

from grammar import ast, parse
from grammar.node import Node, replace
from grammar.shape import _Shaper, _TooDeep, shape
from grammar.shape_templates import cut, shape_by_template
from tests.grammar.corpus import STATEMENTS


@pytest.mark.parametrize(
    ("text", "shaped", "literals"),
    [
        ("SELECT a FROM t WHERE b = 5", "SELECT a FROM t WHERE b = $#1i", (5,)),
        (
            "SELECT a FROM t WHERE b = -5 AND c = 1 - 2",
            "SELECT a FROM t WHERE b = $#1i AND c = $#2i - $#3i",
            (-5, 1, 2),
        ),
        ("SELECT 1, 'x' FROM t WHERE b = 'y' LIMIT 5", "SELECT 1, 'x' FROM t WHERE b = $#1t LIMIT 5", ("y",)),
        ("SELECT a FROM t WHERE b > 1.5 ORDER BY 1", "SELECT a FROM t WHERE b > $#1r ORDER BY 1", (1.5,)),
        ("SELECT a+1 FROM t GROUP BY a+1 HAVING a+1 > 2", "SELECT a+1 FROM t GROUP BY a+1 HAVING a+1 > 2", ()),
        ("INSERT INTO t VALUES (1, X'00'), (?, NULL)", "INSERT INTO t VALUES ($#1i, $#2b), (?, NULL)", (1, b"\x00")),
        ("UPDATE t SET a = 1 WHERE b = 2", "UPDATE t SET a = $#1i WHERE b = $#2i", (1, 2)),
        ("SELECT a FROM t WHERE b LIKE 'x%'", "SELECT a FROM t WHERE b LIKE 'x%'", ()),
        ("SELECT a FROM t WHERE b = DATE '2024-01-01'", "SELECT a FROM t WHERE b = DATE '2024-01-01'", ()),
        ("DELETE FROM t WHERE CAST(a AS VARCHAR(3)) = 'x'", "DELETE FROM t WHERE CAST(a AS VARCHAR(3)) = $#1t", ("x",)),
        ("DELETE FROM t WHERE -5::text = b", "DELETE FROM t WHERE -$#1i::text = b", (5,)),
        ("DELETE FROM t WHERE a = 9223372036854775808", "DELETE FROM t WHERE a = 9223372036854775808", ()),
        ("SELECT a FROM f(1) WHERE b IS DISTINCT FROM 2", "SELECT a FROM f(1) WHERE b IS DISTINCT FROM $#1i", (2,)),
        ("SELECT (SELECT b FROM t WHERE c = 1)", "SELECT (SELECT b FROM t WHERE c = 1)", ()),
        (
            "SELECT a FROM (SELECT 1 FROM t WHERE b = 2) ORDER BY (SELECT 3 FROM t WHERE a = 4)",
            "SELECT a FROM (SELECT 1 FROM t WHERE b = $#1i) ORDER BY (SELECT 3 FROM t WHERE a = 4)",
            (2,),
        ),
        (
            "INSERT INTO t VALUES (1) ON CONFLICT (a + 2) WHERE b = 3 DO UPDATE SET a = 4",
            "INSERT INTO t VALUES ($#1i) ON CONFLICT (a + 2) WHERE b = 3 DO UPDATE SET a = $#2i",
            (1, 4),
        ),
        ("CREATE TABLE t (a INT CHECK (a > 1))", "CREATE TABLE t (a INT CHECK (a > 1))", ()),
        ("SELECT a FROM t WHERE b = 'open", "SELECT a FROM t WHERE b = 'open", ()),
        ("SELECT a FROM t WHERE b = $#1i AND c = 2", "SELECT a FROM t WHERE b = $#1i AND c = 2", ()),
    ],
)
def test_shape(text: str, shaped: str, literals: tuple[object, ...]) -> None:
    assert shape(text) == (shaped, literals)
    assert list(map(type, shape(text)[1])) == list(map(type, literals))


def put_back(node: object, literals: tuple[object, ...]) -> object:
    """The tree with the shape's parameters replaced by their literals."""
    if isinstance(node, tuple):
        return tuple(put_back(item, literals) for item in node)
    if not isinstance(node, Node):
        return node
    if isinstance(node, ast.Parameter) and node.name is not None and node.name.startswith("#"):
        return ast.Literal(literals[int(node.name[1:-1]) - 1])  # type: ignore[arg-type]
    changed = {field: put_back(getattr(node, field), literals) for field in node._fields}
    if isinstance(node, ast.Unary) and node.op == "-" and isinstance(changed["operand"], ast.Literal):
        value = changed["operand"].value
        if type(value) in (int, float) and not str(value).startswith("-"):
            return ast.Literal(-value)  # type: ignore[operator]
    return replace(node, **changed)


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_shape_with_its_literals_is_the_statement(text: str) -> None:
    shaped, literals = shape(text)
    assert put_back(parse(shaped), literals) == parse(text)
    assert shape(shaped) == (shaped, ())


LITERALS = (
    "0",
    "7",
    "007",
    "999999999999999999",
    "9223372036854775807",
    "9223372036854775808",
    "1_000",
    "0x1f",
    "1.5",
    "-2.50",
)
LITERALS += (
    "5.",
    ".5",
    "1e3",
    "1.5e3",
    "1..2",
    "''",
    "'a'",
    "'it''s'",
    "'-- no'",
    "'/*'",
    "'$#1i'",
    "'AS'",
    "'('",
    "x'00ff'",
    "X''",
)
LITERALS += (
    '"b"',
    "`c`",
    "[d]",
    "$$e$$",
    "$t$f'$t$",
    "?",
    "?5",
    ":n",
    "$1",
    "-- it's 5\n",
    "/* '7' */",
    "'",
    '"',
    "/*",
    "\x00",
    "é",
)


SIMPLE_STRINGS = ("''", "'a'", "'it''s'", "'-- no'", "'('")


def scanned(text: str) -> tuple[str, tuple[object, ...]]:
    """The shape as a statement gets it that was never seen before."""
    if "$#" in text:
        return text, ()
    try:
        return _Shaper(text).run()
    except _TooDeep:
        return text, ()


@pytest.mark.parametrize("seed", range(20))
def test_a_shape_by_template_is_the_shape(seed: int) -> None:
    """Statements made of pieces and literals, each piece with many literals: what was remembered of one holds for the next."""
    rng = random.Random(seed)
    taking = [text for text in STATEMENTS if scanned(text)[1]]
    templates = [re.split(r"'[^']*'|[0-9]+", rng.choice(taking)) for _ in range(8)]
    by_template = 0
    for _ in range(1000):
        pieces = rng.choice(templates)
        few = (
            rng.choices(LITERALS, k=3) if rng.random() < 0.4 else LITERALS[:4] if rng.random() < 0.5 else SIMPLE_STRINGS
        )
        text = "".join(piece + rng.choice(few) for piece in pieces[:-1]) + pieces[-1]
        if rng.random() < 0.1:
            place = rng.randint(0, len(text))
            text = (
                text[:place]
                + rng.choice(["'", '"', "--", "/*", "-", " ", "5", "x", "$", "(", ")", "::", "."])
                + text[place:]
            )
        found = shape(text)
        assert found == scanned(text), text
        assert list(map(type, found[1])) == list(map(type, scanned(text)[1])), text
        parts = cut(text)
        by_template += parts is not None and shape_by_template(parts) is not None
    assert by_template > 100, "else nothing was tested"
