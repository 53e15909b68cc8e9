from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from engine.base.codes cimport ERR_CORRUPT, ERR_INTERNAL, OK
from engine.base.thread cimport thread_self
from engine.btree.batch cimport batch_free_page, batch_overflow, batch_t
from engine.pool.pool cimport frame_page, pool_fix, pool_pin, pool_t, pool_unfix, pool_unpin
from engine.storage.layout cimport HEADER_SIZE, KIND_OVERFLOW, overflow_ref_t, page_t

cdef int overflow_write(batch_t *b, uint32_t tree, const uint8_t *value, uint64_t length, overflow_ref_t *ref) noexcept nogil
cdef int overflow_free(batch_t *b, const overflow_ref_t *ref) noexcept nogil
cdef int overflow_read(pool_t *p, uint64_t lsn, const overflow_ref_t *ref, uint8_t *out) noexcept nogil
