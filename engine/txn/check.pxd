from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from engine.base.codes cimport OK
from engine.base.sync cimport mutex_lock, mutex_unlock
from engine.btree.check cimport TreeChecker
from engine.pool.pool cimport (
    FRAME_DIRTY, FRAME_GARBAGE, SLOT_DURABLE, SLOT_LIVE, SLOT_PENDING, SLOT_RETAINED, frame_of, page_known, pool_t, read_image, ref_of,
)
from engine.storage.layout cimport HEADER_SIZE, KIND_TABLE, META_SLOTS, ROOT_DIRECTORY, TREE_DIRECTORY, page_t
from engine.storage.page cimport page_verify
from engine.txn.store cimport Snapshot, Store
