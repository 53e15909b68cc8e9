"""Scanning, splitting of scripts, completeness."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grammar import tables
from grammar.tokens import (
    COMMENT,
    KEYWORDS,
    RESERVED,
    SPACE,
    UNRESERVED,
    Splitter,
    is_complete,
    is_open,
    position,
    quote,
    scan,
    significant,
    split,
)

WORDS = "' '' \" ` [ ] -- /* */ $ $a$ $$ ; a 1 1. . x' 0x e5 ? : @p :: ü select ( ) , é漢 ! # \\"
PIECES = st.sampled_from([*WORDS.split(" "), "\n", " ", "\x00", "\ufeff", "\r\n"])
TEXTS = st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=20)


@given(TEXTS)
def test_every_character_is_in_exactly_one_token(text: str) -> None:
    tokens = list(scan(text))
    assert "".join(token.text for token in tokens) == text
    offset = 0
    for token in tokens:
        assert token.start == offset < token.end and text[token.start : token.end] == token.text
        offset = token.end
    assert [t for t in tokens if t.kind not in (SPACE, COMMENT)] == significant(text)


@pytest.mark.parametrize(
    ("text", "kinds"),
    {
        "a _b c$1 ü": "word word word word",
        '"a""b" `c``d` [e f]': "quoted quoted quoted",
        "1 1_000 0xFF": "integer integer integer",
        "1.5 .5 2. 1e5 1.5E-3": "real real real real real",
        "'a' 'it''s' '' 'a\nb'": "string string string string",
        "$$a'b$$ $t$ $$ $t$": "string string",
        "x'00' X''": "blob blob",
        "? ?12 :a @b $c $1": "parameter parameter parameter parameter parameter parameter",
        "a::b": "word sign word",
        "a->>'b' || c": "word sign string sign word",
        "-- all of it 'x' ;": "comment",
        "/* a ; ' */ b /**/ /***/": "comment word comment comment",
        "1-- x\n2": "integer comment integer",
        "12abc": "error",
        "0x": "error",
        "1__0": "error",
        "'abc": "error",
        "a 'x''": "word error",
        '"a""': "error",
        "/* a": "error",
        "$t$ a $T$": "error",
        "a ! b": "word error word",
    }.items(),
)
def test_kinds(text: str, kinds: str) -> None:
    assert [token.kind for token in scan(text) if token.kind != SPACE] == kinds.split()


def test_keywords_are_those_of_the_grammar() -> None:
    assert {word for word in tables.WORDS if word.isidentifier()} == KEYWORDS
    assert not RESERVED & UNRESERVED


@pytest.mark.parametrize(
    ("text", "complete"),
    {
        "": True,
        "  -- only a comment": True,
        "SELECT 1": False,
        "SELECT 1;": True,
        "SELECT 1; -- done": True,
        "SELECT 1; /* done */ ": True,
        "SELECT 1; SELECT": False,
        "SELECT ';": False,
        "SELECT ';'": False,
        "SELECT '\n;\n';": True,
        'SELECT ";"': False,
        "SELECT 1 -- ;": False,
        "SELECT 1 /* ;": False,
        "SELECT $$;": False,
        "SELECT $a$;$$;$a$;": True,
        "SELECT 'it''s;": False,
        "SELECT [a;b]": False,
    }.items(),
)
def test_is_complete(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


def test_is_open() -> None:
    assert [is_open(text) for text in ("'a", '"a', "/* a", "$$ a", "a", "'a'", "!", "12a")] == [True] * 4 + [False] * 4


SCRIPT = """SELECT 1;
-- a comment; not a statement
  INSERT INTO t VALUES ('a;b', ";", [;], `;`, $$;$$, $x$;$$;$x$) /* ; */ ;;

SELECT 'ü漢;' ;\tSELECT 3 -- the end;
"""
SCRIPT_PIECES = [
    ("SELECT 1", 1, 1, True),
    ("""INSERT INTO t VALUES ('a;b', ";", [;], `;`, $$;$$, $x$;$$;$x$) /* ; */ """, 3, 3, True),
    ("SELECT 'ü漢;' ", 5, 1, True),
    ("SELECT 3", 5, 16, False),
]


def test_split() -> None:
    pieces = list(split(SCRIPT))
    assert [(p.text, p.line, p.column, p.terminated) for p in pieces] == SCRIPT_PIECES
    for piece in pieces:
        assert SCRIPT[piece.offset :].startswith(piece.text)
        assert position(SCRIPT, piece.offset) == (piece.line, piece.column)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_splitting_does_not_depend_on_the_chunks(size: int) -> None:
    assert fed([SCRIPT[i : i + size] for i in range(0, len(SCRIPT), size)]) == list(split(SCRIPT))


@given(st.lists(TEXTS, max_size=6))
def test_splitting_random_chunks(chunks: list[str]) -> None:
    text = "".join(chunks)
    pieces = list(split(text))
    assert fed(chunks) == pieces
    for piece in pieces:
        assert text[piece.offset : piece.offset + len(piece.text)] == piece.text
        assert position(text, piece.offset) == (piece.line, piece.column)
    ends = sum(token.text == ";" for token in scan(text))
    assert sum(piece.terminated for piece in pieces) <= ends
    assert all(piece.terminated for piece in pieces[:-1])


def fed(chunks: list[str]) -> list[object]:
    splitter = Splitter()
    pieces: list[object] = []
    for chunk in chunks:
        pieces += splitter.feed(chunk)
    pieces += splitter.finish()
    assert not splitter.pending()
    return pieces


def test_a_long_open_string_is_scanned_once() -> None:
    splitter = Splitter()
    assert list(splitter.feed("SELECT '")) == []
    for _ in range(20_000):
        assert list(splitter.feed("a line of text without the end of the string\n")) == []
    assert splitter.pending()
    (piece,) = splitter.feed("';")
    assert piece.text.count("\n") == 20_000 and piece.line == 1


@pytest.mark.parametrize(
    ("name", "written"),
    {
        "a": "a",
        "A1_$": "A1_$",
        "a b": '"a b"',
        'q"': '"q"""',
        "select": '"select"',
        "": '""',
        "1a": '"1a"',
        "ü": "ü",
    }.items(),
)
def test_quote(name: str, written: str) -> None:
    assert quote(name) == written
