"""Interleavings of commits, readers, checkpoints, eviction and log reset, chosen by seeds; only the checked build can.

The long run (tests/README.md): ANOKURO_INTERLEAVINGS=5000, which also tries all mutants instead of some.
"""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from build_support.extensions import ROOT
from engine.base import schedule
from tests.conftest import TSAN_BUILD
from tests.interleave import mutants

# The thread sanitizer sees only what the schedule lets happen at once: nothing.
pytestmark = pytest.mark.skipif(
    not schedule.AVAILABLE or TSAN_BUILD, reason="the schedule is there in the checked build only"
)

COUNT = int(os.environ.get("ANOKURO_INTERLEAVINGS", "120"))
LONG = COUNT >= 1000
CHOSEN = ("published_before_all_is_applied", "slot_freed_too_early", "snapshot_registered_without_the_mutex")
MUTANT_SEEDS = 400


def test_every_interleaving_is_right() -> None:
    first = random.randrange(1 << 30)
    done = mutants.run(ROOT, first, COUNT, seconds=60 + COUNT)
    print(done.stdout[-200:])
    assert done.returncode == 0, f"{done.stdout[-300:]}\n{done.stderr[-6000:]}"


@pytest.mark.parametrize("name", mutants.MUTANTS if LONG else CHOSEN)
def test_a_racy_engine_is_caught(name: str, tmp_path: Path) -> None:
    mutants.build(name, tmp_path)
    done = mutants.run(tmp_path, 0, MUTANT_SEEDS, seconds=5 * MUTANT_SEEDS)
    print(done.stdout[-200:])
    assert done.returncode != 0, f"{MUTANT_SEEDS} interleavings, and {name} went unseen"


def counting(seed: int, **plan: int) -> tuple[list[int], tuple[int, int, int]]:
    """Three threads that take turns: who ran at which turn, and the course of the schedule."""
    turns: list[int] = []

    def work(index: int) -> None:
        schedule.enter(index)
        for _ in range(20):
            turns.append(index)
            schedule.pause()
        schedule.leave()

    schedule.start(seed, 3, **plan)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return turns, schedule.course()


def test_a_seed_repeats_its_schedule() -> None:
    for plan in ({}, {"changes": 5, "within": 60}):
        assert counting(7, **plan) == counting(7, **plan)
        courses = {tuple(counting(seed, **plan)[0]) for seed in range(20)}
        assert len(courses) > 10


def test_a_scenario_repeats() -> None:
    done = [mutants.run(ROOT, 11, 3) for _ in range(2)]
    assert done[0].returncode == 0, done[0].stderr
    steps = [result.stdout.splitlines()[-1].split(" switches")[0] for result in done]
    assert steps[0] == steps[1]


def test_one_thread_runs_at_a_time() -> None:
    """Priorities without changes: the first thread runs to its end before the next begins."""
    turns, _ = counting(3, changes=1, within=1)
    assert sum(a != b for a, b in itertools.pairwise(turns)) <= 3


def test_who_waits_for_something_unknown_is_reported(tmp_path: Path) -> None:
    """A loop without an end stops the process, with the last steps."""
    script = (
        "from engine.base import schedule\n"
        "schedule.start(1, 1, limit=1000)\n"
        "schedule.enter(0)\n"
        "while True: schedule.pause()\n"
    )
    path = tmp_path / "endless.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode != 0
    assert "no end after 1001 steps" in done.stderr and "thread 0 pause" in done.stderr
