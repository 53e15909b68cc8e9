"""One read or write, and the threads that carry such operations out (see workers.py)."""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from engine.base.ranks cimport RANK_WORKERS
from engine.base.sync cimport (
    cond_broadcast, cond_destroy, cond_init, cond_signal, cond_t, cond_wait, mutex_destroy, mutex_init, mutex_lock,
    mutex_t, mutex_unlock,
)
from engine.storage.file cimport file_read, file_t, file_write

cdef extern from *:
    """
    #ifndef ANOKURO_START_THREAD
    #define ANOKURO_START_THREAD
    #include <errno.h>
    #include <pthread.h>
    #include <signal.h>
    /* A thread that takes no signals: those are for the threads of the program. 0 or an errno. */
    static inline int ank_start_thread(pthread_t *thread, void *(*work)(void *), void *argument) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
        int code = pthread_create(thread, NULL, work, argument);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return code;
    }
    static inline int ank_join_thread(pthread_t thread) { return pthread_join(thread, NULL); }
    #endif
    """
    ctypedef struct native_thread_t "pthread_t":
        pass
    ctypedef void *(*thread_work_fn)(void *) noexcept nogil
    int start_thread "ank_start_thread"(native_thread_t *thread, thread_work_fn work, void *argument) noexcept nogil
    int ECANCELED
    int join_thread "ank_join_thread"(native_thread_t thread) noexcept nogil

cdef enum:
    AIO_READ = 0
    AIO_WRITE = 1
    WORKERS_MAX = 16

cdef struct aio_op_s
cdef struct aio_group_s

# One read or write of `length` bytes at byte `offset`. The caller fills in what stands before `result` and keeps buffer
# and struct until it has the operation back.
ctypedef aio_op_s aio_op_t
cdef struct aio_op_s:
    void *buffer
    uint64_t offset
    uint32_t length
    int32_t kind            # AIO_READ or AIO_WRITE
    uint64_t user           # the caller's own
    int64_t result          # bytes transferred, as file_read and file_write count them, or -errno
    file_t *file
    aio_group_s *group
    aio_op_s *next
    uint32_t done           # bytes transferred so far
    int32_t tries           # how often it was begun again after -EAGAIN

# Operations that one caller waits for: what is finished, first finished first.
ctypedef aio_group_s aio_group_t
cdef struct aio_group_s:
    aio_op_s *first
    aio_op_s *last
    cond_t changed

ctypedef struct workers_t:
    mutex_t mutex           # everything below, and the groups of queued operations; never held during I/O
    cond_t work
    aio_op_t *first         # the queue
    aio_op_t *last
    uint32_t queued
    uint32_t idle
    uint32_t started
    bint stopping
    native_thread_t threads[16]

cdef void workers_init(workers_t *w) noexcept nogil
cdef void workers_put(workers_t *w, aio_group_t *group, aio_op_t *op) noexcept nogil
cdef aio_op_t *workers_wait(workers_t *w, aio_group_t *group) noexcept nogil
cdef void workers_cancel(workers_t *w) noexcept nogil
cdef void workers_stop(workers_t *w) noexcept nogil

cdef void op_run(aio_op_t *op) noexcept nogil
cdef void group_init(aio_group_t *group) noexcept nogil
cdef void group_free(aio_group_t *group) noexcept nogil
cdef void group_add(aio_group_t *group, aio_op_t *op) noexcept nogil
cdef aio_op_t *group_take(aio_group_t *group) noexcept nogil
cdef aio_op_t *_dequeue(workers_t *w) noexcept nogil
cdef void *_work(void *argument) noexcept nogil
