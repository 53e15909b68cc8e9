from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #ifndef ANOKURO_THREAD
    #define ANOKURO_THREAD
    #include <stdint.h>
    #if defined(__x86_64__)
    static inline uint64_t ank_ticks(void) { return __builtin_ia32_rdtsc(); }
    #elif defined(__aarch64__)
    static inline uint64_t ank_ticks(void) { uint64_t t; __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(t)); return t; }
    #else
    #include <time.h>
    static inline uint64_t ank_ticks(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec; }
    #endif
    #endif
    """
    uint64_t ticks "ank_ticks"() noexcept nogil

cdef enum:
    HELD_MAX = 24
    RANKS_MAX = 16
    THREADS_MAX = 512
    WAIT_BUCKETS = 40
    WAIT_KINDS = 5
    WAITS_LATCH = 1
    WAITS_SECTION = 2        # for the commit section of a store
    KIND_SECTION = 255       # in a held_t: not a page's latch but that section

# What a thread was doing when it last took page latches; names in engine/base/counters.py
cdef enum:
    OP_NONE = 0
    OP_GET = 1
    OP_GET_MANY = 2
    OP_SCAN = 3
    OP_COMMIT = 4            # from the wait for the commit section on
    OP_CHECKPOINT = 5
    OP_WRITE_AHEAD = 6       # of the clock hand, in the background
    OP_CHECK = 7
    OP_BACKUP = 8
    OP_VACUUM = 9
    OP_RECOVERY = 10
    OP_INSPECT = 11

cdef extern from *:
    """
    #ifndef ANOKURO_THREAD_STRUCT
    #define ANOKURO_THREAD_STRUCT
    /* One latch that a thread holds or waits for; mode is 'S' or 'X', since counts ticks. place tells latches of several pools apart. */
    typedef struct {
        uint32_t frame, page;
        uint64_t since;
        uint8_t mode, kind, level;
        uint32_t place;
    } ank_held_t;
    /* What one thread holds, waits for and has counted. Written by its thread alone, read by inspections. */
    typedef struct {
        uint64_t system_id;
        uint32_t in_use, operation, depth;
        ank_held_t held[24];
        uint32_t waiting;                /* WAITS_... */
        ank_held_t wait;
        uint32_t in_section;
        ank_held_t section;              /* the commit section it was the last to enter, while in_section */
        uint64_t acquired_shared, acquired_exclusive, contended, restarts, visits, misses;
        uint64_t wait_counts[200];       /* [page kind][log2 of the wait in ns] */
        uint64_t wait_ns;
        uint64_t dirtied, log_records, log_bytes, probes;
        uint32_t failed_page, failed_problem;  /* why the thread's last failed operation failed */
        uint64_t failed_offset;
        uint32_t rank_depth, rank_of[16];  /* checked build: the mutexes it holds, see ranks.py */
        uint64_t rank_mutex[16];
        uint64_t turn_until;             /* ticks; then others get a chance at the GIL, see gil.pxd */
        uint8_t *buffer;                 /* room for an image on its way to the file */
        uint32_t buffer_size;
    } ank_thread_t;
    #endif
    """
    ctypedef struct held_t "ank_held_t":
        uint32_t frame
        uint32_t page
        uint64_t since
        uint8_t mode
        uint8_t kind
        uint8_t level
        uint32_t place
    ctypedef struct thread_t "ank_thread_t":
        uint64_t system_id
        uint32_t in_use
        uint32_t operation
        uint32_t depth
        held_t held[24]
        uint32_t waiting
        held_t wait
        uint32_t in_section
        held_t section
        uint64_t acquired_shared
        uint64_t acquired_exclusive
        uint64_t contended
        uint64_t restarts
        uint64_t visits
        uint64_t misses
        uint64_t wait_counts[200]
        uint64_t wait_ns
        uint64_t dirtied
        uint64_t log_records
        uint64_t log_bytes
        uint64_t probes
        uint32_t failed_page
        uint32_t failed_problem
        uint64_t failed_offset
        uint32_t rank_depth
        uint32_t rank_of[16]
        uint64_t rank_mutex[16]
        uint64_t turn_until
        uint8_t *buffer
        uint32_t buffer_size

cdef thread_t *thread_self() noexcept nogil

# Said by whatever takes page latches, before it does.
cdef inline void thread_does(uint32_t operation) noexcept nogil:
    thread_self().operation = operation

cdef thread_t *thread_at(int index) noexcept nogil
cdef uint8_t *thread_buffer(thread_t *t, uint32_t size) noexcept nogil
cdef uint64_t fork_generation() noexcept nogil
cdef double ticks_per_ns() noexcept nogil

