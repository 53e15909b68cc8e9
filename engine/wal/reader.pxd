"""The log reader's C face (see reader.py)."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from engine.wal.records cimport record_header_t, segment_header_t, wal_part_t

# Why a reader stopped.
cdef enum:
    STOP_NOT_YET = 0
    STOP_END = 1            # nothing behind the last record: the file ends, or zeros follow
    STOP_NO_SEGMENT = 2
    STOP_SEGMENT_HEADER = 3
    STOP_SHORT = 4          # the file ends inside a record
    STOP_LENGTH = 5
    STOP_CHECKSUM = 6
    STOP_CHAIN = 7
    STOP_MALFORMED = 8      # verified, but not made of the parts its type has
    STOP_IO = 9
    STOP_VERSION = 10

# One verified record; pointers lead into the reader's buffer and hold until the next call.
ctypedef struct record_view_t:
    uint64_t lsn
    uint64_t end_lsn
    const record_header_t *header
    const uint8_t *fixed         # cast to the type's struct
    size_t fixed_len
    wal_part_t parts[3]
    int part_count

cdef struct reader_s

ctypedef reader_s reader_t

# Load the segment that begins at `first`: 1 loaded, 0 missing, or -errno.
ctypedef int (*reader_load_fn)(reader_t *r, uint64_t first) noexcept with gil

cdef struct reader_s:
    uint8_t *buffer
    uint64_t capacity
    uint64_t have                # bytes of the loaded segment
    uint64_t first               # its first LSN
    bint loaded
    bint header_good
    uint64_t segment_size
    uint64_t log_id
    uint32_t seed
    uint64_t at                  # LSN of the next record
    uint32_t prev_crc            # checksum of the record before
    bint chained                 # whether prev_crc is known
    bint with_pads               # hand out PAD records too
    int stop
    int code                     # -errno for STOP_IO
    void *owner
    reader_load_fn load

# The next record: 1, or 0 at the end, where r.stop says why and r.at where; never an error code.
cdef int reader_next(reader_t *r, record_view_t *view) noexcept nogil
cdef int record_view(uint64_t lsn, const uint8_t *record, record_view_t *view) noexcept nogil

cdef int _stop(reader_t *r, int reason) noexcept nogil
cdef int _enter_segment(reader_t *r) noexcept nogil
cdef int _verify(reader_t *r, uint64_t offset) noexcept nogil
cdef bint _is_zero(const uint8_t *p, size_t n) noexcept nogil
cdef uint64_t _find_evidence(reader_t *r, uint64_t start, uint64_t broken) noexcept nogil
cdef int _load_segment(reader_t *r, uint64_t first) noexcept with gil

cdef class LogReader:
    cdef reader_t r
    cdef uint64_t start
    cdef readonly object fs
    cdef readonly str directory
    cdef readonly object failure
    cdef bint size_known
    cdef bint id_known
    cdef reader_t *ptr(self) noexcept
    cdef object _record(self, const record_view_t *view)
