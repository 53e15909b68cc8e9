from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memcpy
from engine.base.thread cimport OP_BACKUP, thread_does
from engine.base.codes cimport ERR_NO_PAGE, ERR_RESTART
from engine.pool.pool cimport frame_page, page_known, pool_fix, pool_t, pool_unfix
from engine.storage.layout cimport HEADER_SIZE, KIND_TABLE, META_SLOTS, page_t
from engine.storage.page cimport page_seal
from engine.txn.store cimport Snapshot, Store
