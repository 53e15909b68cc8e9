"""No crash loses an acknowledged commit or shows a part of one: every workload, thousands of states."""

from __future__ import annotations

import random

import pytest

from tests.crash.engine_subject import CHECKPOINT, EngineSubject
from tests.crash.harness import SCALE, Workload, explore, record_threads, scaled
from tests.crash.workloads import CASES, MORE, one, put

# Distinct states for each workload in the ordinary run; ANOKURO_CRASH_SCALE multiplies it.
BUDGET = 260


@pytest.mark.parametrize("name", CASES)
def test_every_crash_is_survived(name: str) -> None:
    case = CASES[name]()
    budget = int(BUDGET * case.share)
    found = explore(
        case.subject, case.workload, budget=scaled(budget), point_share=min(1.0, case.share * max(SCALE, 1))
    )
    assert found.failures == [], found.report()
    assert found.states >= 0.95 * min(budget, scaled(budget))


def test_crashes_while_several_threads_commit() -> None:
    """Group commit, and checkpoints beside it: each thread's commits survive in the order in which it made them."""
    rng = random.Random(31)
    trees = ("t", "u", "v", "w")
    lanes: list[list[object]] = []
    for tree in trees:
        lanes.append(
            [one(*(put(tree, f"{rng.randrange(30):02}", rng.randbytes(200)) for _ in range(3))) for _ in range(14)]
        )
    lanes[3][4:4], lanes[3][9:9] = [CHECKPOINT], [CHECKPOINT]
    subject = EngineSubject(trees, options={"segment_size": 16 << 10})
    workload = Workload("threads", [], MORE)
    trace = record_threads(subject, workload, lanes)
    found = explore(subject, workload, budget=scaled(BUDGET), trace=trace)
    assert found.failures == [], found.report()
    assert found.states >= 0.95 * min(BUDGET, scaled(BUDGET))
