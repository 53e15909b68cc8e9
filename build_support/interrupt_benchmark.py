"""How long Ctrl-C takes: python -m build_support.interrupt_benchmark [--after 1.5]

Each row is a process that is busy with one thing; SIGINT comes after some seconds, and what counts is the time until the process has said what happened and ended with status 130.
That includes closing the database. What had ended by itself before is marked; then --after was too long, or --rows too few.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from build_support.extensions import ROOT
from build_support.output_benchmark import QUERY, make_rows

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000000) "
MANY = "FROM sales a JOIN sales b ON a.id % 40000 = b.id % 40000"  # 25 rows for each row


def main() -> None:
    """Interrupts each and prints how long that took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--after", type=float, default=1.5)
    chosen = parser.parse_args()
    shell = [sys.executable, "-m", "anokuro_cli"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        source, database = str(Path(folder) / "sales.csv"), str(Path(folder) / "sales.ank")
        make_rows(Path(source), chosen.rows)
        subprocess.run([*shell, "import", database, source, "--create", "-q"], check=True, env=environment)
        commands = {
            "scan": [*shell, "-c", f"{NUMBERS} SELECT max(i) FROM n"],
            "sort": [
                *shell,
                database,
                "-c",
                "SELECT a.name FROM sales a, sales b WHERE a.id < 40 ORDER BY b.amount DESC LIMIT 3",
            ],
            "join": [*shell, database, "-c", "SELECT count(*) FROM sales a JOIN sales b ON a.name = b.name"],
            "join, group": [*shell, database, "-c", f"SELECT a.name, sum(b.amount) {MANY} GROUP BY a.name"],
            "join, sort all": [*shell, database, "-c", f"SELECT a.name, b.amount {MANY} ORDER BY b.amount, a.name"],
            "join, window": [*shell, database, "-c", f"SELECT rank() OVER (ORDER BY b.amount) {MANY}"],
            "rendering a table": [*shell, database, "--table", "-c", QUERY],
            "rendering lines": [*shell, database, "--line", "-c", QUERY],
            "import": [*shell, "import", str(Path(folder) / "new.ank"), source, "--create"],
            "export": [*shell, "export", database, str(Path(folder) / "out.html"), "sales"],
            "dump": [*shell, database, "-c", ".dump"],
            "watch": [*shell, "-c", ".watch 0.2 SELECT 1"],
        }
        for name, command in commands.items():
            child = subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            time.sleep(chosen.after)
            began = time.perf_counter()
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
            _, said = child.communicate()
            milliseconds = (time.perf_counter() - began) * 1000
            ended = (
                ""
                if child.returncode == 130 or "watched" in said
                else f"   status {child.returncode}: {said.strip()[-60:]!r}"
            )
            print(f"{name:20} {milliseconds:7.0f} ms{ended}")


if __name__ == "__main__":
    main()
