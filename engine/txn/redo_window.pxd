from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset
from engine.base.atomic cimport prefetch
from engine.base.codes cimport ERR_MEMORY, OK
from engine.btree.redo cimport redo_end, redo_init, redo_prefetch, redo_record, redo_t
from engine.pool.pool cimport pool_t
from engine.wal.reader cimport record_view, record_view_t

# One record of a window: whose page it changes, and where its copy is.
ctypedef struct window_item_t:
    uint32_t page
    uint64_t offset
    uint64_t lsn

ctypedef struct window_t:
    uint8_t *data
    size_t used
    size_t room
    size_t size              # how many bytes of records make it full
    window_item_t *items
    window_item_t *sorted
    uint32_t count
    uint32_t item_room

cdef void window_init(window_t *w, size_t size) noexcept nogil
cdef void window_free(window_t *w) noexcept nogil
cdef bint window_full(const window_t *w) noexcept nogil
cdef int window_add(window_t *w, const record_view_t *view) noexcept nogil
cdef int window_redo(window_t *w, pool_t *p, uint8_t *scratch) noexcept nogil
cdef int _sort(window_t *w) noexcept nogil
cdef void _sort_pass(const window_item_t *source, window_item_t *target, uint32_t count, int shift) noexcept nogil
