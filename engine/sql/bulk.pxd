from libc.stdint cimport int64_t, uint8_t, uint32_t
from engine.record.keys cimport KeyCodec, buffer_t
from engine.record.rows cimport RowEncoder
from engine.sql.point cimport Values
from engine.txn.writes cimport Writes

cdef enum:
    WRITE_BYTES = 160            # what a write takes in memory besides its bytes

cdef int hand_over(object txn, uint32_t tree, Writes writes, bint flushed) except -1
cdef int hand_over_sorted(object txn, uint32_t tree, Writes writes, bint flushed) except -1

# The entries of one index that the rows of a bulk insert make.
cdef class BulkIndex:
    cdef object entries          # engine.sql.index_entries.IndexEntries
    cdef KeyCodec codec
    cdef uint32_t tree
    cdef bint unique
    cdef bint plain              # over columns alone: `places`
    cdef list places
    cdef Writes writes
    cdef set seen                # keys among `writes` that no other row may have
    cdef bytes items(self, tuple row)

cdef class Bulk:
    cdef object writer
    cdef object txn
    cdef list flag
    cdef RowEncoder encoder
    cdef uint32_t tree
    cdef KeyCodec codec
    cdef list key_places
    cdef int alias
    cdef bint converts           # rows must be converted before they are encoded
    cdef bint keyed
    cdef bint linked
    cdef list checks
    cdef list indexes
    cdef Writes writes
    cdef set seen
    cdef int64_t last            # the greatest row id, once it is known
    cdef bint last_known
    cdef int64_t floor           # and the one before the rows that are not flushed
    cdef bint scattered          # whether one of those lies between others: then `seen` has all of their keys
    cdef int64_t room
    cdef int64_t budget
    cdef int64_t small           # bytes that a transaction keeps in its memtable
    cdef bint flushed            # whether rows have gone to the pages
    cdef readonly int64_t count

    cdef bytes row_key(self, object values, tuple row)
    cdef int claim(self, bytes key) except -1
    cdef int add_entries(self, tuple row, bytes key) except -1
    cpdef object add(self, object values)
    cdef int flush(self) except -1
