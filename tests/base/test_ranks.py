"""Locks taken in a wrong order end the process of the checked build, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from build_support.compile import SUFFIX, Job, compile_all
from build_support.extensions import CHECKED, ROOT

pytestmark = pytest.mark.skipif(os.environ.get("ANOKURO_CHECKED_BUILD") != "1", reason="only the checked build looks")
SOURCE = Path(__file__).with_name("ranked.pyx")
COMMIT, POOL, LOG = 10, 40, 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module that takes locks lies, built as the engine that is tested."""
    folder = tmp_path_factory.mktemp("ranked")
    job = Job("ranked", SOURCE, folder / f"ranked{SUFFIX}", ROOT, folder / "work", CHECKED)
    assert [outcome.problem for outcome in compile_all([job])] == [""]
    return folder


def run(folder: Path, call: str) -> subprocess.CompletedProcess[str]:
    paths = [str(Path(str(engine.__file__)).parents[1]), str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    code = f"import ranked; print(ranked.{call}, flush=True)"
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "call",
    [
        f"take({POOL}, {COMMIT}, False)",
        f"take({LOG}, {POOL}, False)",
        f"take({POOL}, {POOL}, False)",
        f"wait_for_latch({POOL})",
    ],
)
def test_a_wrong_order_ends_the_process(folder: Path, call: str) -> None:
    done = run(folder, call)
    assert done.returncode != 0 and "done" not in done.stdout
    assert "locks are taken in the order of their ranks" in done.stderr


@pytest.mark.parametrize(
    "call", [f"take({COMMIT}, {POOL}, False)", f"take({POOL}, {COMMIT}, True)", f"wait_for_latch({COMMIT})"]
)
def test_a_right_order_and_what_is_only_tried_pass(folder: Path, call: str) -> None:
    done = run(folder, call)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
