"""One run of one workload on one open store: how long it took, what was answered.

A piece of operations is timed as a whole, and its answers are hashed before the next, outside the time. Threads keep the
answers of some pieces and hash them afterwards, as hashing beside other threads would cost them time.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, perf_counter_ns, process_time, thread_time
from typing import Any

from anokuro_bench.machine import written_bytes
from anokuro_bench.settings import BenchmarkError
from anokuro_bench.stores import Session, Store
from anokuro_bench.truth import Truth, hash_content
from anokuro_bench.workloads import Role, Workload
from anokuro_bench.workloads.base import Single, Step

KEPT = 16  # of so many pieces, a thread keeps one's answers
LATENCIES = 20_000  # operations of the pass that measures latencies, of each thread
WARM_SHARE = 20  # one piece of so many is done beforehand


@dataclass
class Run:
    """What one run measured. done: pieces that each role did. background: operations a second of background roles.
    written_bytes: what went to the disk meanwhile, where several stores are measured together."""

    items: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    written_bytes: int = 0
    user_bytes: int = 0
    done: tuple[int, ...] = ()
    background: float | None = None
    latencies_ns: list[int] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.items / self.seconds


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Python's garbage collector looks only at what is made from here on; it still runs, for everybody alike."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def wrong(store: Store, workload: Workload, what: str) -> BenchmarkError:
    """The error that ends a benchmark."""
    return BenchmarkError(f"{store.title} {store.version()}: {workload.name}: {what}")


def warm_up(workload: Workload, store: Store, roles: list[Role]) -> None:
    """Read everything once, and do a share of a reading workload's operations."""
    if not workload.loaded:
        return
    session = store.session("read")
    try:
        for _ in session.scan():
            pass
        if not workload.writes:
            step, chunks = workload.step(session), roles[0].chunks
            for chunk in chunks[: max(1, len(chunks) // WARM_SHARE)]:
                step(chunk)
    finally:
        session.close()


def run_workload(
    workload: Workload, store: Store, roles: list[Role], truth: Truth, seconds: float, clocked: bool = False
) -> Run:
    """Run and check; clocked: measure every operation, too. Raises BenchmarkError when something wrong was read."""
    with quiet_collector():
        run = (_threads if workload.threaded else _alone)(workload, store, roles, truth, seconds, clocked)
    run.user_bytes = _user_bytes(workload, roles, run.done)
    return run


def run_in_turns(workload: Workload, stores: list[Store], roles: list[Role], truth: Truth, seconds: float) -> list[Run]:
    """Run on several stores that are open together, a piece on each in turn, every operation clocked."""
    (role,), runs = roles, [Run() for _ in stores]
    sessions = [store.session(role.access) for store in stores]
    steps = [_clocked(workload.single(session), run.latencies_ns) for session, run in zip(sessions, runs, strict=True)]
    with quiet_collector():
        for at, chunk in enumerate(role.chunks):
            for offset in range(len(stores)):
                which = (at + offset) % len(stores)  # nobody always follows the same other
                run, written, cpu_began = runs[which], written_bytes(), process_time()
                began = perf_counter()
                answers = steps[which](chunk)
                run.seconds += perf_counter() - began
                run.cpu_seconds += process_time() - cpu_began
                run.written_bytes += written_bytes() - written
                run.items += sum(map(workload.items, chunk))
                run.done = (at + 1,)
                if workload.check(sessions[which], chunk, answers) != truth.hashes[0][at]:
                    raise wrong(stores[which], workload, f"wrong answers in piece {at:,}")
            if max(run.seconds for run in runs) > seconds:
                break
    for session, run in zip(sessions, runs, strict=True):
        session.close()
        run.user_bytes = _user_bytes(workload, roles, run.done)
    return runs


def check_content(workload: Workload, store: Store, truth: Truth, done: tuple[int, ...]) -> None:
    """Compare all that is stored with the truth. Raises BenchmarkError."""
    session = store.session("read")
    try:
        found, expected = hash_content(session.scan()), truth.content(done)
    finally:
        session.close()
    if found != expected:
        raise wrong(
            store, workload, f"{found[0]:,} records with hash {found[1]:08x}, not {expected[0]:,}, {expected[1]:08x}"
        )


def _user_bytes(workload: Workload, roles: list[Role], done: tuple[int, ...]) -> int:
    if not workload.writes:
        return 0
    total = 0
    for role, pieces in zip(roles, done, strict=True):
        if role.background:
            total += sum(8 + len(value) for _, value in role.chunks[0]) * pieces  # pieces are alike
        elif role.access not in ("read", "fresh"):
            total += sum(workload.written(chunk) for chunk in role.chunks[:pieces])
    return total


def _clocked(single: Single, into: list[int]) -> Step:
    def step(operations: Any) -> list[Any]:
        answers: list[Any] = []
        clock, note, keep = perf_counter_ns, into.append, answers.append
        for operation in operations:
            before = clock()
            answer = single(operation)
            note(clock() - before)
            keep(answer)
        return answers

    return step


def _step(workload: Workload, store: Store, session: Session, role: Role, clocks: list[int] | None) -> Step:
    if role.access == "bulk":
        return lambda batches: [store.put_many(pairs) for pairs in batches]
    if role.background:
        return workload.background_step(session)
    return workload.step(session) if clocks is None else _clocked(workload.single(session), clocks)


def _alone(workload: Workload, store: Store, roles: list[Role], truth: Truth, seconds: float, clocked: bool) -> Run:
    (role,), run = roles, Run()
    session = store.session("write" if role.access == "bulk" else role.access)
    step = _step(workload, store, session, role, run.latencies_ns if clocked else None)
    expected, hashing, cpu_began = truth.hashes[0], 0.0, process_time()
    for at, chunk in enumerate(role.chunks):
        began = perf_counter()
        answers = step(chunk)
        run.seconds += perf_counter() - began
        hash_began = thread_time()
        if clocked and workload.several:
            answers = [answer for several in answers for answer in several]
        run.items += sum(map(workload.items, chunk))
        if workload.check(session, chunk, answers) != expected[at]:
            raise wrong(store, workload, f"wrong answers to operations from {at * len(role.chunks[0]):,} on")
        hashing += thread_time() - hash_began
        run.done = (at + 1,)
        if run.seconds > seconds or (clocked and len(run.latencies_ns) >= LATENCIES):
            break
    run.cpu_seconds = process_time() - cpu_began - hashing
    session.close()
    return run


@dataclass
class _Thread:
    """What one thread of a threaded run leaves behind."""

    role: Role
    done: int = 0
    items: int = 0
    ended: float = 0.0
    kept: list[tuple[int, Any]] = field(default_factory=list)
    clocks: list[int] = field(default_factory=list)
    error: BaseException | None = None


class _Race:
    """Threads that begin together; background ones end when all others have."""

    def __init__(self, workload: Workload, store: Store, roles: list[Role], seconds: float, clocked: bool) -> None:
        self.workload, self.store, self.seconds, self.clocked = workload, store, seconds, clocked
        self.threads = [_Thread(role) for role in roles]
        self.began = self.cpu_began = 0.0
        self.over = threading.Event()
        self.gate = threading.Barrier(len(roles), action=self._note_start)

    def _note_start(self) -> None:
        self.began, self.cpu_began = perf_counter(), process_time()

    def run(self) -> None:
        """Run all threads; raises the first error of any."""
        running = [threading.Thread(target=self._body, args=(thread,)) for thread in self.threads]
        for thread in running:
            thread.start()
        try:
            for thread, state in zip(running, self.threads, strict=True):
                if not state.role.background:
                    thread.join()
            self.cpu_seconds = process_time() - self.cpu_began
        finally:  # also when it is interrupted: nobody may use the store after this
            self.over.set()
            for thread in running:
                thread.join()
        for state in self.threads:
            if state.error is not None and not isinstance(state.error, threading.BrokenBarrierError):
                raise state.error

    def _body(self, state: _Thread) -> None:
        try:
            session = self.store.session(state.role.access)
            try:
                step = _step(self.workload, self.store, session, state.role, state.clocks if self.clocked else None)
                self.gate.wait()
                self._pieces(state, step)
            finally:
                session.close()
        except BaseException as error:
            state.error = error
            self.gate.abort()
            self.over.set()

    def _pieces(self, state: _Thread, step: Step) -> None:
        chunks, deadline, over = state.role.chunks, self.began + self.seconds, self.over
        background, items = state.role.background, self.workload.items
        while True:
            chunk = chunks[state.done % len(chunks)]
            answers = step(chunk)
            if not background and state.done % KEPT == 0:
                state.kept.append((state.done, answers))
            state.done += 1
            state.items += len(chunk) if background else sum(map(items, chunk))
            now = perf_counter()
            if over.is_set() or (not background and (state.done == len(chunks) or now > deadline)):
                break
            if self.clocked and len(state.clocks) >= LATENCIES:
                break
        state.ended = now


def _threads(workload: Workload, store: Store, roles: list[Role], truth: Truth, seconds: float, clocked: bool) -> Run:
    race = _Race(workload, store, roles, seconds, clocked)
    race.run()
    run = Run(done=tuple(thread.done for thread in race.threads), cpu_seconds=race.cpu_seconds)
    session = store.session("read")  # answers are understood as the engine understands them
    for thread, expected in zip(race.threads, truth.hashes, strict=True):
        if thread.role.background:
            run.background = thread.items / (thread.ended - race.began)
            continue
        run.items += thread.items
        run.seconds = max(run.seconds, thread.ended - race.began)
        run.latencies_ns += thread.clocks
        for at, answers in thread.kept:
            if workload.check(session, thread.role.chunks[at], answers) != expected[at]:
                raise wrong(store, workload, f"wrong answers in piece {at:,} of a thread")
    session.close()
    return run
