"""Copies of the thread table: what every thread holds, waits for and has counted, and the orders in which latches were taken.

Entries are copied without a lock, while their threads go on: a value that moves may be a moment old, never out of bounds.
"""

import cython


def threads():
    """One dict per entry of the thread table: what its thread holds, waits for and has counted. Times in nanoseconds.

    An entry whose thread has ended keeps its counts, and goes on with them when another thread gets it.
    """
    per_ns: cython.double = ticks_per_ns()
    found = []
    t: thread_t
    i: cython.int
    for number in range(THREADS_MAX):
        entry = thread_at(number)
        if entry == cython.NULL:
            continue
        t = entry[0]
        now = ticks()
        held = []
        for i in range(min(t.depth, HELD_MAX) if t.in_use else 0):
            held.append(_held(t.held[i], now, per_ns))
        found.append(
            {
                "thread": int(number),
                "running": bool(t.in_use),
                "system_id": int(t.system_id),
                "operation": int(t.operation),
                "held": held,
                "wait": _held(t.wait, now, per_ns) if t.waiting == WAITS_LATCH and t.in_use else None,
                "section": _section(t, now, per_ns) if t.in_use else None,
                "in_section": bool(t.in_section),
                "shared": int(t.acquired_shared),
                "exclusive": int(t.acquired_exclusive),
                "contended": int(t.contended),
                "restarts": int(t.restarts),
                "visits": int(t.visits),
                "misses": int(t.misses),
                "dirtied": int(t.dirtied),
                "log_records": int(t.log_records),
                "log_bytes": int(t.log_bytes),
                "probes": int(t.probes),
                "wait_ns": int(t.wait_ns),
                "wait_counts": [int(n) for n in t.wait_counts[:200]],
            }
        )
    return found


@cython.cfunc
def _section(t: thread_t, now: uint64_t, per_ns: cython.double):
    """The commit section that a thread is in, or waits for; None."""
    if t.in_section:
        return _held(t.section, now, per_ns)
    return _held(t.wait, now, per_ns) if t.waiting == WAITS_SECTION else None


@cython.cfunc
def _held(h: held_t, now: uint64_t, per_ns: cython.double):
    age = (now - h.since) / per_ns if now > h.since > 0 else 0.0
    return (
        chr(h.mode) if h.mode else "?", int(h.page), int(h.frame), int(h.kind), int(h.level), int(age), int(h.place),
    )  # fmt: skip


def latch_orders():
    """(waits while holding another latch, cycles among them, the newest: [(age in ns, whether a cycle, members)]).

    A member: (entry of the thread table, system's number of the thread, a latch it held, the one it waited for).
    """
    reports: report_t[16]
    inversions: uint64_t = 0
    cycles: uint64_t = 0
    i: cython.int
    j: cython.int
    with cython.nogil:
        count = order_reports(reports, cython.address(inversions), cython.address(cycles))
    now = ticks()
    per_ns: cython.double = ticks_per_ns()
    found = []
    for i in range(count):
        r = cython.address(reports[i])
        members = []
        for j in range(r.length):
            m: member_t = r.members[j]
            members.append(
                (int(m.thread), int(m.system_id), _held(m.held, r.at, per_ns), _held(m.wanted, r.at, per_ns))
            )
        found.append((int((now - r.at) / per_ns) if now > r.at else 0, bool(r.cycle), members))
    return int(inversions), int(cycles), found
