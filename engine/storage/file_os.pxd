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
    #if defined(__linux__)
    #include <sys/mman.h>
    #include <sys/syscall.h>
    #include <sys/vfs.h>
    /* File systems where blocks that are allocated are rewritten in place, so that a write through a mapping never lacks
       room: ext2 to ext4, XFS, tmpfs. Elsewhere (copy on write, networks) such a write may end in SIGBUS. */
    static inline char *ank_map_reserved(int fd, long long size) {
        struct statfs s;
        void *p;
        if (fstatfs(fd, &s) != 0 || ((unsigned)s.f_type != 0xEF53u && (unsigned)s.f_type != 0x58465342u
                                     && (unsigned)s.f_type != 0x01021994u))
            return NULL;
        if (fallocate(fd, 0, 0, size) != 0)
            return NULL;
        p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        return p == MAP_FAILED ? NULL : (char *)p;
    }
    static inline void ank_unmap(char *p, size_t size) { munmap(p, size); }
    /* Write zeros where the file has never been written; how many, 0 for none. */
    #define ANK_READY (128 * 1024)
    static inline size_t ank_write_zeros(int fd, long long offset, long long end) {
        static const char zeros[ANK_READY];
        size_t n = end - offset < ANK_READY ? (size_t)(end - offset) : ANK_READY;
        return pwrite(fd, zeros, n, offset) == (ssize_t)n ? n : 0;
    }
    /* SYNC_FILE_RANGE_WRITE: begun, not waited for. Waiting here would take an error away from the next fdatasync. */
    static inline void ank_begin_write(int fd, long long offset, size_t n) {
        syscall(SYS_sync_file_range, fd, offset, (long long)n, 2);
    }
    static inline void ank_write_back(int fd, char *map, long long offset, size_t n) {
        /* Out of the page tables first, at once: else each page costs an interrupt of every processor when it is written. */
        madvise(map + offset, n, MADV_DONTNEED);
        ank_begin_write(fd, offset, n);
    }
    static inline int ank_allocate(int fd, long long size) { return fallocate(fd, 0, 0, size); }
    #else
    static inline int ank_allocate(int fd, long long size) { return -1; }
    static inline char *ank_map_reserved(int fd, long long size) { return NULL; }
    static inline void ank_unmap(char *p, size_t size) {}
    static inline size_t ank_write_zeros(int fd, long long offset, long long end) { return 0; }
    static inline void ank_begin_write(int fd, long long offset, size_t n) {}
    static inline void ank_write_back(int fd, char *map, long long offset, size_t n) {}
    #endif
    static inline long long ank_fd_size(int fd) {
        struct stat s;
        return fstat(fd, &s) == 0 ? (long long)s.st_size : -1;
    }
    #endif
    """
    int ank_fdatasync(int fd) noexcept nogil
    long long ank_fd_size(int fd) noexcept nogil
    char *ank_map_reserved(int fd, long long size) noexcept nogil
    int ank_allocate(int fd, long long size) noexcept nogil
    void ank_unmap(char *p, size_t size) noexcept nogil
    size_t ank_write_zeros(int fd, long long offset, long long end) noexcept nogil
    void ank_begin_write(int fd, long long offset, size_t n) noexcept nogil
    void ank_write_back(int fd, char *map, long long offset, size_t n) noexcept nogil
    ssize_t pread(int fd, void *buf, size_t n, long long offset) noexcept nogil
    ssize_t pwrite(int fd, const void *buf, size_t n, long long offset) noexcept nogil
    int ftruncate(int fd, long long size) noexcept nogil
    int close_fd "close"(int fd) noexcept nogil

cdef int64_t os_read(file_t *f, void *buf, size_t n, uint64_t offset) noexcept nogil
cdef int64_t os_write(file_t *f, const void *buf, size_t n, uint64_t offset) noexcept nogil
cdef int os_sync(file_t *f) noexcept nogil
cdef int os_truncate(file_t *f, uint64_t size) noexcept nogil
cdef int64_t os_size(file_t *f) noexcept nogil
cdef void os_unmap(file_t *f) noexcept nogil
cdef void _make_ready(file_t *f, uint64_t end) noexcept nogil

# A hint: n whole pages from `offset` on, which will not be written again, may go to the disk now. Nothing is durable
# before file_sync, which has less to do then. Only where they are written through a mapping.
cdef void os_write_back(file_t *f, uint64_t offset, uint64_t n) noexcept nogil

# A hint: what was just written there may go to the disk now, before file_sync asks for everything at once. Nothing is
# durable by it. Files that are no descriptor's have nothing to begin.
cdef void os_begin_write(const file_t *f, uint64_t offset, uint64_t n) noexcept nogil

cdef file_ops_t OS_OPS

cdef class OsFile(File):
    pass
