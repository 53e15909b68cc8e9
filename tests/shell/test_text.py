"""Nothing that is stored reaches a terminal as control."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anokuro_cli.text import clip, did_you_mean, display_width, neutralise, pad

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ANYTHING = st.text(
    alphabet=st.one_of(st.characters(), st.characters(max_codepoint=0x9F), st.sampled_from(sorted(BIDI)))
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 日本 👩‍👩‍👧", "plain ünïcode 日本 👩‍👩‍👧"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\rd\0e", "a\\nb\\tc\\rd\\0e"),
        ("\x9b31m", "\\x9b31m"),
        ("\x7f", "\\x7f"),
        ("abc\u202ecba", "abc\\u202ecba"),
        ("line\u2028break", "line\\u2028break"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("[red]no markup[/red]", "[red]no markup[/red]"),
    ],
)
def test_neutralise(text: str, shown: str) -> None:
    assert neutralise(text) == shown


@given(ANYTHING)
def test_nothing_dangerous_is_left(text: str) -> None:
    shown = neutralise(text)
    for character in shown:
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert character not in BIDI
    assert neutralise(shown) == shown


def test_every_control_is_covered() -> None:
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in (
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
        ):  # fmt: skip
            assert neutralise(character).isascii(), hex(code)


def test_widths() -> None:
    assert display_width("日本") == 4
    assert pad("日本", 6) == "日本  "
    assert pad("12", 4, right=True) == "  12"
    assert clip("abcdef", 4) == "abc…"
    assert clip("日本語", 4) == "日…"
    assert clip("abc", 3) == "abc"


def test_did_you_mean() -> None:
    assert did_you_mean(".tabels", [".tables", ".timer"]) == ".tables"
    assert did_you_mean("xyz", [".tables"]) is None
