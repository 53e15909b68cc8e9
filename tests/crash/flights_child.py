"""The process that test_flights.py kills: it loads the flights in batches and prints how many rows were acknowledged.

python -m tests.crash.flights_child <database> <flights.csv.gz or .zip> <rows already there> <rows a batch>
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import engine

COLUMNS = (
    "year INTEGER, month INTEGER, day INTEGER, dep_time INTEGER, sched_dep_time INTEGER, dep_delay INTEGER, "
    "arr_time INTEGER, sched_arr_time INTEGER, arr_delay INTEGER, carrier TEXT, flight INTEGER, tailnum TEXT, "
    "origin TEXT, dest TEXT, air_time INTEGER, distance INTEGER, hour INTEGER, minute INTEGER, time_hour TEXT"
)
NUMBERS = frozenset(i for i, column in enumerate(COLUMNS.split(", ")) if column.endswith("INTEGER"))


def flights(path: Path) -> Iterator[tuple[object, ...]]:
    """The rows of the file, in its order, NA as None."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as binary:
            yield from _rows(io.TextIOWrapper(binary, "utf-8", newline=""))
    else:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            yield from _rows(text)


def _rows(lines: TextIO) -> Iterator[tuple[object, ...]]:
    rows = csv.reader(lines)
    next(rows)
    for row in rows:
        yield tuple(None if v == "NA" else int(v) if i in NUMBERS else v for i, v in enumerate(row))


def main() -> None:
    """Load from row `there` on, until the end or until killed."""
    database, source, there, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    db = engine.open(database, pool_bytes=8 << 20, checkpoint_bytes=2 << 20)
    if there == 0:
        db.execute(f"CREATE TABLE IF NOT EXISTS flights (id INTEGER PRIMARY KEY, {COLUMNS})")
        db.execute("CREATE INDEX IF NOT EXISTS by_dest ON flights (dest, carrier)")
    print(there, flush=True)
    rows = itertools.islice(enumerate(flights(source)), there, None)
    insert = f"INSERT INTO flights VALUES ({', '.join('?' * 20)})"
    while batch := [(number, *row) for number, row in itertools.islice(rows, size)]:
        db.executemany(insert, batch)
        there += len(batch)
        print(there, flush=True)


if __name__ == "__main__":
    main()
