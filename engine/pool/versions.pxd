from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy
from engine.base.atomic cimport store32_relaxed
from engine.base.codes cimport ERR_INTERNAL, ERR_MEMORY, ERR_POOL_FULL, OK
from engine.base.invariant cimport invariant
from engine.base.schedule cimport POINT_SNAPSHOT, POINT_VERSION, yield_point
from engine.base.sync cimport wall_us
from engine.base.trace cimport TRACE_VERSION, trace_event, traced
from engine.pool.latch cimport latch_exclusive, try_evict, unlatch_exclusive
from engine.pool.pool cimport (
    FRAME_DIRTY, FRAME_GARBAGE, SLOT_LIVE, frame_give, frame_page, frame_t, frame_take, mutex_lock, mutex_unlock,
    page_known, page_ref_t, pool_t, ref_of, set_frame, frame_of, snapshot_t, version_t,
)
from engine.pool.slots cimport slot_drop

# all with the pool's mutex held
cdef int32_t snapshot_register(pool_t *p, uint64_t lsn) noexcept nogil
cdef void snapshot_release(pool_t *p, int32_t snapshot) noexcept nogil
cdef int32_t _snapshot_entry(pool_t *p) noexcept nogil
cdef bint version_needed(const pool_t *p, uint64_t lsn) noexcept nogil
cdef int version_keep(pool_t *p, uint32_t page_id, int32_t frame) noexcept nogil
cdef int version_restore(pool_t *p, uint32_t page_id, uint64_t before_lsn) noexcept nogil
cdef int32_t version_find(const pool_t *p, uint32_t page_id, uint64_t lsn) noexcept nogil
cdef int32_t _version_entry(pool_t *p) noexcept nogil
cdef void _version_drop(pool_t *p, int32_t version) noexcept nogil
cdef void _attach(pool_t *p, int32_t version, int32_t snapshot) noexcept nogil
cdef void _unlink_page(pool_t *p, int32_t version) noexcept nogil
cdef void _detach_keeper(pool_t *p, int32_t version) noexcept nogil
cdef int32_t version_reserve(pool_t *p, uint64_t lsn) noexcept nogil
cdef void version_cancel(pool_t *p, int32_t version) noexcept nogil
cdef void version_retire(pool_t *p, uint32_t page_id, int32_t frame, int32_t version, uint64_t lsn) noexcept nogil
