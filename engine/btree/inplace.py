"""The commit of one put or delete that changes one leaf: no version is kept, nothing is copied.

Both records, the change and the commit, are appended before the page is touched: what can fail is over by then.
Under the leaf's X latch and the pool's mutex (the in-place protocol of engine.pool.versions) the page is changed and
its new state published. Whatever does not fit this form (a split, a long value, a live snapshot that needs the page)
is refused with ERR_FULL or ERR_RESTART, with nothing done, and goes through a batch.

The caller is in the commit section.
"""

import cython


def _ready(p, page_id, frame):
    """Latch the leaf and lock the pool if nobody can need the page's present version. 0, or an error with neither held."""
    latch_exclusive(cython.address(p.frames[frame].word), frame, page_id)
    mutex_lock(cython.address(p.mutex))
    done: cython.int = ERR_RESTART
    if not version_needed(p, frame_page(p, frame).lsn):
        done = mark_changed(p, page_id)
    if done == OK:
        r = ref_of(p, page_id)
        slot_drop(p, r.slot, SLOT_LIVE)
        r.slot = 0
        frame_dirty(cython.address(p.frames[frame]))
        if traced():
            trace_bytes(TRACE_BEFORE, page_id, frame, 0, 0, 0, frame_page(p, frame), p.page_size)
        return OK
    mutex_unlock(cython.address(p.mutex))
    unlatch_exclusive(cython.address(p.frames[frame].word), frame)
    return done


def _publish(p, page_id, frame, lsn, commit_lsn):
    """Make the changed page the newest published state and let everybody go on."""
    if lsn != 0 and commit_lsn != 0:
        frame_page(p, frame).lsn = lsn
        ref_of(p, page_id).lsn = lsn
        store_release(cython.address(p.published), commit_lsn)
        yield_point(POINT_PUBLISH)
        if traced():
            trace_bytes(TRACE_AFTER, page_id, frame, lsn, 0, 0, frame_page(p, frame), p.page_size)
            trace_event(TRACE_PUBLISH, 0, -1, commit_lsn, 1, 0)
    mutex_unlock(cython.address(p.mutex))
    unlatch_exclusive(cython.address(p.frames[frame].word), frame)


def put_in_place(p, wal, txn, root, key, key_len, value, value_len, scratch):
    """Insert or replace and commit. 0: inserted, 1: replaced; ERR_FULL, ERR_RESTART: use a batch; or an error.

    scratch: 2 pages.
    """
    if value_len > value_inline_max(p.page_size):
        return ERR_FULL
    path: path_t
    done = tree_descend(p, root, key, key_len, cython.address(path))
    if done == OK:
        done = _put(
            p, wal, txn, cython.address(path), key, key_len, value, cython.cast(cython.ushort, value_len), scratch
        )
        path_release(p, cython.address(path))
    return done


def _put(p, wal, txn, path, key, key_len, value, value_len, scratch):
    d = path.depth - 1
    frame = path.frame[d]
    page_id = path.page_id[d]
    page = frame_page(p, frame)
    found = node_search(page, p.page_size, key, key_len)
    if found < 0:
        return corrupt(page_id, 103)
    index = found >> 1
    if found & 1:
        if cell_at(page, slot_at(page, index)).value_len & VALUE_OVERFLOW or not node_can_update(
            page, index, value_len
        ):
            return ERR_FULL
    elif not node_fits(page, key_len, value_len):
        return ERR_FULL
    done = _ready(p, page_id, frame)
    if done != OK:
        return done
    kind: cython.ushort = REC_UPDATE if found & 1 else REC_INSERT
    lsn = log_put(wal, kind, txn, page, index, key, key_len, value, value_len)
    commit_lsn: uint64_t = append_commit(wal, txn, lsn, 1) if lsn != 0 else 0
    if commit_lsn == 0:
        done = ERR_POISONED
    elif found & 1:
        done = node_update(page, p.page_size, index, value, value_len, scratch)
    else:
        done = node_insert(page, p.page_size, index, key, key_len, value, value_len, scratch)
    _publish(p, page_id, frame, lsn, commit_lsn)
    if done != OK:
        return done if done == ERR_POISONED else ERR_INTERNAL
    return found & 1


def delete_in_place(p, wal, txn, root, key, key_len):
    """Delete a key and commit. 1: deleted, 0: it was not there; ERR_FULL, ERR_RESTART: use a batch; or an error."""
    path: path_t
    done = tree_descend(p, root, key, key_len, cython.address(path))
    if done == OK:
        done = _delete(p, wal, txn, cython.address(path), key, key_len)
        path_release(p, cython.address(path))
    return done


def _delete(p, wal, txn, path, key, key_len):
    d = path.depth - 1
    frame = path.frame[d]
    page_id = path.page_id[d]
    page = frame_page(p, frame)
    found = node_search(page, p.page_size, key, key_len)
    if found < 0:
        return corrupt(page_id, 103)
    if not found & 1:
        return 0
    index = found >> 1
    if cell_at(page, slot_at(page, index)).value_len & VALUE_OVERFLOW:
        return ERR_FULL
    if d > 0 and node_used(page, p.page_size) < p.page_size // 4 + 256:
        return ERR_FULL  # the page may want to merge
    done = _ready(p, page_id, frame)
    if done != OK:
        return done
    lsn = log_delete(wal, txn, page, index, key, key_len)
    commit_lsn: uint64_t = append_commit(wal, txn, lsn, 1) if lsn != 0 else 0
    done = node_delete(page, p.page_size, index) if commit_lsn != 0 else ERR_POISONED
    _publish(p, page_id, frame, lsn, commit_lsn)
    if done != OK:
        return done if done == ERR_POISONED else ERR_INTERNAL
    return 1
