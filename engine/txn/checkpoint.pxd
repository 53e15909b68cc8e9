from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from engine.base.thread cimport OP_CHECKPOINT, thread_does
from engine.base.atomic cimport load32_relaxed
from engine.base.codes cimport ERR_MEMORY, ERR_RESTART, OK
from engine.base.schedule cimport POINT_CHECKPOINT, yield_point
from engine.base.sync cimport mutex_lock, mutex_unlock
from engine.pool.pool cimport (
    SLOT_DURABLE, SLOT_LIVE, SLOT_PENDING, frame_of, page_known, page_ref_t, pool_fix_once, pool_know, pool_t, pool_unfix,
    ref_of, version_t,
)
from engine.pool.images cimport (
    IMAGES_MAX, image_settle, images_copy, images_free, images_init, images_t, images_write,
)
from engine.pool.page_ids cimport mark_changed
from engine.pool.slots cimport slot_drop, slot_mark, slot_take
from engine.pool.versions cimport snapshot_register, snapshot_release, version_find
from engine.pool.writer cimport warm_for
from engine.storage.layout cimport HEADER_SIZE, KIND_TABLE, META_SLOTS, page_t, table_entry_t
from engine.storage.page cimport page_seal, page_verify
from engine.txn.store cimport Store
from engine.wal.log cimport wal_t

# One page of a checkpoint: where its image is, and where the one of the last checkpoint was.
ctypedef struct item_t:
    uint32_t page_id
    uint32_t slot
    uint32_t tag
    uint32_t old_slot
    uint32_t old_tag

# What a checkpoint captures: the state at one LSN, and the pages that have changed since the last one.
ctypedef struct cut_t:
    uint64_t lsn
    uint64_t redo_lsn        # from where recovery reads the log
    uint32_t redo_crc
    uint32_t next_page_id
    uint32_t next_tree
    int32_t snapshot
    item_t *items
    uint32_t count

cdef int place_pages(pool_t *p, uint64_t lsn, item_t *items, uint32_t count, images_t *images, wal_t *wal) noexcept nogil
cdef bint _find_image(pool_t *p, uint64_t lsn, item_t *item) noexcept nogil
cdef int _copy_version(pool_t *p, uint64_t lsn, uint32_t page_id, images_t *images, uint32_t index) noexcept nogil
cdef int _write_images(pool_t *p, images_t *images, item_t *items) noexcept nogil
cdef void _drop_images(pool_t *p, images_t *images) noexcept nogil
cdef int _place_all(Store store, uint64_t lsn, item_t *items, uint32_t count) except -1
cdef void _undo(pool_t *p, item_t *items, uint32_t count, bint again) noexcept nogil
cdef void _settle(pool_t *p, item_t *items, uint32_t count) noexcept nogil
cdef void _page_entries(pool_t *p, page_t *page, uint32_t index) noexcept nogil
cdef void _change_slot(pool_t *p, uint32_t slot, uint8_t drop, uint8_t add)
cdef int _take_cut(Store s, cut_t *cut) except -1
cdef void _let_cut_go(Store s, cut_t *cut)
cdef int _write_cut(Store s, cut_t *cut, object retain, object drop) except -1
cdef void _take_back(Store s, cut_t *cut, bint placed) except *
cdef object _next_meta(Store s, cut_t *cut, tuple table_root)
cdef void _tell_log(Store s, cut_t *cut) except *
