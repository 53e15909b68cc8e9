from libc.stdint cimport uint32_t, uint64_t
from engine.wal.reader cimport LogReader, reader_next, reader_t, record_view_t
from engine.wal.records cimport REC_LIMIT, REC_OVERFLOW

# Which records of the log are looked for; any_page, any_txn: all of them.
ctypedef struct filter_t:
    uint64_t from_lsn
    uint64_t txn
    uint32_t page
    bint any_page
    bint any_txn

cdef int _next_match(reader_t *r, const filter_t *wanted, record_view_t *view, uint64_t *counts, uint64_t *sizes) noexcept nogil
