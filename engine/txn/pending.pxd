from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from engine.base.trace cimport TRACE_WRITE, trace_bytes, traced
from engine.btree.apply cimport WRITE_DELETE, WRITE_ERASE, WRITE_PUT, sort_writes, write_t
from engine.btree.node cimport compare_keys
from engine.txn.memtable cimport writer_t
from engine.txn.skiplist cimport (
    bytes_of, entry_next, entry_t, key_of, skiplist_get, skiplist_put, skiplist_seek, skiplist_value, value_t, value_of,
)

# What an entry's value was before a write that a savepoint may undo.
ctypedef struct undo_t:
    entry_t *entry
    value_t *value

cdef class Pending:
    cdef writer_t writer
    cdef readonly dict created        # tree ids, as an ordered set
    cdef readonly dict dropped
    cdef readonly dict erased         # tree id -> ranges deleted as a whole (engine.txn.ranges), under the entries
    cdef entry_t **entries            # in the order in which they were made
    cdef long entry_count
    cdef long room
    cdef undo_t *undo
    cdef long undo_count
    cdef long undo_room
    cdef list marks                   # of savepoints
    cdef uint64_t bytes               # what entries and ranges take in memory, about

    cdef entry_t *own(self, uint32_t tree, bytes key) noexcept
    cdef entry_t *own_first(self, uint32_t tree, bytes start) noexcept
    cdef int set(self, uint32_t tree, bytes key, bytes value, bint deleted) except -1
    cdef int remember(self, entry_t *entry, value_t *value) except -1
    cdef list own_range(self, uint32_t tree, bytes start, object stop)
    cdef int forget_range(self, uint32_t tree, bytes start, object stop) except -1
    cdef int forget_tree(self, uint32_t tree) except -1
    cdef int go_back(self, long until) except -1
    cdef write_t *writes(self, long *count) except? NULL
    cdef long add_ranges(self, write_t *found, long n) except -1

cdef bint _within(entry_t *e, uint32_t tree, object stop) except *
