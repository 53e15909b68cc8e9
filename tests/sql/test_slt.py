"""The sqllogictest records that lie beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.sql.session import Session
from tests.sql.slt import CORPUS, read, result_lines, run_file
from tests.support.fake_store import FakeStore

FILES = sorted(CORPUS.glob("*.test")) if CORPUS.is_dir() else []
pytestmark = pytest.mark.skipif(not FILES, reason="the corpus is not there")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file(path: Path) -> None:
    outcome = run_file(path, Session(FakeStore()))
    assert not outcome.failures, "\n".join(outcome.failures)
    assert outcome.passed > 5


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.stem.startswith("evidence") or p.stem == "select1"], ids=lambda p: p.stem
)
def test_file_in_columns(path: Path) -> None:
    session = Session(FakeStore())
    session.shared.set_gear("column")
    outcome = run_file(path, session)
    assert not outcome.failures, "\n".join(outcome.failures)
    assert outcome.passed > 5


def test_the_runner_sees_wrong_results(tmp_path: Path) -> None:
    path = tmp_path / "wrong.test"
    path.write_text(
        "query I\nSELECT 1\n----\n2\n\nstatement error\nSELECT 1\n\nstatement ok\nSELECT nothing\n\n"
        "query I\nSELECT 1\n----\n1 values hashing to 00\n\nquery I\nSELECT 1\n----\n1\n"
    )
    outcome = run_file(path, Session(FakeStore()))
    assert (outcome.passed, len(outcome.failures)) == (1, 4)
    assert [record.kind for record in read(path)].count("query") == 3


def test_values_as_the_corpus_writes_them() -> None:
    rows = [(None, 2.5, ""), (True, 1, "a\tb")]
    assert result_lines(rows, "IRT", "nosort") == ["NULL", "2.500", "(empty)", "1", "1.000", "a@b"]
    assert result_lines([(2,), (10,)], "I", "rowsort") == ["10", "2"]
