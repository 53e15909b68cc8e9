from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from engine.record.keys cimport KeyCodec
from engine.record.rows cimport RowDecoder, RowEncoder
from engine.sql.result cimport Result
from engine.txn.quick cimport Quick
from engine.txn.transaction cimport Transaction

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1

cpdef enum:
    SLOTS_MAX = 64           # values a point statement is made of, at most
    LITERALS = 1000000       # slots from here on are literals of the text,
    CONSTANTS = 2000000      # from here on constants of the plan,
    COMPUTED = 3000000       # from here on closures

# The values of a row, a key or SET: each a parameter, a literal, a constant or computed.
cdef class Values:
    cdef int count
    cdef int slots[SLOTS_MAX]
    cdef tuple constants
    cdef tuple closures
    cdef object value(self, int i, tuple params, tuple literals, object row)

cdef class Point:
    cdef Quick quick
    cdef object shared
    cdef bytes cookie
    cdef object rt               # None where nothing is computed
    cdef int param_count
    cdef tuple names
    cdef int literal_count
    cdef uint32_t tree
    cdef uint32_t root
    cdef Values key
    cdef tuple key_types
    cdef KeyCodec codec          # None: the key is a row id
    cdef uint32_t index_root     # of the UNIQUE index that leads to the row; 0: the key is the row's own
    cdef uint32_t index_tree
    cdef RowDecoder decoder
    cdef object condition
    cdef object make             # from the decoded row to the result's; None: as it is
    cdef tuple columns
    cdef tuple kinds
    cdef str what
    cdef uint64_t known          # number of the last writing transaction that was seen to read the catalog of `cookie`

    cdef tuple bind(self, object given)
    cdef bytes key_bytes(self, tuple params, tuple literals)
    cdef bint knows(self, Transaction txn) except -1
    cdef Result attempt(self, Transaction txn, tuple params, tuple literals)

cdef class PointRead(Point):
    pass

cdef class PointChange(Point):
    cdef RowEncoder encoder
    cdef list checks
    cdef list entries            # engine.sql.index_entries.IndexEntries
    cdef list entry_roots
    cdef int alias
    cdef Values row              # INSERT: the whole row; UPDATE: what SET gives
    cdef tuple places            # UPDATE: the columns that SET gives
    cdef bint checked            # rows must be converted before they are encoded
    cdef list pending            # writes for a transaction: (tree, key, value)
    cdef object find(self, Transaction txn, bytes key)
    cdef bint all(self, tuple row) except *
    cdef bint put(self, Transaction txn, uint32_t tree, uint32_t root, bytes key, bytes value) except *
    cdef bint put_entries(self, Transaction txn, tuple old, tuple new, bytes key) except *
    cdef int finish(self, Transaction txn) except -1
    cdef list returned(self, tuple row)

cdef class PointUpdate(PointChange):
    pass

cdef class PointDelete(PointChange):
    pass

cdef class PointInsert(PointChange):
    cdef list key_places         # of a table that is keyed by columns
    cdef object new_rowid(self)
    cdef bint taken(self, tuple row) except *
