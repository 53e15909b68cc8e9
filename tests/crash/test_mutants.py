"""Every broken engine is caught by the enumeration that finds the right one clean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.crash.engine_subject import EngineSubject
from tests.crash.harness import explore
from tests.crash.mutants import MUTATIONS, REPAIRS, Trusting
from tests.crash.workloads import CASES

# Whether the harness catches a mutant does not depend on how the engine was compiled.
pytestmark = pytest.mark.ordinary_only

# Tried in this order until one of them catches the mutant.
WORKLOADS = ("small_segments", "checkpoints_over_the_same_pages", "splits", "growing_file", "vacuums")


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_engine_is_caught(name: str) -> None:
    tried = 0
    for workload in WORKLOADS:
        case = CASES[workload]()
        found = explore(
            case.subject, replace(case.workload, further=None), budget=600, mutate=MUTATIONS[name], stop_at=1
        )
        tried += found.states
        if found.failures:
            return
    pytest.fail(f"the mutant {name} went unseen in {tried} states")


@pytest.mark.parametrize("name", REPAIRS)
def test_an_engine_that_ignores_a_checksum_is_caught(name: str) -> None:
    tried = 0
    for workload in WORKLOADS:
        case = CASES[workload]()
        subject: EngineSubject = case.subject
        broken = Trusting(subject.trees, subject.tables, subject.options, REPAIRS[name])
        found = explore(broken, replace(case.workload, further=None), budget=600, stop_at=1)
        tried += found.states
        if found.failures:
            return
    pytest.fail(f"the mutant {name} went unseen in {tried} states")
