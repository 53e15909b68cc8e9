from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from engine.base.codes cimport OK
from engine.base.sync cimport mutex_lock, mutex_unlock
from engine.pool.page_ids cimport page_id_give
from engine.pool.pool cimport frame_of, page_known, pool_t, ref_of
from engine.pool.slots cimport slot_room
from engine.txn.redo_window cimport window_add, window_free, window_full, window_init, window_redo, window_t
from engine.txn.store cimport Store
from engine.wal.reader cimport LogReader, reader_next, reader_t, record_view_t

cdef int _redo_until(
    pool_t *p, reader_t *r, window_t *window, uint64_t end, uint64_t skip_from, uint64_t skip_to, uint8_t *scratch, uint32_t *next_tree
) noexcept nogil
