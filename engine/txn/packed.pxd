from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp
from engine.base.codes cimport ERR_MEMORY, OK

# Bytes of many strings, one behind the other; string i ends at ends[i].
cdef struct arena_t:
    uint8_t *data
    size_t length
    size_t capacity
    uint64_t *ends

cdef class Packed:
    cdef readonly long count
    cdef arena_t keys
    cdef arena_t values
    cdef const uint8_t *at(self, const arena_t *arena, long i, size_t *length) noexcept nogil

cdef int arena_reserve(arena_t *arena, size_t more) noexcept nogil
