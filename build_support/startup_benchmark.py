"""How long the shell takes to start: python -m build_support.startup_benchmark [--runs 15]

    one-shot        anokuro -c 'select 1'                 from start to end of the process
    one-shot, file  anokuro FILE -c 'select ... from t'   with a catalog to read
    help            anokuro --help
    first prompt    anokuro, in a pseudo-terminal, until the prompt stands on the screen

Beside them, what does the same without a database: the interpreter alone, and the libraries a shell is made of, imported and
nothing else. Ratios of one run can be compared between machines; milliseconds cannot. Rounds take turns, and the median counts.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WAIT_SECONDS = 30.0


def environment(home: str) -> dict[str, str]:
    """A person's environment with nobody's configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANOKURO", "PYTHON", "XDG"))}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "HOME": home}


def process(arguments: list[str], home: str) -> Callable[[], float]:
    """A measurement: the process from start to end."""

    def measure() -> float:
        began = time.perf_counter()
        done = subprocess.run([sys.executable, *arguments], env=environment(home), capture_output=True, cwd=home)
        seconds = time.perf_counter() - began
        if done.returncode != 0:
            raise SystemExit(f"{arguments}: {done.stderr.decode()}")
        return seconds

    return measure


def until_prompt(arguments: list[str], home: str, prompt: bytes) -> Callable[[], float]:
    """A measurement: a process in a pseudo-terminal until it has written `prompt`."""

    def measure() -> float:
        began = time.perf_counter()
        controller, terminal = pty.openpty()
        child = subprocess.Popen(
            [sys.executable, *arguments], stdin=terminal, stdout=terminal, stderr=terminal,
            env=environment(home), cwd=home, start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        try:
            seen = b""
            while prompt not in seen:
                if not select.select([controller], [], [], WAIT_SECONDS)[0]:
                    raise SystemExit(f"no prompt within {WAIT_SECONDS} s: {seen!r}")
                seen += os.read(controller, 65536)
            return time.perf_counter() - began
        finally:
            child.kill()
            child.wait()
            os.close(controller)

    return measure


def main() -> None:
    """Measures in rounds and prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    shell = ["-m", "anokuro_cli"]
    with tempfile.TemporaryDirectory() as home:
        database = str(Path(home) / "shop.ank")
        script = "; ".join(f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, a TEXT, b REAL)" for n in range(20))
        subprocess.run([sys.executable, *shell, database, "-c", script], env=environment(home), check=True)
        measurements: dict[str, Callable[[], float]] = {
            "python -c pass": process(["-c", "pass"], home),
            "python -c 'import typer'": process(["-c", "import typer"], home),
            "python -c 'import prompt_toolkit'": process(["-c", "import prompt_toolkit"], home),
            "anokuro -c 'select 1'": process([*shell, "-c", "select 1"], home),
            "anokuro FILE -c 'select * from t7'": process([*shell, database, "-c", "select * from t7"], home),
            "anokuro --help": process([*shell, "--help"], home),
            "anokuro, first prompt": until_prompt(shell, home, b"anokuro"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in measurements}
        for _ in range(runs + 1):  # the first round fills caches and does not count
            for name, measure in measurements.items():
                seconds[name].append(measure())
    print(f"{'':36} {'median':>9} {'least':>9}   milliseconds, {runs} runs")
    for name, found in seconds.items():
        print(f"{name:36} {statistics.median(found[1:]) * 1000:9.0f} {min(found[1:]) * 1000:9.0f}")


if __name__ == "__main__":
    main()
