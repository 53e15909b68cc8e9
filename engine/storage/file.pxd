"""The C face of the file layer: `file_t`, its table of operations and the calls everybody uses (see file.py)."""
from libc.stdint cimport int64_t, uint64_t
from engine.base.schedule cimport POINT_READ, POINT_SYNC, POINT_TRUNCATE, POINT_WRITE, yield_point

cdef struct file_s

# One open file as C sees it. `fd` is the descriptor where the operating system has one, else -1, and `fd_end` says how
# many bytes of the file are at the same offsets behind that descriptor (for asynchronous I/O): all, the first ones, or 0.
# `self` belongs to the implementation. All are read-only for users.
ctypedef file_s file_t

ctypedef int64_t (*file_read_fn)(file_t *f, void *buf, size_t n, uint64_t offset) noexcept nogil
ctypedef int64_t (*file_write_fn)(file_t *f, const void *buf, size_t n, uint64_t offset) noexcept nogil
ctypedef int (*file_sync_fn)(file_t *f) noexcept nogil
ctypedef int (*file_truncate_fn)(file_t *f, uint64_t size) noexcept nogil
ctypedef int64_t (*file_size_fn)(file_t *f) noexcept nogil

ctypedef struct file_ops_t:
    file_read_fn read
    file_write_fn write
    file_sync_fn sync
    file_truncate_fn truncate
    file_size_fn size

cdef struct file_s:
    const file_ops_t *ops
    void *self
    int fd
    uint64_t fd_end
    char *map           # the first map_size bytes of the file in memory, where File.reserve mapped them; else NULL
    uint64_t map_size
    uint64_t map_ready  # what is before it in the mapping has its memory


# Bytes read, less than n only at the end of the file, or -errno. Interrupted and short reads are continued.
cdef inline int64_t file_read(file_t *f, void *buf, size_t n, uint64_t offset) noexcept nogil:
    yield_point(POINT_READ)
    return f.ops.read(f, buf, n, offset)


# All n bytes, or -errno; after an error any part of them may have been written.
cdef inline int64_t file_write(file_t *f, const void *buf, size_t n, uint64_t offset) noexcept nogil:
    yield_point(POINT_WRITE)
    return f.ops.write(f, buf, n, offset)


# Data (and the size, where it changed) made durable: 0 or -errno. After an error nothing is known; never retry.
cdef inline int file_sync(file_t *f) noexcept nogil:
    yield_point(POINT_SYNC)
    return f.ops.sync(f)


# The file cut or extended with zeros to `size` bytes: 0 or -errno.
cdef inline int file_truncate(file_t *f, uint64_t size) noexcept nogil:
    yield_point(POINT_TRUNCATE)
    return f.ops.truncate(f, size)


# Bytes in the file, or -errno.
cdef inline int64_t file_size(file_t *f) noexcept nogil:
    return f.ops.size(f)


cdef class File:
    cdef file_t c
    cdef readonly str path
    cdef readonly bint readonly
    cdef readonly bint closed
    cdef readonly object failure
    cdef file_t *ptr(self) noexcept
    cdef int check_open(self) except -1
    cdef int check_writable(self) except -1
