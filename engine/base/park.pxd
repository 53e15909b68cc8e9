"""A place where one thread sleeps until another wakes it, once.

It stands on the sleeper's stack. Each sleeper has a mutex of its own, so that many who are woken at once do not meet
again at a common one: of 32 threads in group commit, a third of the CPU time went into that.
"""
from engine.base.ranks cimport RANK_PARK
from engine.base.sync cimport (
    cond_destroy, cond_init, cond_signal, cond_t, cond_wait, mutex_destroy, mutex_init, mutex_lock, mutex_t, mutex_unlock,
)

cdef struct park_s:
    mutex_t mutex
    cond_t wake
    bint woken

ctypedef park_s park_t

cdef inline void park_init(park_t *p) noexcept nogil:
    mutex_init(&p.mutex, RANK_PARK)
    cond_init(&p.wake, NULL)
    p.woken = False

# Sleep until park_wake; afterwards the place is as new.
cdef inline void park_wait(park_t *p) noexcept nogil:
    mutex_lock(&p.mutex)
    while not p.woken:
        cond_wait(&p.wake, &p.mutex)
    p.woken = False
    mutex_unlock(&p.mutex)

# The sleeper may be gone when this returns: whoever wakes touches its place no more.
cdef inline void park_wake(park_t *p) noexcept nogil:
    mutex_lock(&p.mutex)
    p.woken = True
    cond_signal(&p.wake)  # before the mutex is free: afterwards the place may be gone
    mutex_unlock(&p.mutex)

cdef inline void park_free(park_t *p) noexcept nogil:
    cond_destroy(&p.wake)
    mutex_destroy(&p.mutex)
