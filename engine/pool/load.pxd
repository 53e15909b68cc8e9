"""Bringing many pages in at once (see load.py)."""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from engine.base.atomic cimport load32_relaxed, store32_relaxed, store_relaxed
from engine.base.codes cimport OK
from engine.base.invariant cimport invariant
from engine.base.sync cimport mutex_lock, mutex_unlock
from engine.base.thread cimport thread_self
from engine.pool.latch cimport LATCH_EXCLUSIVE, latch_note_page, try_evict, unlatch_exclusive
from engine.pool.pool cimport (
    EVICTED_RING, FRAME_DIRTY, FRAME_GARBAGE, _detach, _take_free, frame_give, frame_of, frame_page, frame_take, page_known, pool_t,
    ref_of, set_frame,
)
from engine.storage.aio cimport (
    AIO_DEPTH, AIO_READ, aio_batch_t, aio_begin, aio_end, aio_hint, aio_next, aio_op_t, aio_submit, aio_t,
)
from engine.storage.file cimport file_t
from engine.storage.page cimport PAGE_OK, page_verify

cdef enum:
    RING_MAX = 64
    GAP = 4                  # slots that are at most this far apart stand close together

# The frames that one scan uses over and over, so that it does not flush the pool. Zeroed before its first use.
ctypedef struct frame_ring_t:
    uint32_t at
    int32_t frames[64]
    uint32_t pages[64]

cdef uint32_t pool_load_many(pool_t *p, const uint32_t *page_ids, uint32_t count, frame_ring_t *ring) noexcept nogil
cdef void pool_hint_many(pool_t *p, const uint32_t *page_ids, uint32_t count) noexcept nogil
cdef uint32_t load_window(const pool_t *p) noexcept nogil
cdef void _load(pool_t *p, const uint32_t *page_ids, uint32_t count, frame_ring_t *ring) noexcept nogil
cdef bint _sort(uint32_t *slots, aio_op_t *ops, uint32_t count) noexcept nogil
cdef int32_t _claim(pool_t *p, uint32_t page_id, frame_ring_t *ring) noexcept nogil
cdef int32_t _ring_frame(pool_t *p, frame_ring_t *ring) noexcept nogil
cdef void _arrived(pool_t *p, const aio_op_t *op) noexcept nogil
