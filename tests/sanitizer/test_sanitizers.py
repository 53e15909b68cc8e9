"""Do the sanitizers of the checked build look? A module that is broken on purpose says so, one fault at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from build_support.checked import sanitizer_environment, sanitizer_libraries
from build_support.compile import SUFFIX, Job, compile_all
from build_support.compiler import CompilerError
from build_support.extensions import CHECKED, ROOT

pytestmark = pytest.mark.ordinary_only

SOURCE = Path(__file__).with_name("broken.pyx")
FAULTS = [
    ("heap_read(8, 8)", "heap-buffer-overflow"),
    ("freed_read(True)", "heap-use-after-free"),
    ("signed_sum(2**31 - 1, 1)", "signed integer overflow"),
    ("shifted(32)", "shift exponent 32 is too large"),
    ("misaligned_read(1)", "misaligned address"),
    ("c_assertion(10)", "Assertion `n < 10' failed"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the broken module lies, built with the flags of the checked build."""
    try:
        present = bool(sanitizer_libraries())
    except CompilerError:
        present = False
    if not present:
        if os.environ.get("ANOKURO_REQUIRE_SANITIZERS") == "1":
            pytest.fail("the C compiler brings no sanitizers, and this run asks for them")
        pytest.skip("the C compiler brings no sanitizers")
    folder = tmp_path_factory.mktemp("broken")
    job = Job("broken", SOURCE, folder / f"broken{SUFFIX}", ROOT, folder / "work", CHECKED)
    outcomes = list(compile_all([job]))
    assert [outcome.problem for outcome in outcomes] == [""]
    return folder


def run(folder: Path, call: str) -> subprocess.CompletedProcess[str]:
    code = f"import broken; assert broken.is_checked(); print('answer', broken.{call}, flush=True)"
    environment = {**sanitizer_environment(), "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("call", "report"), FAULTS)
def test_a_fault_stops_the_process_with_a_report(folder: Path, call: str, report: str) -> None:
    done = run(folder, call)
    assert done.returncode != 0 and "answer" not in done.stdout
    assert report in done.stderr
    # with line directives the report names the Cython source
    assert report.startswith("Assertion") or "broken.pyx" in done.stderr


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("heap_read(8, 7)", 7),
        ("freed_read(False)", 3),
        ("signed_sum(2**31 - 1, 0)", 2**31 - 1),
        ("shifted(31)", 2**31),
        ("misaligned_read(0)", 0x01010101),
        ("c_assertion(9)", 9),
    ],
)
def test_what_is_right_passes(folder: Path, call: str, answer: int) -> None:
    done = run(folder, call)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"answer {answer}\n", "")
