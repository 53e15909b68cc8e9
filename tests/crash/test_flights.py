"""The flights, loaded in batches by a process that is killed again and again: nothing acknowledged is ever lost."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import engine
from build_support.extensions import ROOT
from tests.conftest import CHECKED_BUILD, FlightsData
from tests.crash.flights_child import flights

KILLS = 3 if CHECKED_BUILD else 20
BATCH = 500


def load_and_kill(path: Path, data: FlightsData, there: int, batches: int, pause: float) -> int:
    """Let a child load `batches` batches and `pause` seconds more, then kill it; how many rows it acknowledged."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.flights_child", str(path), str(data.flights), str(there), str(BATCH)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert child.stdout is not None
    acknowledged = child.stdout.readline()
    assert acknowledged, "the child could not open the database"
    for _ in range(batches):
        acknowledged = child.stdout.readline() or acknowledged
    time.sleep(pause)  # where in a batch the kill strikes is left to chance; no answer depends on it
    os.kill(child.pid, signal.SIGKILL)
    lines = child.stdout.read().split(b"\n")[:-1]
    child.wait()
    return int(lines[-1] if lines else acknowledged)


def test_flights_survive_twenty_kills(tmp_path: Path, flights_data: FlightsData) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    path, there = tmp_path / "flights.ank", 0
    per_kill = flights_data.rows // BATCH // (KILLS + 1)
    for _ in range(KILLS):
        acknowledged = load_and_kill(path, flights_data, there, rng.randrange(per_kill), rng.random() * 0.03)
        with engine.open(path) as db:
            found = db.execute("SELECT count(*), max(id) FROM flights").fetchone()
            assert found is not None and found[0] is not None
            there = found[0]
            assert there >= acknowledged, "an acknowledged batch is lost"
            assert there - acknowledged in (0, BATCH), "only the batch that was being committed can be there besides"
            assert there == 0 or found[1] == there - 1
            assert db.check() == []
    subprocess.run(
        [sys.executable, "-m", "tests.crash.flights_child", str(path), str(flights_data.flights), str(there), "10000"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
    )
    with engine.open(path) as db:
        rows = iter(db.execute("SELECT * FROM flights ORDER BY id"))
        for number, (stored, original) in enumerate(itertools.zip_longest(rows, flights(flights_data.flights))):
            assert stored == (number, *original)
        assert number + 1 == flights_data.rows
        assert db.check() == []
