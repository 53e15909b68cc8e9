from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset
from engine.base.atomic cimport prefetch
from engine.base.codes cimport ERR_CORRUPT, ERR_LOG, ERR_MEMORY, OK
from engine.base.sync cimport mutex_lock, mutex_unlock
from engine.base.thread cimport OP_RECOVERY, thread_does, thread_self
from engine.btree.batch cimport forget_page
from engine.pool.page_ids cimport mark_changed
from engine.btree.node cimport (
    build_t, common_prefix, node_build, node_can_update, node_delete, node_fits, node_insert, node_key, node_search, node_truncate, node_update,
)
from engine.pool.latch cimport LATCH_PIN, latch_exclusive, unlatch_exclusive
from engine.pool.pool cimport (
    FRAME_DIRTY, SLOT_LIVE, frame_of, frame_page, frame_take, page_known, page_prefetch, pool_know, pool_pin, pool_t, pool_unpin,
    ref_of, set_frame,
)
from engine.pool.slots cimport slot_drop
from engine.storage.layout cimport KIND_BRANCH, KIND_LEAF, lower_fence, page_t
from engine.storage.page cimport page_make_overflow, page_validate
from engine.wal.reader cimport record_view_t
from engine.wal.records cimport (
    REC_BUILD, REC_DELETE, REC_FREE, REC_INSERT, REC_OVERFLOW, REC_TRUNCATE, REC_UPDATE, build_record_t,
    delete_record_t, insert_record_t, overflow_record_t, truncate_record_t, update_record_t,
)

# Apply a page record to a page as it was before it. scratch: 4 pages. 0 or ERR_LOG: the record does not fit the page.
cdef int apply_record(page_t *page, uint32_t page_size, const record_view_t *r, uint8_t *scratch) noexcept nogil
# Recovery: where redo stands. Records of the same page, one after the other, find it pinned and latched.
ctypedef struct redo_t:
    pool_t *pool
    uint8_t *scratch
    uint32_t page_id
    int32_t frame            # -1: none
    bint fresh               # made for this record: there was no page before

cdef void redo_init(redo_t *redo, pool_t *p, uint8_t *scratch) noexcept nogil
cdef int redo_record(redo_t *redo, const record_view_t *r) noexcept nogil
cdef void redo_end(redo_t *redo) noexcept nogil
cdef void redo_prefetch(const pool_t *p, uint32_t page_id) noexcept nogil
cdef int _fetch(redo_t *redo, uint32_t page_id, bint makes) noexcept nogil
cdef int32_t _fresh_frame(pool_t *p, uint32_t page_id) noexcept nogil
cdef bint _belongs(page_t *page, uint32_t page_size, const record_view_t *r, size_t key_len, long found) noexcept nogil
cdef int _misfit(uint32_t page_id) noexcept nogil
