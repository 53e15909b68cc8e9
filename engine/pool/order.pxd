"""Latches taken out of order (see order.py)."""
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset
from engine.base.atomic cimport fence_seq
from engine.base.ranks cimport RANK_PARKING
from engine.base.sync cimport mutex_init, mutex_lock, mutex_t, mutex_unlock
from engine.base.thread cimport HELD_MAX, KIND_SECTION, THREADS_MAX, held_t, thread_at, thread_t, ticks

cdef enum:
    REPORTS = 16             # findings that are kept
    MEMBERS_MAX = 16         # threads of a cycle; a longer one is not found
    MODE_X = 88

# A thread that waits, and one latch it holds: in a cycle the one that the thread before it waits for.
ctypedef struct member_t:
    uint32_t thread          # its entry in the thread table
    uint64_t system_id
    held_t held
    held_t wanted

ctypedef struct report_t:
    uint64_t at              # ticks
    bint cycle
    int length
    member_t members[16]

cdef void order_note(thread_t *me) noexcept nogil
cdef int order_reports(report_t *out, uint64_t *inversions, uint64_t *cycles) noexcept nogil

cdef void order_init() noexcept
cdef int _blocker(const thread_t *t, const held_t *wanted) noexcept nogil
cdef held_t *_held_at(thread_t *t, int at) noexcept nogil
cdef bint _search(thread_t *me, report_t *report) noexcept nogil
cdef void _note(report_t *report, int place, uint32_t index, const thread_t *t, const held_t *held) noexcept nogil
