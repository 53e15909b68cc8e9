"""Batches of reads and writes against one file, many under way at once (see aio.py)."""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from engine.base.atomic cimport load32_relaxed, store32_relaxed
from engine.base.invariant cimport invariant
from engine.base.ranks cimport RANK_IO
from engine.base.sync cimport (
    cond_broadcast, cond_destroy, cond_init, cond_t, cond_wait, mutex_destroy, mutex_init, mutex_lock, mutex_t,
    mutex_unlock, thread_yield,
)
from engine.base.thread cimport fork_generation
from engine.storage.file cimport File, file_t
from engine.storage.uring cimport ring_t
from engine.storage.workers cimport (
    AIO_READ, AIO_WRITE, ECANCELED, aio_group_t, aio_op_t, group_add, group_free, group_init, group_take, op_run, workers_cancel,
    workers_init, workers_put, workers_stop, workers_t, workers_wait,
)

cdef extern from *:
    """
    #include <fcntl.h>
    static inline void ank_will_read(int fd, uint64_t offset, uint64_t length) {
    #if defined(__APPLE__)
        struct radvisory what = {.ra_offset = (off_t)offset, .ra_count = (int)length};
        fcntl(fd, F_RDADVISE, &what);
    #else
        posix_fadvise(fd, (off_t)offset, (off_t)length, POSIX_FADV_WILLNEED);
    #endif
    }
    """
    void will_read "ank_will_read"(int fd, uint64_t offset, uint64_t length) noexcept nogil

cdef enum:
    AIO_DEPTH = 32          # operations of one batch that are under way at most
    AIO_RINGS = 8           # rings at most: batches that use one at the same time; further ones use the threads
    AIO_SYNC = 0            # each operation is carried out when it is submitted, in order
    AIO_THREADS = 1
    AIO_URING = 2
    AIO_CLOSED = 3
    AIO_TRIES = 8

# What carries out the batches of one database.
ctypedef struct aio_t:
    int mode                # AIO_SYNC, AIO_THREADS or AIO_URING: the best it has
    uint64_t generation     # the process that made it (fork_generation)
    mutex_t mutex           # everything below
    cond_t idle
    uint32_t closing        # also looked at without the mutex
    bint stopped
    uint32_t open_batches
    uint32_t ring_count
    uint32_t free_rings     # a bit for each
    int refused             # why the kernel made no further ring: -errno
    ring_t rings[8]
    workers_t workers
    uint64_t batches        # counters
    uint64_t reads
    uint64_t writes

# A batch: made by aio_begin, used by one thread, ended by aio_end.
ctypedef struct aio_batch_t:
    aio_t *aio
    file_t *file
    int how
    int32_t ring
    uint32_t underway       # submitted and not yet returned by aio_next
    uint32_t reads
    uint32_t writes
    aio_op_t *first         # submitted while the ring had no room
    aio_op_t *last
    aio_group_t finished

# NULL: out of memory
cdef aio_t *aio_new(int mode) noexcept nogil
cdef void aio_stop(aio_t *a) noexcept nogil
cdef void aio_free(aio_t *a) noexcept nogil

cdef void aio_hint(const aio_t *a, const file_t *f, uint64_t offset, uint64_t length) noexcept nogil
cdef void aio_begin(aio_t *a, aio_batch_t *b, file_t *f, bint any_order) noexcept nogil
cdef void aio_submit(aio_batch_t *b, aio_op_t *op) noexcept nogil
cdef aio_op_t *aio_next(aio_batch_t *b) noexcept nogil
cdef void aio_end(aio_batch_t *b) noexcept nogil

# Whether batches against this file run beside each other and beside their caller.
cdef inline bint aio_concurrent(const aio_t *a, const file_t *f) noexcept nogil:
    return a != NULL and a.mode != AIO_SYNC and f.fd >= 0 and f.fd_end > 0

cdef int32_t _borrow_ring(aio_t *a) noexcept nogil
cdef void _queue(aio_batch_t *b, aio_op_t *op) noexcept nogil
cdef void _turn(aio_batch_t *b) noexcept nogil
cdef void _ended(aio_batch_t *b, aio_op_t *op, int32_t result) noexcept nogil
cdef int _ring_errno() noexcept nogil

cdef class AsyncIO:
    cdef aio_t *a
    cdef bint any_order
    cdef int _run(self, File file, aio_op_t *ops, size_t count) except -1
