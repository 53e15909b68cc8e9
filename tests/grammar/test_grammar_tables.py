"""The generated tables are those of sql.lark; and what starting costs in imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grammar import build, tables
from grammar.transform import Builder

ROOT = Path(__file__).resolve().parents[2]


def test_tables_are_up_to_date() -> None:
    text = build.GRAMMAR_FILE.read_text(encoding="utf-8")
    rendered = build.render(build.build_tables(text))
    assert rendered == build.TABLES_FILE.read_text(encoding="utf-8"), "run python -m grammar.build"


def test_a_grammar_with_conflicts_is_refused() -> None:
    from lark.exceptions import GrammarError

    with pytest.raises(GrammarError, match="conflict"):
        build.build_tables('start_statement: "A" start_expression | start_expression "A"\nstart_expression: "A"*\n')


def test_every_rule_has_its_builder_method_and_no_method_is_unused() -> None:
    methods = {rule[2] for rule in tables.RULES} - {"", "="}
    helpers = {"fail"}
    assert methods == {name for name in dir(Builder) if not name.startswith("_") and name.islower()} - helpers - {
        "PARAMETERS_MAX"
    }


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import grammar", ("lark", "grammar.parser", "grammar.tables", "grammar.ast", "re")),
        ("import grammar; grammar.parse('SELECT 1')", ("lark", "dataclasses", "inspect", "grammar.unparse")),
    ],
)
def test_parsing_imports_little(code: str, absent: tuple[str, ...]) -> None:
    program = f"{code}\nimport sys\nprint(sorted(set({absent!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
