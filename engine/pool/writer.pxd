"""The thread that writes dirty pages before the clock hand comes to them (see writer.py)."""
from libc.stdint cimport int32_t, uint32_t, uint64_t
from engine.base.atomic cimport load32_relaxed
from engine.base.codes cimport OK
from engine.base.sync cimport cond_signal, cond_wait, mutex_lock, mutex_unlock
from engine.base.thread cimport OP_WRITE_AHEAD, fork_generation, thread_does
from engine.pool.arena cimport arena_take
from engine.pool.images cimport (
    IMAGES_MAX, image_settle, images_copy, images_free, images_init, images_t, images_write,
)
from engine.pool.latch cimport try_shared, unlatch_shared
from engine.pool.pool cimport (
    FRAME_DIRTY, FRAME_GARBAGE, SLOT_PENDING, WRITER_ALLOWED, WRITER_NONE, WRITER_RUNS, WRITER_STOPS, WARM_NEVER, pool_t,
)
from engine.pool.slots cimport slot_drop, slot_take
from engine.storage.aio cimport aio_concurrent, aio_free, aio_stop, aio_t
from engine.storage.file cimport file_t
from engine.storage.workers cimport join_thread, native_thread_t, start_thread

cdef void pool_attach(pool_t *p, aio_t *aio, bint writer) noexcept nogil
cdef void pool_detach(pool_t *p) noexcept nogil
cdef bint _start(pool_t *p) noexcept nogil
cdef bint writer_call(pool_t *p) noexcept nogil
cdef void warm_call(pool_t *p, int32_t frame) noexcept nogil
cdef void writer_stop(pool_t *p) noexcept nogil
cdef void *_work(void *argument) noexcept nogil
cdef void _warm(pool_t *p) noexcept nogil
cdef void warm_for(pool_t *p, uint64_t frames) noexcept nogil
cdef bint _take_memory(pool_t *p, uint64_t end) noexcept nogil
cdef void _write_ahead(pool_t *p, images_t *images) noexcept nogil
cdef bint _collect(pool_t *p, images_t *images, uint32_t frame) noexcept nogil
