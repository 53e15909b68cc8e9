"""The trace's C face (see trace.py). A hook is `if traced(): trace_...`: two loads and a branch that is never taken."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy
from engine.base.atomic cimport load32_acquire, load32_relaxed, store32_release
from engine.base.thread cimport thread_self, thread_t, ticks, ticks_per_ns

cdef enum:
    TRACE_LATCH = 0          # a: mode, 'S' or 'X'; also pages that are loaded, or made, in a frame
    TRACE_UNLATCH = 1        # a: mode
    TRACE_PIN = 2
    TRACE_UNPIN = 3
    TRACE_WAIT = 4           # for a latch; a: nanoseconds
    TRACE_SEEK = 5           # a descent begins; bytes: the key; page: the root
    TRACE_NODE = 6           # a page on the way; bytes: its image; a: slot taken, -1: it is the leaf; b: 1 optimistic
    TRACE_LOAD = 7           # a page is read; a: slot
    TRACE_EVICT = 8          # a page leaves its frame
    TRACE_VERSION = 9        # a version is kept for a snapshot; a: its LSN
    TRACE_ALLOCATE = 10      # a new page
    TRACE_FREE = 11          # a page ceases to exist
    TRACE_SPLIT = 12         # a: first slot that moves, b: how many move
    TRACE_GROW = 13          # the root gets a level
    TRACE_MERGE = 14         # a: the page that goes
    TRACE_LOG = 15           # a: record type, b: bytes; lsn
    TRACE_BEFORE = 16        # bytes: the page, latched, about to change
    TRACE_AFTER = 17         # bytes: the page, changed; lsn: of its record
    TRACE_PUBLISH = 18       # lsn: of the commit
    TRACE_SYNC = 19          # the log is made durable; lsn: up to where
    TRACE_SYNCED = 20
    TRACE_PROBE = 21         # a search in the memtable; bytes: the key; a: tree, b: 1 there is an entry of the key
    TRACE_WRITE = 22         # a write noted in the memtable; bytes: the key; a: tree, b: bytes of the value, -1: a delete
    TRACE_LIMIT = 23

cdef struct trace_event_s:
    uint64_t at              # ticks
    uint64_t lsn
    int64_t a
    int64_t b
    uint64_t data            # offset in the buffer of bytes
    uint32_t size
    uint32_t page
    int32_t frame
    uint32_t kind

ctypedef trace_event_s trace_event_t

# Whether some thread is traced. Others look at it without a lock; only the traced one writes events.
cdef uint32_t tracing

cdef inline bint traced() noexcept nogil:
    return load32_relaxed(&tracing) != 0

cdef void trace_event(int kind, uint32_t page, int32_t frame, uint64_t lsn, int64_t a, int64_t b) noexcept nogil
cdef void trace_bytes(int kind, uint32_t page, int32_t frame, uint64_t lsn, int64_t a, int64_t b, const void *data, size_t size) noexcept nogil
