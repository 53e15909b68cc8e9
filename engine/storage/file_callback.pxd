"""Files whose operations are Python methods: the trampolines (see file_callback.py)."""
from libc.stdint cimport int64_t, uint64_t
from engine.storage.file cimport File, file_ops_t, file_t

cdef int64_t callback_read(file_t *f, void *buf, size_t n, uint64_t offset) noexcept with gil
cdef int64_t callback_write(file_t *f, const void *buf, size_t n, uint64_t offset) noexcept with gil
cdef int callback_sync(file_t *f) noexcept with gil
cdef int callback_truncate(file_t *f, uint64_t size) noexcept with gil
cdef int64_t callback_size(file_t *f) noexcept with gil

cdef file_ops_t CALLBACK_OPS

cdef class CallbackFile(File):
    cdef int remember(self, error) except 0
