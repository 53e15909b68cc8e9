"""A read-only file with room behind its end: the operations in C (see file_overlay.py)."""
from libc.stdint cimport int64_t, uint64_t
from engine.storage.file cimport File, file_ops_t, file_read, file_size, file_t, file_write

# What is before `base` is read from `under`; what is behind it is read from and written to `above`.
ctypedef struct overlay_t:
    file_t *under
    file_t *above
    uint64_t base

cdef int64_t overlay_read(file_t *f, void *buf, size_t n, uint64_t offset) noexcept nogil
cdef int64_t overlay_write(file_t *f, const void *buf, size_t n, uint64_t offset) noexcept nogil
cdef int overlay_sync(file_t *f) noexcept nogil
cdef int overlay_truncate(file_t *f, uint64_t size) noexcept nogil
cdef int64_t overlay_size(file_t *f) noexcept nogil

cdef file_ops_t OVERLAY_OPS

cdef class OverlayFile(File):
    cdef overlay_t overlay
    cdef File under
    cdef File above
