"""CRC-32C instructions of the processor: the raw register update, without table, seed or final inversion.

Only `engine/base/crc32c.py` uses this. Instruction sets are enabled per function and asked for at run time, so that one
build serves every processor of an architecture.
"""
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>
    #if defined(__x86_64__)
    #include <cpuid.h>
    #include <nmmintrin.h>
    #if defined(__clang__)
    #define ANK_CRC_TARGET __attribute__((target("sse4.2,crc32")))
    #else
    #define ANK_CRC_TARGET __attribute__((target("sse4.2")))
    #endif
    #define ANK_CRC_64(crc, word) _mm_crc32_u64((crc), (word))
    #define ANK_CRC_8(crc, byte) _mm_crc32_u8((uint32_t)(crc), (byte))
    static int ank_crc_supported(void) {
        unsigned a, b, c = 0, d;
        return __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 20)) != 0;
    }
    #define ANK_CRC_HARDWARE 1
    #elif defined(__aarch64__) && defined(__linux__)
    #include <sys/auxv.h>
    #define ANK_CRC_TARGET __attribute__((target("+crc")))
    #define ANK_CRC_64(crc, word) __builtin_aarch64_crc32cx((uint32_t)(crc), (word))
    #define ANK_CRC_8(crc, byte) __builtin_aarch64_crc32cb((uint32_t)(crc), (byte))
    static int ank_crc_supported(void) { return (getauxval(AT_HWCAP) & (1ul << 7)) != 0; }
    #if defined(__clang__)
    #undef ANK_CRC_64
    #undef ANK_CRC_8
    #define ANK_CRC_64(crc, word) __builtin_arm_crc32cd((uint32_t)(crc), (word))
    #define ANK_CRC_8(crc, byte) __builtin_arm_crc32cb((uint32_t)(crc), (byte))
    #endif
    #define ANK_CRC_HARDWARE 1
    #else
    static int ank_crc_supported(void) { return 0; }
    #endif

    #ifdef ANK_CRC_HARDWARE
    ANK_CRC_TARGET static uint32_t ank_crc_update(uint32_t crc, const uint8_t *p, size_t n) {
        uint64_t c = crc, word;
        for (; n >= 8; p += 8, n -= 8) { memcpy(&word, p, 8); c = ANK_CRC_64(c, word); }
        for (; n > 0; p++, n--) c = ANK_CRC_8(c, *p);
        return (uint32_t)c;
    }
    /* Three independent streams of `block` bytes each (a multiple of 8): the instruction has a latency of three
       cycles and a throughput of one. */
    ANK_CRC_TARGET static void ank_crc_update3(uint32_t *crc, const uint8_t *p, size_t block) {
        uint64_t c0 = crc[0], c1 = crc[1], c2 = crc[2], w0, w1, w2;
        for (size_t i = 0; i < block; i += 8) {
            memcpy(&w0, p + i, 8); memcpy(&w1, p + block + i, 8); memcpy(&w2, p + 2 * block + i, 8);
            c0 = ANK_CRC_64(c0, w0); c1 = ANK_CRC_64(c1, w1); c2 = ANK_CRC_64(c2, w2);
        }
        crc[0] = (uint32_t)c0; crc[1] = (uint32_t)c1; crc[2] = (uint32_t)c2;
    }
    #else
    static uint32_t ank_crc_update(uint32_t crc, const uint8_t *p, size_t n) { (void)p; (void)n; return crc; }
    static void ank_crc_update3(uint32_t *crc, const uint8_t *p, size_t block) { (void)crc; (void)p; (void)block; }
    #endif
    """
    bint hw_supported "ank_crc_supported"() noexcept nogil
    uint32_t hw_update "ank_crc_update"(uint32_t crc, const uint8_t *p, size_t n) noexcept nogil
    void hw_update3 "ank_crc_update3"(uint32_t *crc, const uint8_t *p, size_t block) noexcept nogil
