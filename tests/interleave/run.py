"""Run seeds: `python -m tests.interleave.run FIRST COUNT`, in the checked build.

Prints each seed before it runs, so that a seed that ends the process is known. Exit status 1 at the first that fails; with
`--verbose` every step of the schedule is printed, to see what a failing seed does.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.interleave.scenario import run_seed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.interleave.run")
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int, nargs="?", default=1)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    steps = switches = 0
    began = time.monotonic()
    for seed in range(options.first, options.first + options.count):
        print(f"seed {seed}", flush=True)
        try:
            course = run_seed(seed, options.verbose)
        except BaseException:
            traceback.print_exc()
            print(f"seed {seed} failed", flush=True)
            return 1
        steps += course[0]
        switches += course[1]
    taken = time.monotonic() - began
    print(f"{options.count} interleavings, {steps} steps, {switches} switches, {taken:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
