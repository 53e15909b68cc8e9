"""Does the thread sanitizer look? Threads that race on purpose are reported, threads that do not are not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from build_support.checked import RACE_STATUS, SUPPRESSIONS, sanitizer_environment, sanitizer_libraries
from build_support.compile import SUFFIX, Job, compile_all
from build_support.compiler import CompilerError
from build_support.extensions import ROOT, THREADS

pytestmark = pytest.mark.ordinary_only

SOURCE = Path(__file__).with_name("racy.pyx")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the racy module lies, built with the flags of the tsan build."""
    try:
        present = bool(sanitizer_libraries(THREADS))
    except CompilerError:
        present = False
    if not present:
        if os.environ.get("ANOKURO_REQUIRE_SANITIZERS") == "1":
            pytest.fail("the C compiler brings no thread sanitizer, and this run asks for it")
        pytest.skip("the C compiler brings no thread sanitizer")
    folder = tmp_path_factory.mktemp("racy")
    job = Job("racy", SOURCE, folder / f"racy{SUFFIX}", ROOT, folder / "work", THREADS)
    assert [outcome.problem for outcome in compile_all([job])] == [""]
    return folder


def run(folder: Path, how: str) -> subprocess.CompletedProcess[str]:
    code = f"import racy; print('answer', racy.two_threads({how!r}), flush=True)"
    environment = {**sanitizer_environment(THREADS), "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", ["plain", "relaxed"])
def test_a_race_is_reported(folder: Path, how: str) -> None:
    done = run(folder, how)
    assert done.returncode == RACE_STATUS
    assert "WARNING: ThreadSanitizer: data race" in done.stderr and "ank_work" in done.stderr


@pytest.mark.parametrize(("how", "answer"), [("atomic", 2000), ("guarded", 2000), ("released", 1000)])
def test_what_is_right_passes(folder: Path, how: str, answer: int) -> None:
    done = run(folder, how)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"answer {answer}\n", "")


def test_every_suppression_has_a_reason() -> None:
    lines = (ROOT / SUPPRESSIONS).read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        assert not line or line.startswith(("#", "race:")), f"not a line of a list of suppressions: {line}"
        if line.startswith("race:"):
            assert before.startswith(("#", "race:")), f"no reason stands above {line}"
            assert len(line.replace("*", "")) > 15, f"{line} passes over more than one function"
