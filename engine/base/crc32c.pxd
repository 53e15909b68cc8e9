from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    LONG_BLOCK = 1360    # three of them are 4,080 bytes: a 4, 8 or 16 KiB page without its checksum leaves a short rest
    SHORT_BLOCK = 128

cdef struct shift_t:
    uint32_t by_byte[4][256]

cdef uint32_t byte_table[8][256]
cdef shift_t long_shift
cdef shift_t short_shift
cdef bint use_hardware

# CRC-32C of `length` bytes, continuing from `seed`: crc32c(crc32c(0, a), b) == crc32c(0, a + b).
cdef uint32_t crc32c(uint32_t seed, const void *data, size_t length) noexcept nogil

cdef uint32_t _software(uint32_t crc, const uint8_t *p, size_t n) noexcept nogil
cdef uint32_t _hardware(uint32_t crc, const uint8_t *p, size_t n) noexcept nogil
cdef uint32_t _shifted(const shift_t *shift, uint32_t crc) noexcept nogil
cdef void _fill_byte_tables() noexcept nogil
cdef void _fill_shift(shift_t *shift, size_t zeros) noexcept nogil
