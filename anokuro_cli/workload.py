"""A workload to look at: threads that read and write a tree of the database, in a chosen mix, until they are stopped.

    mix "read=50,update=30,insert=10,delete=5,scan=5"     each operation by itself; txn: two reads and two writes, one transaction

`anokuro workload FILE` runs one and reports; `.workload start` runs one behind the prompt, so that `.top`, INSPECT LATCHES and the others have
something to show. Keys and values go to the tree "workload", which is filled first.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anokuro_cli.errors import OK, ShellError
from engine.base.dataclass import dataclass, field

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output

TREE = "workload"
KINDS = ("read", "update", "insert", "delete", "scan", "txn")
DEFAULT_MIX = "read=50,update=40,insert=4,delete=4,scan=2"
SAMPLED = 16
"""One operation of so many is timed."""


@dataclass(slots=True)
class Plan:
    """What a workload does. mix: weight of each kind of operation; keys: in the tree at the beginning."""

    threads: int = 2
    mix: dict[str, int] = field(default_factory=lambda: parse_mix(DEFAULT_MIX))
    keys: int = 100_000
    value_bytes: int = 100
    seed: int = 1


def parse_mix(text: str) -> dict[str, int]:
    """The weights in read=50,update=50. Raises ShellError."""
    found: dict[str, int] = {}
    for part in text.split(","):
        kind, _, weight = part.strip().partition("=")
        if kind not in KINDS or not weight.isdecimal():
            raise ShellError(
                f"{part.strip()!r} is no part of a mix", f"like {DEFAULT_MIX}; kinds are {', '.join(KINDS)}"
            )
        found[kind] = found.get(kind, 0) + int(weight)
    if sum(found.values()) <= 0:
        raise ShellError("the mix is empty", f"like {DEFAULT_MIX}")
    return found


class _Worker:
    """One thread's part: its own random numbers, counts and samples, which others only read."""

    def __init__(self, workload: Workload, number: int) -> None:
        plan = workload.plan
        self.workload = workload
        self.random = random.Random(plan.seed * 1000 + number)
        self.counts = dict.fromkeys(plan.mix, 0)
        self.conflicts = 0
        self.samples: list[float] = []
        self.next_key = plan.keys + number
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name=f"workload {number}", daemon=True)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # told by whoever asks for the results
            self.error = error

    def _work(self) -> None:
        workload, plan = self.workload, self.workload.plan
        tree = workload.db.tree(TREE)
        kinds = list(plan.mix)
        chosen = self.random.choices(kinds, [plan.mix[kind] for kind in kinds], k=4096)
        ways: dict[str, Callable[[Any], None]] = {kind: getattr(self, f"_{kind}") for kind in kinds}
        number = 0
        while not workload.stopping:
            kind = chosen[number & 4095]
            number += 1
            if number % SAMPLED:
                ways[kind](tree)
            else:
                began = time.perf_counter()
                ways[kind](tree)
                self.samples.append(time.perf_counter() - began)
                if len(self.samples) > 100_000:
                    del self.samples[:50_000]
            self.counts[kind] += 1

    def _key(self) -> bytes:
        return b"%012d" % self.random.randrange(self.workload.plan.keys)

    def _read(self, tree: Any) -> None:
        tree.get(self._key())

    def _update(self, tree: Any) -> None:
        tree.put(self._key(), self.random.randbytes(self.workload.plan.value_bytes))

    def _insert(self, tree: Any) -> None:
        self.next_key += self.workload.plan.threads
        tree.put(b"%012d" % self.next_key, self.random.randbytes(self.workload.plan.value_bytes))

    def _delete(self, tree: Any) -> None:
        tree.delete(self._key())

    def _scan(self, tree: Any) -> None:
        for left, _ in enumerate(tree.scan(start=self._key())):
            if left == 100:
                break

    def _txn(self, tree: Any) -> None:
        import engine

        try:
            with self.workload.db.begin() as txn:
                mine = txn.tree(TREE)
                for key in (self._key(), self._key()):
                    mine.get(key)
                    mine.put(key, self.random.randbytes(self.workload.plan.value_bytes))
        except engine.ConflictError:
            self.conflicts += 1


class Workload:
    """Threads at work on a database until `stop`."""

    def __init__(self, db: Any, plan: Plan) -> None:
        if not 1 <= plan.threads <= 64:
            raise ShellError("a workload has 1 to 64 threads")
        self.db, self.plan = db, plan
        self.stopping = False
        self.began = 0.0
        self.seconds = 0.0
        self._workers: list[_Worker] = []
        self._seen: tuple[float, dict[str, int]] = (0.0, {})

    def start(self) -> None:
        """Fill the tree, and let the threads go."""
        tree: Any = self.db.tree(TREE)
        if len(tree) < self.plan.keys:
            value = random.Random(self.plan.seed).randbytes(self.plan.value_bytes)
            tree.put_many((b"%012d" % i, value) for i in range(self.plan.keys))
        self._workers = [_Worker(self, number) for number in range(self.plan.threads)]
        self.began = time.perf_counter()
        self._seen = (self.began, self.counts())
        for worker in self._workers:
            worker.thread.start()

    def stop(self) -> None:
        """Have the threads end, and wait for them. Raises what ended one of them before."""
        self.stopping = True
        for worker in self._workers:
            worker.thread.join()
        self.seconds = time.perf_counter() - self.began
        for worker in self._workers:
            if worker.error is not None:
                raise worker.error

    @property
    def running(self) -> bool:
        """Whether any of its threads still works."""
        return any(worker.thread.is_alive() for worker in self._workers)

    def counts(self) -> dict[str, int]:
        """Operations so far, by kind."""
        found = dict.fromkeys(self.plan.mix, 0)
        for worker in self._workers:
            for kind, count in worker.counts.items():
                found[kind] += count
        return found

    def total(self) -> int:
        """Operations so far."""
        return sum(self.counts().values())

    def rates(self) -> dict[str, float]:
        """Operations per second by kind since this was last asked, and the sum."""
        now, counts = time.perf_counter(), self.counts()
        before, self._seen = self._seen, (now, counts)
        seconds = max(now - before[0], 1e-9)
        found = {kind: round((count - before[1].get(kind, 0)) / seconds, 1) for kind, count in counts.items()}
        return {"operations": round(sum(found.values()), 1), **found}

    def report(self) -> list[str]:
        """What was done, in lines for people; after `stop`."""
        counts, seconds = self.counts(), max(self.seconds, 1e-9)
        total = sum(counts.values())
        lines = [f"{self.plan.threads} threads, {seconds:.1f} s: {total:,} operations, {total / seconds:,.0f} a second"]
        lines += [f"  {kind}: {count:,}, {count / seconds:,.0f} a second" for kind, count in counts.items()]
        samples = sorted(sample for worker in self._workers for sample in worker.samples)
        if samples:
            points = {
                name: samples[min(int(len(samples) * part), len(samples) - 1)] * 1e6 for name, part in POINTS.items()
            }
            lines.append("  latency: " + ", ".join(f"{name} {value:,.1f} us" for name, value in points.items()))
        conflicts = sum(worker.conflicts for worker in self._workers)
        if conflicts:
            lines.append(f"  {conflicts:,} transactions met a conflict")
        return lines


def run_workload(db: Any, threads: int, mix: str, keys: int, seconds: float, meanwhile: str, output: Output) -> int:
    """Run a workload for so many seconds, and report. meanwhile: "top", "cost" or nothing. Returns the exit status."""
    from anokuro_cli.cost import report_cost
    from anokuro_cli.watching import INTERVAL, looks, show_looks

    running = Workload(db, Plan(threads=threads, mix=parse_mix(mix or DEFAULT_MIX), keys=keys))
    running.start()
    try:
        if meanwhile == "cost":
            report_cost(db, running, seconds, output)
        elif meanwhile == "top":
            found = looks(db.inspect.top(), INTERVAL, max(int(seconds / INTERVAL), 1), running.rates)
            show_looks(found, output, as_json=False)
        else:
            time.sleep(seconds)
    except KeyboardInterrupt:
        pass
    finally:
        running.stop()
    for line in running.report():
        output.line(line)
    return OK


POINTS = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
