"""The C half of `engine.base.thread`: thread-local storage and the hooks of pthread, which Cython has no words for.

Only thread.py cimports this file: every module that does gets tables of its own.
"""
from libc.stdint cimport uint8_t, uint64_t
from engine.base.thread cimport thread_t

cdef extern from *:
    """
    #include <pthread.h>
    #include <stdlib.h>
    #include <string.h>
    #include <time.h>
    #include <unistd.h>
    #if defined(__linux__)
    #include <sys/syscall.h>
    #endif
    #define ANK_THREADS_MAX 512

    static ank_thread_t *ank_threads[ANK_THREADS_MAX];
    static pthread_mutex_t ank_threads_mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_key_t ank_threads_key;
    static pthread_once_t ank_threads_once = PTHREAD_ONCE_INIT;
    static uint64_t ank_fork_generation = 0;
    static uint64_t ank_ticks_start, ank_ns_start;
    static __thread ank_thread_t *ank_thread_mine;

    static uint64_t ank_clock_ns(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    }
    static void ank_thread_ends(void *entry) {
        pthread_mutex_lock(&ank_threads_mutex);
        ((ank_thread_t *)entry)->in_use = 0;
        pthread_mutex_unlock(&ank_threads_mutex);
    }
    static void ank_after_fork(void) { ank_fork_generation++; }
    static void ank_threads_start(void) {
        pthread_key_create(&ank_threads_key, ank_thread_ends);
        pthread_atfork(NULL, NULL, ank_after_fork);
        ank_ticks_start = ank_ticks();
        ank_ns_start = ank_clock_ns();
    }
    static ank_thread_t *ank_thread_enter(void) {
        ank_thread_t *entry = NULL;
        pthread_once(&ank_threads_once, ank_threads_start);
        pthread_mutex_lock(&ank_threads_mutex);
        for (int i = 0; i < ANK_THREADS_MAX && !entry; i++) {
            if (!ank_threads[i]) {
                ank_threads[i] = calloc(1, sizeof *entry);
                if (!ank_threads[i]) abort();
                entry = ank_threads[i];
            } else if (!ank_threads[i]->in_use || i == ANK_THREADS_MAX - 1) {
                entry = ank_threads[i];
                entry->depth = 0;
                entry->waiting = 0;
                entry->in_section = 0;
            }
        }
        entry->in_use = 1;
    #if defined(__linux__)
        entry->system_id = (uint64_t)syscall(SYS_gettid);
    #else
        entry->system_id = (uint64_t)(uintptr_t)pthread_self();
    #endif
        pthread_mutex_unlock(&ank_threads_mutex);
        pthread_setspecific(ank_threads_key, entry);
        ank_thread_mine = entry;
        return entry;
    }
    static inline ank_thread_t *ank_thread_self(void) {
        return ank_thread_mine ? ank_thread_mine : ank_thread_enter();
    }
    static ank_thread_t *ank_thread_at(int i) {
        return i >= 0 && i < ANK_THREADS_MAX ? ank_threads[i] : NULL;
    }
    static uint64_t ank_generation(void) {
        pthread_once(&ank_threads_once, ank_threads_start);
        return ank_fork_generation;
    }
    static double ank_ticks_per_ns(void) {
        pthread_once(&ank_threads_once, ank_threads_start);
        uint64_t ns = ank_clock_ns() - ank_ns_start;
        while (ns < 1000000) ns = ank_clock_ns() - ank_ns_start;  /* a millisecond calibrates well enough */
        return (double)(ank_ticks() - ank_ticks_start) / (double)ns;
    }
    static uint8_t *ank_alloc(size_t size) {
        void *p = NULL;
        return posix_memalign(&p, 4096, size) == 0 ? (uint8_t *)p : NULL;
    }
    """
    thread_t *native_thread_self "ank_thread_self"() noexcept nogil
    thread_t *native_thread_at "ank_thread_at"(int index) noexcept nogil
    uint64_t native_generation "ank_generation"() noexcept nogil
    double native_ticks_per_ns "ank_ticks_per_ns"() noexcept nogil
    uint8_t *native_alloc "ank_alloc"(size_t size) noexcept nogil
    void native_free "free"(void *p) noexcept nogil
