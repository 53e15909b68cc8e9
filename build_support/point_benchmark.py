"""Point statements and bulk inserts through `db.execute`, side by side with Python's sqlite3.

    python -m build_support.point_benchmark                   lookups, inserts and updates of single rows
    python -m build_support.point_benchmark FOLDER            and executemany of the flights (flights.csv or flights.csv.zip)
    python -m build_support.point_benchmark --durability normal    on files; full: each commit waits for the disk

Unless it is said otherwise, both databases are in memory, where neither waits for a disk (Anokuro then runs with synchronous "off",
and still writes its log, into memory). On files sqlite3 has its log, too (WAL), and the same durability: after "normal" a commit survives
a crash of the process, after "full" a power cut. Every statement outside "one transaction" is a transaction of its own, in both. The two take turns,
ROUNDS times; the best round of each counts. What was read and what was left behind is compared.

The engines' own loops are the same Python, `execute(sql, parameters)` and, where rows come back, `fetchone()`.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine
from build_support.sql_benchmark import read

ROWS = 100_000
STATEMENTS = 20_000
ROUNDS = 5
TABLE = "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL, balance INTEGER, rate REAL)"
KEYED = "CREATE TABLE place (code TEXT PRIMARY KEY, size INTEGER)"

Work = Callable[[Any, list[int]], object]


def select_integer(db: Any, keys: list[int]) -> object:
    """SELECT by an INTEGER PRIMARY KEY."""
    return sum(db.execute("SELECT name, balance FROM account WHERE id = ?", (key,)).fetchone()[1] for key in keys)


def select_row(db: Any, keys: list[int]) -> object:
    """SELECT of the whole row, by name."""
    execute = db.execute
    return sum(execute("SELECT * FROM account WHERE id = :id", {"id": key}).fetchone()[2] for key in keys)


def select_text(db: Any, keys: list[int]) -> object:
    """SELECT by a TEXT PRIMARY KEY."""
    return sum(db.execute("SELECT size FROM place WHERE code = ?", (f"code{key}",)).fetchone()[0] for key in keys)


def select_absent(db: Any, keys: list[int]) -> object:
    """SELECT of a row that is not there."""
    return [db.execute("SELECT name FROM account WHERE id = ?", (-key,)).fetchone() for key in keys].count(None)


def select_literal(db: Any, keys: list[int]) -> object:
    """SELECT with the key in the text, so that no text comes twice."""
    return sum(db.execute(f"SELECT balance FROM account WHERE id = {key}").fetchone()[0] for key in keys)


def update_value(db: Any, keys: list[int]) -> object:
    """UPDATE of one column, given."""
    return sum(db.execute("UPDATE account SET balance = ? WHERE id = ?", pair).rowcount for pair in changes(keys))


def changes(keys: list[int]) -> list[tuple[int, int]]:
    """(value, key) of as many updates, each of which changes something, however often they are run: SQLite writes nothing else."""
    half = keys[: len(keys) // 2]
    return [(key + more, key) for more in (1, 0) for key in half]


def update_sum(db: Any, keys: list[int]) -> object:
    """UPDATE of one column, computed from the old value."""
    return sum(db.execute("UPDATE account SET balance = balance + 1 WHERE id = ?", (key,)).rowcount for key in keys)


def update_transaction(db: Any, keys: list[int]) -> object:
    """UPDATEs in one transaction."""
    db.execute("BEGIN")
    done = sum(db.execute("UPDATE account SET balance = ? WHERE id = ?", pair).rowcount for pair in changes(keys))
    db.execute("COMMIT")
    return done


def insert_delete(db: Any, keys: list[int]) -> object:
    """INSERT and DELETE of single rows, each a transaction of its own."""
    for key in keys:
        db.execute("INSERT INTO account VALUES (?, ?, ?, ?)", (ROWS + key, "new", key, 0.5))
    return sum(db.execute("DELETE FROM account WHERE id = ?", (ROWS + key,)).rowcount for key in keys)


def executemany_account(db: Any, keys: list[int]) -> object:
    """executemany INSERT into a table with an INTEGER PRIMARY KEY, then DELETE of all of it."""
    if isinstance(db, sqlite3.Connection):
        db.execute("BEGIN")
    db.executemany("INSERT INTO account VALUES (?, ?, ?, ?)", [(ROWS + key, "new", key, 0.5) for key in keys])
    if isinstance(db, sqlite3.Connection):
        db.execute("COMMIT")
    return db.execute("DELETE FROM account WHERE id > ?", (ROWS,)).rowcount


def update_all(db: Any, keys: list[int]) -> object:
    """UPDATE of all rows at once, computed from the old value."""
    return db.execute("UPDATE account SET balance = balance + 1").rowcount


WORKS: tuple[Work, ...] = (
    select_integer,
    select_row,
    select_text,
    select_absent,
    select_literal,
    update_value,
    update_sum,
    update_transaction,
    insert_delete,
    executemany_account,
    update_all,
)


def connect(durability: str = "memory", folder: str = "") -> dict[str, Any]:
    """Both databases, empty, each statement a transaction of its own."""
    if durability == "memory":
        return {"Anokuro": engine.open(":memory:"), "sqlite3": sqlite3.connect(":memory:", isolation_level=None)}
    ours = engine.open(f"{folder}/ours.ank", synchronous=durability)
    theirs = sqlite3.connect(f"{folder}/theirs.db", isolation_level=None)
    theirs.execute("PRAGMA journal_mode = WAL")
    theirs.execute(f"PRAGMA synchronous = {durability}")
    return {"Anokuro": ours, "sqlite3": theirs}


def fill(db: Any) -> None:
    """Make the tables and put ROWS rows in each."""
    db.execute(TABLE)
    db.execute(KEYED)
    db.execute("BEGIN")
    db.executemany("INSERT INTO account VALUES (?, ?, ?, ?)", ((i, f"n{i}", i * 7, i / 4) for i in range(1, ROWS + 1)))
    db.executemany("INSERT INTO place VALUES (?, ?)", ((f"code{i}", i) for i in range(1, ROWS + 1)))
    db.execute("COMMIT")


def compare(name: str, best: dict[str, float], count: int) -> None:
    """Print one line."""
    ours, theirs = (count / best[engine_name] for engine_name in ("Anokuro", "sqlite3"))
    print(f"{name:<58} {ours:>12,.0f} {theirs:>12,.0f} {ours / theirs:>8.2f}", flush=True)


def take_turns(work: Work, databases: dict[str, Any], keys: list[int], rounds: int) -> dict[str, float]:
    """The best time of each. Raises AssertionError where they give different answers."""
    best = dict.fromkeys(databases, float("inf"))
    for _ in range(rounds):
        answers = {}
        for name, db in databases.items():
            began = time.perf_counter()
            answers[name] = work(db, keys)
            best[name] = min(best[name], time.perf_counter() - began)
        if answers["Anokuro"] != answers["sqlite3"]:
            raise AssertionError(f"{work.__doc__} gives different answers: {answers}")
    return best


def flights(folder: Path, rounds: int) -> None:
    """executemany of all flights into new tables, one with a key and indexes."""
    columns, rows = next((columns, rows) for name, columns, rows in read(folder) if name == "flights")
    marks = ", ".join("?" * len(rows[0]))
    for title, more in (
        ("executemany of the flights, no key", ()),
        (
            "executemany of the flights, two indexes",
            ("CREATE INDEX a ON flights (tailnum)", "CREATE INDEX b ON flights (dest)"),
        ),
    ):
        best = dict.fromkeys(("Anokuro", "sqlite3"), float("inf"))
        for _ in range(rounds):
            sums = set()
            for name, db in connect().items():
                db.execute(f"CREATE TABLE flights ({columns})")
                for statement in more:
                    db.execute(statement)
                began = time.perf_counter()
                db.execute("BEGIN")
                db.executemany(f"INSERT INTO flights VALUES ({marks})", rows)
                db.execute("COMMIT")
                best[name] = min(best[name], time.perf_counter() - began)
                sums.add(db.execute("SELECT count(*), sum(distance), count(tailnum) FROM flights").fetchone())
                db.close()
            if len(sums) != 1:
                raise AssertionError(f"the tables differ: {sums}")
        compare(f"{title} ({len(rows):,} rows)", best, len(rows))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="works whose description holds this text")
    parser.add_argument("--durability", choices=("memory", "normal", "full"), default="memory")
    parser.add_argument("--directory", help="where files are made, on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        measure(connect(options.durability, folder), options)
    if options.folder is not None and options.only in "executemany of the flights":
        flights(options.folder, min(options.rounds, 3))


def measure(databases: dict[str, Any], options: argparse.Namespace) -> None:
    """All works, in turns; closes the databases."""
    for db in databases.values():
        fill(db)
    count = STATEMENTS // 10 if options.durability == "full" else STATEMENTS
    keys = random.Random(7).choices(range(1, ROWS + 1), k=count)
    different = random.Random(8).sample(range(1, ROWS + 1), count)
    where = "in memory" if options.durability == "memory" else f"synchronous {options.durability}"
    print(f"{f'rows or statements a second, {where}':<58} {'Anokuro':>12} {'sqlite3':>12} {'ratio':>8}")
    for work in WORKS:
        title = (work.__doc__ or "").rstrip(".")
        if options.only in title:
            used = different if work in (insert_delete, executemany_account) else keys
            count = ROWS if work is update_all else len(used)
            compare(title, take_turns(work, databases, used, options.rounds), count)
    left = {tuple(db.execute("SELECT count(*), sum(balance) FROM account").fetchone()) for db in databases.values()}
    if len(left) != 1:
        raise AssertionError(f"the databases differ at the end: {left}")
    for db in databases.values():
        db.close()


if __name__ == "__main__":
    main()
