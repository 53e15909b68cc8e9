"""What may come next, at places where people press Tab."""

from __future__ import annotations

import pytest

from grammar.expect import expected_at
from tests.grammar.corpus import STATEMENTS


@pytest.mark.parametrize(
    ("before", "kinds", "some", "none"),
    [
        ("", "", "SELECT INSERT CREATE INSPECT BEGIN", "FROM WHERE"),
        ("SELECT ", "column function", "DISTINCT CASE NOT", "FROM WHERE SELECT"),
        ("SELECT a ", "alias", "FROM AS IS AND UNION", "SELECT SET"),
        ("SELECT a FROM ", "table function", "LATERAL", "WHERE"),
        ("SELECT a FROM t ", "alias", "WHERE JOIN LEFT ORDER", "FROM SET"),
        ("SELECT a FROM t JOIN u ", "alias", "ON USING WHERE", "SET"),
        ("SELECT a FROM t JOIN u USING (", "column", "", "SELECT"),
        ("SELECT a FROM t WHERE ", "column function", "NOT EXISTS", "FROM"),
        ("SELECT t.", "name", "", "FROM"),
        ("SELECT count(*) ", "alias", "OVER FILTER FROM", ""),
        ("SELECT a FROM t ORDER ", "", "BY", "FROM"),
        ("SELECT a FROM t ORDER BY a ", "", "DESC ASC NULLS LIMIT", "FROM"),
        ("INSERT INTO ", "table", "", "VALUES"),
        ("INSERT INTO t (", "column", "SELECT", "FROM"),
        ("INSERT INTO t (a) ", "", "VALUES SELECT DEFAULT", "FROM"),
        ("UPDATE t SET ", "column", "", "WHERE"),
        ("UPDATE t SET a = ", "column function", "DEFAULT", "WHERE"),
        ("CREATE INDEX i ON t (", "column function", "CASE", "SELECT"),
        ("CREATE TABLE t (", "new name", "PRIMARY UNIQUE", "SELECT"),
        ("CREATE TABLE t (a ", "type", "PRIMARY NOT DEFAULT", "SELECT"),
        ("ALTER TABLE t ", "", "RENAME ADD DROP", "SELECT"),
        ("ALTER TABLE t DROP COLUMN ", "column", "IF", "SELECT"),
        ("DROP TABLE ", "table", "IF", "SELECT"),
        ("INSPECT ", "", "PAGE TREE WAL POOL LATCHES", "SELECT"),
        ("INSPECT TREE ", "table", "", "KEY"),
        ("WITH x AS (", "", "SELECT VALUES WITH", "INSERT"),
        ("SELECT 1; SELECT a FROM ", "table function", "", "WHERE"),
        ("SELECT a /* x */ FROM ", "table function", "", "WHERE"),
    ],
)
def test_what_may_come_next(before: str, kinds: str, some: str, none: str) -> None:
    expected = expected_at(before, len(before))
    assert expected is not None and expected.prefix == ""
    wanted = {"new name"} if kinds == "new name" else set(kinds.split())
    assert expected.kinds == wanted
    assert set(some.split()) <= expected.keywords
    assert not set(none.split()) & expected.keywords


def test_the_word_being_typed_is_a_prefix() -> None:
    text = "SELECT a FROM fli WHERE x"
    expected = expected_at(text, text.index(" WHERE"))
    assert expected is not None
    assert (expected.prefix, expected.start, "table" in expected.kinds) == ("fli", 14, True)


@pytest.mark.parametrize("before", ["SELECT 'ab", 'SELECT "ab', "SELECT 1 -- ab", "SELECT /* ab", "SELECT FROM FROM "])
def test_nothing_is_expected_in_strings_and_comments_and_after_errors(before: str) -> None:
    assert expected_at(before, len(before)) is None


@pytest.mark.parametrize("text", STATEMENTS)
def test_the_next_token_of_a_right_statement_is_always_expected(text: str) -> None:
    """At each place between two words, what comes next in the statement must be among what is expected there."""
    for offset in [i + 1 for i, c in enumerate(text) if c == " "]:
        expected = expected_at(text, offset)
        following = text[offset:].split()
        if expected is None or not following:
            continue
        if text[:offset].endswith(" JOIN v ON CONFLICT "):
            continue  # what follows decides whether this is a join condition; cut off, it is one
        word = "".join(c for c in following[0] if c.isalnum() or c == "_").upper()
        if word and following[0].upper() == word and word.isalpha():
            assert word in expected.keywords or expected.kinds, (text[:offset], word)
