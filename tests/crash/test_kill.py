"""kill -9 at random moments: every acknowledged batch is there whole, no other is there in part."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import engine
from tests.crash.harness import CHECKED_BUILD
from tests.crash.killed_child import TREE, key, value

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 3 if CHECKED_BUILD else 10
ROWS = 20


def run_and_kill(path: Path, first: int, acknowledgements: int) -> int:
    """Start a child and kill it once it has acknowledged so many batches; the last one acknowledged (first - 1: none)."""
    command = [sys.executable, "-m", "tests.crash.killed_child", str(path), str(first), str(ROWS), "7"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY)
    assert child.stdout is not None
    lines: list[bytes] = []
    try:
        assert child.stdout.readline() == b"ready\n", "the child could not open the database"
        while len(lines) < acknowledgements:
            lines.append(child.stdout.readline())
            assert lines[-1], "the child came to an end by itself"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        # What it acknowledged before the signal reached it counts as well; a line cut short does not.
        lines += [line for line in child.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]
        child.wait()
    return int(lines[-1]) if lines else first - 1


def whole_batches(db: engine.Database) -> int:
    """How many batches there are; all of them whole, without a gap, in tree and table alike."""
    entries = dict(db.tree(TREE).scan())
    count = len(entries) // ROWS
    assert entries == {key(b, r): value(b, r) for b in range(count) for r in range(ROWS)}
    found = [tuple(row) for row in db.execute("SELECT id, row_count, note FROM batches ORDER BY id")]
    assert found == [(b, ROWS, "n" * (b % 50)) for b in range(count)]
    return count


def test_acknowledged_batches_survive_a_kill(tmp_path: Path) -> None:
    """Trees and tables together, checkpoints on the way."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    path, present = tmp_path / "killed.ank", 0
    for _ in range(KILLS):
        acked = run_and_kill(path, present, rng.randrange(30))
        with engine.open(str(path), pool_bytes=4 << 20) as db:
            assert db.check() == []
            present = whole_batches(db)
        assert acked + 1 <= present <= acked + 2, "acknowledged batches, and at most one that was under way"
