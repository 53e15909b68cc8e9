"""The trace: what one thread does to pages, latches and log, event by event, while somebody wants to see it.

    hook in a lower layer --if traced()--> trace_event, trace_bytes --if it is the traced thread--> events, bytes --end--> Python

One thread of a process is traced at a time. Hooks stand where something happens that people want to see; without a trace each
costs a look at one word that never changes. Events go to memory of the trace's own, up to a bound, behind which they
are only counted.

Invariant: `tracing` is 1 from begin to end, which are called by the traced thread; nobody else touches the buffers.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize

from engine.base.errors import OperationalError

EVENTS_MAX = cython.declare(cython.uint, 200_000)
BYTES_MAX = cython.declare(uint64_t, 256 << 20)

_owner = cython.declare(cython.pointer(thread_t), cython.NULL)
_events = cython.declare(cython.pointer(trace_event_t), cython.NULL)
_count = cython.declare(cython.uint, 0)
_room = cython.declare(cython.uint, 0)
_lost = cython.declare(uint64_t, 0)
_bytes = cython.declare(cython.p_uchar, cython.NULL)
_used = cython.declare(uint64_t, 0)
_capacity = cython.declare(uint64_t, 0)
_began = cython.declare(uint64_t, 0)


def trace_event(kind, page, frame, lsn, a, b):
    trace_bytes(kind, page, frame, lsn, a, b, cython.NULL, 0)


def trace_bytes(kind, page, frame, lsn, a, b, data, size):
    global _events, _count, _room, _lost, _bytes, _used, _capacity
    if _owner != thread_self():
        return
    if _count == _room:
        room: cython.uint = _room * 2 if _room else 1024
        grown = cython.cast(cython.pointer(trace_event_t), cython.NULL)
        if room <= EVENTS_MAX * 2:
            grown = cython.cast(
                cython.pointer(trace_event_t),
                realloc(_events, cython.cast(cython.size_t, room) * cython.sizeof(trace_event_t)),
            )
        if grown == cython.NULL:
            _lost += 1
            return
        _events = grown
        _room = room
    if _used + size > _capacity:
        wanted: uint64_t = max(_capacity * 2, _used + size + (1 << 20))
        more = cython.cast(cython.p_uchar, cython.NULL)
        if wanted <= BYTES_MAX:
            more = cython.cast(cython.p_uchar, realloc(_bytes, wanted))
        if more == cython.NULL:
            size = 0
            _lost += 1
        else:
            _bytes = more
            _capacity = wanted
    e = cython.address(_events[_count])
    e.at = ticks()
    e.kind = kind
    e.page = page
    e.frame = frame
    e.lsn = lsn
    e.a = a
    e.b = b
    e.data = _used
    e.size = cython.cast(cython.uint, size)
    if size:
        memcpy(_bytes + _used, data, size)
        _used += size
    _count += 1


def begin():
    """Trace the calling thread from here on. Raises OperationalError where a trace is under way."""
    global _owner, _count, _used, _lost, _began, tracing
    if load32_acquire(cython.address(tracing)):
        raise OperationalError("another statement is being traced; one at a time can be")
    _owner = thread_self()
    _count = 0
    _used = 0
    _lost = 0
    _began = ticks()
    store32_release(cython.address(tracing), 1)


def end():
    """([(nanoseconds since begin, kind, page, frame, LSN, a, b, bytes)], how many were lost): what was seen since begin."""
    global _owner, _events, _room, _bytes, _capacity, tracing
    store32_release(cython.address(tracing), 0)
    _owner = cython.NULL
    per: cython.double = ticks_per_ns()
    found = []
    i: cython.uint
    for i in range(_count):
        e = cython.address(_events[i])
        found.append(
            (
                int((e.at - _began) / per),
                int(e.kind),
                int(e.page),
                int(e.frame),
                int(e.lsn),
                int(e.a),
                int(e.b),
                PyBytes_FromStringAndSize(cython.cast(cython.p_char, _bytes + e.data), e.size) if e.size else b"",
            )
        )
    free(_events)
    free(_bytes)
    _events = cython.NULL
    _bytes = cython.NULL
    _room = 0
    _capacity = 0
    return found, int(_lost)
