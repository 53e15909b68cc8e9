"""Atomics: inline wrappers over the compiler's __atomic builtins (C11 semantics), the only place that names them.

Naming: operation_memory-order. `relaxed` orders nothing, `acquire` pairs with `release`, `seq` is sequentially consistent.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #ifndef ANOKURO_ATOMIC
    #define ANOKURO_ATOMIC
    #include <stdint.h>
    #define ank_load_relaxed(p)        __atomic_load_n((p), __ATOMIC_RELAXED)
    #define ank_load_acquire(p)        __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define ank_load_seq(p)            __atomic_load_n((p), __ATOMIC_SEQ_CST)
    #define ank_store_relaxed(p, v)    __atomic_store_n((p), (v), __ATOMIC_RELAXED)
    #define ank_store_release(p, v)    __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    #define ank_store_seq(p, v)        __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
    #define ank_add_relaxed(p, v)      __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
    #define ank_add_acq_rel(p, v)      __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
    #define ank_or_acq_rel(p, v)       __atomic_fetch_or((p), (v), __ATOMIC_ACQ_REL)
    #define ank_and_acq_rel(p, v)      __atomic_fetch_and((p), (v), __ATOMIC_ACQ_REL)
    #define ank_prefetch(p)            __builtin_prefetch((p), 0, 3)
    #define ank_fence_acquire()        __atomic_thread_fence(__ATOMIC_ACQUIRE)
    #define ank_fence_release()        __atomic_thread_fence(__ATOMIC_RELEASE)
    #define ank_fence_seq()            __atomic_thread_fence(__ATOMIC_SEQ_CST)
    static inline int ank_cas64(uint64_t *p, uint64_t expected, uint64_t desired) {
        return __atomic_compare_exchange_n(p, &expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
    static inline int ank_cas32(uint32_t *p, uint32_t expected, uint32_t desired) {
        return __atomic_compare_exchange_n(p, &expected, desired, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
    #if defined(__x86_64__) || defined(__i386__)
    #define ank_cpu_relax() __builtin_ia32_pause()
    #elif defined(__aarch64__)
    #define ank_cpu_relax() __asm__ __volatile__("yield")
    #else
    #define ank_cpu_relax() ((void)0)
    #endif
    #endif
    """
    uint64_t load_relaxed "ank_load_relaxed"(const uint64_t *p) noexcept nogil
    uint64_t load_acquire "ank_load_acquire"(const uint64_t *p) noexcept nogil
    uint64_t load_seq "ank_load_seq"(const uint64_t *p) noexcept nogil
    void store_relaxed "ank_store_relaxed"(uint64_t *p, uint64_t value) noexcept nogil
    void store_release "ank_store_release"(uint64_t *p, uint64_t value) noexcept nogil
    void store_seq "ank_store_seq"(uint64_t *p, uint64_t value) noexcept nogil
    uint64_t add_relaxed "ank_add_relaxed"(uint64_t *p, uint64_t value) noexcept nogil
    uint64_t add_acq_rel "ank_add_acq_rel"(uint64_t *p, uint64_t value) noexcept nogil
    uint64_t or_acq_rel "ank_or_acq_rel"(uint64_t *p, uint64_t value) noexcept nogil
    uint64_t and_acq_rel "ank_and_acq_rel"(uint64_t *p, uint64_t value) noexcept nogil
    bint cas64 "ank_cas64"(uint64_t *p, uint64_t expected, uint64_t desired) noexcept nogil

    uint32_t load32_relaxed "ank_load_relaxed"(const uint32_t *p) noexcept nogil
    uint32_t load32_acquire "ank_load_acquire"(const uint32_t *p) noexcept nogil
    void store32_relaxed "ank_store_relaxed"(uint32_t *p, uint32_t value) noexcept nogil
    void store32_release "ank_store_release"(uint32_t *p, uint32_t value) noexcept nogil
    uint32_t add32_relaxed "ank_add_relaxed"(uint32_t *p, uint32_t value) noexcept nogil
    bint cas32 "ank_cas32"(uint32_t *p, uint32_t expected, uint32_t desired) noexcept nogil

    int32_t loadi32_relaxed "ank_load_relaxed"(const int32_t *p) noexcept nogil
    int32_t loadi32_acquire "ank_load_acquire"(const int32_t *p) noexcept nogil
    void storei32_release "ank_store_release"(int32_t *p, int32_t value) noexcept nogil

    uint16_t load16_relaxed "ank_load_relaxed"(const uint16_t *p) noexcept nogil
    uint8_t load8_relaxed "ank_load_relaxed"(const uint8_t *p) noexcept nogil
    void store8_relaxed "ank_store_relaxed"(uint8_t *p, uint8_t value) noexcept nogil

    void fence_acquire "ank_fence_acquire"() noexcept nogil
    void fence_release "ank_fence_release"() noexcept nogil
    void fence_seq "ank_fence_seq"() noexcept nogil
    void cpu_relax "ank_cpu_relax"() noexcept nogil
    void prefetch "ank_prefetch"(const void *p) noexcept nogil
