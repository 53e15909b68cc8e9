"""Ranks of locks (see ranks.py). Nothing of it is in the ordinary build."""
from libc.stdint cimport uint32_t, uint64_t
from engine.base.atomic cimport cas64, load32_acquire, load_acquire, store32_release, store_release
from engine.base.invariant cimport invariant
from engine.base.thread cimport RANKS_MAX, thread_self

cdef enum:                  # in the order in which they are taken; a thread holds at most one of each
    RANK_COMMIT = 10        # the commit section
    RANK_LATCH = 20         # a page latch that is waited for
    RANK_MEMTABLE = 30
    RANK_SKIPLIST = 32
    RANK_POOL = 40
    RANK_APPEND = 48        # of a log that is used by itself
    RANK_LOG = 50
    RANK_PARK = 55          # of one sleeper (park.pxd)
    RANK_IO = 60
    RANK_WORKERS = 62
    RANK_PARKING = 70       # a latch's parking lot

cdef enum:
    MUTEXES = 16384         # a power of two, far more than live at a time

cdef void rank_register(void *mutex, int rank) noexcept nogil
cdef void rank_forget(void *mutex) noexcept nogil
cdef int _place(void *mutex) noexcept nogil
cdef void rank_check(int rank) noexcept nogil
cdef void rank_before(void *mutex) noexcept nogil
cdef void rank_taken(void *mutex) noexcept nogil
cdef void rank_given_back(void *mutex) noexcept nogil
