from libc.stdint cimport uint8_t, uint16_t, uint64_t
from engine.btree.node cimport node_value_len
from engine.storage.layout cimport page_t
from engine.wal.log cimport wal_append, wal_part_t, wal_t
from engine.wal.records cimport REC_DELETE, delete_record_t, insert_record_t

cdef uint64_t log_put(
    wal_t *wal, uint16_t kind, uint64_t txn, const page_t *page, long index, const uint8_t *key, size_t key_len,
    const uint8_t *value, uint16_t value_len,
) noexcept nogil
cdef uint64_t log_delete(
    wal_t *wal, uint64_t txn, const page_t *page, long index, const uint8_t *key, size_t key_len,
) noexcept nogil
