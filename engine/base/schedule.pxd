"""The deterministic schedule's C face (see schedule.py). In the ordinary build every call below compiles to nothing."""
from libc.stdint cimport uint32_t, uint64_t
from engine.base.invariant cimport checked

cdef enum:
    POINT_PAUSE = 0          # between two operations of a test
    POINT_SPIN = 1           # somebody else must get on first
    POINT_LOCK = 2           # before a mutex is taken
    POINT_UNLOCK = 3         # after it was given back
    POINT_WAIT = 4           # on a condition variable
    POINT_LATCH = 5          # before a page latch is taken
    POINT_LATCH_CAS = 6      # between looking at the latch word and changing it
    POINT_UNLATCH = 7        # after it was given back
    POINT_PIN = 8
    POINT_OPTIMISTIC = 9     # an optimistic reader begins with a page
    POINT_VALIDATE = 10      # ... and is about to see whether it stood still
    POINT_APPEND = 11        # before a log record is put into the ring
    POINT_FILLED = 12        # its bytes are published, its end is not
    POINT_PUBLISH = 13       # a commit's LSN was just published
    POINT_MAP = 14           # a page's place in the map has changed
    POINT_VERSION = 15       # a version was kept, restored or dropped
    POINT_SNAPSHOT = 16      # a snapshot was registered or released
    POINT_SLOT = 17          # a slot was taken or given back
    POINT_SEGMENT = 18       # the log goes on in a new segment
    POINT_READ = 19          # before I/O
    POINT_WRITE = 20
    POINT_SYNC = 21
    POINT_TRUNCATE = 22
    POINT_CHECKPOINT = 23    # between two steps of a checkpoint

cdef void schedule_point(int point) noexcept nogil
cdef void schedule_point_with_gil(int point) noexcept nogil
cdef void schedule_spin() noexcept nogil
cdef int schedule_lock(void *mutex) noexcept nogil
cdef int schedule_trylock(void *mutex) noexcept nogil
cdef int schedule_unlock(void *mutex) noexcept nogil
cdef int schedule_wait(void *cond, void *mutex) noexcept nogil
cdef int schedule_signal(void *cond) noexcept nogil
cdef int schedule_broadcast(void *cond) noexcept nogil
cdef uint64_t schedule_clock() noexcept nogil

# A place where another thread may go on. Passed over while the caller has the GIL: nobody could go on there.
cdef inline void yield_point(int point) noexcept nogil:
    if checked:
        schedule_point(point)

# The same for readers of shared memory that run with the GIL beside threads without it: it is given up for others.
cdef inline void yield_with_gil(int point) noexcept nogil:
    if checked:
        schedule_point_with_gil(point)

# In a loop that waits for somebody else without sleeping: the others go on first.
cdef inline void yield_spin() noexcept nogil:
    if checked:
        schedule_spin()
