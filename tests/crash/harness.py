"""Crash enumeration: run a workload once, then try every crash it could have met.

    workload --record--> operations and marks --Disk, states--> images --open, check--> recovered state
                                                                              |
      model: states 0..n of the workload  <------ oracle: equal to the model at some i with acked <= i <= started

1. `record` runs the steps of a workload on the subject (a database, or the toy of toy.py) over a recording file
   system. Step i is marked "begin" before and "ack" after; opening for the first time is step 0.
2. `explore` plays the operations into a Disk, and after every one of them builds images of what the disk may hold
   (states.py). Equal images are recovered once; the oracle judges each together with every window it occurs in.
3. Judging an image: the subject opens on it, its structural check finds nothing, its state is one the window allows.
   Some images go further: the recovery itself is recorded and crashed again, and after recovery a further step is
   applied and must still be there, with everything else, after opening once more.

Random choices come from one seed, which every failure names; `Failure.describe` says how to see it again.
"""

from __future__ import annotations

import os
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.storage.file import FileSystem
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_recording import Mark, Operation, RecordingFileSystem
from tests.crash.disk import Disk, Image, Windows
from tests.crash.states import CHOICES, FIXED, RANDOM, Choice

# The long run: ANOKURO_CRASH_SCALE=20 tries about twenty times as many states. The checked build is slow: fewer.
CHECKED_BUILD = os.environ.get("ANOKURO_CHECKED_BUILD") == "1"
SCALE = float(os.environ.get("ANOKURO_CRASH_SCALE", "0.1" if CHECKED_BUILD else "1"))


class Session(ABC):
    """A subject that is open."""

    @abstractmethod
    def apply(self, step: object) -> None:
        """Do one step; when it returns, the step is durable (unless the step itself says otherwise)."""

    @abstractmethod
    def state(self) -> Hashable:
        """Everything a user can read, in a form that can be compared with the model."""

    @abstractmethod
    def check(self) -> Sequence[object]:
        """The structural check: findings, none when all is well."""

    @abstractmethod
    def close(self) -> None:
        """Close as a user would."""


class Subject(ABC):
    """What is crashed: opens sessions on a file system."""

    @abstractmethod
    def open(self, fs: FileSystem) -> Session:
        """Open, creating or recovering as needed."""

    @abstractmethod
    def model(self, steps: Sequence[object]) -> list[Hashable]:
        """The states 0..len(steps) that the steps go through, computed without the subject."""


REOPEN = "reopen"
"""A step of any workload: close and open again."""


@dataclass(frozen=True)
class Workload:
    """Steps with a name; `further` is a step applied to recovered images, to see that they can still be written to."""

    name: str
    steps: Sequence[object]
    further: object | None = None


@dataclass
class Record:
    """A workload that has run: its operations with marks, and the model's states.

    models: one list of states for each lane; with several lanes, a state of the subject has one part for each.
    """

    workload: Workload
    operations: list[Operation]
    models: list[list[Hashable]]
    initial: Mapping[str, bytes | None] = field(default_factory=dict)


@dataclass
class Failure:
    """A crash after which something was wrong."""

    workload: str
    point: int
    why: str
    problem: str
    seed: int

    def describe(self) -> str:
        return (
            f"{self.workload}: crash after operation {self.point}, disk: {self.why}, seed {self.seed}: {self.problem}"
        )


@dataclass
class Findings:
    """The result of an exploration.

    states: distinct images recovered; verdicts: images judged within a window; nested: crashes during a recovery;
    points: crash points visited; kills: ends of the process alone, followed by a loss of power.
    """

    states: int = 0
    nested: int = 0
    verdicts: int = 0
    points: int = 0
    kills: int = 0
    failures: list[Failure] = field(default_factory=list)

    def report(self) -> str:
        lines = [
            f"{self.states} states, {self.points} crash points, {self.nested} crashes of recoveries, {self.kills} kills"
        ]
        return "\n".join(lines + [failure.describe() for failure in self.failures[:10]])


def scaled(states: int) -> int:
    """A number of states for this run: the ordinary one, the long one, or that of the checked build."""
    return max(1, int(states * SCALE))


def acknowledged(step: object) -> bool:
    """Whether the step is durable when `apply` returns; a step may say otherwise by an attribute `acknowledged`."""
    return bool(getattr(step, "acknowledged", True))


def record(subject: Subject, workload: Workload) -> Record:
    """Run a workload without a crash and write down what it does to the disk."""
    memory = MemoryFileSystem()
    fs = RecordingFileSystem(memory)
    model = subject.model(workload.steps)
    fs.mark("begin", 0)
    session = subject.open(fs)
    fs.mark("ack", 0)
    for number, step in enumerate(workload.steps, start=1):
        fs.mark("begin", number)
        if step == REOPEN:
            session.close()
            session = subject.open(fs)
            continue  # promises nothing new
        session.apply(step)
        if acknowledged(step):
            fs.mark("ack", number)
    state, findings = session.state(), list(session.check())
    session.close()
    assert findings == [], f"{workload.name}: check without a crash: {findings}"
    assert state == model[-1], f"{workload.name}: wrong without a crash: {state!r} instead of {model[-1]!r}"
    return Record(workload, list(fs.operations), [model])


def record_threads(subject: Subject, workload: Workload, lanes: Sequence[Sequence[object]]) -> Record:
    """Run one list of steps in each of several threads at once; lane i changes only part i of the state."""
    memory = MemoryFileSystem()
    fs = RecordingFileSystem(memory)
    session = subject.open(fs)
    errors: list[BaseException] = []

    def work(lane: int) -> None:
        try:
            for number, step in enumerate(lanes[lane], start=1):
                fs.mark("begin", number, lane)
                session.apply(step)
                fs.mark("ack", number, lane)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(lane,)) for lane in range(len(lanes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [], errors
    models: list[list[Hashable]] = []
    for lane, steps in enumerate(lanes):
        whole = subject.model(steps)
        assert all(isinstance(state, tuple) for state in whole)
        models.append([state[lane] for state in whole if isinstance(state, tuple)])
    state, findings = session.state(), list(session.check())
    session.close()
    assert findings == [], f"{workload.name}: check without a crash: {findings}"
    assert state == tuple(model[-1] for model in models), f"{workload.name}: wrong without a crash"
    return Record(workload, list(fs.operations), models)


@dataclass
class Verdict:
    """What recovery made of an image: the state, or the problem."""

    state: Hashable = None
    problem: str | None = None


class Explorer:
    """Tries crashes of one record.

    budget: about how many distinct states. Every crash point is visited whatever it is, unless `point_share` says that
    only some are, chosen at random. nested_share, kill_share: how often a recovery is crashed, or the process killed.
    """

    def __init__(
        self,
        subject: Subject,
        trace: Record,
        *,
        seed: int,
        budget: int,
        nested_share: float = 0.1,
        kill_share: float = 0.4,
        point_share: float = 1.0,
    ) -> None:
        self.subject = subject
        self.trace = trace
        self.seed = seed
        self.budget = budget
        self.nested_share = nested_share
        self.kill_share = kill_share
        self.point_share = point_share
        self.rng = random.Random(seed)
        self.found = Findings()
        self.known: dict[bytes, Verdict] = {}
        self.judged: set[tuple[bytes, Windows]] = set()

    def explore(self, stop_at: int = 10) -> Findings:
        """Visit every crash point; stops early after `stop_at` failures."""
        points = sum(not isinstance(operation, Mark) for operation in self.trace.operations) * self.point_share
        barren = 0  # rounds in a row with hardly a new state; a short workload may have one by chance
        for rounds in range(256):
            before = self.found.states
            self._walk(max(2, int((self.budget - self.found.states) / max(points, 1))), rounds, stop_at)
            if self.found.states >= self.budget or len(self.found.failures) >= stop_at:
                break
            barren = barren + 1 if self.found.states - before < points / 50 else 0
            if barren == 8:
                break
        return self.found

    def _walk(self, per_point: int, rounds: int, stop_at: int) -> None:
        disk = Disk(self.trace.initial)
        for point, operation in enumerate(self.trace.operations):
            disk.play(operation)
            if isinstance(operation, Mark) and operation.kind != "ack":
                continue  # the same disk, and a window that allows more
            if self.point_share < 1 and self.rng.random() >= self.point_share:
                continue
            self.found.points += rounds == 0
            if rounds == 0 and self.trace.workload.further is not None and self.rng.random() < self.kill_share:
                self._killed(disk, point)
            for image in self._images(disk, per_point, rounds):
                self._judge(image, point, disk.windows(len(self.trace.models)))
                if len(self.found.failures) >= stop_at:
                    return

    def _images(self, disk: Disk, count: int, rounds: int) -> Iterator[Image]:
        """The fixed outcomes in the first round, then random ones."""
        choices = [*FIXED] if rounds == 0 else []
        if rounds == 0 and count < len(choices):
            choices = choices[:2] + self.rng.sample(choices[2:], max(0, count - 2))
        choices += [self.rng.choice(RANDOM) for _ in range(count - len(choices))]
        for choice in choices:
            if not disk.pending and choice is not choices[0]:
                return
            yield disk.image(choice(disk.pending, self.rng), choice.__name__)

    def _judge(self, image: Image, point: int, windows: Windows) -> None:
        digest = image.digest()
        if (digest, windows) in self.judged:
            return
        self.judged.add((digest, windows))
        self.found.verdicts += 1
        fresh = digest not in self.known
        verdict = self._verdict(image)
        if fresh and self.rng.random() < self.nested_share:
            self._crash_recovery(image, point, windows)
            self._go_on(image, point)
        problem = verdict.problem or self._allowed(verdict.state, windows)
        if problem:
            self._fail(point, image.why, problem)

    def _allowed(self, state: Hashable, windows: Windows) -> str | None:
        """The problem, if a lane's part of the state is not that after a step of its window."""
        for lane, (model, (low, high)) in enumerate(zip(self.trace.models, windows, strict=True)):
            part = state
            if len(windows) > 1:
                assert isinstance(state, tuple)
                part = state[lane]
            if part in model[low : high + 1]:
                continue
            where = [i for i, known in enumerate(model) if known == part]
            after = f"that after step {where[-1]}" if where else f"that after no step: {brief(part)}"
            return f"the state of lane {lane}, where steps {low}..{high} are allowed, is {after}"
        return None

    def _crash_recovery(self, image: Image, point: int, windows: Windows) -> None:
        """Crash at a few places of the recovery from `image`, and recover from that."""
        memory = image.file_system()
        initial = memory.contents()
        fs = RecordingFileSystem(memory)
        recover(self.subject, fs)
        if not fs.operations:
            return
        disk = Disk(initial)
        stops = set(self.rng.sample(range(len(fs.operations)), min(3, len(fs.operations))))
        for index, operation in enumerate(fs.operations):
            disk.play(operation)
            if index in stops:
                choice = self.rng.choice(FIXED + RANDOM)
                again = disk.image(
                    choice(disk.pending, self.rng), f"{image.why}, then in recovery at {index} {choice.__name__}"
                )
                self.found.nested += 1
                verdict = self._verdict(again)
                problem = verdict.problem or self._allowed(verdict.state, windows)
                if problem:
                    self._fail(point, again.why, problem)

    def _verdict(self, image: Image) -> Verdict:
        digest = image.digest()
        if digest not in self.known:
            self.found.states += 1
            self.known[digest] = recover(self.subject, image.file_system())
        return self.known[digest]

    def _go_on(self, image: Image, point: int) -> None:
        """Recover, write something more, lose power, open again: all must be there."""
        memory = image.file_system()
        disk = Disk(memory.contents())
        problem = keeps_working(self.subject, memory, self.trace.workload.further, disk, FIXED[:2], self.rng)
        if problem:
            self._fail(point, f"{image.why}, then a further step", problem)

    def _killed(self, disk: Disk, point: int) -> None:
        """Only the process dies: the next one sees everything, writes something more, and then the power fails."""
        self.found.kills += 1
        memory = disk.image(disk.pending, "").file_system()
        choices = [*FIXED[:2], self.rng.choice(RANDOM)]
        problem = keeps_working(self.subject, memory, self.trace.workload.further, disk.copy(), choices, self.rng)
        if problem:
            self._fail(point, "process killed, then a further step, then power lost", problem)

    def _fail(self, point: int, why: str, problem: str) -> None:
        self.found.failures.append(Failure(self.trace.workload.name, point, why, problem, self.seed))


def brief(value: object, limit: int = 160) -> str:
    """A representation short enough for a message."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def recover(subject: Subject, fs: FileSystem) -> Verdict:
    """Open, check, read everything, close."""
    try:
        session = subject.open(fs)
    except Exception as error:
        return Verdict(problem=f"cannot be opened: {type(error).__name__}: {error}")
    try:
        findings = list(session.check())
        state = session.state()
        session.close()
    except Exception as error:
        return Verdict(problem=f"cannot be read: {type(error).__name__}: {error}")
    return Verdict(state, f"the check finds {brief(findings)}" if findings else None)


def keeps_working(
    subject: Subject,
    memory: MemoryFileSystem,
    further: object | None,
    disk: Disk,
    choices: Sequence[Choice],
    rng: random.Random,
) -> str | None:
    """Recover, apply a step if there is one, lose what is not durable, open again: the problem, or None.

    `memory` is what the program sees of `disk`; `choices` say which outcomes of the loss are tried.
    """
    fs = RecordingFileSystem(memory, first_node=1 << 20)
    try:
        session = subject.open(fs)
        if further is not None:
            session.apply(further)
        expected = session.state()
        operations = list(fs.operations)
        session.close()
    except Exception as error:  # as above
        return f"{type(error).__name__}: {error}"
    for operation in operations:
        disk.play(operation)
    for choice in choices:
        again = recover(subject, disk.image(choice(disk.pending, rng), choice.__name__).file_system())
        if again.problem:
            return f"{choice.__name__}: {again.problem}"
        if again.state != expected:
            return f"{choice.__name__}: {brief(again.state)} instead of {brief(expected)}"
    return None


def explore(
    subject: Subject,
    workload: Workload,
    *,
    budget: int,
    seed: int | None = None,
    mutate: Callable[[list[Operation]], list[Operation]] | None = None,
    stop_at: int = 10,
    trace: Record | None = None,
    point_share: float = 1.0,
) -> Findings:
    """Record a workload and explore its crashes; prints the seed and what was found.

    budget: about how many distinct states to try (see `scaled`). mutate: changes the record first. trace: a record made
    before. stop_at: give up after so many failures. point_share: how many of the crash points are visited.
    """
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    trace = record(subject, workload) if trace is None else trace
    if mutate is not None:
        trace.operations = mutate(trace.operations)
    found = Explorer(subject, trace, seed=seed, budget=budget, point_share=point_share).explore(stop_at)
    print(f"{workload.name}: seed {seed}: {found.report()}")
    return found


def replay(subject: Subject, workload: Workload, point: int, choice: str, seed: int) -> Image:
    """One image of one crash point, to look at a failure by hand."""
    disk = Disk()
    for operation in record(subject, workload).operations[: point + 1]:
        disk.play(operation)
    return disk.image(CHOICES[choice](disk.pending, random.Random(seed)), choice)
