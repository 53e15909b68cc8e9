from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef struct buffer_t:
    uint8_t *data
    size_t length
    size_t capacity

cdef int buffer_reserve(buffer_t *buffer, size_t more) except -1
cdef int put_item(buffer_t *buffer, object value, bint descending, bint nulls_last) except -1
cdef bytes rowid_bytes(int64_t rowid)
cdef int64_t rowid_value(const uint8_t *data) noexcept nogil
cdef object take_item(const uint8_t *data, size_t length, size_t *position)
cdef uint64_t read_big(const uint8_t *data, int count, uint8_t mask) noexcept nogil
cdef void write_big(uint8_t *out, uint64_t value, int count) noexcept nogil
cdef long unescape(const uint8_t *data, size_t length, size_t start, uint8_t mask, uint8_t *out) noexcept nogil

cdef class KeyCodec:
    cdef readonly int count
    cdef readonly tuple descending
    cdef readonly tuple nulls_last
    cdef list _flags
    cpdef bytes encode(self, values)
