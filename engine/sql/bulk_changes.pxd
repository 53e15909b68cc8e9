from libc.stdint cimport int64_t, uint32_t
from engine.record.rows cimport RowEncoder
from engine.sql.bulk cimport BulkIndex
from engine.txn.packed cimport Packed
from engine.txn.writes cimport Writes

cdef enum:
    PACKED_BYTES = 48            # what a write of a Packed takes in memory besides its bytes
    PACKED_FEW = 20000           # so many of them go to the memtable, where they become objects again

cdef class BulkChanges:
    cdef readonly object writer
    cdef object txn
    cdef list flag
    cdef RowEncoder encoder
    cdef uint32_t tree
    cdef Py_ssize_t width
    cdef list indexes            # those whose entries change
    cdef Writes writes
    cdef int64_t room
    cdef int64_t budget
    cdef int64_t small           # bytes that a transaction keeps in its memtable
    cdef int64_t packed          # writes that came packed
    cdef bint flushed            # whether rows have gone to the pages
    cdef readonly int64_t count

    cdef int renew(self) except -1
    cdef int note(self, Writes writes, bytes key, object value) except -1
    cdef int end_row(self) except -1
    cdef int move_entry(self, BulkIndex index, tuple old, tuple row, bytes key) except -1
    cdef int flush(self) except -1
