"""No crash loses an acknowledged commit or shows a part of one: every workload, thousands of states."""

from __future__ import annotations

import random

import pytest

from engine.storage.file_recording import Create, Sync, Truncate, Write
from tests.crash.engine_subject import CHECKPOINT, PATH, EngineSubject
from tests.crash.harness import SCALE, Workload, explore, record, record_threads, scaled
from tests.crash.workloads import CASES, MORE, one, put

# Distinct states for each workload in the ordinary run; ANOKURO_CRASH_SCALE multiplies it.
BUDGET = 350


@pytest.mark.parametrize("name", CASES)
def test_every_crash_is_survived(name: str) -> None:
    case = CASES[name]()
    budget = int(BUDGET * case.share)
    found = explore(
        case.subject, case.workload, budget=scaled(budget), point_share=min(1.0, case.share * max(SCALE, 1))
    )
    assert found.failures == [], found.report()
    assert found.states >= 0.95 * min(budget, scaled(budget))


def test_the_checkpoints_that_are_crashed_write_many_pages_at_once() -> None:
    """The record has batches of writes between two syncs, long ones of neighbouring slots and short ones between others."""
    case = CASES["large_checkpoints"]()
    trace = record(case.subject, case.workload)
    page = 4096
    file = next(o.node for o in trace.operations if isinstance(o, Create) and o.path == PATH + "-new")
    batches: list[list[int]] = [[]]
    for operation in trace.operations:
        if isinstance(operation, Sync) and operation.node == file:
            batches.append([])
        elif isinstance(operation, Write) and operation.node == file:
            assert operation.offset % page == len(operation.data) % page == 0 or operation.offset // page < 2
            batches[-1].append(len(operation.data) // page)
    assert max(map(max, filter(None, batches))) >= 32
    assert sum(len(batch) > 4 and max(batch) > 1 and 1 in batch for batch in batches) >= 2


@pytest.mark.parametrize("name", ["vacuums", "vacuum_beside_a_reader", "trimmed"])
def test_the_file_is_cut_in_the_workloads_that_are_about_it(name: str) -> None:
    case = CASES[name]()
    operations = record(case.subject, case.workload).operations
    file = next(o.node for o in operations if isinstance(o, Create) and o.path == PATH + "-new")
    end, cuts = 0, 0
    for operation in operations:
        if isinstance(operation, Write) and operation.node == file:
            end = max(end, operation.offset + len(operation.data))
        elif isinstance(operation, Truncate) and operation.node == file:
            cuts += operation.size < end
            end = operation.size
    assert cuts >= 1


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
