"""Crashes of the log by itself: acknowledged batches are whole, others whole or absent, a torn tail is no damage."""

from __future__ import annotations

import random

import pytest

from engine.storage.file_recording import Mark, Operation, Sync, SyncDir
from tests.crash.harness import REOPEN, Workload, explore, scaled
from tests.crash.log_subject import LogSubject


def batches(seed: int, count: int, records: int, length: int) -> list[object]:
    """Batches of up to `records` values of up to `length` bytes, with reopenings."""
    rng = random.Random(seed)
    steps: list[object] = []
    for i in range(count):
        steps.append(tuple(rng.randrange(length) for _ in range(rng.randint(1, records))))
        if i % 9 == 8:
            steps.append(REOPEN)
    return steps


WORKLOADS = {
    "small batches": (4096, batches(1, 20, 3, 60)),
    "segments of 1 KiB": (1024, batches(2, 16, 3, 400)),
    "batches larger than a segment": (2048, batches(3, 10, 12, 900)),
    "batches larger than the ring": (16384, batches(4, 8, 8, 3000)),
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_log_survives_every_crash(name: str) -> None:
    size, steps = WORKLOADS[name]
    found = explore(LogSubject(size), Workload(name, steps, further=(5, 50)), budget=scaled(700))
    assert found.failures == []
    assert found.states >= min(300, scaled(300))


def without_syncs(operations: list[Operation]) -> list[Operation]:
    return [op for op in operations if not isinstance(op, Sync)]


def without_directory_syncs(operations: list[Operation]) -> list[Operation]:
    return [op for op in operations if not isinstance(op, SyncDir)]


def acknowledged_early(operations: list[Operation]) -> list[Operation]:
    """Every acknowledgement moves before the sync that it should have waited for."""
    changed = list(operations)
    for index, operation in enumerate(changed):
        if isinstance(operation, Mark) and operation.kind == "ack":
            sync = max((i for i in range(index) if isinstance(changed[i], Sync)), default=index)
            changed.insert(sync, changed.pop(index))
    return changed


@pytest.mark.parametrize("mutate", [without_syncs, without_directory_syncs, acknowledged_early])
def test_a_broken_writer_is_caught(mutate: object) -> None:
    size, steps = WORKLOADS["segments of 1 KiB"]
    assert callable(mutate)
    found = explore(LogSubject(size), Workload("mutant", steps), budget=1500, mutate=mutate, stop_at=1)
    assert found.failures
