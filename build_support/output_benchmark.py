"""A million rows of four columns in every output format: python -m build_support.output_benchmark [--rows 1000000] [--directory PATH]

With --memory: the peak memory of writing the first ten thousand, hundred thousand ... up to --rows rows of the same table, which must not grow with them; 10,000,000 takes some minutes
and 2 GB of disk. (The pool of pages, at most 256 MB, is part of it; a scan reuses its own frames.)

For each format: seconds of the whole process from start to end, processor seconds, peak memory, and how long the first line took to come. Beside it DuckDB's shell (`duckdb`, of the
package duckdb-cli) over the same rows in its own format, where it is installed. Rounds take turns; the least of each counts, because other work on a machine only adds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FORMATS = ("csv", "tsv", "json", "jsonl", "table", "box", "markdown", "line", "insert", "html")
QUERY = "SELECT id, name, amount, day FROM sales"


def make_rows(path: Path, count: int) -> None:
    """A CSV file: an integer, a text with few values, a number with two places, a date."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,name,amount,day\n")
        for number in range(count):
            file.write(
                f"{number},customer {number % 5000},{number * 37 % 100000 / 100 + 0.01:.2f},2024-{number % 12 + 1:02}-{number % 28 + 1:02}\n"
            )


def measure(command: list[str]) -> tuple[float, float, float, float]:
    """(seconds, processor seconds, peak MB, seconds to the first line) of a process whose output is read and thrown away."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert child.stdout is not None
    first = 0.0
    while data := child.stdout.read1(1 << 20):  # type: ignore[attr-defined]
        if not first and b"\n" in data:
            first = time.perf_counter() - began
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: status {child.returncode}")
    seconds = time.perf_counter() - began
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, first


def measure_memory(shell: list[str], database: str, formats: list[str], most: int) -> None:
    """Prints a table: megabytes at the peak for each format and number of rows."""
    counts = [count for count in (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000) if count <= most]
    print(f"{'peak MB':>14}  " + "".join(f"{count:>14,}" for count in counts) + "  rows")
    for name in formats:
        peaks = [measure([*shell, database, f"--{name}", "-c", f"{QUERY} LIMIT {count}"])[2] for count in counts]
        print(f"{name:>14}  " + "".join(f"{peak:14.0f}" for peak in peaks), flush=True)


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--directory")
    parser.add_argument("--memory", action="store_true", help="peak memory by number of rows, for --formats")
    chosen = parser.parse_args()
    shell = [sys.executable, "-m", "anokuro_cli"]
    duckdb = shutil.which("duckdb", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    with tempfile.TemporaryDirectory(dir=chosen.directory) as folder:
        source, database = Path(folder) / "sales.csv", str(Path(folder) / "sales.ank")
        make_rows(source, chosen.rows)
        made = "CREATE TABLE sales (id INTEGER PRIMARY KEY, name TEXT, amount REAL, day DATE)"
        copied = f"COPY sales FROM '{source}' (HEADER TRUE)"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([*shell, database, "-q", "-c", made, "-c", copied], check=True, env=environment)
        if chosen.memory:
            source.unlink()
            measure_memory(shell, database, chosen.formats.split(","), chosen.rows)
            return
        commands = {name: [*shell, database, f"--{name}", "-c", QUERY] for name in chosen.formats.split(",")}
        if duckdb:
            other = str(Path(folder) / "sales.duckdb")
            subprocess.run(
                [duckdb, other, "-c", f"CREATE TABLE sales AS SELECT * FROM read_csv('{source}')"],
                check=True,
                capture_output=True,
            )
            commands["duckdb -csv"] = [duckdb, "-readonly", other, "-csv", "-c", QUERY]
        found = {
            name: [measure(command) for _ in range(1)] for name, command in commands.items()
        }  # warms the file cache, too
        for _ in range(chosen.rounds - 1):
            for name, command in commands.items():
                found[name].append(measure(command))
    print(f"{chosen.rows:,} rows  {'seconds':>9} {'processor':>10} {'peak MB':>9} {'first line':>11}")
    for name, runs in found.items():
        seconds, processor, memory, first = (min(values) for values in zip(*runs, strict=True))
        print(f"{name:>14}  {seconds:9.2f} {processor:10.2f} {memory:9.0f} {first * 1000:8.0f} ms")


if __name__ == "__main__":
    main()
