"""Analytical queries over the flights of 2013, side by side with SQLite and, where it is installed, DuckDB.

    python -m build_support.sql_benchmark FOLDER              FOLDER: airlines.csv, airports.csv, flights.csv.zip, planes.csv, weather.csv
    python -m build_support.sql_benchmark FOLDER --rounds 7 --gear row --markdown

Each engine has the data in a file and runs in this one process; DuckDB gets one thread. The engines take turns query by
query; the best of the rounds counts, and a query that takes SQLite longer than 2 s is asked once. Results are fetched
as Python tuples, and compared: rows in any order where the query orders none, REALs to 9 digits.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import engine

TABLES = ("airlines", "airports", "planes", "weather", "flights")
PRIMARY_KEYS = {"airlines": "carrier", "airports": "faa", "planes": "tailnum"}
INDEXES = ("CREATE INDEX flights_tailnum ON flights (tailnum)", "CREATE INDEX flights_dest ON flights (dest)")
"""Without these two SQLite takes minutes for EXISTS over flights."""

QUERIES: dict[str, str] = {
    "filter, count": "SELECT count(*) FROM flights WHERE dep_delay > 60 AND origin = 'JFK'",
    "filter, sum": "SELECT sum(distance), avg(air_time), max(arr_delay) FROM flights WHERE month BETWEEN 6 AND 8 AND carrier <> 'UA'",
    "filter, rows": "SELECT flight, tailnum, dest, arr_delay FROM flights WHERE arr_delay > 400 ORDER BY arr_delay DESC, flight, dest, tailnum",
    "group": "SELECT carrier, count(*), avg(dep_delay), min(dep_delay), max(dep_delay) FROM flights GROUP BY carrier ORDER BY carrier",
    "group by two": "SELECT origin, dest, count(*), sum(air_time) FROM flights GROUP BY origin, dest ORDER BY origin, dest",
    "group by expression": "SELECT CASE WHEN dep_delay <= 0 THEN 'early' WHEN dep_delay <= 15 THEN 'soon' ELSE 'late' END AS how, count(*), avg(distance * 1.609) FROM flights WHERE dep_delay IS NOT NULL GROUP BY 1 ORDER BY 1",
    "having": "SELECT tailnum, count(*) AS n FROM flights WHERE tailnum IS NOT NULL GROUP BY tailnum HAVING count(*) > 300 ORDER BY n DESC, tailnum",
    "count distinct": "SELECT count(DISTINCT tailnum), count(DISTINCT dest) FROM flights",
    "count distinct by group": "SELECT carrier, count(DISTINCT dest), count(DISTINCT tailnum) FROM flights GROUP BY carrier ORDER BY carrier",
    "aggregates with filter": "SELECT month, count(*) FILTER (WHERE dep_delay > 30), sum(distance) FILTER (WHERE origin = 'LGA'), count(arr_delay) FROM flights GROUP BY month ORDER BY month",
    "distinct": "SELECT DISTINCT origin, dest, carrier FROM flights ORDER BY origin, dest, carrier",
    "top rows": "SELECT carrier, flight, distance, month, day FROM flights ORDER BY distance DESC, month, day, flight, carrier, dep_time LIMIT 20",
    "sort all": "SELECT tailnum, dep_time, distance FROM flights WHERE dest = 'LAX' ORDER BY tailnum NULLS FIRST, dep_time NULLS FIRST, month, day, flight",
    "join, group": "SELECT a.name, count(*), avg(f.arr_delay) FROM flights f JOIN airlines a ON a.carrier = f.carrier GROUP BY a.name ORDER BY a.name",
    "two joins": "SELECT a.name, p.manufacturer, count(*) FROM flights f JOIN planes p ON p.tailnum = f.tailnum JOIN airlines a ON a.carrier = f.carrier WHERE p.seats > 100 GROUP BY a.name, p.manufacturer HAVING count(*) > 500 ORDER BY 1, 2",
    "three joins": "SELECT o.name, d.name, a.name, count(*), sum(f.distance) FROM flights f JOIN airports o ON o.faa = f.origin JOIN airports d ON d.faa = f.dest JOIN airlines a ON a.carrier = f.carrier WHERE d.alt > 1000 GROUP BY o.name, d.name, a.name ORDER BY 1, 2, 3",
    "left join": "SELECT count(*), count(p.tailnum), avg(p.seats) FROM flights f LEFT JOIN planes p ON p.tailnum = f.tailnum",
    "join on four columns": "SELECT w.origin, avg(f.dep_delay), avg(w.wind_speed), count(*) FROM flights f JOIN weather w ON w.origin = f.origin AND w.month = f.month AND w.day = f.day AND w.hour = f.hour WHERE w.precip > 0.05 GROUP BY w.origin ORDER BY w.origin",
    "anti join": "SELECT dest, count(*) FROM flights WHERE dest NOT IN (SELECT faa FROM airports) GROUP BY dest ORDER BY dest",
    "exists": "SELECT count(*) FROM flights f WHERE EXISTS (SELECT 1 FROM planes p WHERE p.tailnum = f.tailnum AND p.year < 1985)",
    "exists over flights": "SELECT p.manufacturer, count(*) FROM planes p WHERE EXISTS (SELECT 1 FROM flights f WHERE f.tailnum = p.tailnum AND f.dest = 'ORD') GROUP BY p.manufacturer ORDER BY 2 DESC, 1",
    "not exists": "SELECT a.faa FROM airports a WHERE a.tz = -5 AND NOT EXISTS (SELECT 1 FROM flights f WHERE f.dest = a.faa) ORDER BY a.faa",
    "join with a group": "SELECT f.carrier, count(*) FROM flights f JOIN (SELECT carrier, avg(dep_delay) AS mean FROM flights GROUP BY carrier) g ON g.carrier = f.carrier WHERE f.dep_delay > 2 * g.mean GROUP BY f.carrier ORDER BY f.carrier",
    "correlated maximum": "SELECT p.tailnum, (SELECT max(f.distance) FROM flights f WHERE f.tailnum = p.tailnum) AS far FROM planes p WHERE p.engines > 2 OR p.year < 1980 ORDER BY p.tailnum",
    "union": "SELECT tailnum FROM flights WHERE month = 1 UNION SELECT tailnum FROM planes WHERE year > 2005 ORDER BY 1 NULLS FIRST",
    "intersect": "SELECT dest FROM flights WHERE origin = 'JFK' INTERSECT SELECT dest FROM flights WHERE origin = 'LGA' ORDER BY 1",
    "except": "SELECT faa FROM airports EXCEPT SELECT dest FROM flights ORDER BY 1",
    "window: rank in group": "SELECT * FROM (SELECT carrier, flight, arr_delay, row_number() OVER (PARTITION BY carrier ORDER BY arr_delay DESC, flight, month, day, dep_time) AS r FROM flights WHERE arr_delay IS NOT NULL) WHERE r <= 3 ORDER BY carrier, r",
    "window: running sum": "SELECT month, day, n, sum(n) OVER (ORDER BY month, day) FROM (SELECT month, day, count(*) AS n FROM flights GROUP BY month, day) ORDER BY month, day",
    "window: share of a group": "SELECT count(*) FROM (SELECT dep_delay, avg(dep_delay) OVER (PARTITION BY carrier) AS a FROM flights) WHERE dep_delay > a",
    "window: lag": "SELECT count(*) FROM (SELECT dep_time - lag(dep_time) OVER (PARTITION BY origin, month, day ORDER BY dep_time, flight, carrier) AS gap FROM flights WHERE dep_time IS NOT NULL) WHERE gap > 30",
    "text": "SELECT substr(time_hour, 1, 10) AS d, count(*) FROM flights WHERE tailnum LIKE 'N1%' GROUP BY d ORDER BY d",
    "with": "WITH daily AS (SELECT month, day, count(*) AS n, sum(CASE WHEN arr_delay > 30 THEN 1 ELSE 0 END) AS late FROM flights GROUP BY month, day) SELECT month, max(late), min(n), sum(late) * 1.0 / sum(n) FROM daily GROUP BY month ORDER BY month",
}  # fmt: skip
"""Some thirty questions: what is done, and the query, in the words that all three engines understand alike."""


def read(folder: Path) -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    """Each table: its name, its columns as SQL, its rows."""
    for name in TABLES:
        packed = folder / f"{name}.csv.zip"
        if packed.exists():
            with zipfile.ZipFile(packed) as archive, archive.open(archive.namelist()[0]) as raw:
                lines = list(csv.reader(io.TextIOWrapper(raw, newline="")))
        else:
            with (folder / f"{name}.csv").open(newline="") as text:
                lines = list(csv.reader(text))
        head, *rows = lines
        columns, values = [], []
        for i, column in enumerate(head):
            kind, convert = _kind({row[i] for row in rows})
            columns.append(f'"{column}" {kind}{" PRIMARY KEY" if PRIMARY_KEYS.get(name) == column else ""}')
            values.append([None if row[i] in ("", "NA") else convert(row[i]) for row in rows])
        yield name, ", ".join(columns), list(zip(*values, strict=True))


def _kind(values: set[str]) -> tuple[str, Callable[[str], Any]]:
    for kind, convert in (("INTEGER", int), ("REAL", float)):
        try:
            for value in values - {"", "NA"}:
                convert(value)
        except ValueError:
            continue
        return kind, convert
    return "TEXT", str


def load(folder: Path, *connections: Any) -> None:
    """Make and fill the tables in every database."""
    for name, columns, rows in read(folder):
        marks = ", ".join("?" * len(rows[0]))
        for connection in connections:
            connection.execute(f"CREATE TABLE {name} ({columns})")
            if type(connection).__module__.startswith(("duckdb", "_duckdb")):
                import pandas as pd  # type: ignore[import-untyped, import-not-found, unused-ignore]

                frame = pd.DataFrame(rows, dtype=object)
                connection.execute(f"INSERT INTO {name} SELECT * FROM frame")
                del frame
            else:
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)


def comparable(rows: list[tuple[Any, ...]], ordered: bool) -> list[tuple[Any, ...]]:
    """Rows as they can be compared between engines."""

    def plain(value: Any) -> Any:
        if isinstance(value, float):
            rounded = float(f"{value:.9g}")
            return int(rounded) if rounded.is_integer() else rounded
        return int(value) if isinstance(value, (bool, int)) else value

    table = [tuple(plain(value) for value in row) for row in rows]
    return table if ordered else sorted(table, key=repr)


def is_ordered(sql: str) -> bool:
    """Whether a query orders its rows."""
    return "ORDER BY" in sql.rsplit(")", 1)[-1]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gear", choices=("auto", "row", "column"), default="auto")
    parser.add_argument("--only", default="", help="queries whose name holds this text")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run(options, Path(place))


def run(options: argparse.Namespace, place: Path) -> None:
    """Load, measure, print."""
    ours = engine.open(place / "flights.ank")
    lite = sqlite3.connect(place / "flights.db")
    others: dict[str, Any] = {"SQLite": lite}
    try:
        import duckdb  # type: ignore[import-not-found, unused-ignore]

        others["DuckDB"] = duckdb.connect(str(place / "flights.duckdb"))
        others["DuckDB"].execute("SET threads = 1")
    except ImportError:
        print("DuckDB is not installed: without it")
    load(options.folder, ours, *others.values())
    lite.commit()
    for connection in (ours, *others.values()):
        for index in INDEXES:
            connection.execute(index)
        connection.execute("ANALYZE")
    ours.session.shared.set_gear(options.gear)
    engines = {"Anokuro": ours, **others}
    print(f"{date.today()}, best of {options.rounds}, milliseconds; SQLite {sqlite3.sqlite_version}")
    bar = "|" if options.markdown else ""
    heads = ["query", *engines, "to SQLite", *(["to DuckDB"] if "DuckDB" in engines else [])]
    print(bar + bar.join(f" {head:>10} " for head in heads) + bar)
    if options.markdown:
        print("|---" * len(heads) + "|")
    ratios: dict[str, list[float]] = {name: [] for name in others}
    for name, sql in QUERIES.items():
        if options.only in name:
            times = measure(name, sql, engines, options.rounds)
            line = [f"{name:>26}", *(f"{seconds * 1000:10.1f}" for seconds in times.values())]
            for other, found in ratios.items():
                found.append(times["Anokuro"] / times[other])
                line.append(f"{found[-1]:10.2f}")
            print(bar + bar.join(f" {part} " for part in line) + bar, flush=True)
    for other, found in ratios.items():
        mean = math.exp(sum(map(math.log, found)) / len(found))
        print(f"geometric mean of the time to {other}: {mean:.3f}; worst {max(found):.2f}, best {min(found):.3f}")


def measure(name: str, sql: str, engines: dict[str, Any], rounds: int) -> dict[str, float]:
    """The best time of each engine. Raises AssertionError where they disagree."""
    best = dict.fromkeys(engines, math.inf)
    results: dict[str, Any] = {}
    for number in range(rounds):
        for which, connection in engines.items():
            if number and best[which] > 2.0:
                continue
            started = time.perf_counter()
            rows = connection.execute(sql).fetchall()
            best[which] = min(best[which], time.perf_counter() - started)
            if not number:
                results[which] = comparable(rows, is_ordered(sql))
    for which, rows in results.items():
        if rows != results["Anokuro"] and not near(rows, results["Anokuro"]):
            raise AssertionError(f"{name}: {which} gives another result: {sql}")
    return best


def near(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> bool:
    """Whether tables differ in the last digits of REALs alone."""
    if len(one) != len(other):
        return False
    for a, b in zip(one, other, strict=True):
        for x, y in zip(a, b, strict=True):
            if x != y and not (
                isinstance(x, (int, float)) and isinstance(y, (int, float)) and math.isclose(x, y, rel_tol=1e-7)
            ):
                return False
    return True


if __name__ == "__main__":
    main()
