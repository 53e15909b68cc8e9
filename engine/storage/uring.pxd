"""io_uring as the kernel defines it, by its system calls alone, and one ring of it (see uring.py).

Everything the kernel shares with us is declared here, under names of our own: no header of the system is needed, and a
system that has no io_uring (or a C library that does not know it) compiles to calls that fail with ENOSYS.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from engine.base.atomic cimport load32_acquire, store32_release

cdef extern from *:
    """
    #ifndef ANOKURO_URING
    #define ANOKURO_URING
    #include <errno.h>
    #include <stddef.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #include <unistd.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #include <sys/syscall.h>
    #endif
    typedef struct {
        uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, resv1;
        uint64_t user_addr;
    } ank_uring_sq_t;
    typedef struct {
        uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1;
        uint64_t user_addr;
    } ank_uring_cq_t;
    typedef struct {
        uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3];
        ank_uring_sq_t sq;
        ank_uring_cq_t cq;
    } ank_uring_params_t;
    typedef struct {
        uint8_t opcode, flags;
        uint16_t ioprio;
        int32_t fd;
        uint64_t offset, address;
        uint32_t length, rw_flags;
        uint64_t user_data;
        uint16_t buffer_index, personality;
        int32_t splice_fd;
        uint64_t pad[2];
    } ank_uring_sqe_t;
    typedef struct {
        uint64_t user_data;
        int32_t result;
        uint32_t flags;
    } ank_uring_cqe_t;
    typedef struct {
        uint8_t last_op, count;
        uint16_t resv;
        uint32_t resv2[3];
        struct { uint8_t op, resv; uint16_t flags; uint32_t resv2; } ops[64];
    } ank_uring_probe_t;
    _Static_assert(sizeof(ank_uring_sq_t) == 40, "struct io_sqring_offsets");
    _Static_assert(offsetof(ank_uring_sq_t, array) == 24, "struct io_sqring_offsets");
    _Static_assert(sizeof(ank_uring_cq_t) == 40, "struct io_cqring_offsets");
    _Static_assert(offsetof(ank_uring_cq_t, cqes) == 20, "struct io_cqring_offsets");
    _Static_assert(sizeof(ank_uring_params_t) == 120, "struct io_uring_params");
    _Static_assert(offsetof(ank_uring_params_t, features) == 20, "struct io_uring_params");
    _Static_assert(offsetof(ank_uring_params_t, sq) == 40, "struct io_uring_params");
    _Static_assert(offsetof(ank_uring_params_t, cq) == 80, "struct io_uring_params");
    _Static_assert(sizeof(ank_uring_sqe_t) == 64, "struct io_uring_sqe");
    _Static_assert(offsetof(ank_uring_sqe_t, offset) == 8, "struct io_uring_sqe");
    _Static_assert(offsetof(ank_uring_sqe_t, address) == 16, "struct io_uring_sqe");
    _Static_assert(offsetof(ank_uring_sqe_t, length) == 24, "struct io_uring_sqe");
    _Static_assert(offsetof(ank_uring_sqe_t, user_data) == 32, "struct io_uring_sqe");
    _Static_assert(sizeof(ank_uring_cqe_t) == 16, "struct io_uring_cqe");
    _Static_assert(offsetof(ank_uring_cqe_t, result) == 8, "struct io_uring_cqe");
    _Static_assert(sizeof(ank_uring_probe_t) == 16 + 64 * 8, "struct io_uring_probe");

    /* Alike on every architecture but alpha, which therefore does without. */
    #if defined(__linux__) && !defined(__alpha__)
    static inline long ank_uring_setup(uint32_t entries, ank_uring_params_t *p) {
        long got = syscall(425, entries, p);
        return got >= 0 ? got : -errno;
    }
    static inline long ank_uring_enter(int fd, uint32_t submit, uint32_t wait_for) {
        long got = syscall(426, fd, submit, wait_for, wait_for ? 1u : 0u, NULL, 0);
        return got >= 0 ? got : -errno;
    }
    static inline long ank_uring_register(int fd, uint32_t code, void *what, uint32_t count) {
        long got = syscall(427, fd, code, what, count);
        return got >= 0 ? got : -errno;
    }
    static inline void *ank_uring_map(int fd, size_t size, uint64_t offset) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);
        return p == MAP_FAILED ? NULL : p;
    }
    static inline void ank_uring_unmap(void *p, size_t size) { if (p) munmap(p, size); }
    #else
    static inline long ank_uring_setup(uint32_t entries, ank_uring_params_t *p) { (void)entries; (void)p; return -ENOSYS; }
    static inline long ank_uring_enter(int fd, uint32_t submit, uint32_t wait_for) {
        (void)fd; (void)submit; (void)wait_for;
        return -ENOSYS;
    }
    static inline long ank_uring_register(int fd, uint32_t code, void *what, uint32_t count) {
        (void)fd; (void)code; (void)what; (void)count;
        return -ENOSYS;
    }
    static inline void *ank_uring_map(int fd, size_t size, uint64_t offset) {
        (void)fd; (void)size; (void)offset;
        return NULL;
    }
    static inline void ank_uring_unmap(void *p, size_t size) { (void)p; (void)size; }
    #endif
    #endif
    """
    ctypedef struct uring_sq_t "ank_uring_sq_t":
        uint32_t head
        uint32_t tail
        uint32_t ring_mask
        uint32_t ring_entries
        uint32_t array
    ctypedef struct uring_cq_t "ank_uring_cq_t":
        uint32_t head
        uint32_t tail
        uint32_t ring_mask
        uint32_t ring_entries
        uint32_t cqes
    ctypedef struct uring_params_t "ank_uring_params_t":
        uint32_t sq_entries
        uint32_t cq_entries
        uint32_t flags
        uint32_t features
        uring_sq_t sq
        uring_cq_t cq
    ctypedef struct uring_sqe_t "ank_uring_sqe_t":
        uint8_t opcode
        int32_t fd
        uint64_t offset
        uint64_t address
        uint32_t length
        uint64_t user_data
    ctypedef struct uring_cqe_t "ank_uring_cqe_t":
        uint64_t user_data
        int32_t result
    ctypedef struct uring_probed_t:
        uint16_t flags
    ctypedef struct uring_probe_t "ank_uring_probe_t":
        uint8_t count
        uring_probed_t ops[64]
    long uring_setup "ank_uring_setup"(uint32_t entries, uring_params_t *p) noexcept nogil
    long uring_enter "ank_uring_enter"(int fd, uint32_t submit, uint32_t wait_for) noexcept nogil
    long uring_register "ank_uring_register"(int fd, uint32_t code, void *what, uint32_t count) noexcept nogil
    void *uring_map "ank_uring_map"(int fd, size_t size, uint64_t offset) noexcept nogil
    void uring_unmap "ank_uring_unmap"(void *p, size_t size) noexcept nogil
    int close_uring "close"(int fd) noexcept nogil

cdef enum:
    URING_OP_READ = 22
    URING_OP_WRITE = 23
    URING_SETUP_COOP_TASKRUN = 0x100
    URING_FEAT_SINGLE_MMAP = 1
    URING_FEAT_NODROP = 2
    URING_REGISTER_PROBE = 8
    URING_OP_SUPPORTED = 1
    URING_SQES_AT = 0x10000000

# One ring. It belongs to one thread at a time.
ctypedef struct ring_t:
    int fd
    uint32_t entries
    uint32_t *sq_tail
    uint32_t *sq_array
    uint32_t *cq_head
    uint32_t *cq_tail
    uint32_t sq_mask
    uint32_t cq_mask
    uring_sqe_t *sqes
    uring_cqe_t *cqes
    void *map
    size_t map_size
    size_t sqes_size
    uint32_t queued          # in the submission ring, not yet handed to the kernel
    uint32_t underway        # with the kernel, or finished and not yet reaped

cdef int ring_open(ring_t *r, uint32_t entries) noexcept nogil
cdef void ring_close(ring_t *r) noexcept nogil
cdef bint ring_put(ring_t *r, bint write, int fd, void *buffer, uint32_t length, uint64_t offset, uint64_t user) noexcept nogil
cdef int ring_enter(ring_t *r, uint32_t wait_for) noexcept nogil
cdef bint ring_take_back(ring_t *r, uint64_t *user) noexcept nogil
cdef bint ring_reap(ring_t *r, uint64_t *user, int32_t *result) noexcept nogil
cdef int _probe(int fd) noexcept nogil
cdef int _map(ring_t *r, uring_params_t *params) noexcept nogil
