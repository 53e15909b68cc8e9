from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy
from engine.base.codes cimport ERR_MEMORY, OK
from engine.txn.packed cimport Packed, arena_t

# One Arrow array: where its buffers lie. valid NULL: nothing is NULL; data NULL: everything is.
cdef struct source_t:
    int kind                 # its Type
    int stored               # whether the row holds it; what is kept in the key is not
    int64_t offset           # of the first row in the buffers
    const uint8_t *valid
    const int32_t *offsets
    const uint8_t *data

# How an item of a key is written.
cdef struct item_t:
    int column
    uint8_t mask             # FF where descending
    uint8_t null_tag

cdef class ArrowRows:
    cdef readonly tuple types
    cdef int width
    cdef source_t *sources
    cdef list held
    cdef int fill(self, arena_t *values, long rows) noexcept nogil

cdef bint is_null(const source_t *c, int64_t at) noexcept nogil
cdef size_t put_field(const source_t *c, int64_t at, uint8_t *tag, uint8_t *out) noexcept nogil
cdef int put_item(arena_t *out, const source_t *c, int64_t at, const item_t *item) noexcept nogil
cdef uint64_t mix(uint64_t mixed, const source_t *c, int64_t row) noexcept nogil
