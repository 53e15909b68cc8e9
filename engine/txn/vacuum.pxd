from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from engine.base.thread cimport OP_VACUUM, thread_does
from engine.base.codes cimport ERR_NO_PAGE, ERR_RESTART, OK
from engine.base.sync cimport mutex_lock, mutex_unlock
from engine.pool.page_ids cimport mark_changed
from engine.pool.load cimport pool_load_many
from engine.pool.pool cimport (
    FRAME_DIRTY, FRAME_GARBAGE, META_SLOTS, SLOT_LIVE, page_known, pool_fix_once, pool_t, pool_unfix, ref_of,
)
from engine.pool.slots cimport slot_drop, slots_cut, slots_done, slots_end
from engine.storage.file cimport file_size, file_truncate
from engine.txn.store cimport Store

cdef int _move(pool_t *p, uint32_t page_id, uint32_t boundary) noexcept nogil
cdef uint32_t _stand_behind(pool_t *p, uint32_t *at, uint32_t last, uint32_t boundary, uint32_t *found) noexcept nogil
cdef long _move_run(pool_t *p, uint32_t *at, uint32_t last, uint32_t boundary) noexcept nogil
cdef int _compact(Store store, uint32_t root, uint8_t *key, size_t *key_len, long *merged) noexcept nogil
