from libc.stdint cimport uint8_t, uint16_t, uint64_t, uint32_t
from engine.base.codes cimport ERR_FULL, ERR_INTERNAL, ERR_POISONED, ERR_RESTART, OK
from engine.base.schedule cimport POINT_PUBLISH, yield_point
from engine.base.sync cimport mutex_lock, mutex_unlock
from engine.base.trace cimport TRACE_AFTER, TRACE_BEFORE, TRACE_PUBLISH, trace_bytes, trace_event, traced
from engine.btree.batch cimport append_commit
from engine.btree.cell_records cimport log_delete, log_put
from engine.btree.node cimport (
    cell_at, node_can_update, node_delete, node_fits, node_insert, node_search, node_update, node_used, slot_at,
)
from engine.btree.tree cimport corrupt, path_release, path_t, tree_descend, value_inline_max
from engine.pool.latch cimport latch_exclusive, unlatch_exclusive
from engine.pool.page_ids cimport mark_changed
from engine.pool.pool cimport SLOT_LIVE, frame_dirty, frame_page, page_ref_t, pool_t, ref_of, store_release
from engine.pool.slots cimport slot_drop
from engine.pool.versions cimport version_needed
from engine.storage.layout cimport VALUE_OVERFLOW, page_t
from engine.wal.log cimport wal_t
from engine.wal.records cimport REC_INSERT, REC_UPDATE

cdef int put_in_place(pool_t *p, wal_t *wal, uint64_t txn, uint32_t root, const uint8_t *key, size_t key_len, const uint8_t *value, uint64_t value_len, uint8_t *scratch) noexcept nogil
cdef int delete_in_place(pool_t *p, wal_t *wal, uint64_t txn, uint32_t root, const uint8_t *key, size_t key_len) noexcept nogil
cdef int _ready(pool_t *p, uint32_t page_id, int frame) noexcept nogil
cdef void _publish(pool_t *p, uint32_t page_id, int frame, uint64_t lsn, uint64_t commit_lsn) noexcept nogil
cdef int _put(pool_t *p, wal_t *wal, uint64_t txn, path_t *path, const uint8_t *key, size_t key_len, const uint8_t *value, uint16_t value_len, uint8_t *scratch) noexcept nogil
cdef int _delete(pool_t *p, wal_t *wal, uint64_t txn, path_t *path, const uint8_t *key, size_t key_len) noexcept nogil
