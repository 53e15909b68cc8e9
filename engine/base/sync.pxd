"""POSIX mutexes, condition variables and clocks, for code that runs without the GIL."""
from libc.stdint cimport uint64_t

cdef extern from *:
    """
    #ifndef ANOKURO_SYNC
    #define ANOKURO_SYNC
    #include <pthread.h>
    #include <sched.h>
    #include <stdint.h>
    #include <time.h>
    static inline uint64_t ank_now_ns(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    }
    static inline int64_t ank_wall_us(void) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    }
    #endif
    """
    ctypedef struct mutex_t "pthread_mutex_t":
        pass
    ctypedef struct cond_t "pthread_cond_t":
        pass
    int mutex_init "pthread_mutex_init"(mutex_t *m, void *attributes) noexcept nogil
    int mutex_destroy "pthread_mutex_destroy"(mutex_t *m) noexcept nogil
    int mutex_lock "pthread_mutex_lock"(mutex_t *m) noexcept nogil
    int mutex_trylock "pthread_mutex_trylock"(mutex_t *m) noexcept nogil
    int mutex_unlock "pthread_mutex_unlock"(mutex_t *m) noexcept nogil
    int cond_init "pthread_cond_init"(cond_t *c, void *attributes) noexcept nogil
    int cond_destroy "pthread_cond_destroy"(cond_t *c) noexcept nogil
    int cond_wait "pthread_cond_wait"(cond_t *c, mutex_t *m) noexcept nogil
    int cond_signal "pthread_cond_signal"(cond_t *c) noexcept nogil
    int cond_broadcast "pthread_cond_broadcast"(cond_t *c) noexcept nogil
    int thread_yield "sched_yield"() noexcept nogil
    uint64_t now_ns "ank_now_ns"() noexcept nogil
    long long wall_us "ank_wall_us"() noexcept nogil
