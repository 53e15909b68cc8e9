"""The checker itself: each anomaly in a small history made by hand, and histories without any."""

from __future__ import annotations

import random

import pytest

from tests.isolation.checker import (
    ABORTED,
    COMMITTED,
    UNKNOWN,
    Append,
    Read,
    Transaction,
    check,
    components,
    forbidden,
)


def history(*lines: str) -> list[Transaction]:
    """`"1 0-9 C: x() x+1 y(3,4)"`: T1 from moment 0 to 9, committed; read x as empty, appended 1 to it, read y."""
    found = []
    for line in lines:
        head, _, body = line.partition(":")
        number, span, outcome = head.split()
        began, _, ended = span.partition("-")
        operations: list[Read | Append] = []
        for word in body.split():
            if "+" in word:
                key, element = word.split("+")
                operations.append(Append(key, int(element)))
            else:
                key, _, elements = word.rstrip(")").partition("(")
                operations.append(Read(key, tuple(int(e) for e in elements.split(",") if e)))
        names = {"C": COMMITTED, "A": ABORTED, "U": UNKNOWN}
        found.append(Transaction(int(number), int(began), int(ended) if ended else None, names[outcome], operations))
    return found


CLEAN = {
    "one after the other": ("1 0-1 C: x() x+1", "2 2-3 C: x(1) x+2 x(1,2)", "3 4-5 C: x(1,2)"),
    "side by side on different keys": ("1 0-9 C: x() x+1", "2 0-9 C: y() y+2", "3 10-11 C: x(1) y(2)"),
    "a reader of the state before": ("1 0-9 C: x() x+1 y() y+2", "2 1-8 C: x() y()"),
    "unknown and never seen": ("1 0- U: x() x+1", "2 5-6 C: x() x+2"),
    "unknown and seen": ("1 0- U: x() x+1 y() y+5", "2 5-6 C: x(1) y(5)"),
    "rolled back": ("1 0-1 A: x() x+1", "2 2-3 C: x() x+2"),
}

ANOMALIES = {
    "G0": ("1 0-9 C: x+1 y(2) y+3", "2 0-9 C: x(1) x+4 y() y+2"),
    "G1a": ("1 0-9 A: x() x+1", "2 0-9 C: x(1)"),
    "G1b": ("1 0-9 C: x() x+1 x+2", "2 0-9 C: x(1)", "3 10-11 C: x(1,2)"),
    "G1c": ("1 0-9 C: x() x+1 y(2)", "2 0-9 C: y() y+2 x(1)"),
    "G-single": ("1 0-9 C: x() x+1 y() y+2", "2 0-9 C: x(1) y()"),
    "G2": ("1 0-9 C: x() y() y+1", "2 0-9 C: x() y() x+2", "3 10-11 C: x(2) y(1)"),
    "internal": ("1 0-9 C: x() x+1 x()",),
    "order": ("1 0-9 C: x() x+1", "2 0-9 C: x() x+2"),
}


@pytest.mark.parametrize("name", CLEAN)
def test_a_good_history_is_clean(name: str) -> None:
    assert check(history(*CLEAN[name])) == []


@pytest.mark.parametrize("kind", ANOMALIES)
def test_an_anomaly_is_found(kind: str) -> None:
    transactions = history(*ANOMALIES[kind])
    assert kind in {anomaly.kind for anomaly in check(transactions)}
    assert forbidden(transactions, "serializable")
    assert (forbidden(transactions, "snapshot") == []) == (kind == "G2")


def test_what_had_ended_must_be_seen() -> None:
    """Serializable, but not in the order of time: the reader began after the writer had ended."""
    kinds = {a.kind for a in check(history("1 0-1 C: x() x+1", "2 5-6 C: x()"))}
    assert kinds == {"G-single"}


def test_elements_from_nowhere_are_found() -> None:
    assert [a.kind for a in check(history("1 0-1 C: x(7)"))] == ["G1a"]


def test_an_acknowledged_element_that_is_lost_is_found() -> None:
    lost = history("1 0-1 C: x() x+1", "2 2-3 C: x(1) x+2", "3 10-11 C: x(1)", "4 12-13 C: x(1) x+3")
    assert "order" in {anomaly.kind for anomaly in check(lost)}


def test_a_transaction_seen_in_part_is_found() -> None:
    assert forbidden(history("1 0- U: x() x+1 y() y+2", "2 5-6 C: x(1) y()"), "snapshot")


def test_two_skews_that_do_not_touch_are_no_write_skew() -> None:
    """Two rw edges, apart: readers that see two writers in different order. Snapshot isolation excludes it."""
    transactions = history("1 0-9 C: x() x+1", "2 0-9 C: y() y+2", "3 0-9 C: x(1) y()", "4 0-9 C: y(2) x()")
    assert [a.kind for a in check(transactions)] == ["G-nonadjacent"]


def test_the_text_names_a_cycle() -> None:
    (anomaly,) = check(history(*ANOMALIES["G2"]))
    assert str(anomaly) in ("G2: T1 -rw-> T2 -rw-> T1", "G2: T2 -rw-> T1 -rw-> T2")


def test_components_agree_with_reachability() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(100):
        nodes = range(rng.randint(1, 12))
        edges = {n: {m: "ww" for m in nodes if rng.random() < 0.15} for n in nodes}
        reach = {n: set(edges[n]) for n in nodes}
        for middle in nodes:
            for n in nodes:
                if middle in reach[n]:
                    reach[n] |= reach[middle]
        expected = {frozenset(m for m in nodes if m in reach[n] and n in reach[m]) for n in nodes if n in reach[n]}
        assert {frozenset(component) for component in components(edges)} == expected
