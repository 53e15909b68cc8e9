from libc.stdint cimport uint32_t, uint64_t
from engine.btree.apply cimport write_t
from engine.txn.memtable cimport generation_t, writer_t
from engine.txn.store cimport Snapshot, Store

cdef enum:
    EVERYTHING = 0x7FFFFFFFFFFFFFFF    # as the LSN of a read: the newest state, the batch's own pages included

cdef class Large:
    cdef Store store
    cdef writer_t *writer
    cdef generation_t *private
    cdef bint begun
    cdef readonly dict made

    cdef int begin(self, Store store, writer_t *writer, object txn) except -1
    cdef int flush(self, write_t *writes, long count, dict created) except -1
    cdef Snapshot snapshot(self)
    cdef object commit(self, write_t *writes, long count, dict created, dict dropped)
    cdef int abort(self) except -1
