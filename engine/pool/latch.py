"""Page latches: shared, exclusive and optimistic, one 64-bit word per frame, with their diagnostics.

    63                    32 31 30 29           16 15             0
    +-----------------------+--+--+---------------+---------------+
    |        version        |W |X |     pins      | shared holders|
    +-----------------------+--+--+---------------+---------------+

Modes. *Exclusive* (X) needs no shared holder and no X; pins do not hinder it. *Shared* needs no X. A *pin* keeps the
page in its frame without a latch. *Eviction* takes X only from a word without holders and pins. Releasing X adds one
to the version, so an *optimistic* reader, which writes nothing, sees afterwards whether its page stood still.

Protocol. A thread that waits for a page latch holds no other: readers take one at a time on their way down, because
page versions (see versions.py) make what they see consistent without coupling; the one writer in the commit section pins
its path and takes X for each change by itself. So latches cannot deadlock among themselves; the checked build asserts it,
every build reports a thread that breaks it, and whether a cycle came of it (order.py). Nobody waits for a latch while holding the GIL or the pool's mutex.

Waiting. After a bounded spin a waiter sets W under the mutex of its parking lot (one of 64, chosen by the word's
address) and sleeps; whoever releases a word with W set wakes the lot. Setting W by compare-and-swap on the word that
was seen to be taken makes lost wake-ups impossible.

Diagnostics. Holders and waiters are entries in the thread table (engine.base.thread), written with plain stores by the
thread itself: mode, page, kind, frame and since when. Waits are counted per page kind in a log2 histogram of nanoseconds;
each frame counts waits, restarts of optimistic readers, and sampled visits, of the page in it: what is hot, and why.
"""

import cython

_lots = cython.declare(mutex_t[64])
_conds = cython.declare(cond_t[64])
_ready = cython.declare(cython.bint, False)


def latch_init():
    """Prepare the parking lots; called once, when the pool module is imported."""
    global _ready
    if _ready:
        return
    i: cython.int
    for i in range(PARKING_LOTS):
        mutex_init(cython.address(_lots[i]), RANK_PARKING)
        cond_init(cython.address(_conds[i]), cython.NULL)
    _ready = True


def _remember(t, word, frame, page, mode):
    if not diagnostics:
        return
    if t.depth < HELD_MAX:
        h = cython.address(t.held[t.depth])
        h.frame = frame
        h.page = page
        h.mode = mode
        h.place = latch_place(word)
        h.since = ticks()
    t.depth += 1
    if traced():
        trace_event(TRACE_LATCH, page, frame, 0, mode, 0)


def _forget(t, frame):
    if not diagnostics:
        return
    invariant(t.depth > 0, b"what a thread releases it has taken")
    t.depth -= 1
    if traced():
        _trace_unlatch(t, frame)
    if t.depth < HELD_MAX and t.held[t.depth].frame != frame:
        # released out of order: close the gap
        i: cython.int = cython.cast(cython.int, t.depth) - 1
        while i >= 0 and t.held[i].frame != frame:
            i -= 1
        if i >= 0:
            t.held[i] = t.held[t.depth]


def _trace_unlatch(t, frame):
    i: cython.int
    for i in range(min(cython.cast(cython.int, t.depth) + 1, cython.cast(cython.int, HELD_MAX))):
        if t.held[i].frame == frame:
            trace_event(TRACE_UNLATCH, t.held[i].page, frame, 0, t.held[i].mode, 0)
            return
    trace_event(TRACE_UNLATCH, 0, frame, 0, 63, 0)


def latch_note_kind(word, kind, level):
    """Tell the diagnostics what the page just latched is, once its header may be read."""
    if not diagnostics:
        return
    f = cython.cast(cython.pointer(frame_t), word)
    if load8_relaxed(cython.address(f.kind)) != kind or load8_relaxed(cython.address(f.level)) != level:
        store8_relaxed(cython.address(f.kind), kind)
        store8_relaxed(cython.address(f.level), level)
    t = thread_self()
    if t.depth > 0 and t.depth <= HELD_MAX:
        t.held[t.depth - 1].kind = kind
        t.held[t.depth - 1].level = level


def latch_shared(word, frame, page):
    t = thread_self()
    invariant(t.depth == 0, b"a thread waits for a page latch only while it holds none")
    if checked:
        rank_check(RANK_LATCH)
    yield_point(POINT_LATCH)
    seen = load_relaxed(word)
    while True:
        yield_point(POINT_LATCH_CAS)
        if seen & LATCH_EXCLUSIVE:
            _wait(word, LATCH_EXCLUSIVE, 83, frame, page)
            seen = load_relaxed(word)
        elif cas64(word, seen, seen + 1):
            break
        else:
            seen = load_relaxed(word)
    t.acquired_shared += diagnostics
    _remember(t, word, frame, page, 83)


def try_shared(word, frame, page):
    seen = load_relaxed(word)
    while not seen & LATCH_EXCLUSIVE:
        yield_point(POINT_LATCH_CAS)
        if cas64(word, seen, seen + 1):
            t = thread_self()
            t.acquired_shared += diagnostics
            _remember(t, word, frame, page, 83)
            return True
        seen = load_relaxed(word)
    return False


def unlatch_shared(word, frame):
    before = add_acq_rel(word, cython.cast(uint64_t, 0) - 1)
    invariant(before & LATCH_SHARED != 0, b"a shared latch is released by a holder")
    _forget(thread_self(), frame)
    if before & LATCH_WAITERS and before & LATCH_SHARED == 1:
        _wake(word)
    yield_point(POINT_UNLATCH)


def latch_exclusive(word, frame, page):
    t = thread_self()
    invariant(t.depth == 0, b"a thread waits for a page latch only while it holds none")
    if checked:
        rank_check(RANK_LATCH)
    yield_point(POINT_LATCH)
    seen = load_relaxed(word)
    while True:
        yield_point(POINT_LATCH_CAS)
        if seen & (LATCH_EXCLUSIVE | LATCH_SHARED):
            _wait(word, LATCH_EXCLUSIVE | LATCH_SHARED, 88, frame, page)
            seen = load_relaxed(word)
        elif cas64(word, seen, seen | LATCH_EXCLUSIVE):
            break
        else:
            seen = load_relaxed(word)
    t.acquired_exclusive += diagnostics
    _remember(t, word, frame, page, 88)


def try_evict(word, frame, page):
    """Take X from a word that nobody holds or pins; never waits."""
    seen = load_relaxed(word)
    if seen & (LATCH_EXCLUSIVE | LATCH_SHARED | LATCH_PINS):
        return False
    yield_point(POINT_LATCH_CAS)
    if not cas64(word, seen, seen | LATCH_EXCLUSIVE):
        return False
    t = thread_self()
    t.acquired_exclusive += diagnostics
    _remember(t, word, frame, page, 88)
    return True


def unlatch_exclusive(word, frame):
    before = add_acq_rel(word, LATCH_VERSION - LATCH_EXCLUSIVE)
    invariant(before & LATCH_EXCLUSIVE != 0, b"an exclusive latch is released by its holder")
    _forget(thread_self(), frame)
    if before & LATCH_WAITERS:
        _wake(word)
    yield_point(POINT_UNLATCH)


def frame_restart(f):
    """An optimistic reader has to begin again because of this page."""
    thread_self().restarts += 1
    store32_relaxed(cython.address(f.restarts), load32_relaxed(cython.address(f.restarts)) + 1)


def latch_pin(word, frame, page):
    """Pin the frame, waiting while it is being loaded, evicted or changed. The caller then checks whose page it is."""
    while True:
        yield_point(POINT_PIN)
        before = add_acq_rel(word, LATCH_PIN)
        if not before & LATCH_EXCLUSIVE:
            return
        latch_unpin(word)
        _wait(word, LATCH_EXCLUSIVE, 80, frame, page)


def _wait(word, blockers, mode, frame, page):
    """Spin, then sleep, until none of `blockers` was seen in the word; the caller tries again."""
    _i: cython.int
    for _i in range(LATCH_SPINS):
        if not load_relaxed(word) & blockers:
            return
        cpu_relax()
    f = cython.cast(cython.pointer(frame_t), word)
    store32_relaxed(cython.address(f.waits), load32_relaxed(cython.address(f.waits)) + 1)
    t = thread_self()
    t.contended += 1
    t.wait.frame = frame
    t.wait.page = page
    t.wait.mode = mode
    t.wait.place = latch_place(word)
    t.wait.kind = load8_relaxed(cython.address(f.kind))
    t.wait.level = load8_relaxed(cython.address(f.level))
    t.wait.since = ticks()
    t.waiting = WAITS_LATCH
    if t.depth > 0 or t.in_section:
        order_note(t)
    lot = (cython.cast(uint64_t, word) >> 6) % PARKING_LOTS
    mutex_lock(cython.address(_lots[lot]))
    while True:
        seen = load_acquire(word)
        if not seen & blockers:
            break
        if seen & LATCH_WAITERS or cas64(word, seen, seen | LATCH_WAITERS):
            cond_wait(cython.address(_conds[lot]), cython.address(_lots[lot]))
    mutex_unlock(cython.address(_lots[lot]))
    t.waiting = 0
    ns = cython.cast(uint64_t, (ticks() - t.wait.since) / ticks_per_ns())
    t.wait_ns += ns
    if traced():
        trace_event(TRACE_WAIT, page, frame, 0, ns, mode)
    bucket: cython.int = 0
    while ns > 1 and bucket < WAIT_BUCKETS - 1:
        ns >>= 1
        bucket += 1
    kind: cython.int = t.wait.kind if t.wait.kind < WAIT_KINDS else 0
    t.wait_counts[kind * WAIT_BUCKETS + bucket] += 1


def _wake(word):
    lot = (cython.cast(uint64_t, word) >> 6) % PARKING_LOTS
    mutex_lock(cython.address(_lots[lot]))
    and_acq_rel(word, ~LATCH_WAITERS)
    cond_broadcast(cython.address(_conds[lot]))
    mutex_unlock(cython.address(_lots[lot]))


latch_init()
