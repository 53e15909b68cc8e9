"""The deterministic schedule: in the checked build, tests decide which thread goes on, by a seed.

    thread 0  ----*=====*          *=====*          only one has the baton (====); at a yield point (*) it is handed on,
    thread 1            *====*           *====      to whom a generator chooses that starts from the seed:
    thread 2                 *=====*                the same seed gives the same interleaving again

Threads of a test `enter` under an index and `leave`; from when all have entered until all have left, exactly one of them
runs. Mutexes and condition variables of engine.base.sync know the schedule: who would block gives the baton away, who
unlocks or signals makes others runnable again. If nobody can run, that is a deadlock: the process ends with the states of all threads
and the last steps. So it does after `limit` steps: a loop without an end. Time (`now_ns`) is the number of steps.

Two ways to choose. *Random*: at each yield point, with a probability, any thread that can run. *Priorities* (PCT; Burckhardt and others, "A
randomized scheduler with probabilistic guarantees of finding bugs", 2010): the runnable thread of highest priority runs; at `changes` random
steps the running thread falls below all others. A bug that takes few switches at the right places is found sooner that way.

A thread that holds the GIL is not interrupted, except where it reads shared memory beside threads that run without it
(optimistic reads); there it gives the GIL up for as long as others run.

Threads that did not enter are not scheduled: they use mutexes as always, and wake those of the schedule where they unlock.

In the ordinary build `AVAILABLE` is false, `start` refuses, and yield points are nothing at all.
"""

import cython
from cython.cimports.engine.base.invariant import checked
from cython.cimports.engine.base.schedule_native import (
    course_t,
    native_broadcast,
    native_clock,
    native_course,
    native_enter,
    native_leave,
    native_lock,
    native_name,
    native_point,
    native_signal,
    native_spin,
    native_start,
    native_trylock,
    native_unlock,
    native_wait,
    plan_t,
)

AVAILABLE = bool(checked)

NAMES = {
    POINT_PAUSE: b"pause",
    POINT_SPIN: b"spin",
    POINT_LOCK: b"lock",
    POINT_UNLOCK: b"unlock",
    POINT_WAIT: b"wait",
    POINT_LATCH: b"latch",
    POINT_LATCH_CAS: b"latch cas",
    POINT_UNLATCH: b"unlatch",
    POINT_PIN: b"pin",
    POINT_OPTIMISTIC: b"optimistic",
    POINT_VALIDATE: b"validate",
    POINT_APPEND: b"append",
    POINT_FILLED: b"filled",
    POINT_PUBLISH: b"publish",
    POINT_MAP: b"map",
    POINT_VERSION: b"version",
    POINT_SNAPSHOT: b"snapshot",
    POINT_SLOT: b"slot",
    POINT_SEGMENT: b"segment",
    POINT_READ: b"read",
    POINT_WRITE: b"write",
    POINT_SYNC: b"sync",
    POINT_TRUNCATE: b"truncate",
    POINT_CHECKPOINT: b"checkpoint",
}


def schedule_point(point):
    native_point(point, 0)


def schedule_point_with_gil(point):
    native_point(point, 1)


def schedule_spin():
    native_spin(POINT_SPIN)


def schedule_lock(mutex):
    return native_lock(mutex, POINT_LOCK)


def schedule_trylock(mutex):
    return native_trylock(mutex, POINT_LOCK)


def schedule_unlock(mutex):
    return native_unlock(mutex, POINT_UNLOCK)


def schedule_wait(cond, mutex):
    return native_wait(cond, mutex, POINT_WAIT)


def schedule_signal(cond):
    return native_signal(cond)


def schedule_broadcast(cond):
    return native_broadcast(cond)


def schedule_clock():
    """Nanoseconds of the schedule's own time, 100 for a step; 0 for a thread that is not scheduled."""
    return native_clock()


def start(seed, threads, changes=0, within=2000, switch_of_256=64, limit=2_000_000, verbose=False):
    """Prepare a schedule for so many threads, which then enter.

    changes: 0 for random choice, else priorities with so many changes within the first `within` steps. switch_of_256: how often,
    of 256 yield points, another thread may be chosen at random. Raises ValueError where that is not possible.
    """
    plan: plan_t
    plan.seed = seed
    plan.within = within
    plan.limit = limit
    plan.threads = threads
    plan.changes = changes
    plan.switch_of_256 = switch_of_256
    plan.verbose = verbose
    for point, name in NAMES.items():
        native_name(point, cython.cast(bytes, name))
    if native_start(cython.address(plan)) != 0:
        raise ValueError("a schedule needs the checked build, none under way, 1 to 16 threads, at most 16 changes")


def enter(index):
    """Join as thread `index` and wait for the baton."""
    number: cython.int = index
    with cython.nogil:
        done = native_enter(number)
    if done != 0:
        raise ValueError("no schedule awaits a thread of that index")


def leave():
    """Leave the schedule for good; the baton goes on."""
    native_leave()


def pause():
    """A yield point between two operations of a test."""
    native_point(POINT_PAUSE, 1)


def spin():
    """A yield point in a loop of a test that waits for another thread: the others go on first."""
    native_spin(POINT_SPIN)


def course():
    """(steps, switches between threads, hash of all steps) of the schedule that runs, or ran last."""
    c: course_t = native_course()
    return int(c.steps), int(c.switches), int(c.hash)
