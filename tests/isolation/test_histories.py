"""Histories of the engine: under `serializable` no anomaly, under `snapshot` write skew and nothing else.

The long run (tests/README.md): ANOKURO_ISOLATION_TRANSACTIONS=200000.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

import engine
from tests.conftest import CHECKED_BUILD
from tests.isolation.broken import MUTANTS
from tests.isolation.checker import COMMITTED, Transaction, check, forbidden
from tests.isolation.clients import EngineTransaction, run_interleaved, run_threaded
from tests.isolation.crashes import run_crashing

TRANSACTIONS = int(os.environ.get("ANOKURO_ISOLATION_TRANSACTIONS", "2000" if CHECKED_BUILD else "12000"))
ISOLATION = ("serializable", "snapshot")
CLIENTS = 6
LARGEST = 20_000
"""Transactions in one history; the long run has several, each on keys of its own."""


def seeded() -> int:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    return seed


def judge(history: list[Transaction], isolation: str) -> Counter[str]:
    """Assert that a history has nothing its isolation level forbids; how many of which anomalies it has."""
    bad = forbidden(history, isolation)
    assert bad == [], "\n".join(map(str, bad[:10]))
    found = Counter(anomaly.kind for anomaly in check(history))
    outcomes = Counter(transaction.outcome for transaction in history)
    print(f"{isolation}: {len(history)} transactions, {dict(outcomes)}, anomalies {dict(found)}")
    return found


@pytest.mark.parametrize("isolation", ISOLATION)
def test_interleaved(isolation: str) -> None:
    """Many open transactions in one thread, their operations in random order."""
    seed, found, transactions = seeded(), Counter[str](), 0
    for i in range(max(1, TRANSACTIONS // 2000)):
        with engine.open(":memory:") as db:
            history = run_interleaved(db, isolation, seed + i, count=60, hot=5 + i % 6)
        found += judge(history, isolation)
        transactions += len(history)
    assert (found["G2"] > transactions / 200) == (isolation == "snapshot")


@pytest.mark.parametrize("isolation", ISOLATION)
def test_threads(isolation: str) -> None:
    """A thread for each client: half of all transactions of this file are made here, for each isolation level."""
    seed, done, found = seeded(), 0, Counter[str]()
    while done < TRANSACTIONS // 2:
        count = min(LARGEST, TRANSACTIONS // 2 - done) // CLIENTS // 2 + 1  # about two attempts for each
        with engine.open(":memory:", isolation=isolation) as db:
            history = run_threaded(db, isolation, seed + done, clients=CLIENTS, count=count)
            assert db.check() == []
        found += judge(history, isolation)
        done += len(history)
    assert (found["G2"] > 0) == (isolation == "snapshot")


@pytest.mark.parametrize("isolation", ISOLATION)
def test_crashes(isolation: str) -> None:
    """Threads, a loss of power, recovery, threads again."""
    seed = seeded()
    for i in range(max(1, TRANSACTIONS // 6000)):
        judge(run_crashing(isolation, seed + i, epochs=4, count=30), isolation)


def test_crashes_without_sync_are_seen_to_lose_commits() -> None:
    """With synchronous=off nothing is promised: the checker must notice what is lost then."""
    for seed in range(30):
        if forbidden(run_crashing("serializable", seed, epochs=2, count=20, synchronous="off"), "serializable"):
            return
    pytest.fail("30 histories of an engine that syncs nothing, and no commit was missed")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_transaction_layer_is_caught(mutant: type[EngineTransaction]) -> None:
    for seed in range(5):
        with engine.open(":memory:") as db:
            history = run_interleaved(db, "serializable", seed, begin=mutant)
        if {anomaly.kind for anomaly in forbidden(history, "serializable")} & MUTANTS[mutant]:
            return
    pytest.fail(f"five histories, none with one of {set(MUTANTS[mutant])}")


def test_the_clients_meet_each_other() -> None:
    """What proves nothing is a history without conflicts, or without commits."""
    with engine.open(":memory:") as db:
        history = run_interleaved(db, "serializable", seeded())
    outcomes = Counter(transaction.outcome for transaction in history)
    assert outcomes[COMMITTED] > len(history) / 4
    assert len(history) - outcomes[COMMITTED] > len(history) / 4
