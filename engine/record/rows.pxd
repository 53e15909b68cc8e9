from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from engine.record.keys cimport buffer_t

# One field of a stored row: where its body lies (offset in the row) and how it is to be read.
cdef struct field_t:
    uint8_t tag
    uint32_t offset
    uint32_t size

cdef enum:
    TAG_NULL = 0x00
    TAG_INTEGER = 0x00      # + number of bytes, 1 to 8
    TAG_ZERO = 0x09
    TAG_ONE = 0x0A
    TAG_FALSE = 0x0C
    TAG_TRUE = 0x0D
    TAG_REAL = 0x0E
    TAG_DATE = 0x10
    TAG_TIMESTAMP = 0x11
    TAG_TEXT_LONG = 0x14
    TAG_BLOB_LONG = 0x15
    TAG_BLOB = 0x40         # + length, 0 to 63
    TAG_TEXT = 0x80         # + length, 0 to 127

# fields of a row into `out` (at most `limit`); the number of fields of the row, or -1 on damaged bytes
cdef long row_fields(const uint8_t *data, size_t length, field_t *out, long limit) noexcept nogil
cdef int64_t field_integer(const uint8_t *body, uint32_t size) noexcept nogil
cdef object field_value(const uint8_t *data, field_t *field)

cdef class RowEncoder:
    cdef readonly int count
    cdef readonly tuple names
    cdef readonly tuple types
    cdef readonly tuple not_null
    cdef readonly tuple stored
    cdef list _types
    cdef bytes _not_null
    cdef bytes _stored
    cdef buffer_t buffer
    cdef buffer_t tags
    cpdef bytes encode(self, values)
    cpdef tuple check(self, values)

cdef class RowDecoder:
    cdef readonly tuple columns
    cdef readonly int width
    cdef readonly int rowid_column
    cdef readonly tuple key_columns
    cdef readonly tuple defaults
    cdef int needed
    cdef int fields_capacity
    cdef int *_columns
    cdef int *_key_slots
    cdef int key_last
    cdef field_t *_fields
    cpdef tuple decode(self, bytes key, bytes value)
    cdef int decode_key(self, bytes key, tuple row) except -1
