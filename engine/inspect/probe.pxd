from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from engine.base.sync cimport mutex_lock, mutex_unlock
from engine.base.thread cimport OP_INSPECT, thread_does, ticks, ticks_per_ns
from engine.pool.fail cimport check
from engine.pool.latch cimport (
    HEAT_SAMPLE, LATCH_EXCLUSIVE, LATCH_PIN, LATCH_PINS, LATCH_SHARED, LATCH_WAITERS, latch_place, latch_shared, optimistic_begin, optimistic_valid, unlatch_shared,
)
from engine.pool.pool cimport (
    EVICTED_MAX, FRAME_DIRTY, FRAME_GARBAGE, eviction_t, frame_of, frame_page, frame_t, page_known, page_ref_t, pool_t, read_image, ref_of, snapshot_t, version_t,
)
from engine.storage.file cimport file_read, file_t
from engine.storage.layout cimport HEADER_SIZE, page_t
from engine.storage.page cimport page_checksum, page_validate
from engine.txn.store cimport Store

cdef enum:
    TRIES = 4
    RUN = 200                # references copied at a time: about a page
    SNAPSHOTS = 128
    FRAMES_RUN = 1024
    VERSIONS = 512

# A descriptor, and what the header of the page in the frame said.
ctypedef struct frame_copy_t:
    frame_t frame
    uint64_t lsn
    uint32_t tree
    uint8_t kind
    uint8_t level

cdef void _copy_frames(pool_t *p, int32_t first, int32_t count, frame_copy_t *out) noexcept nogil
cdef int _hottest(pool_t *p, int32_t *found, int count) noexcept nogil
cdef bint _hotter(const frame_t *f, const frame_t *other) noexcept nogil
cdef int _copy_frame(pool_t *p, int32_t frame, uint32_t page_id, size_t length, uint8_t *out) noexcept nogil
cdef int64_t _copy_header(pool_t *p, uint32_t number, int32_t frame, bint in_frame, uint8_t *out) noexcept nogil
cdef void _copy_refs(pool_t *p, uint32_t first, uint32_t count, page_ref_t *out, int32_t *frames) noexcept nogil
cdef void _copy_slots(pool_t *p, uint32_t first, uint32_t count, uint8_t *out) noexcept nogil
cdef void _copy_snapshots(pool_t *p, snapshot_t *out, version_t *versions, int32_t *owners, int32_t *counts) noexcept nogil
