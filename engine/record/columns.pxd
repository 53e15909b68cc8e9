from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset
from engine.base.codes cimport ERR_MEMORY
from engine.btree.read cimport Scan
from engine.pool.fail cimport error_of
from engine.storage.layout cimport VALUE_OVERFLOW, cell_at, cell_key, cell_value, lower_fence, slot_at

cdef enum:
    READ_ROOM = -2001        # a text column needs more room; the row was not taken
    READ_DAMAGED = -2002     # bytes that no encoder writes

# One column that is being filled. Numbers are the value slots of Arrow: 8 or 4 bytes, or bits; text has offsets and data.
cdef struct column_t:
    int kind                 # its Type
    uint8_t *valid           # a bit a row; 0: NULL
    uint8_t *data
    int32_t *offsets         # of TEXT and BLOB
    size_t used              # bytes of text in `data`
    size_t room
    int64_t nulls

cdef class ColumnReader:
    cdef readonly tuple columns
    cdef readonly tuple types
    cdef tuple key_columns
    cdef int count
    cdef int needed              # leading fields that are looked at
    cdef int key_items           # leading items of the key that are looked at
    cdef bint wants_key
    cdef column_t *into
    cdef int *key_slots          # item of the key -> column, or -1
    cdef int *slots              # field -> column, or -1
    cdef int *text_slots         # the columns of TEXT and BLOB
    cdef int texts
    cdef int rowid_slot
    cdef bytes defaults          # a row of the values of columns that an old row lacks
    cdef const uint8_t *default_bytes
    cdef size_t defaults_len
    cdef size_t pending          # room a text column must have for the row at hand
    cdef list owners             # bytes objects that the buffers are
    cdef long rows
    cdef long limit
    cdef uint8_t *key
    cdef size_t key_room
    cdef uint8_t *value
    cdef size_t value_room

    cdef int begin(self, long limit) except -1
    cdef int grow(self) except -1
    cdef list end(self)
    cdef int read_scan(self, Scan scan) except -1
    cdef int read_pairs(self, object pairs) except -1
    cdef bint is_full(self) noexcept nogil
    cdef int fill(self, Scan scan) noexcept nogil
    cdef int take_cell(self, Scan scan, long index) noexcept nogil
    cdef int take(self, const uint8_t *key, size_t key_len, const uint8_t *data, size_t length) noexcept nogil
    cdef int take_key(self, const uint8_t *key, size_t key_len) noexcept nogil
    cdef long take_fields(self, const uint8_t *data, size_t length, size_t first) noexcept nogil

cdef uint8_t body_sizes[256]
cdef void put_null(column_t *c, long row) noexcept nogil
cdef int put_number(column_t *c, long row, int64_t number) noexcept nogil
cdef int put_field(column_t *c, long row, const uint8_t *data, size_t left, uint8_t tag, uint32_t size) noexcept nogil
cdef int put_key_number(column_t *c, long row, uint64_t bits) noexcept nogil
cdef int key_tag(int kind) noexcept nogil
cdef long take_escaped(const uint8_t *key, size_t key_len, size_t at, uint8_t mask, column_t *c) noexcept nogil
