"""The harness is calibrated on SQLite: it finds nothing where SQLite promises, and what is lost where it does not.

What SQLite's manual says (https://www.sqlite.org/pragma.html#pragma_synchronous): WAL with FULL is durable; WAL with NORMAL is
consistent, but "might lose durability" after a power loss; a rollback journal with EXTRA is durable.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.crash.harness import REOPEN, Findings, Workload, explore, scaled

pytest.importorskip("apsw")
from tests.crash.sqlite_subject import CHECKPOINT, SqliteSubject

# Nothing here was compiled by us.
pytestmark = pytest.mark.ordinary_only

STATES = 2500


def workload(seed: int) -> Workload:
    """Inserts, updates and deletes over several pages, checkpoints by themselves and asked for, reopenings."""
    rng = random.Random(seed)
    steps: list[object] = []
    for i in range(1, 25):
        step = []
        for _ in range(rng.randint(1, 6)):
            value = None if rng.random() < 0.2 else rng.randbytes(rng.choice((10, 200, 900, 2500)))
            step.append((f"{rng.randrange(30):02}", value))
        steps.append(tuple(step))
        if i % 9 == 0:
            steps.append(CHECKPOINT)
        if i % 7 == 0:
            steps.append(REOPEN)
    return Workload("sqlite", steps, further=(("further", b"more"),))


def crash(journal: str, synchronous: str, states: int, stop_at: int = 10, goes_on: bool = True) -> Findings:
    subject, todo = SqliteSubject(journal, synchronous), workload(1)
    if not goes_on:
        todo = replace(todo, further=None)
    return explore(subject, todo, budget=scaled(states), stop_at=stop_at)


@pytest.mark.parametrize(("journal", "synchronous"), [("wal", "full"), ("delete", "extra")])
def test_nothing_is_lost_where_sqlite_promises(journal: str, synchronous: str) -> None:
    found = crash(journal, synchronous, STATES if journal == "wal" else STATES // 2)
    assert found.failures == [], found.report()
    assert found.states >= 0.9 * scaled(STATES if journal == "wal" else STATES // 2)


@pytest.mark.parametrize(("journal", "synchronous"), [("wal", "normal"), ("wal", "off"), ("delete", "off")])
def test_acknowledged_commits_are_lost_where_it_does_not(journal: str, synchronous: str) -> None:
    found = crash(journal, synchronous, STATES, stop_at=5, goes_on=False)
    assert found.failures, found.report()


def test_wal_with_normal_is_consistent_all_the_same() -> None:
    """Commits are lost, but nothing else happens: every failure is a state that had been there earlier."""
    found = crash("wal", "normal", STATES // 2, stop_at=1000, goes_on=False)
    assert found.failures
    assert [f.describe() for f in found.failures if "is that after step" not in f.problem] == []
