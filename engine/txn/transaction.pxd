from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from engine.btree.apply cimport WRITE_DELETE, WRITE_ERASE, WRITE_PUT, sort_writes, write_t
from engine.btree.node cimport compare_keys
from engine.txn.large cimport EVERYTHING, Large
from engine.txn.memtable cimport (
    generation_t, key_changed, memtable_enter, memtable_leave, memtable_since, memtable_t, range_changed, writer_t,
)
from engine.txn.skiplist cimport (
    bytes_of, entry_next, entry_t, key_of, same_key, skiplist_get, skiplist_put, skiplist_seek, skiplist_value, value_t,
    value_of,
)
from engine.txn.store cimport Snapshot, Store
from engine.txn.writes cimport Writes
from engine.txn.validate cimport leaf_changed, leaves_changed

# What an entry's value was before a write that a savepoint may undo.
ctypedef struct undo_t:
    entry_t *entry
    value_t *value

cdef class Transaction:
    cdef readonly Store store
    cdef readonly str isolation
    cdef readonly bint readonly
    cdef readonly bint is_open
    cdef readonly dict created        # tree ids, as an ordered set
    cdef readonly dict dropped
    cdef readonly dict erased         # tree id -> ranges deleted as a whole (engine.txn.ranges), under the entries
    cdef readonly object commit_lsn
    cdef readonly long epoch          # grows when trees of this transaction come or go
    cdef bint tracks
    cdef bint entered
    cdef Large large                  # once the entries have outgrown the memtable
    cdef readonly long flushes
    cdef uint64_t bytes
    cdef uint64_t limit
    cdef writer_t writer
    cdef Snapshot snap
    cdef entry_t **entries            # in the order in which they were made
    cdef long entry_count
    cdef long room
    cdef undo_t *undo
    cdef long undo_count
    cdef long undo_room
    cdef list marks
    cdef dict reads
    cdef dict ranges
    cdef dict roots
    cdef object __weakref__

    cdef int check_use(self) except -1
    cdef int check_write(self) except -1
    cdef uint32_t root(self, object tree) except? 0
    cdef entry_t *own(self, uint32_t tree, bytes key) noexcept
    cdef int set(self, uint32_t tree, bytes key, bytes value, bint deleted) except -1
    cdef int remember(self, entry_t *entry, value_t *value) except -1
    cdef list own_range(self, uint32_t tree, bytes start, object stop)
    cdef int note_range(self, object tree, object start, object stop) except -1
    cdef int end(self) except -1
    cdef write_t *writes(self, long *count) except? NULL
    cdef int forget_range(self, uint32_t tree, bytes start, object stop) except -1
    cdef object count_pages(self, object tree, uint32_t root, object start, object stop)
    cdef long add_ranges(self, write_t *found, long n) except -1
    cdef bint meets(self, dict erased, bint reads) except *
    cdef uint64_t read_lsn(self) noexcept
    cdef int flush(self) except -1
    cdef int grow_large(self) except -1
    cdef bint touches(self, object tree, bint reads) except *
    cdef int validate_entries(self, generation_t **found, int count) except -1
    cdef int validate_reads(self, generation_t **found, int count) except -1
    cdef int validate_pages(self, bint reads) except -1

cdef bint _span_changed(generation_t **found, int count, uint64_t since, object tree, object start, object stop) except *
