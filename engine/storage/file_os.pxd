"""POSIX files: the operations in C (see file_os.py)."""
from libc.stdint cimport int64_t, uint64_t
from engine.storage.file cimport File, file_ops_t, file_t

cdef extern from *:
    """
    #ifndef ANOKURO_FILE_OS
    #define ANOKURO_FILE_OS
    #include <fcntl.h>
    #include <unistd.h>
    #include <sys/stat.h>
    #include <sys/types.h>
    /* The strongest "on the medium" call each system has; macOS's fsync stops at the drive's cache. */
    static inline int ank_fdatasync(int fd) {
    #if defined(__APPLE__)
        return fcntl(fd, F_FULLFSYNC);
    #else
        return fdatasync(fd);
    #endif
    }
    static inline long long ank_fd_size(int fd) {
        struct stat s;
        return fstat(fd, &s) == 0 ? (long long)s.st_size : -1;
    }
    #endif
    """
    int ank_fdatasync(int fd) noexcept nogil
    long long ank_fd_size(int fd) noexcept nogil
    ssize_t pread(int fd, void *buf, size_t n, long long offset) noexcept nogil
    ssize_t pwrite(int fd, const void *buf, size_t n, long long offset) noexcept nogil
    int ftruncate(int fd, long long size) noexcept nogil
    int close_fd "close"(int fd) noexcept nogil

cdef int64_t os_read(file_t *f, void *buf, size_t n, uint64_t offset) noexcept nogil
cdef int64_t os_write(file_t *f, const void *buf, size_t n, uint64_t offset) noexcept nogil
cdef int os_sync(file_t *f) noexcept nogil
cdef int os_truncate(file_t *f, uint64_t size) noexcept nogil
cdef int64_t os_size(file_t *f) noexcept nogil

cdef file_ops_t OS_OPS

cdef class OsFile(File):
    pass
