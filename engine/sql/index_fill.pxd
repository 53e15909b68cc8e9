from libc.stdint cimport uint32_t
from engine.record.keys cimport KeyCodec
from engine.record.rows cimport RowDecoder
from engine.txn.writes cimport Writes

cdef enum:
    LOOKED_UP = 1024

cdef bint enter(object txn, uint32_t tree, Writes writes, bint unique, bint many, bint again, list flag) except -1
cdef bint any_taken(object txn, uint32_t tree, Writes writes, list flag) except -1
