"""Latches taken out of order, in every build: who waited for a page while holding another, and whether it was for ever.

    thread 3  waits for page 7 --> held by thread 5, which waits for page 4 --> held by thread 3: a cycle

The protocol of page latches (latch.py) is that a thread waits for one, or for the commit section, only while it holds none. A thread
that is about to sleep and does hold one is noted here; that costs nothing where the protocol holds. It then follows the entries of
the thread table from who it waits for to who they wait for; so does one that sleeps for a latch in the commit section, which is as
it should be, and noted only if it closes a cycle. Every thread of a cycle sleeps holding something, so each comes through here,
and the last of them to go to sleep sees the cycle whole: all have said that they wait, with a full fence, before they look.

The newest REPORTS findings are kept for inspections, and all are counted. Nothing is done about a cycle: which of its threads could
give up is known to nobody here. (Wait-for graph: Coffman, Elphick, Shoshani, "System Deadlocks", 1971.)

Invariant: reports and counters are written and read with the mutex.
"""

import cython

_mutex = cython.declare(mutex_t)
_reports = cython.declare(report_t[16])
_noted = cython.declare(uint64_t, 0)
_inversions = cython.declare(uint64_t, 0)
_cycles = cython.declare(uint64_t, 0)


def order_init():
    """Prepare the mutex; called once, when the module is imported."""
    mutex_init(cython.address(_mutex), RANK_PARKING)


def _blocker(t, wanted):
    """The latch of `t` because of which somebody waits for `wanted`: its place among those it holds, HELD_MAX for the commit section, or -1."""
    i: cython.int
    for i in range(min(cython.cast(cython.int, t.depth), cython.cast(cython.int, HELD_MAX))):
        h = cython.address(cython.cast(cython.pointer(thread_t), t).held[i])
        if h.place == wanted.place and h.frame == wanted.frame and (h.mode == MODE_X or wanted.mode == MODE_X):
            return i
    s = cython.address(cython.cast(cython.pointer(thread_t), t).section)
    if t.in_section and wanted.kind == KIND_SECTION and s.kind == KIND_SECTION and s.place == wanted.place:
        return HELD_MAX
    return -1


def _held_at(t, at):
    """What _blocker has found."""
    return cython.address(t.section) if at == HELD_MAX else cython.address(t.held[at])


def _search(me, report):
    """Follow who waits for whom from `me` on. Whether it comes back; the report then has the threads on the way.

    Depth first; a thread that was looked at once is not looked at again.
    """
    path: cython.pointer(thread_t)[16]
    cursor: cython.int[16]
    seen: uint8_t[512]
    memset(seen, 0, THREADS_MAX)
    depth: cython.int = 0
    path[0] = me
    cursor[0] = 0
    while depth >= 0:
        if cursor[depth] == THREADS_MAX:
            depth -= 1
            continue
        index = cursor[depth]
        cursor[depth] += 1
        t = thread_at(index)
        if t == cython.NULL or not t.in_use or not t.waiting or seen[index]:
            continue
        at = _blocker(t, cython.address(path[depth].wait))
        if at < 0:
            continue
        _note(report, (depth + 1) if t != me else 0, index, t, _held_at(t, at))
        if t == me:
            report.length = depth + 1
            return True
        seen[index] = 1
        if depth + 1 < MEMBERS_MAX:
            depth += 1
            path[depth] = t
            cursor[depth] = 0
    return False


def _note(report, place, index, t, held):
    """One thread of a report: what it holds, what it waits for."""
    m = cython.address(report.members[place])
    m.thread = index
    m.system_id = t.system_id
    m.held = held[0]
    m.wanted = t.wait


def order_note(me):
    """`me` is about to sleep for a latch or the commit section, has said so in its entry, and holds a latch or that section."""
    report: report_t
    i: cython.int
    global _noted, _inversions, _cycles
    fence_seq()
    report.length = 0
    report.at = ticks()
    report.cycle = _search(me, cython.address(report))
    if not report.cycle:
        if me.depth == 0:
            return  # in the commit section: that is the order
        report.length = 1
        for i in range(THREADS_MAX):
            if thread_at(i) == me:
                held: cython.int = min(cython.cast(cython.int, me.depth), cython.cast(cython.int, HELD_MAX)) - 1
                _note(cython.address(report), 0, i, me, cython.address(me.held[held]))
                break
    mutex_lock(cython.address(_mutex))
    _reports[_noted % REPORTS] = report
    _noted += 1
    _inversions += me.depth > 0
    _cycles += report.cycle
    mutex_unlock(cython.address(_mutex))


def order_reports(out, inversions, cycles):
    """Copy the reports there are, newest first: how many. The counters get all there ever were."""
    i: cython.int
    mutex_lock(cython.address(_mutex))
    inversions[0] = _inversions
    cycles[0] = _cycles
    count: cython.int = cython.cast(cython.int, min(_noted, cython.cast(uint64_t, REPORTS)))
    for i in range(count):
        out[i] = _reports[(_noted - 1 - i) % REPORTS]
    mutex_unlock(cython.address(_mutex))
    return count


order_init()
