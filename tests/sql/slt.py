"""Runs files of the sqllogictest corpus; the format is explained in the corpus's README."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.base.errors import Error

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "slt"


@dataclass
class Record:
    """One record: what it is, its SQL, and what is expected."""

    line: int
    kind: str
    sql: str
    types: str = ""
    sort: str = "nosort"
    expected: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """Counts, and the first failures in words."""

    passed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)


def read(path: Path) -> Iterator[Record]:
    """The records of a file that are meant for us: those for everybody, and those for sqlite."""
    block: list[str] = []
    start = 1
    for number, line in enumerate([*path.read_text().split("\n"), ""], 1):
        if line.strip():
            if not block:
                start = number
            block.append(line)
        elif block:
            yield from _record(block, start)
            block = []


def _record(block: list[str], line: int) -> Iterator[Record]:
    lines = [text for text in block if not text.startswith("#")]
    ours = True
    while lines and lines[0].split()[0] in ("onlyif", "skipif"):
        word, engine = lines[0].split()[:2]
        if (word == "onlyif") != (engine in ("sqlite", "anokuro")):
            ours = False
        lines.pop(0)
    if not lines:
        return
    head = lines[0].split()
    if not ours:
        yield Record(line, "skip", "")
    elif head[0] == "statement":
        yield Record(line, f"statement {head[1]}", "\n".join(lines[1:]))
    elif head[0] == "query":
        split = lines.index("----") if "----" in lines else len(lines)
        sort = head[2] if len(head) > 2 and head[2] in ("nosort", "rowsort", "valuesort") else "nosort"
        yield Record(line, "query", "\n".join(lines[1:split]), head[1], sort, lines[split + 1 :])
    elif head[0] == "halt":
        yield Record(line, "halt", "")


def shown(value: Any, kind: str) -> str:
    """A value as the corpus writes it."""
    if value is None:
        return "NULL"
    if kind == "I":
        return str(int(float(value))) if not isinstance(value, int) else str(int(value))
    if kind == "R":
        return f"{float(value):.3f}"
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return "".join(c if " " <= c <= "~" else "@" for c in text) or "(empty)"


def result_lines(rows: list[tuple[Any, ...]], types: str, sort: str) -> list[str]:
    """The values of a result, one a line, in the record's order."""
    table = [[shown(value, types[i]) for i, value in enumerate(row)] for row in rows]
    if sort == "rowsort":
        table.sort()
    values = [value for row in table for value in row]
    return sorted(values) if sort == "valuesort" else values


def run_file(path: Path, session: Any, limit: int = 10) -> Outcome:
    """Run all records of a file."""
    outcome = Outcome()
    for record in read(path):
        if record.kind == "skip":
            outcome.skipped += 1
            continue
        if record.kind == "halt":
            break
        problem = _run(record, session)
        if problem is None:
            outcome.passed += 1
        else:
            outcome.failures.append(f"{path.name}:{record.line}: {problem}\n    {record.sql}")
            if len(outcome.failures) >= limit:
                break
    return outcome


def _run(record: Record, session: Any) -> str | None:
    """What is wrong with a record's outcome; None when it is as expected."""
    try:
        rows = session.execute(record.sql).fetchall()
    except Error as error:
        return None if record.kind == "statement error" else f"{type(error).__name__}: {error}"
    if record.kind == "statement error":
        return "an error was expected"
    if record.kind != "query":
        return None
    values = result_lines(rows, record.types, record.sort)
    expected = record.expected
    if len(expected) == 1 and " values hashing to " in expected[0]:
        count, digest = expected[0].split(" values hashing to ")
        found = hashlib.md5("".join(value + "\n" for value in values).encode(), usedforsecurity=False).hexdigest()
        return None if (len(values), found) == (int(count), digest) else f"{len(values)} values {values[:20]}"
    return None if values == expected else f"got {values[:20]}, expected {expected[:20]}"
