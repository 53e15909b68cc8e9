"""Errors of the disk: whatever operation fails, the caller gets a typed error and loses nothing that was acknowledged."""

from __future__ import annotations

import errno
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

import engine
from engine.storage.file_faulty import OPERATIONS, SHORT, Fault, FaultPlan, FaultyFileSystem, RandomFaults
from engine.storage.file_memory import MemoryFileSystem
from tests.crash.engine_subject import BACKUP, CHECKPOINT, PATH, Bulk, Change, EngineSubject
from tests.crash.harness import REOPEN, SCALE, Session, brief, recover
from tests.crash.workloads import one, put


def steps() -> list[object]:
    """A short workload: several segments, a checkpoint, an overflow value, a reopening, a backup."""
    rng = random.Random(21)
    made: list[object] = [Bulk("t", tuple((f"{i:03}".encode(), rng.randbytes(90)) for i in range(60)))]
    for i in range(6):
        made.append(one(*(put("t", f"{rng.randrange(60):03}", rng.randbytes(400)) for _ in range(5))))
        if i == 2:
            made += [CHECKPOINT, one(put("t", "long", rng.randbytes(9000)))]
        if i == 3:
            made.append(BACKUP)
        if i == 4:
            made.append(REOPEN)
    made += [one(Change("t", b"long", None)), CHECKPOINT, one(put("t", "last", b"x"))]
    return made


STEPS = steps()
SUBJECT = EngineSubject(("t",), options={"segment_size": 8 << 10})
MODEL = SUBJECT.model(STEPS)
AFTER_ERROR = one(put("t", "999", b"after the error"))


@dataclass
class Outcome:
    """What a run came to: last step acknowledged, last begun, the errors, what became of one more commit after them."""

    acked: int = -1
    started: int = 0
    errors: list[engine.Error] = field(default_factory=list)
    more_tried: bool = False
    more_acked: bool = False


def run(fs: FaultyFileSystem, todo: Sequence[object]) -> Outcome:
    """Run the steps up to the first error, then try one more commit on the same handle, and close.

    Anything but an `engine.Error` leaves this function: an error that has no type of ours is a failure of the test.
    """
    outcome = Outcome()
    session: Session | None = None
    try:
        session = SUBJECT.open(fs)
        outcome.acked = 0
        for number, step in enumerate(todo, start=1):
            outcome.started = number
            if step == REOPEN:
                closing, session = session, None
                closing.close()
                session = SUBJECT.open(fs)
            else:
                session.apply(step)
            outcome.acked = number
    except engine.Error as error:
        outcome.errors.append(error)
    if session is not None:
        try:
            if outcome.errors:
                outcome.more_tried = True
                session.apply(AFTER_ERROR)
                outcome.more_acked = True
        except engine.Error as error:
            outcome.errors.append(error)
        try:
            session.close()
        except engine.Error as error:
            outcome.errors.append(error)
    return outcome


def judge(memory: MemoryFileSystem, outcome: Outcome, what: str) -> None:
    """Open without faults: clean, and a state between the last acknowledged and the last begun."""
    verdict = recover(SUBJECT, MemoryFileSystem(memory.contents()))
    assert verdict.problem is None, f"{what}: {verdict.problem}"
    window = range(max(outcome.acked, 0), outcome.started + 1)
    allowed = [] if outcome.more_acked else [MODEL[i] for i in window]
    if outcome.more_tried:
        allowed += [SUBJECT.model([*STEPS[:i], AFTER_ERROR])[-1] for i in window]
    assert verdict.state in allowed, f"{what}: steps {window} are allowed, not {brief(verdict.state)}"


def operations_of(kind: str) -> int:
    """How many operations of a kind the workload has without faults."""

    class Count:
        seen = 0

        def decide(self, operation: str, path: str) -> int | None:
            self.seen += operation == kind
            return None

    plan = Count()
    outcome = run(FaultyFileSystem(MemoryFileSystem(), plan), STEPS)
    assert outcome == Outcome(len(STEPS), len(STEPS))
    return plan.seen


CASES = [
    ("read", errno.EIO),
    ("write", errno.EIO),
    ("write", errno.ENOSPC),
    ("write", errno.EDQUOT),
    ("sync", errno.EIO),
    ("sync", errno.ENOSPC),
    ("truncate", errno.EIO),
    ("open", errno.EIO),
    ("open", errno.EMFILE),
    ("create", errno.ENOSPC),
    ("truncate", errno.ENOSPC),
    ("create", errno.EDQUOT),
    ("unlink", errno.EIO),
    ("rename", errno.EIO),
    ("rename", errno.ENOSPC),
    ("mkdir", errno.ENOSPC),
    ("mkdir", errno.EDQUOT),
    ("sync_dir", errno.EIO),
]
# Of each kind so many operations fail in the ordinary run, spread over the workload; in the long run, every one.
TRIED = 25 if SCALE <= 1 else 1_000_000


@pytest.mark.parametrize("forever", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize(("kind", "error"), CASES, ids=[f"{kind} {errno.errorcode[code]}" for kind, code in CASES])
def test_the_kth_operation_fails(kind: str, error: int, forever: bool) -> None:
    count = operations_of(kind)
    rng = random.Random(count)
    chosen = range(count) if count <= TRIED else sorted(rng.sample(range(count), TRIED))
    for at in chosen:
        memory = MemoryFileSystem()
        fs = FaultyFileSystem(memory, Fault((kind,), at, error, forever=forever), seed=at)
        outcome = run(fs, STEPS)
        what = f"{kind} {at} of {count} fails with {errno.errorcode[error]}{' for good' if forever else ''}: {outcome}"
        assert fs.injected, what
        judge(memory, outcome, what)


def test_after_a_failed_sync_of_the_log_every_write_is_refused() -> None:
    memory = MemoryFileSystem()
    with engine.open(PATH, fs=memory) as db:
        db.tree("t").put(b"before", b"v")
    plan = Switch(Fault(("sync",), 0, errno.EIO, where=".wal"))
    db = engine.open(PATH, fs=FaultyFileSystem(memory, plan))
    plan.on = True
    with pytest.raises(engine.PoisonedError, match="unknown"):  # the record may have reached the disk all the same
        db.tree("t").put(b"k", b"v")
    for _ in range(3):
        with pytest.raises(engine.PoisonedError):
            db.tree("t").put(b"l", b"v")
    with pytest.raises(engine.PoisonedError):
        db.execute("CREATE TABLE x (id INTEGER PRIMARY KEY)")
    assert db.tree("t").get(b"before") == b"v"
    db.close()
    with engine.open(PATH, fs=memory) as again:
        assert again.tree("t").get(b"before") == b"v"
        assert again.tree("t").get(b"k") in (None, b"v")
        assert again.tree("t").get(b"l") is None
        assert again.check() == []


@pytest.mark.parametrize("kind", ["write", "sync"])
def test_a_commit_whose_outcome_is_unknown_says_so(kind: str) -> None:
    """A transaction, a put and a statement: the error does not claim that nothing happened."""
    for commit in (_by_transaction, _by_put, _by_statement):
        memory = MemoryFileSystem()
        with engine.open(PATH, fs=memory) as db:
            db.execute("CREATE TABLE x (id INTEGER PRIMARY KEY)")
            db.tree("t").put(b"before", b"v")
        plan = Switch(Fault((kind,), 0, errno.EIO, where=".wal"))
        db = engine.open(PATH, fs=FaultyFileSystem(memory, plan))
        db.tree("t").put(b"sound", b"v")
        plan.on = True
        with pytest.raises(engine.PoisonedError, match="unknown") as caught:
            commit(db)
        assert not isinstance(caught.value, engine.ConflictError)
        assert caught.value.__cause__ is not None
        db.close()
        with engine.open(PATH, fs=memory) as again:
            assert again.tree("t").get(b"sound") == b"v"
            assert again.check() == []


def _by_transaction(db: engine.Database) -> None:
    with db.begin() as txn:
        txn.tree("t").put(b"k", b"v")
        txn.tree("t").put(b"l", b"v")


def _by_put(db: engine.Database) -> None:
    db.tree("t").put(b"k", b"v")


def _by_statement(db: engine.Database) -> None:
    db.execute("INSERT INTO x VALUES (1)")


class Switch:
    """A plan that does nothing until it is switched on."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.on = False

    def decide(self, operation: str, path: str) -> int | None:
        return self.plan.decide(operation, path) if self.on else None


@pytest.mark.parametrize("seed", range(3))
def test_interrupted_and_short_transfers_are_never_noticed(seed: int) -> None:
    memory = MemoryFileSystem()
    fs = FaultyFileSystem(memory, RandomFaults(seed, 0.3, (errno.EINTR, SHORT)), seed=seed)
    outcome = run(fs, STEPS)
    assert outcome == Outcome(len(STEPS), len(STEPS))
    assert fs.injected
    judge(memory, outcome, f"seed {seed}")


@pytest.mark.parametrize("seed", range(20))
def test_seeded_errors_everywhere(seed: int) -> None:
    memory = MemoryFileSystem()
    plan = RandomFaults(seed, 0.02, (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EINTR, SHORT), OPERATIONS)
    outcome = run(FaultyFileSystem(memory, plan, seed=seed), STEPS)
    judge(memory, outcome, f"seed {seed}: {outcome}")
