"""Files in memory: the operations in C (see file_memory.py)."""
from libc.stdint cimport int64_t, uint8_t, uint64_t
from engine.storage.file cimport File, file_ops_t, file_t

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_rwlock_t:
        pass
    int pthread_rwlock_init(pthread_rwlock_t *lock, void *attributes) noexcept
    int pthread_rwlock_destroy(pthread_rwlock_t *lock) noexcept
    int pthread_rwlock_rdlock(pthread_rwlock_t *lock) noexcept
    int pthread_rwlock_wrlock(pthread_rwlock_t *lock) noexcept
    int pthread_rwlock_unlock(pthread_rwlock_t *lock) noexcept

# The bytes of one file. data[0:size] is the content; data[size:capacity] is undefined until the file grows over it.
ctypedef struct memory_node_t:
    pthread_rwlock_t lock
    uint8_t *data
    uint64_t size
    uint64_t capacity

cdef int memory_resize(memory_node_t *node, uint64_t size) noexcept nogil
cdef int64_t memory_read(file_t *f, void *buf, size_t n, uint64_t offset) noexcept nogil
cdef int64_t memory_write(file_t *f, const void *buf, size_t n, uint64_t offset) noexcept nogil
cdef int memory_sync(file_t *f) noexcept nogil
cdef int memory_truncate(file_t *f, uint64_t size) noexcept nogil
cdef int64_t memory_size(file_t *f) noexcept nogil

cdef file_ops_t MEMORY_OPS

cdef class MemoryNode:
    cdef memory_node_t node
    cdef object holders
    cdef object pinned
    cdef bytes content(self)
    cdef int64_t length(self)

cdef class MemoryFile(File):
    cdef MemoryNode node
    cdef list locks
