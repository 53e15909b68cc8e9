from libc.stdint cimport uint8_t, uint64_t

cdef extern from *:
    """
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>
    static uint64_t ank_arena_round(uint64_t bytes) {
        const uint64_t huge = 2u << 20;
        return (bytes + huge - 1) / huge * huge;
    }
    static uint8_t *ank_arena_map(uint64_t bytes) {
        const uint64_t huge = 2u << 20;
        uint64_t size = ank_arena_round(bytes);
        uint8_t *p = mmap(NULL, size + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) return NULL;
        /* give the unaligned ends back, so that huge pages can cover the rest */
        uint8_t *aligned = (uint8_t *)(((uintptr_t)p + huge - 1) / huge * huge);
        if (aligned > p) munmap(p, (size_t)(aligned - p));
        if (aligned + size < p + size + huge) munmap(aligned + size, (size_t)(p + size + huge - (aligned + size)));
    #ifdef MADV_HUGEPAGE
        madvise(aligned, size, MADV_HUGEPAGE);
    #endif
        return aligned;
    }
    /* The memory of a part of an arena, which others may be using: 1, or 0 where the system cannot be asked for it. */
    static int ank_arena_take(uint8_t *p, uint64_t bytes) {
    #ifdef __linux__
        return madvise(p, bytes, 23 /* MADV_POPULATE_WRITE, Linux 5.14 */) == 0;
    #else
        return 0;
    #endif
    }
    static void ank_arena_unmap(uint8_t *p, uint64_t bytes) { if (p) munmap(p, ank_arena_round(bytes)); }
    """
    uint8_t *arena_map "ank_arena_map"(uint64_t bytes) noexcept nogil
    void arena_unmap "ank_arena_unmap"(uint8_t *p, uint64_t bytes) noexcept nogil
    bint arena_take "ank_arena_take"(uint8_t *p, uint64_t bytes) noexcept nogil

cdef uint8_t *arena_new(uint64_t size) noexcept nogil
cdef void arena_free(uint8_t *p, uint64_t size) noexcept nogil
