"""The statements of the language reference are read, and mean something that can be written again."""

from __future__ import annotations

import re
from pathlib import Path

from grammar import parse_script
from grammar.parser import MAX_DEPTH, MAX_TREE_DEPTH
from grammar.unparse import unparse

README = (Path(__file__).resolve().parents[2] / "grammar" / "README.md").read_text(encoding="utf-8")


def test_the_examples_are_read() -> None:
    blocks = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    statements = [statement for block in blocks for statement in parse_script(block)]
    assert len(blocks) >= 6 and len(statements) > 30
    for statement in statements:
        assert parse_script(unparse(statement)) == [statement]


def test_the_limits_are_those_of_the_parser() -> None:
    assert f"{MAX_DEPTH} nested" in README and f"{MAX_TREE_DEPTH} levels" in README
