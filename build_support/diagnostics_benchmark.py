"""What the diagnostics of latches cost where nobody waits. `python -m build_support.diagnostics_benchmark`

Builds the engine once more, in build/blind, without them (-DANOKURO_DIAGNOSTICS=0: no table of holders, no acquisitions
counted, no visits sampled), and lets both builds do the same work, in processes that take turns. Each process takes the
best of several rounds, by the processor's time of its thread; printed are the medians over the turns, and their ratio.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

from build_support.checked import mirror
from build_support.dev import rebuild
from build_support.extensions import BLIND, ROOT

WORK = """
import random, time, engine
N, ROUNDS = 200_000, 5
rng = random.Random(1)
keys = [rng.randbytes(8) for _ in range(N)]
with engine.open(":memory:") as db:
    tree = db.tree("t")
    tree.put_many((key, bytes(100)) for key in keys)
    rng.shuffle(keys)
    batches = [keys[i : i + 1000] for i in range(0, N, 1000)]
    def get():
        for key in keys: tree.get(key)
    def get_many():
        for batch in batches: tree.get_many(batch)
    def put():
        for key in keys: tree.put(key, bytes(100))
    def scan():
        for _ in tree.scan(): pass
    for work in (get, get_many, put, scan):
        best = 0
        for _ in range(ROUNDS):
            began = time.thread_time()
            work()
            best = max(best, N / (time.thread_time() - began))
        print(work.__name__, best)
"""


def measure(root: Path) -> dict[str, float]:
    """Operations for each second of the processor, by name, with the build in this folder."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", WORK], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return {name: float(rate) for name, rate in (line.split() for line in done.stdout.splitlines())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    turns = parser.parse_args().turns
    blind = ROOT / "build" / BLIND.name
    mirror(ROOT, blind)
    if not rebuild(blind, blind / "build" / BLIND.name, BLIND, [], False)[1]:
        return 1
    found: dict[Path, list[dict[str, float]]] = {ROOT: [], blind: []}
    for _ in range(turns):
        for root, rates in found.items():
            rates.append(measure(root))
    print("                without          with     ratio   (operations for each second of the processor)")
    for name in found[ROOT][0]:
        without, with_them = (statistics.median(rates[name] for rates in found[root]) for root in (blind, ROOT))
        print(f"  {name:10} {without:12,.0f}  {with_them:12,.0f}    {with_them / without:6.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
