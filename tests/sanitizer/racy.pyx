"""A module in which threads race on request, to see whether the thread sanitizer looks. Only test_sanitizers.py builds it.

A .pyx, because it is no module of the engine and has no header for others.
"""
from libc.stdint cimport uint64_t

cdef extern from *:
    """
    #include <pthread.h>
    #include <stdint.h>
    static uint64_t ank_plain, ank_atomic, ank_guarded;
    static int ank_ready;
    static uint64_t ank_message;
    static pthread_mutex_t ank_guard = PTHREAD_MUTEX_INITIALIZER;
    enum { ANK_PLAIN, ANK_ATOMIC, ANK_GUARDED, ANK_RELEASED, ANK_RELAXED };
    static void *ank_work(void *how) {
        for (int i = 0; i < 1000; i++) {
            switch ((int)(intptr_t)how) {
            case ANK_PLAIN: ank_plain++; break;
            case ANK_ATOMIC: __atomic_fetch_add(&ank_atomic, 1, __ATOMIC_RELAXED); break;
            case ANK_GUARDED: pthread_mutex_lock(&ank_guard); ank_guarded++; pthread_mutex_unlock(&ank_guard); break;
            case ANK_RELEASED: while (!__atomic_load_n(&ank_ready, __ATOMIC_ACQUIRE)) {} ank_plain += ank_message; break;
            case ANK_RELAXED: while (!__atomic_load_n(&ank_ready, __ATOMIC_RELAXED)) {} ank_plain += ank_message; break;
            }
        }
        return 0;
    }
    static uint64_t ank_two_threads(int how) {
        pthread_t one, two;
        int single = how == ANK_RELEASED || how == ANK_RELAXED;
        ank_ready = 0;
        pthread_create(&one, 0, ank_work, (void *)(intptr_t)how);
        if (!single) pthread_create(&two, 0, ank_work, (void *)(intptr_t)how);
        if (single) {
            ank_message = 1;
            __atomic_store_n(&ank_ready, 1, how == ANK_RELEASED ? __ATOMIC_RELEASE : __ATOMIC_RELAXED);
        } else pthread_join(two, 0);
        pthread_join(one, 0);
        return how == ANK_ATOMIC ? ank_atomic : how == ANK_GUARDED ? ank_guarded : ank_plain;
    }
    """
    uint64_t ank_two_threads(int how) nogil

HOW = ("plain", "atomic", "guarded", "released", "relaxed")


def two_threads(how: str) -> int:
    """Two threads count to 1000, or one hands a message to the other, in a way that is right or not."""
    cdef int number = HOW.index(how)
    cdef uint64_t found
    with nogil:
        found = ank_two_threads(number)
    return found
