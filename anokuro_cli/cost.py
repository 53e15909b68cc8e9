"""What looking costs: a workload's throughput with and without inspections beside it, in short windows that take turns.

    | quiet | dashboard | quiet | all inspections | quiet | dashboard | ...

In a window of `dashboard` the counters are looked at as .top does, once a second; in one of `inspections` each live
inspection is asked once a second, too. Throughput is operations for each second of the processor that the process got, so that other work
on the machine does not count. The cost is the median, over the windows, of the ratio to the mean of the quiet windows on both sides; a
quiet window's own ratio (`quiet`) says how much of that is chance. Answers are timed, and so is the processor's time that they take:
while threads in Python share the interpreter's lock, that is what the others lose, and chance has no part in it. Inspections that read a whole
tree, the file's map or the log are asked a few times at the end: nobody asks for these every second.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anokuro_cli.workload import TREE

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output
    from anokuro_cli.workload import Workload

WINDOW = 1.0
TIMES = 5
SIDES = ("quiet", "dashboard", "inspections")


def report_cost(db: Any, workload: Workload, seconds: float, output: Output) -> None:
    """Measure for so many seconds, and write a table."""
    look = db.inspect.top().look
    asked: dict[str, Callable[[], object]] = {
        "latches": db.inspect.latches, "pool": db.inspect.pool, "snapshots": db.inspect.snapshots,
        "memtable": db.inspect.memtable, "transactions": db.inspect.transactions, "page": lambda: db.inspect.page(2),
    }  # fmt: skip
    answers: dict[str, list[float]] = {name: [] for name in ("dashboard", *asked)}
    ratios: dict[str, list[float]] = {side: [] for side in SIDES}
    taken: dict[str, list[float]] = {side: [] for side in SIDES}
    before = _window(workload, {})
    turns = max(int(seconds / (2 * WINDOW)), len(SIDES))
    for turn in range(turns):
        side = SIDES[turn % len(SIDES)]
        calls = {"quiet": {}, "dashboard": {"dashboard": look}, "inspections": {"dashboard": look, **asked}}[side]
        rate = _window(workload, calls, answers, taken[side])
        after = _window(workload, {})
        ratios[side].append(2 * rate / (before + after))
        before = after
    output.line(
        f"{workload.plan.threads} threads, {2 * turns + 1} windows of {WINDOW:.0f} s in turn; throughput, to that of the quiet windows around, median:"
    )
    for side in SIDES:
        spread = f"{min(ratios[side]):.3f} to {max(ratios[side]):.3f}"
        output.line(f"  {side:12} {statistics.median(ratios[side]):5.3f}   ({len(ratios[side])} windows, {spread})")
    output.line("processor's time of the calls, for each second, median of the windows:")
    for side in SIDES[1:]:
        output.line(f"  {side:12} {100 * statistics.median(taken[side]) / WINDOW:5.2f} %")
    whole: dict[str, Callable[[], object]] = {
        "file": db.inspect.file, "tree": lambda: db.inspect.tree(TREE), "wal": db.inspect.wal,
    }  # fmt: skip
    for name, call in whole.items():
        answers[name] = [_timed(call) for _ in range(TIMES)]
    output.line("answers, ms:")
    for name, times in answers.items():
        if times:
            output.line(f"  {name:12} median {1000 * statistics.median(times):7.1f}   slowest {1000 * max(times):7.1f}")


def _timed(call: Callable[[], object]) -> float:
    asked = time.perf_counter()
    call()
    return time.perf_counter() - asked


def _window(
    workload: Workload,
    calls: dict[str, Any],
    answers: dict[str, list[float]] | None = None,
    taken: list[float] | None = None,
) -> float:
    """Operations for a second of the processor in one window, with these calls at its beginning; `taken`: their seconds."""
    mine = time.thread_time()
    began, worked, done = time.perf_counter(), time.process_time(), workload.total()
    for name, call in calls.items():
        took = _timed(call)
        if answers is not None:
            answers[name].append(took)
    if taken is not None:
        taken.append(time.thread_time() - mine)
    time.sleep(max(WINDOW - (time.perf_counter() - began), 0))
    return (workload.total() - done) / max(time.process_time() - worked, 1e-9)
