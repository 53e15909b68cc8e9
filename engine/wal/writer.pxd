"""The log writer's C face (see writer.py); cimport it from engine.wal.log."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from engine.base.schedule cimport POINT_APPEND, POINT_FILLED, POINT_SEGMENT, yield_point
from engine.base.trace cimport TRACE_LOG, TRACE_SYNC, TRACE_SYNCED, trace_event, traced
from engine.base.park cimport park_t
from engine.base.sync cimport cond_t, mutex_t
from engine.base.thread cimport thread_self
from engine.storage.file cimport file_t
from engine.storage.file_os cimport os_write_back
from engine.wal.records cimport record_header_t, segment_header_t, wal_part_t

cdef enum:
    GROUP_BUCKETS = 16
    WAIT_BUCKETS = 40

cdef struct wal_s

ctypedef wal_s wal_t

# Create the file of the segment that begins at `first`, durably; `busy` is a file still in use by a sync. 0 or -errno.
ctypedef int (*wal_open_fn)(wal_t *w, uint64_t first, file_t *busy, file_t **opened) noexcept with gil

# A caller of wal_sync who sleeps until its group is done, on its stack; in a list under the log's mutex until it is woken.
cdef struct waiter_s:
    waiter_s *next
    park_t park
    bint served                  # what it waited for is durable; else it looks again

ctypedef waiter_s waiter_t

cdef struct wal_s:
    # Appender only, but for `end` and `filled`, which it publishes with release stores.
    uint8_t *ring
    uint64_t ring_size           # a power of two
    uint64_t ring_mask
    uint64_t end                 # end of the last whole record
    uint64_t filled              # end of the bytes in the ring
    uint64_t segment_size
    uint64_t segment_end         # of the segment that `end` is in
    uint64_t log_id
    uint32_t seed
    uint32_t last_crc
    int error                    # -errno of the last refused append
    uint64_t appends
    uint64_t append_flushes
    # The thread that has `writing`; `written` is published with release stores.
    uint64_t written             # handed to the file
    uint64_t file_first
    file_t *file
    uint64_t sent                # before it the system has begun to write to the disk
    # Under the mutex.
    mutex_t mutex
    cond_t idle                  # `writing` was given back
    bint writing
    bint syncing
    uint32_t poisoned            # read without the mutex too
    int poison_code
    uint64_t synced              # durable; read without the mutex too
    uint64_t sync_target
    uint64_t group
    int idle_waiters
    waiter_t *waiters[2]         # by parity of the group
    int32_t group_waiters[2]     # how many
    int expected                 # callers that were here when the last group ended
    int gather_pause             # groups to be led without waiting for more callers
    int gather_penalty
    uint64_t usual_sync_ns
    file_t *sync_file
    void *owner                  # the Log, for open_file
    wal_open_fn open_file
    uint64_t writes
    uint64_t syncs
    uint64_t sync_ns
    uint64_t segments_created
    uint64_t group_sizes[16]     # bucket i: groups of 2**i .. 2**(i+1)-1 callers
    uint64_t waits[40]           # bucket i: wal_sync calls of 2**i .. 2**(i+1)-1 ns

# Append one record; its LSN, or 0 with w.error set (-errno). One caller at a time.
cdef uint64_t wal_append(
    wal_t *w, uint16_t type, uint64_t txn, uint32_t page, uint32_t tree, uint64_t page_prev_lsn,
    const void *fixed, size_t fixed_len, const wal_part_t *parts, int part_count,
) noexcept nogil
# End of what is appended: the next record gets this LSN or a later one.
cdef uint64_t wal_end(wal_t *w) noexcept nogil
# Checksum of the last record, where the chain goes on at wal_end(); read by the appender (or while it stands still).
cdef uint32_t wal_last_crc(wal_t *w) noexcept nogil
# Hand everything before lsn to the file: 0 or -errno.
cdef int wal_write(wal_t *w, uint64_t lsn) noexcept nogil
# Group commit: return when everything before lsn is durable: 0 or -errno (then the log is poisoned).
cdef int wal_sync(wal_t *w, uint64_t lsn) noexcept nogil
# Everything before this LSN is durable.
cdef uint64_t wal_synced(wal_t *w) noexcept nogil
# Everything before this LSN was handed to the file.
cdef uint64_t wal_written(wal_t *w) noexcept nogil
# Whether the log refuses all writes.
cdef bint wal_poisoned(wal_t *w) noexcept nogil

cdef void _ring_put(wal_t *w, uint64_t lsn, const void *data, size_t n) noexcept nogil
cdef uint32_t _ring_crc(wal_t *w, uint32_t crc, uint64_t lsn, size_t n) noexcept nogil
cdef void publish_end(wal_t *w, uint64_t end) noexcept nogil
cdef int _reserve(wal_t *w, uint64_t n) noexcept nogil
cdef int stream_bytes(wal_t *w, const uint8_t *data, uint64_t n) noexcept nogil
cdef int _append_large(wal_t *w, record_header_t *header, const wal_part_t *parts, int part_count) noexcept nogil
cdef int _next_segment(wal_t *w) noexcept nogil
cdef int _write_out(wal_t *w, uint64_t target) noexcept nogil
cdef int _switch_file(wal_t *w, uint64_t first) noexcept nogil
cdef void _send(wal_t *w, uint64_t written) noexcept nogil
cdef void _poison(wal_t *w, int code) noexcept nogil
cdef void _release_writing(wal_t *w) noexcept nogil
cdef waiter_t *_take_waiters(wal_t *w, int parity) noexcept nogil
cdef waiter_t *_take_leader(wal_t *w, int parity) noexcept nogil
cdef void _wake(waiter_t *first) noexcept nogil
cdef void _wake_all(wal_t *w) noexcept nogil
cdef bint _wait_for_group(wal_t *w, uint64_t lsn) noexcept nogil
cdef int _lead(wal_t *w, waiter_t **finished) noexcept nogil
cdef void _gather(wal_t *w) noexcept nogil
cdef waiter_t *_finish_group(wal_t *w, uint64_t target, int code) noexcept nogil
cdef void _count_wait(wal_t *w, uint64_t start_ns) noexcept nogil
cdef int _log2(uint64_t value, int buckets) noexcept nogil
cdef void fill_segment_header(wal_t *w, segment_header_t *header, uint64_t first) noexcept nogil
