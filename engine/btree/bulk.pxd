from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove, memset
from engine.base.codes cimport ERR_FULL, ERR_INTERNAL, ERR_MEMORY, OK
from engine.base.invariant cimport invariant
from engine.btree.batch cimport batch_build, batch_t
from engine.btree.node cimport (
    CELL_PACKED, CELL_SIZE, HEADER_SIZE, SLOT_SIZE, build_t, common_prefix, node_value_len,
)
from engine.btree.overflow cimport overflow_write
from engine.btree.tree cimport DEPTH_MAX, key_max, value_inline_max
from engine.storage.layout cimport FLAG_UPPER_INFINITE, KIND_BRANCH, KIND_LEAF, VALUE_OVERFLOW, overflow_ref_t

# The page under construction at one level of the tree.
ctypedef struct bulk_level_t:
    uint8_t *cells           # packed run, each key without its first `keep` bytes
    uint32_t cells_len
    uint32_t count
    uint32_t keep            # every key of the run begins with so many bytes of the lower fence
    uint32_t whole           # bytes that slots and cells would take in a page with whole keys
    uint8_t *lower           # lower fence of the page
    uint32_t lower_len
    uint8_t *upper           # room for the upper fence while the page is written
    uint8_t *last            # the last key of the run
    uint32_t last_len

ctypedef struct bulk_t:
    batch_t *batch
    uint32_t root
    uint32_t tree
    int height                    # levels in use
    uint8_t *memory[24]
    bulk_level_t level[24]

cdef int bulk_begin(bulk_t *bulk, batch_t *b, uint32_t root, uint32_t tree) noexcept nogil
cdef int bulk_put(bulk_t *bulk, const uint8_t *key, size_t key_len, const uint8_t *value, uint64_t value_len) noexcept nogil
cdef int bulk_finish(bulk_t *bulk) noexcept nogil
cdef void bulk_free(bulk_t *bulk) noexcept nogil
cdef int _open_level(bulk_t *bulk) noexcept nogil
cdef int _add(bulk_t *bulk, int level, const uint8_t *key, size_t key_len, const uint8_t *value, uint16_t value_len) noexcept nogil
cdef int _emit(bulk_t *bulk, int level, const uint8_t *next, size_t next_len) noexcept nogil
cdef size_t _boundary(bulk_t *bulk, int level, uint32_t count, const uint8_t *next, size_t next_len, uint32_t *bytes, uint32_t *whole) noexcept nogil
cdef int64_t _write(bulk_t *bulk, int level, uint32_t count, uint32_t bytes, size_t upper_len, bint last) noexcept nogil
cdef long _repack(bulk_level_t *page, uint32_t bytes, size_t prefix, uint8_t *out, size_t capacity) noexcept nogil
