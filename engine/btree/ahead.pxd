"""Reading the next leaves of a scan before it asks for them (see ahead.py)."""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp
from engine.btree.node cimport node_child_at, node_child_index
from engine.pool.load cimport frame_ring_t, load_window, pool_hint_many, pool_load_many
from engine.pool.pool cimport frame_of, pool_t
from engine.storage.layout cimport FLAG_UPPER_INFINITE, lower_fence, page_t, upper_fence

cdef enum:
    AHEAD_MAX = 32
    AHEAD_GROWTH = 4

# What one scan knows about its reading; zeroed before its first use. `last` is where the scan ends, in its direction.
ctypedef struct ahead_t:
    uint32_t depth           # leaves that the next miss brings in
    uint32_t left            # of those brought in last, leaves not come to yet
    bint reverse
    bint bounded
    const uint8_t *last
    size_t last_len
    uint32_t count
    uint32_t hinted
    uint32_t pages[64]       # what is to be brought in, and behind it what the system is to be told of
    frame_ring_t ring

cdef void ahead_plan(const pool_t *p, ahead_t *a, page_t *parent, long index) noexcept nogil
cdef void ahead_bring(pool_t *p, ahead_t *a) noexcept nogil
cdef long _end(const pool_t *p, const ahead_t *a, page_t *parent) noexcept nogil
