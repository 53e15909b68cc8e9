from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.math cimport fabs, rint
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memset
from engine.record.moments cimport civil_from_days

cdef enum:
    STYLE_CSV = 0
    STYLE_TSV = 1
    STYLE_JSON = 2
    NEEDS_PYTHON = -3001     # a value that Python has to spell

# One Arrow array: where its buffers lie, and what stands before each of its values. valid NULL: nothing is NULL; data NULL: everything is.
cdef struct text_column_t:
    int kind                 # its Type
    int64_t offset           # of the first row in the buffers
    const uint8_t *valid
    const int32_t *offsets
    const uint8_t *data
    const uint8_t *before
    size_t before_len

cdef class TextLines:
    cdef int style
    cdef int count
    cdef uint8_t delimiter, quote, moment
    cdef bint quotes             # texts that need it are put in quotes; else Python spells them
    cdef bint quotes_null        # a text that reads as NULL is put in quotes, too
    cdef uint8_t special[256]    # bytes that make a text one that needs care
    cdef text_column_t *columns
    cdef list held
    cdef const uint8_t *null
    cdef size_t null_len
    cdef const uint8_t *end
    cdef size_t end_len
    cdef tuple texts             # whose bytes these are
    cdef object spell
    cdef uint8_t *out
    cdef size_t used, room

    cdef int take(self, object arrays) except -1
    cdef int reserve(self, size_t size) noexcept nogil
    cdef int put(self, const uint8_t *text, size_t size) noexcept nogil
    cdef int row(self, int64_t at, int *first) noexcept nogil
    cdef int field(self, const text_column_t *c, int64_t at) noexcept nogil
    cdef int text_field(self, const uint8_t *text, size_t size) noexcept nogil
    cdef int quoted(self, const uint8_t *text, size_t size) noexcept nogil
    cdef int blob(self, const uint8_t *data, size_t size) noexcept nogil
    cdef int put_python(self, const text_column_t *c, int64_t at) except -1

cdef const uint8_t *address_of(object buffer) except? NULL
cdef size_t put_integer(int64_t value, uint8_t *out) noexcept nogil
cdef size_t put_digits(uint64_t value, int width, uint8_t *out) noexcept nogil
cdef size_t put_real(double value, uint8_t *out) noexcept nogil
cdef size_t put_date(int64_t days, uint8_t *out) noexcept nogil
cdef size_t put_timestamp(int64_t micros, uint8_t mark, uint8_t *out) noexcept nogil
