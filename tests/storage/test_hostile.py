"""Files made to mislead, with every checksum right: typed errors only, no signal, no hang (see hostile_files.py)."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.harness import CHECKED_BUILD

REPOSITORY = Path(__file__).resolve().parents[2]
ROUNDS = 15 if CHECKED_BUILD else 60


@pytest.mark.parametrize("kind", ["pages", "pointers", "table", "log"])
def test_hostile_files_are_survived(kind: str) -> None:
    seed = random.randrange(1 << 32)
    command = [sys.executable, "-m", "tests.storage.hostile_files", kind, str(seed), str(ROUNDS)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=500, check=False)
    lines = done.stdout.split()
    what = f"{' '.join(command[1:])}: status {done.returncode} in round {lines[-1] if lines else '-'}\n{done.stderr[-3000:]}"
    assert done.returncode == 0, what
    assert lines[-1] == "done", what
