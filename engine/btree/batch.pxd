from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from engine.base.codes cimport (
    ERR_CORRUPT, ERR_FULL, ERR_INTERNAL, ERR_MEMORY, ERR_POISONED, ERR_RESTART, OK,
)
from engine.base.invariant cimport invariant
from engine.base.schedule cimport POINT_PUBLISH, yield_point
from engine.base.sync cimport mutex_lock, mutex_unlock, wall_us
from engine.base.thread cimport thread_self
from engine.base.trace cimport (
    TRACE_AFTER, TRACE_ALLOCATE, TRACE_BEFORE, TRACE_FREE, TRACE_PIN, TRACE_PUBLISH, trace_bytes, trace_event, traced,
)
from engine.btree.node cimport (
    build_t, node_build, node_can_update, node_delete, node_fits, node_insert, node_truncate, node_update, node_value_len,
)
from engine.base.atomic cimport add_acq_rel, store32_relaxed
from engine.btree.cell_records cimport log_delete, log_put
from engine.pool.latch cimport LATCH_PIN, latch_exclusive, unlatch_exclusive
from engine.pool.page_ids cimport mark_changed, note_page, page_id_give, page_id_take
from engine.pool.pool cimport (
    FRAME_DIRTY, FRAME_GARBAGE, frame_dirty, frame_give, frame_of, frame_page, frame_t, frame_take, page_ref_t, pool_pin, pool_t,
    pool_unpin, ref_of, set_frame, store_release,
)
from engine.pool.slots cimport slot_drop
from engine.pool.versions cimport (
    SLOT_LIVE, snapshot_register, snapshot_release, version_cancel, version_keep, version_needed, version_reserve, version_restore,
    version_retire,
)
from engine.storage.layout cimport page_t
from engine.storage.page cimport page_make_overflow
from engine.wal.log cimport wal_append, wal_end, wal_part_t, wal_synced, wal_t
from engine.wal.records cimport (
    REC_ABORT, REC_BUILD, REC_COMMIT, REC_FREE, REC_INSERT, REC_OVERFLOW, REC_TRUNCATE, REC_UPDATE,
    abort_record_t, build_record_t, commit_record_t, free_record_t, overflow_record_t, truncate_record_t,
)

# The one writer's state between the start of a batch and its publication.
ctypedef struct batch_t:
    pool_t *pool
    wal_t *wal
    uint64_t txn
    uint64_t first_lsn        # 0 until the first record
    uint32_t records
    uint64_t previous         # LSN of the record that freed the page id just taken, 0 for a new one
    int32_t snapshot          # keeps the state before the batch; -1: none
    bint inner                # snapshots of the batch's own state were taken
    uint32_t *touched         # page ids changed, made or freed
    uint32_t touched_count
    uint32_t touched_room
    uint32_t *freed           # page ids freed
    uint32_t freed_count
    uint32_t freed_room
    uint8_t *scratch          # 4 pages for node operations
    uint8_t *packed           # 2 pages for runs of cells

cdef int batch_init(batch_t *b, pool_t *pool, wal_t *wal) noexcept nogil
cdef void batch_free(batch_t *b) noexcept nogil
cdef int batch_begin(batch_t *b, uint64_t txn) noexcept nogil
cdef int batch_commit(batch_t *b, uint64_t *lsn) noexcept nogil
cdef int batch_abort(batch_t *b) noexcept nogil
cdef int batch_touch(batch_t *b, uint32_t page_id, int32_t frame) noexcept nogil
cdef int _touch_to_free(batch_t *b, uint32_t page_id, int32_t frame, int32_t *version) noexcept nogil
cdef int _touch_again(batch_t *b, uint32_t page_id, int32_t frame) noexcept nogil
cdef int32_t batch_snapshot(batch_t *b) noexcept nogil
cdef void _latch(batch_t *b, uint32_t page_id, int32_t frame) noexcept nogil
cdef int32_t _new_page(batch_t *b, uint32_t *page_id) noexcept nogil
cdef int64_t batch_build(batch_t *b, uint32_t page_id, uint32_t tree, const build_t *build) noexcept nogil
cdef int batch_insert(batch_t *b, uint32_t page_id, int32_t frame, long index, const uint8_t *key, size_t key_len, const uint8_t *value, uint16_t value_len) noexcept nogil
cdef int batch_update(batch_t *b, uint32_t page_id, int32_t frame, long index, const uint8_t *key, size_t key_len, const uint8_t *value, uint16_t value_len) noexcept nogil
cdef int batch_delete(batch_t *b, uint32_t page_id, int32_t frame, long index, const uint8_t *key, size_t key_len) noexcept nogil
cdef int batch_truncate(batch_t *b, uint32_t page_id, int32_t frame, long index, const uint8_t *upper, size_t upper_len) noexcept nogil
cdef int64_t batch_overflow(batch_t *b, uint32_t tree, uint32_t next, const uint8_t *data, uint32_t data_len) noexcept nogil
cdef int batch_free_page(batch_t *b, uint32_t page_id) noexcept nogil
cdef uint64_t append_commit(wal_t *wal, uint64_t txn, uint64_t first_lsn, uint32_t records) noexcept nogil
cdef uint64_t _log(batch_t *b, uint16_t type, uint32_t page_id, uint32_t tree, uint64_t prev, const void *fixed, size_t fixed_len, const wal_part_t *parts, int count) noexcept nogil
cdef uint64_t _noted(batch_t *b, uint64_t lsn) noexcept nogil
cdef void _applied(batch_t *b, uint32_t page_id, int32_t frame, uint64_t lsn) noexcept nogil
cdef int _check(int done) noexcept nogil
cdef void forget_page(pool_t *p, uint32_t page_id, int32_t frame, uint64_t lsn) noexcept nogil
