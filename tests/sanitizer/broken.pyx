"""A module that does wrong on request, to see whether each sanitizer looks. Only test_sanitizers.py builds it.

A .pyx, because it is no module of the engine and has no header for others.
"""
from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc

cdef extern from *:
    """
    #include <assert.h>
    #include <stdint.h>
    #ifndef ANOKURO_CHECKED
    #define ANOKURO_CHECKED 0
    #endif
    static int ank_is_checked(void) { return ANOKURO_CHECKED; }
    static void ank_assert_small(int n) { assert(n < 10); (void)n; }
    """
    bint ank_is_checked() noexcept nogil
    void ank_assert_small(int n) noexcept nogil


def is_checked() -> bool:
    return ank_is_checked()


def c_assertion(int n) -> int:
    """Aborts for 10 or more where assertions are compiled."""
    ank_assert_small(n)
    return n


def heap_read(int size, int index) -> int:
    """Reads byte `index` of `size`; the compiler does not know the size."""
    cdef uint8_t *block = <uint8_t *>malloc(size)
    cdef int value
    for i in range(size):
        block[i] = <uint8_t>i
    value = block[index]
    free(block)
    return value


def freed_read(bint free_first) -> int:
    """Reads a block, after it was freed if asked to."""
    cdef volatile uint8_t *block = <volatile uint8_t *>malloc(8)
    cdef int value
    block[3] = 3
    if free_first:
        free(<void *>block)
        return block[3]
    value = block[3]
    free(<void *>block)
    return value


def signed_sum(int32_t a, int32_t b) -> int:
    """Adds two 32-bit integers as C does: more than 2**31 - 1 is undefined."""
    cdef int32_t total = a + b
    return total


def shifted(uint32_t bits) -> int:
    """Shifts a 32-bit one to the left; 32 places or more are undefined."""
    cdef uint32_t one = 1
    return one << bits


def misaligned_read(int offset) -> int:
    """Reads a 32-bit integer at any offset; odd ones are undefined."""
    cdef uint8_t block[16]
    for i in range(16):
        block[i] = 1
    cdef uint32_t *word = <uint32_t *>(block + offset)
    return word[0]
