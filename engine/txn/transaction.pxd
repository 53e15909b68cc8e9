from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free
from engine.btree.apply cimport write_t
from engine.txn.footprint cimport Footprint
from engine.txn.large cimport EVERYTHING, Large
from engine.txn.memtable cimport memtable_enter, memtable_leave
from engine.txn.skiplist cimport bytes_of, value_of
from engine.txn.store cimport Snapshot
from engine.txn.writes cimport Writes

cdef class Transaction(Footprint):
    cdef readonly bint readonly
    cdef readonly bint is_open
    cdef readonly object commit_lsn
    cdef readonly long epoch          # grows when trees of this transaction come or go
    cdef bint entered
    cdef Large large                  # once the entries have outgrown the memtable
    cdef readonly long flushes
    cdef uint64_t limit
    cdef dict roots
    cdef object __weakref__

    cdef int check_use(self) except -1
    cdef int check_write(self) except -1
    cdef uint32_t root(self, object tree) except? 0
    cdef int write(self, uint32_t tree, bytes key, bytes value, bint deleted) except -1
    cdef int end(self) except -1
    cdef object count_pages(self, object tree, uint32_t root, object start, object stop)
    cdef uint64_t read_lsn(self) noexcept
    cdef int flush(self) except -1
    cdef int grow_large(self) except -1
