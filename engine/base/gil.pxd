"""Fairness among Python's threads.

A thread that waits for the GIL asks its holder for it only when nobody has let it go for 5 ms (sys.getswitchinterval).
Whoever lets it go more often, each time for less than another thread takes to wake up, is never asked, and keeps it:
a scan did, a leaf at a time, for seconds. So whoever releases the GIL for a moment takes a nap there once in 5 ms,
long enough for a waiter to come, unless there is one Python thread alone.
"""

from libc.stdint cimport uint64_t
from engine.base.thread cimport thread_self, thread_t, ticks, ticks_per_ns

cdef extern from *:
    """
    #include <time.h>
    /* Whether this is the only Python thread. Needs the GIL. */
    static inline int ank_alone(void) {
        PyThreadState *self = PyThreadState_Get();
        return PyInterpreterState_ThreadHead(PyThreadState_GetInterpreter(self)) == self && PyThreadState_Next(self) == NULL;
    }
    /* The kernel's slack makes some 50 us of it. */
    static inline void ank_nap(void) { struct timespec t = {0, 1000}; nanosleep(&t, NULL); }
    """
    bint _alone "ank_alone"()
    void gil_nap "ank_nap"() noexcept nogil

cdef enum:
    GIL_TURN_NS = 5000000

# With the GIL, before it is released: whether gil_nap is to be called before it is taken back.
cdef inline bint gil_turn_over():
    cdef thread_t *t = thread_self()
    cdef uint64_t now = ticks()
    if now < t.turn_until:
        return False
    t.turn_until = now + <uint64_t>(GIL_TURN_NS * ticks_per_ns())
    return not _alone()
