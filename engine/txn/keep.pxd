from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from engine.base.codes cimport ERR_CORRUPT, ERR_MEMORY, OK
from engine.base.sync cimport mutex_lock, mutex_unlock
from engine.pool.pool cimport (
    META_SLOTS, SLOT_DURABLE, SLOT_PENDING, SLOT_RETAINED, pool_t,
)
from engine.pool.slots cimport slot_drop, slot_mark, slot_take
from engine.storage.file cimport File, file_read, file_t, file_write
from engine.storage.layout cimport HEADER_SIZE, KIND_TABLE, page_t, table_entry_t
from engine.storage.page cimport PAGE_OK, page_verify
from engine.txn.store cimport Store

# The walk through the page tables of kept checkpoints.
ctypedef struct walk_t:
    file_t *file
    uint32_t page_size
    uint32_t page_shift
    uint32_t limit           # slots from here on are outside the file
    uint8_t *marks           # one byte a slot
    uint8_t mark             # what this walk leaves
    bint prune               # blocks that were marked by an earlier walk are passed over, with all below them

cdef int walk_table(walk_t *w, uint32_t level, uint32_t index, uint32_t slot, uint32_t tag) noexcept nogil
cdef void _add_marks(pool_t *p, const uint8_t *marks, uint32_t count) noexcept nogil
cdef void _drop_marks(pool_t *p, const uint8_t *marks, uint32_t count) noexcept nogil
