"""Metamorphic tests: no other engine is asked; what must hold between our own answers does.

TLP (Rigger and Su, Finding Bugs in Database Systems via Query Partitioning, 2020): every row is in exactly one of the parts
where a condition is true, false and unknown, and aggregates of the whole can be made of those of the parts.
NoREC (the same, Detecting Optimization Bugs via Non-optimizing Reference Engine Construction, 2020): as many rows pass a WHERE,
with all that indexes and rewriting make of it, as rows for which the condition, computed as a value, is true.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.conftest import CHECKED_BUILD
from tests.sql.generate import Generator
from tests.sql.oracle import comparable, make_data, ours

SEEDS = 8
SCALE = int(os.environ.get("ANOKURO_SQL_QUERIES", "2000" if CHECKED_BUILD else "20000"))
CASES = SCALE // 50 // SEEDS


@pytest.mark.parametrize("gear", ["auto", "column"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_parts_make_the_whole(seed: int, gear: str) -> None:
    rng = random.Random(seed)
    session = ours(make_data(rng), rng, gear)
    generator = Generator(rng)
    for _ in range(CASES // (1 if gear == "auto" else 4)):
        source = generator.source()
        condition = f"({generator.condition()})"
        first = f"({generator.condition(2)})" if rng.random() < 0.3 else "1"
        number, text = generator.number(1), generator.text()
        parts = [
            f"FROM {source} WHERE {first} AND {part}"
            for part in (condition, f"NOT {condition}", f"{condition} IS NULL")
        ]
        whole = f"FROM {source} WHERE {first}"
        where = f"seed {seed}, {condition}: {whole}"

        items = f"SELECT {number} AS n, {text} AS t"
        rows = session.execute(f"{items} {whole}").fetchall()
        union = session.execute(" UNION ALL ".join(f"{items} {part}" for part in parts)).fetchall()
        assert comparable(rows, False) == comparable(union, False), where

        distinct = session.execute(f"SELECT DISTINCT {number} AS n, {text} AS t {whole}").fetchall()
        united = session.execute(" UNION ".join(f"{items} {part}" for part in parts)).fetchall()
        assert comparable(distinct, False) == comparable(united, False), where

        calls = f"count(*) AS c, count({number}) AS d, sum({number}) AS s, min({text}) AS l, max({number}) AS m"
        found = session.execute(f"SELECT {calls} {whole}").fetchall()
        merged = session.execute(
            "SELECT sum(c), sum(d), sum(s), min(l), max(m) FROM ("
            + " UNION ALL ".join(f"SELECT {calls} {part}" for part in parts)
            + ")"
        ).fetchall()
        assert comparable(found, True) == comparable(merged, True), where


@pytest.mark.parametrize("seed", range(SEEDS))
def test_as_many_rows_pass_as_conditions_are_true(seed: int) -> None:
    rng = random.Random(1000 + seed)
    session = ours(make_data(rng), rng)
    generator = Generator(rng)
    for _ in range(2 * CASES):
        source = generator.source()
        condition = f"({generator.condition()})"
        optimised = session.execute(f"SELECT count(*) FROM {source} WHERE {condition}").fetchone()
        values = session.execute(f"SELECT {condition} AS c FROM {source}").fetchall()
        assert optimised == (sum(1 for (value,) in values if value),), f"seed {seed}: {condition} FROM {source}"
