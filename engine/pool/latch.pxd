from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from engine.base.atomic cimport (
    add_acq_rel, and_acq_rel, cas64, cpu_relax, fence_acquire, load8_relaxed, load32_relaxed, load_acquire, load_relaxed,
    or_acq_rel, store8_relaxed, store32_relaxed,
)
from engine.base.invariant cimport checked, invariant
from engine.base.ranks cimport RANK_LATCH, RANK_PARKING, rank_check
from engine.base.schedule cimport (
    POINT_LATCH, POINT_LATCH_CAS, POINT_OPTIMISTIC, POINT_PIN, POINT_UNLATCH, POINT_VALIDATE, yield_point, yield_with_gil,
)
from engine.base.sync cimport cond_broadcast, cond_init, cond_t, cond_wait, mutex_init, mutex_lock, mutex_t, mutex_unlock
from engine.base.trace cimport TRACE_LATCH, TRACE_UNLATCH, TRACE_UNPIN, TRACE_WAIT, trace_event, traced
from engine.base.thread cimport HELD_MAX, WAIT_BUCKETS, WAIT_KINDS, WAITS_LATCH, held_t, thread_self, thread_t, ticks, ticks_per_ns
from engine.pool.order cimport order_note

cdef enum:
    HEAT_SAMPLE = 64         # a power of two
    LATCH_SPINS = 200
    PARKING_LOTS = 64

cdef extern from *:
    """
    #ifndef ANOKURO_FRAME
    #define ANOKURO_FRAME
    #include <stdint.h>
    /* A frame's descriptor. Descriptor i belongs to frame i of the arena: each is found from the other by index. */
    typedef struct __attribute__((aligned(64))) {
        uint64_t word;        /* the latch: its functions find the rest of the descriptor from here */
        uint32_t page_id;     /* 0: the frame is empty */
        int32_t version;      /* -1: the newest version of its page; otherwise an index of versions */
        uint32_t flags;
        uint32_t usage;       /* clock sweep: decremented when the hand passes, evicted at 0 */
        int32_t next_free;
        uint32_t loads;
        uint32_t waits;       /* for this latch, since the page is here; this and what follows only informs */
        uint32_t restarts;    /* optimistic readers who had to begin again because of this page */
        uint32_t heat;        /* samples of visits: one of HEAT_SAMPLE for each thread is counted */
        uint8_t kind, level;  /* of the page, as last seen by somebody who had latched it */
        uint8_t recall;       /* how far its keys are recalled, see engine/btree/recall.py */
    } frame_t;
    _Static_assert(sizeof(frame_t) == 64, "a descriptor is a cache line");
    #endif
    #ifndef ANOKURO_DIAGNOSTICS    /* 0 only to measure what they cost: build_support/diagnostics_benchmark.py */
    #define ANOKURO_DIAGNOSTICS 1
    #endif
    #define ANK_LATCH_SHARED        0xFFFFull
    #define ANK_LATCH_PIN           0x10000ull
    #define ANK_LATCH_PINS          0x3FFF0000ull
    #define ANK_LATCH_EXCLUSIVE     0x40000000ull
    #define ANK_LATCH_WAITERS       0x80000000ull
    #define ANK_LATCH_VERSION       0x100000000ull
    #define ANK_LATCH_OPTIMISTIC    0xFFFFFFFF40000000ull
    """
    ctypedef struct frame_t:
        uint64_t word
        uint32_t page_id
        int32_t version
        uint32_t flags
        uint32_t usage
        int32_t next_free
        uint32_t loads
        uint32_t waits
        uint32_t restarts
        uint32_t heat
        uint8_t kind
        uint8_t level
        uint8_t recall
    bint diagnostics "ANOKURO_DIAGNOSTICS"
    uint64_t LATCH_SHARED "ANK_LATCH_SHARED"
    uint64_t LATCH_PIN "ANK_LATCH_PIN"
    uint64_t LATCH_PINS "ANK_LATCH_PINS"
    uint64_t LATCH_EXCLUSIVE "ANK_LATCH_EXCLUSIVE"
    uint64_t LATCH_WAITERS "ANK_LATCH_WAITERS"
    uint64_t LATCH_VERSION "ANK_LATCH_VERSION"
    uint64_t LATCH_OPTIMISTIC "ANK_LATCH_OPTIMISTIC"

# The word of a latch; see latch.py. frame, page, kind and level only feed the diagnostics.
cdef void latch_shared(uint64_t *word, uint32_t frame, uint32_t page) noexcept nogil
cdef void unlatch_shared(uint64_t *word, uint32_t frame) noexcept nogil
cdef void latch_exclusive(uint64_t *word, uint32_t frame, uint32_t page) noexcept nogil
cdef void unlatch_exclusive(uint64_t *word, uint32_t frame) noexcept nogil
cdef bint try_shared(uint64_t *word, uint32_t frame, uint32_t page) noexcept nogil
cdef bint try_evict(uint64_t *word, uint32_t frame, uint32_t page) noexcept nogil
cdef void latch_pin(uint64_t *word, uint32_t frame, uint32_t page) noexcept nogil
cdef void latch_note_kind(uint64_t *word, uint8_t kind, uint8_t level) noexcept nogil
cdef void frame_restart(frame_t *f) noexcept nogil
cdef void latch_init() noexcept nogil

cdef void _wait(uint64_t *word, uint64_t blockers, uint8_t mode, uint32_t frame, uint32_t page) noexcept nogil
cdef void _wake(uint64_t *word) noexcept nogil
cdef void _remember(thread_t *t, uint64_t *word, uint32_t frame, uint32_t page, uint8_t mode) noexcept nogil
cdef void _forget(thread_t *t, uint32_t frame) noexcept nogil
cdef void _trace_unlatch(thread_t *t, uint32_t frame) noexcept nogil

# A latch among those of all pools: its cache line's address, short of what never differs.
cdef inline uint32_t latch_place(uint64_t *word) noexcept nogil:
    return <uint32_t>(<uint64_t>word >> 6)

# The frame that the thread has latched last, while it was empty, gets this page: that is what it holds.
cdef inline void latch_note_page(uint32_t frame, uint32_t page) noexcept nogil:
    t = thread_self()
    if t.depth > 0 and t.depth <= HELD_MAX and t.held[t.depth - 1].frame == frame:
        t.held[t.depth - 1].page = page

# A visit of a page, for the diagnostics: every HEAT_SAMPLE-th of a thread is noted at the frame.
cdef inline void frame_visit(frame_t *f) noexcept nogil:
    if not diagnostics:
        return
    t = thread_self()
    t.visits += 1
    if t.visits & (HEAT_SAMPLE - 1) == 0:
        store32_relaxed(&f.heat, load32_relaxed(&f.heat) + 1)

cdef inline void latch_unpin(uint64_t *word) noexcept nogil:
    yield_point(POINT_PIN)
    before = add_acq_rel(word, <uint64_t>0 - LATCH_PIN)
    invariant(before & LATCH_PINS != 0, b"a pin is given back once")

# An optimistic reader takes the version before it reads, and throws away what it read unless it is still valid.
cdef inline uint64_t optimistic_begin(uint64_t *word) noexcept nogil:
    yield_with_gil(POINT_OPTIMISTIC)
    return load_acquire(word) & LATCH_OPTIMISTIC

cdef inline bint optimistic_valid(uint64_t *word, uint64_t seen) noexcept nogil:
    yield_with_gil(POINT_VALIDATE)
    fence_acquire()
    return (load_relaxed(word) & LATCH_OPTIMISTIC) == seen
