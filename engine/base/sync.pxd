"""POSIX mutexes, condition variables and clocks, for code that runs without the GIL.

In the ordinary build each call is the POSIX one. In the checked build it goes by way of the deterministic schedule
(engine.base.schedule), which is the POSIX call again for threads that are not scheduled.
"""
from libc.stdint cimport uint64_t
from engine.base.invariant cimport checked
from engine.base.ranks cimport rank_before, rank_forget, rank_given_back, rank_register, rank_taken
from engine.base.schedule cimport (
    schedule_broadcast, schedule_clock, schedule_lock, schedule_signal, schedule_spin, schedule_trylock, schedule_unlock,
    schedule_wait,
)

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
    int posix_mutex_init "pthread_mutex_init"(mutex_t *m, void *attributes) noexcept nogil
    int posix_mutex_destroy "pthread_mutex_destroy"(mutex_t *m) noexcept nogil
    int posix_mutex_lock "pthread_mutex_lock"(mutex_t *m) noexcept nogil
    int posix_mutex_trylock "pthread_mutex_trylock"(mutex_t *m) noexcept nogil
    int posix_mutex_unlock "pthread_mutex_unlock"(mutex_t *m) noexcept nogil
    int cond_init "pthread_cond_init"(cond_t *c, void *attributes) noexcept nogil
    int cond_destroy "pthread_cond_destroy"(cond_t *c) noexcept nogil
    int posix_cond_wait "pthread_cond_wait"(cond_t *c, mutex_t *m) noexcept nogil
    int posix_cond_signal "pthread_cond_signal"(cond_t *c) noexcept nogil
    int posix_cond_broadcast "pthread_cond_broadcast"(cond_t *c) noexcept nogil
    int posix_yield "sched_yield"() noexcept nogil
    uint64_t posix_now_ns "ank_now_ns"() noexcept nogil
    long long wall_us "ank_wall_us"() noexcept nogil

# rank: one of engine.base.ranks
cdef inline int mutex_init(mutex_t *m, int rank) noexcept nogil:
    if checked:
        rank_register(m, rank)
    return posix_mutex_init(m, NULL)

cdef inline int mutex_destroy(mutex_t *m) noexcept nogil:
    if checked:
        rank_forget(m)
    return posix_mutex_destroy(m)

cdef inline int mutex_lock(mutex_t *m) noexcept nogil:
    if not checked:
        return posix_mutex_lock(m)
    rank_before(m)
    done = schedule_lock(m)
    rank_taken(m)
    return done

cdef inline int mutex_trylock(mutex_t *m) noexcept nogil:
    if not checked:
        return posix_mutex_trylock(m)
    done = schedule_trylock(m)
    if done == 0:
        rank_taken(m)
    return done

cdef inline int mutex_unlock(mutex_t *m) noexcept nogil:
    if not checked:
        return posix_mutex_unlock(m)
    rank_given_back(m)
    return schedule_unlock(m)

cdef inline int cond_wait(cond_t *c, mutex_t *m) noexcept nogil:
    if not checked:
        return posix_cond_wait(c, m)
    rank_given_back(m)
    done = schedule_wait(c, m)
    rank_taken(m)
    return done

cdef inline int cond_signal(cond_t *c) noexcept nogil:
    return schedule_signal(c) if checked else posix_cond_signal(c)

cdef inline int cond_broadcast(cond_t *c) noexcept nogil:
    return schedule_broadcast(c) if checked else posix_cond_broadcast(c)

cdef inline int thread_yield() noexcept nogil:
    if checked:
        schedule_spin()
    return posix_yield()

cdef inline uint64_t now_ns() noexcept nogil:
    at = schedule_clock() if checked else 0
    return at if at != 0 else posix_now_ns()
