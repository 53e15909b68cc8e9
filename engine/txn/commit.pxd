from libc.stdint cimport uint8_t, uint32_t, uint64_t
from engine.btree.apply cimport write_t
from engine.txn.memtable cimport writer_t
from engine.txn.skiplist cimport entry_t
from engine.txn.store cimport Store
from engine.txn.writes cimport Writes

cdef bint put_one(Store s, uint32_t tree, uint32_t root, uint64_t epoch, bytes key, bytes value) except *
cdef int delete_one(Store s, uint32_t tree, uint32_t root, uint64_t epoch, bytes key) except -2
cdef bint put_sorted(Store s, Writes writes, uint64_t epoch) except *
cdef object commit_writes(Store s, writer_t *w, entry_t **entries, long entry_count, write_t *writes, long count, list created, list dropped, dict erased, object validator)
cdef int apply(Store s, uint64_t txn, const write_t *writes, long count, uint64_t *lsn) noexcept nogil
cdef int _one(Store s, write_t *op, uint64_t epoch, uint64_t *end) noexcept nogil
cdef int _in_place(Store s, uint64_t txn, write_t *op) noexcept nogil
cdef int aim(Store s, write_t *writes, long count, dict made) except -1
cdef int _guess_roots(Store s, write_t *writes, long count) except -1
cdef int _apply_with_trees(Store s, uint64_t txn, write_t *writes, long count, list created, list dropped, uint64_t *lsn) except -1
cdef int _directory(Store s, object tree, bytes value) except -1
