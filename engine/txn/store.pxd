from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from engine.base.sync cimport cond_t, mutex_t
from engine.base.thread cimport held_t, thread_t
from engine.btree.batch cimport batch_t
from engine.pool.pool cimport pool_t
from engine.storage.file cimport File
from engine.storage.meta cimport Meta
from engine.txn.memtable cimport memtable_t
from engine.wal.log cimport Log, wal_t

cdef class Store

cdef enum:
    SYNC_OFF = 0
    SYNC_NORMAL = 1
    SYNC_FULL = 2

cdef class Snapshot:
    cdef Store store
    cdef int32_t index
    cdef readonly uint64_t lsn
    cdef int adopt(self, int32_t index, uint64_t lsn) except -1

cdef class Store:
    cdef pool_t pool
    cdef batch_t batch
    cdef memtable_t memtable
    cdef mutex_t commit_mutex
    cdef uint32_t section_place        # what the section is called in the thread table
    cdef cond_t large_over
    cdef uint64_t large_thread         # thread_t * of whoever works on a large transaction; 0: none is open
    cdef public object large           # weak reference to that transaction, or None
    cdef wal_t *wal
    cdef readonly Log log
    cdef readonly File file
    cdef readonly object fs
    cdef readonly str path
    cdef readonly object options
    cdef readonly bint is_readonly
    cdef readonly bint closed
    cdef public bint pool_ready
    cdef int synchronous
    cdef uint64_t generation
    cdef public uint32_t next_tree
    cdef public uint64_t tree_epoch
    cdef object file_lock
    cdef public object roots
    cdef public list drops           # (LSN, tree ids) of commits that dropped trees
    cdef public list erasures        # (LSN, {tree id: ranges}) of commits that deleted ranges
    cdef public object checkpointer
    cdef uint32_t warm_commits       # how many commits look up their leaves before they enter the section
    cdef uint64_t notice_lsn         # the checkpointer wants to hear of a commit from this LSN on,
    cdef uint64_t notice_ns          # or after this moment
    cdef public Meta meta
    cdef public int meta_slot
    cdef public object table
    cdef public uint64_t redo_lsn
    cdef public object failure
    cdef public list retained        # what keeps slots besides the last checkpoint, see keep.py: roots with names
    cdef public list retained_slots  # the blocks they stand in
    cdef public list kept            # roots that somebody has pinned
    cdef public list marked          # numbers of the roots that `marks` was made for
    cdef public list unread          # those of them whose page table cannot be read
    cdef public object logs_read     # numbers of checkpoints behind which a reader that is opening reads the log
    cdef public object marks         # bytearray, a byte a slot: not 0 where SLOT_RETAINED is set; or None

    cpdef int check_open(self) except -1
    cpdef int check_writable(self) except -1
    cdef pool_t *pool_ptr(self) noexcept
    cdef int enter_section(self) noexcept nogil
    cdef void _waits_for_section(self, thread_t *t) noexcept nogil
    cdef void _name_section(self, held_t *h) noexcept nogil
    cdef void leave_section(self) noexcept nogil
    cdef void take_over_section(self) noexcept nogil
    cdef int lock_commit(self) except -1
    cdef void hold_section(self) noexcept nogil
    cdef void let_section_go(self) noexcept nogil
    cpdef int check_section(self) except -1
    cdef int unlock_commit(self) except -1
    cdef bint is_ours(self) noexcept
    cdef int make_durable(self, uint64_t lsn) noexcept nogil
    cdef int after_commit(self, uint64_t lsn, int done) except -1
    cdef int wait_durable(self, uint64_t lsn) except -1
    cdef object fail(self, int code)
    cdef int sync_soon(self, uint64_t lsn) except -1
    cpdef bint is_durable(self, uint64_t lsn) noexcept
    cpdef int check_pair(self, object key, object value) except -1
