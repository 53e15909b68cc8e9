"""Messages, places, expectations and hints, as they are shown."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grammar import ParseError, parse, parse_expression, parse_script
from grammar.errors import render
from grammar.spelling import nearest
from tests.grammar.corpus import STATEMENTS
from tests.grammar.test_grammar_tokens import TEXTS


def error_of(text: str) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "hint"),
    {
        "SELCT 1": "did you mean SELECT?",
        "SELECT a FORM t": "did you mean FROM?",
        "SELECT a\nFROM t WERE x = 1": "did you mean WHERE?",
        "SELECT a FROM t ODER BY a": "did you mean ORDER?",
        "SELECT a FROM t LIMT 5": "did you mean LIMIT?",
        "INSRT INTO t VALUES (1)": "did you mean INSERT?",
        "INSERT INTO t VALUSE (1)": "did you mean VALUES?",
        "UPDATE t STE a = 1": "did you mean SET?",
        "DELETE FORM t": "did you mean FROM?",
        "CREATE TABEL t (a)": "did you mean TABLE?",
        "CREATE TABLE t (a INTEGER PRIMRY KEY)": "did you mean PRIMARY?",
        "CREATE TABLE t (a INT PRIMARY KYE)": "did you mean KEY?",
        "INSPECT PAGES 3": "did you mean PAGE?",
        "COMIT": "did you mean COMMIT?",
        "SELECT a, FROM t": "remove the comma before it",
        "INSERT INTO t VALUES (1,)": "remove the comma before it",
        "CREATE TABLE t (a INT,)": "remove the comma before it",
        "CREATE TABLE t (a INT b INT)": "is a comma missing before it?",
        "INSERT INTO t VALUES (1 2)": "is a comma missing before it?",
        "INSERT INTO t VALUES (1) (2)": "is a comma missing before it?",
        "SELECT a b c FROM t": "is a comma missing before it?",
        "INSERT t VALUES (1)": "is INTO missing before it?",
        "DELETE t": "is FROM missing before it?",
        "SELECT a FROM t GROUP a": "is BY missing before it?",
        "CREATE INDEX i t (a)": "is ON missing before it?",
        "SELECT order FROM t": 'ORDER is a reserved word; as a name it is written "order", in double quotes',
        "CREATE TABLE t (group INT)": 'GROUP is a reserved word; as a name it is written "group", in double quotes',
        "SELECT a AS 'x' FROM t": "single quotes make a text; a name is written in double quotes",
        "SELECT (1": 'the "(" at line 1, column 8 is not closed; add )',
        "SELECT CASE WHEN a THEN 1": 'the "CASE" at line 1, column 8 is not closed; add END',
        "SELECT 1)": 'there is no "(" for this ")"',
        "SELECT a && b": "write AND",
        "SELECT !a": "write NOT, or <> for unequal",
        "SELECT\n  'abc": "it begins at line 2, column 3; a ' inside a string is written twice",
        'SELECT "abc': 'it begins at line 1, column 8 and needs a closing "',
        "SELECT 1 /* x": "it begins at line 1, column 10; add */",
        "SELECT 12abc": "a name that begins with a digit is written in double quotes",
        "SELECT 99999999999999999999": "write it with a point for a REAL",
        "SELECT 9223372036854775808": "its limit is 2**63 - 1",
        "SELECT DATE '2024-02-30'": "a date is written DATE '2024-12-31'",
        "SELECT 1; SELECT 2": "run the statements one by one",
    }.items(),
)
def test_hint(text: str, hint: str) -> None:
    assert error_of(text).hint == hint


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "oops": ("a statement, such as SELECT, INSERT or CREATE",),
        "SELECT * FROM": ("a table name", '"("', "LATERAL"),
        "SELECT * FROM t WHERE": ("an expression",),
        "DROP": ("TABLE", "INDEX", "VIEW", "CHECKPOINT"),
        "INSERT INTO t (": ("a column name", '"("', "VALUES", "SELECT", "WITH"),
        "CREATE TABLE": ("a table name", "IF"),
        "CREATE TABLE t (": ("a name", "CHECK", "CONSTRAINT", "FOREIGN", "PRIMARY", "UNIQUE"),
        "UPDATE t SET a": ('"="',),
        "HISTORY": ("PAGE", "ROW"),
        "COPY t FROM": ("a parameter", "a string"),
    }.items(),
)
def test_expected(text: str, expected: tuple[str, ...]) -> None:
    assert error_of(text).expected == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "marked"),
    [
        ("SELECT * FORM t", 1, 10, "FORM"),
        ("SELECT a\nFROM t\nWHERE (b = 1", 3, 13, ""),
        ("SELECT\r\n\tü漢 x y", 2, 7, "y"),
        ("SELECT 'open\nstring", 1, 8, "'"),
        ("SELECT a FROM t LEFT JOIN u", 1, 15, "t LEFT JOIN u"),
    ],
)
def test_place(text: str, line: int, column: int, marked: str) -> None:
    error = error_of(text)
    assert (error.line, error.column, text[slice(*error.span)]) == (line, column, marked)


RENDERED = [
    (
        "SELECT a\n\tFROM t\n\tWHERE ü漢字 = 'x' y\n",
        """\
error: unexpected "y"
  |
3 |     WHERE ü漢字 = 'x' y
  |                       ^
  = expected an operator, GROUP, ORDER, LIMIT, FETCH, HAVING or the end of the statement
  = hint: is AND missing before it?""",
    ),
    (
        "SELECT 1,\n       a LEFT\n  FROM t LEFT JOIN\n    u",
        """\
error: a LEFT JOIN needs a condition
  |
3 |   FROM t LEFT JOIN
  |        ^^^^^^^^^^^
4 |     u
  | ^^^^^
  = hint: add ON ... or USING (...)""",
    ),
    (
        "SELECT \x1b[31m",
        """\
error: the character U+001B has no meaning here
  |
1 | SELECT ·[31m
  |        ^""",
    ),
]


@pytest.mark.parametrize(("text", "drawing"), RENDERED)
def test_render(text: str, drawing: str) -> None:
    assert render(text, error_of(text)) == drawing


def test_render_cuts_long_lines_around_the_error() -> None:
    text = "SELECT " + ", ".join(f"column_{n}" for n in range(1000)) + " FORM t x y"
    lines = render(text, error_of(text)).splitlines()
    assert max(map(len, lines)) < 200
    source, carets = next((a, b) for a, b in itertools.pairwise(lines) if set(b) == set(" |^"))
    marked = "".join(c for c, mark in zip(source, carets.ljust(len(source)), strict=False) if mark == "^")
    assert marked == text[slice(*error_of(text).span)]


def test_nearest() -> None:
    assert nearest("flihgts", ["flights", "planes"]) == ["flights"]
    assert nearest("Flights", ["flights"]) == ["flights"]
    assert nearest("a", ["b", "ab"]) == []
    assert nearest("carrier", ["carriers", "carier", "barrier", "tailnum"]) == ["barrier", "carier", "carriers"]


# ---------------------------------------------------------------------------------------------------------- fuzz

WORDS = sorted({word for text in STATEMENTS for word in text.replace("(", " ( ").replace(",", " , ").split()})


def only_parse_errors(text: str) -> None:
    for read in (parse, parse_script, parse_expression):
        try:
            read(text)
        except ParseError as error:
            start, end = error.span
            assert 0 <= start <= end <= len(text)
            assert error.line >= 1 and error.column >= 1 and error.message
            assert error.message in render(text, error) or not error.message.isprintable()


@given(TEXTS)
def test_random_characters_give_only_parse_errors(text: str) -> None:
    only_parse_errors(text)


@given(st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join))
def test_random_words_give_only_parse_errors(text: str) -> None:
    only_parse_errors(text)


@given(st.sampled_from(STATEMENTS), st.data())
def test_mutated_statements_give_only_parse_errors(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    insert = data.draw(st.sampled_from(["", "(", ")", ",", "'", " NOT ", ";", " x ", " 1 ", " SELECT ", "\x00"]))
    only_parse_errors(text[:start] + insert + text[end:])


@pytest.mark.parametrize("text", STATEMENTS)
def test_every_prefix_of_a_statement_is_answered(text: str) -> None:
    for end in range(0, len(text), 3):
        only_parse_errors(text[:end])
