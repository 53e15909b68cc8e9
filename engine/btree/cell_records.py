"""The log records of changes to one cell: the same whether a batch makes them or a commit in place."""

import cython


def log_put(wal, kind, txn, page, index, key, key_len, value, value_len):
    """Append REC_INSERT or REC_UPDATE, which have the same fields, for a page as it still is. Its LSN, or 0."""
    fixed: insert_record_t
    fixed.slot = cython.cast(cython.ushort, index)
    fixed.key_len = cython.cast(cython.ushort, key_len)
    fixed.value_len = value_len
    parts: wal_part_t[2]
    parts[0].data = key
    parts[0].len = key_len
    parts[1].data = value
    parts[1].len = node_value_len(value_len)
    size = cython.sizeof(insert_record_t)
    return wal_append(
        wal, kind, txn, page.page_id, page.tree_id, page.lsn, cython.address(fixed), size, cython.address(parts[0]), 2
    )


def log_delete(wal, txn, page, index, key, key_len):
    """Append REC_DELETE for a page as it still is. Its LSN, or 0."""
    fixed: delete_record_t
    fixed.slot = cython.cast(cython.ushort, index)
    fixed.key_len = cython.cast(cython.ushort, key_len)
    part: wal_part_t
    part.data = key
    part.len = key_len
    size = cython.sizeof(delete_record_t)
    return wal_append(
        wal, REC_DELETE, txn, page.page_id, page.tree_id, page.lsn, cython.address(fixed), size, cython.address(part), 1
    )
