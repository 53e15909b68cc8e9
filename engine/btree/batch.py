"""A batch: the page changes of one commit, logged, applied and published as a whole.

    begin -> (touch page -> log record -> latch X -> node operation -> unlatch)* -> commit record -> publish
                                                                       \\-> abort record, versions restored

Only the thread in the commit section has a batch. For every change: the page's version from before the batch is kept
(once), the typed record is appended, then the node operation with the same arguments changes the page in place and the
record's LSN becomes the page's. Recovery applies the same operations to the same bytes (engine.btree.redo).

A batch holds a snapshot of the state before it, so that readers go on seeing that state until the batch is published,
and an abort can put it back. During recovery nobody reads and only complete batches are applied: no snapshot is held.

Invariants: a page's LSN lies in [first_lsn, commit LSN) iff the batch changed it; touched pages are dirty and in the
pool's list of changed pages; page ids freed by a batch are reused only when no snapshot can see what they were.
"""

import cython


def batch_init(b, pool, wal):
    """Prepare a zeroed batch_t. 0 or ERR_MEMORY."""
    b.pool = pool
    b.wal = wal
    b.snapshot = -1
    b.scratch = cython.cast(cython.p_uchar, malloc(4 * cython.cast(cython.size_t, pool.page_size)))
    b.packed = cython.cast(cython.p_uchar, malloc(2 * cython.cast(cython.size_t, pool.page_size)))
    return ERR_MEMORY if b.scratch == cython.NULL or b.packed == cython.NULL else OK


def batch_free(b):
    free(b.touched)
    free(b.freed)
    free(b.scratch)
    free(b.packed)


def batch_begin(b, txn):
    """Start a batch: register its snapshot. 0 or ERR_MEMORY."""
    b.txn = txn
    b.first_lsn = 0
    b.records = 0
    b.touched_count = 0
    b.freed_count = 0
    b.inner = False
    mutex_lock(cython.address(b.pool.mutex))
    b.snapshot = snapshot_register(b.pool, b.pool.published)
    mutex_unlock(cython.address(b.pool.mutex))
    return OK if b.snapshot >= 0 else b.snapshot


def append_commit(wal, txn, first_lsn, records):
    """Append the record that makes a batch count. Its LSN, or 0."""
    fixed: commit_record_t
    fixed.time_us = wall_us()
    fixed.synced_lsn = wal_synced(wal)
    fixed.first_lsn = first_lsn
    fixed.records = records
    fixed.flags = 0
    return wal_append(
        wal, REC_COMMIT, txn, 0, 0, 0, cython.address(fixed), cython.sizeof(commit_record_t), cython.NULL, 0
    )


def batch_commit(b, lsn):
    """Append the commit record and publish the batch; `lsn` gets its LSN. 0, or an error: then abort."""
    p = b.pool
    if b.records == 0:
        mutex_lock(cython.address(p.mutex))
        lsn[0] = p.published
        snapshot_release(p, b.snapshot)
        mutex_unlock(cython.address(p.mutex))
        b.snapshot = -1
        return OK
    at = append_commit(b.wal, b.txn, b.first_lsn, b.records)
    if at == 0:
        return ERR_POISONED
    mutex_lock(cython.address(p.mutex))
    invariant(p.published < b.first_lsn and b.first_lsn < at, b"a batch's records lie between two published states")
    store_release(cython.address(p.published), at)
    yield_point(POINT_PUBLISH)
    if traced():
        trace_event(TRACE_PUBLISH, 0, -1, at, b.records, 0)
    snapshot_release(p, b.snapshot)
    b.snapshot = -1
    done: cython.int = OK
    i: cython.uint
    for i in range(b.freed_count):
        if page_id_give(p, b.freed[i]) != OK:
            done = ERR_MEMORY  # the ids are lost until the database is opened again: harmless
    mutex_unlock(cython.address(p.mutex))
    lsn[0] = at
    return done


def batch_abort(b):
    """Put every page back as it was before the batch and log that it does not count. 0 or an error of the log."""
    p = b.pool
    i: cython.uint
    mutex_lock(cython.address(p.mutex))
    if b.records != 0:
        for i in range(b.touched_count):
            version_restore(p, b.touched[i], b.first_lsn)
            r = ref_of(p, b.touched[i])
            if frame_of(p, b.touched[i]) < 0 and r.slot == 0:
                page_id_give(p, b.touched[i])
    if b.snapshot >= 0:
        snapshot_release(p, b.snapshot)
        b.snapshot = -1
    mutex_unlock(cython.address(p.mutex))
    if b.records == 0:
        return OK
    fixed: abort_record_t
    fixed.first_lsn = b.first_lsn
    fixed.records = b.records
    fixed.pad = 0
    at = wal_append(
        b.wal, REC_ABORT, b.txn, 0, 0, 0, cython.address(fixed), cython.sizeof(abort_record_t), cython.NULL, 0
    )
    return OK if at != 0 else ERR_POISONED


def batch_touch(b, page_id, frame):
    """Before the first change of a page in the batch: keep its version, mark it. The frame is pinned. 0 or an error."""
    p = b.pool
    page = frame_page(p, frame)
    if b.first_lsn != 0 and page.lsn >= b.first_lsn:
        return _touch_again(b, page_id, frame) if b.inner else OK
    mutex_lock(cython.address(p.mutex))
    done = note_page(
        cython.address(b.touched), cython.address(b.touched_count), cython.address(b.touched_room), page_id
    )
    if done == OK:
        done = mark_changed(p, page_id)
        if done == OK:
            done = version_keep(p, page_id, frame)
        if done != OK:
            b.touched_count -= 1  # without a version of its own an abort must not touch the page
    if done == OK:
        frame_dirty(cython.address(p.frames[frame]))
    mutex_unlock(cython.address(p.mutex))
    return done


def _touch_again(b, page_id, frame):
    """A page of the batch changes once more while a scan inside the batch may need it as it is. 0 or an error."""
    p = b.pool
    done: cython.int = OK
    mutex_lock(cython.address(p.mutex))
    if version_needed(p, frame_page(p, frame).lsn):
        done = version_keep(p, page_id, frame)
        if done == OK:
            frame_dirty(cython.address(p.frames[frame]))
    mutex_unlock(cython.address(p.mutex))
    return done


def batch_snapshot(b):
    """Register a snapshot of the batch's state so far, for its own scans; its index, or ERR_MEMORY."""
    mutex_lock(cython.address(b.pool.mutex))
    index = snapshot_register(b.pool, wal_end(b.wal) - 1)  # the next record's LSN is wal_end at the least
    b.inner = True
    mutex_unlock(cython.address(b.pool.mutex))
    return index


def _latch(b, page_id, frame):
    """Take X on the frame of a touched page. If it was written out since it was touched, it is dirty again.

    Eviction and checkpoints write a page and mark it clean at any time, holding S; a batch that changes it once more
    must not leave that image standing for the new content. Under X nobody else does either.
    """
    p = b.pool
    f = cython.address(p.frames[frame])
    latch_exclusive(cython.address(f.word), frame, page_id)
    if not f.flags & FRAME_DIRTY:
        mutex_lock(cython.address(p.mutex))
        r = ref_of(p, page_id)
        slot_drop(p, r.slot, SLOT_LIVE)
        r.slot = 0
        frame_dirty(f)
        mutex_unlock(cython.address(p.mutex))
    if traced():
        trace_bytes(TRACE_BEFORE, page_id, frame, 0, 0, 0, frame_page(p, frame), p.page_size)


def _new_page(b, page_id):
    """A new page id with an empty, pinned frame: the frame, or an error."""
    p = b.pool
    mutex_lock(cython.address(p.mutex))
    frame = frame_take(p)
    if frame < 0:
        mutex_unlock(cython.address(p.mutex))
        return frame
    done = page_id_take(p, page_id)
    if done == OK:
        done = note_page(
            cython.address(b.touched), cython.address(b.touched_count), cython.address(b.touched_room), page_id[0]
        )
    if done == OK:
        done = mark_changed(p, page_id[0])
    if done != OK:
        frame_give(p, frame)
        mutex_unlock(cython.address(p.mutex))
        return done
    f = cython.address(p.frames[frame])
    f.page_id = page_id[0]
    f.flags = 0
    frame_dirty(f)
    store32_relaxed(cython.address(f.usage), 1)
    page = frame_page(p, frame)
    memset(page, 0, p.page_size)
    page.page_id = page_id[0]
    # newer than any snapshot, page and reference alike: nobody, a checkpoint neither, may take it for something
    r = ref_of(p, page_id[0])
    b.previous = r.lsn
    r.lsn = page.lsn = wal_end(b.wal)
    add_acq_rel(cython.address(f.word), LATCH_PIN)
    if traced():
        trace_event(TRACE_ALLOCATE, page_id[0], frame, 0, 0, 0)
        trace_event(TRACE_PIN, page_id[0], frame, 0, 0, 0)
    set_frame(p, page_id[0], frame)
    unlatch_exclusive(cython.address(f.word), frame)
    mutex_unlock(cython.address(p.mutex))
    return frame


def _log(b, type, page_id, tree, prev, fixed, fixed_len, parts, count):
    return _noted(b, wal_append(b.wal, type, b.txn, page_id, tree, prev, fixed, fixed_len, parts, count))


def _noted(b, lsn):
    """A record of the batch was appended, where `lsn` is not 0; `lsn` again."""
    if lsn != 0:
        if b.first_lsn == 0:
            b.first_lsn = lsn
        b.records += 1
    return lsn


def _applied(b, page_id, frame, lsn):
    """Give a changed page its LSN and let readers at it again."""
    page = frame_page(b.pool, frame)
    invariant(page.lsn <= lsn, b"a page's LSN only grows")
    invariant(b.pool.frames[frame].flags & FRAME_DIRTY != 0, b"a changed page is dirty")
    page.lsn = lsn
    ref_of(b.pool, page_id).lsn = lsn
    if traced():
        trace_bytes(TRACE_AFTER, page_id, frame, lsn, 0, 0, page, b.pool.page_size)
    unlatch_exclusive(cython.address(b.pool.frames[frame].word), frame)


def _check(done):
    """A node operation that was checked beforehand must not fail: the log already says that it happened."""
    return OK if done == 0 else ERR_INTERNAL


def batch_build(b, page_id, tree, build):
    """Make a page, or a new one for id 0, exactly what `build` says; its id, or an error.

    `build` must not point into the page.
    """
    p = b.pool
    new: cython.bint = page_id == 0
    frame = _new_page(b, cython.address(page_id)) if new else pool_pin(p, page_id)
    if frame < 0:
        return frame
    page = frame_page(p, frame)
    done: cython.int = OK if new else batch_touch(b, page_id, frame)
    if done == OK:
        fixed: build_record_t
        fixed.kind = build.kind
        fixed.level = build.level
        fixed.count = build.count
        fixed.lower_len = build.lower_len
        fixed.upper_len = build.upper_len
        fixed.flags = build.flags
        fixed.prefix_len = build.prefix_len
        fixed.cells_len = build.cells_len
        parts: wal_part_t[3]
        parts[0].data = build.lower
        parts[0].len = build.lower_len
        parts[1].data = build.upper
        parts[1].len = build.upper_len
        parts[2].data = build.cells
        parts[2].len = build.cells_len
        prev = b.previous if new else page.lsn
        lsn = _log(b, REC_BUILD, page_id, tree, prev, cython.address(fixed), cython.sizeof(build_record_t), parts, 3)
        if lsn == 0:
            done = ERR_POISONED
        else:
            _latch(b, page_id, frame)
            page.tree_id = tree
            done = _check(node_build(page, p.page_size, build))
            _applied(b, page_id, frame, lsn)
    pool_unpin(p, frame)
    return page_id if done == OK else done


def batch_insert(b, page_id, frame, index, key, key_len, value, value_len):
    """Insert a cell into a pinned node. 0, ERR_FULL (nothing happened) or an error."""
    p = b.pool
    page = frame_page(p, frame)
    if not node_fits(page, key_len, node_value_len(value_len)):
        return ERR_FULL
    done = batch_touch(b, page_id, frame)
    if done != OK:
        return done
    lsn = _noted(b, log_put(b.wal, REC_INSERT, b.txn, page, index, key, key_len, value, value_len))
    if lsn == 0:
        return ERR_POISONED
    _latch(b, page_id, frame)
    done = _check(node_insert(page, p.page_size, index, key, key_len, value, value_len, b.scratch))
    _applied(b, page_id, frame, lsn)
    return done


def batch_update(b, page_id, frame, index, key, key_len, value, value_len):
    """Replace the value of a cell of a pinned node. 0, ERR_FULL (nothing happened) or an error."""
    p = b.pool
    page = frame_page(p, frame)
    if not node_can_update(page, index, value_len):
        return ERR_FULL
    done = batch_touch(b, page_id, frame)
    if done != OK:
        return done
    lsn = _noted(b, log_put(b.wal, REC_UPDATE, b.txn, page, index, key, key_len, value, value_len))
    if lsn == 0:
        return ERR_POISONED
    _latch(b, page_id, frame)
    done = _check(node_update(page, p.page_size, index, value, value_len, b.scratch))
    _applied(b, page_id, frame, lsn)
    return done


def batch_delete(b, page_id, frame, index, key, key_len):
    """Remove a cell of a pinned node. 0 or an error."""
    p = b.pool
    page = frame_page(p, frame)
    done = batch_touch(b, page_id, frame)
    if done != OK:
        return done
    lsn = _noted(b, log_delete(b.wal, b.txn, page, index, key, key_len))
    if lsn == 0:
        return ERR_POISONED
    _latch(b, page_id, frame)
    done = _check(node_delete(page, p.page_size, index))
    _applied(b, page_id, frame, lsn)
    return done


def batch_truncate(b, page_id, frame, index, upper, upper_len):
    """Drop the cells from `index` on, which have moved, and set the upper fence. `upper` not in the page. 0 or an error."""
    p = b.pool
    page = frame_page(p, frame)
    done = batch_touch(b, page_id, frame)
    if done != OK:
        return done
    fixed: truncate_record_t
    fixed.slot = cython.cast(cython.ushort, index)
    fixed.upper_len = cython.cast(cython.ushort, upper_len)
    part: wal_part_t
    part.data = upper
    part.len = upper_len
    lsn = _log(
        b,
        REC_TRUNCATE,
        page_id,
        page.tree_id,
        page.lsn,
        cython.address(fixed),
        cython.sizeof(truncate_record_t),
        cython.address(part),
        1,
    )
    if lsn == 0:
        return ERR_POISONED
    _latch(b, page_id, frame)
    done = _check(node_truncate(page, p.page_size, index, upper, upper_len, b.scratch))
    _applied(b, page_id, frame, lsn)
    return done


def batch_overflow(b, tree, next, data, data_len):
    """Make a new page, part of a long value; its id, or an error."""
    p = b.pool
    page_id: cython.uint = 0
    frame = _new_page(b, cython.address(page_id))
    if frame < 0:
        return frame
    fixed: overflow_record_t
    fixed.next = next
    fixed.data_len = data_len
    part: wal_part_t
    part.data = data
    part.len = data_len
    lsn = _log(
        b,
        REC_OVERFLOW,
        page_id,
        tree,
        b.previous,
        cython.address(fixed),
        cython.sizeof(overflow_record_t),
        cython.address(part),
        1,
    )
    done: cython.int = ERR_POISONED
    if lsn != 0:
        _latch(b, page_id, frame)
        page = frame_page(p, frame)
        page.tree_id = tree
        done = _check(page_make_overflow(page, p.page_size, next, data, data_len))
        _applied(b, page_id, frame, lsn)
    pool_unpin(p, frame)
    return page_id if done == OK else done


def batch_free_page(b, page_id):
    """The page ceases to exist; its id becomes free when the batch is published. 0 or an error."""
    p = b.pool
    frame = pool_pin(p, page_id)
    if frame < 0:
        return frame
    page = frame_page(p, frame)
    version: int32_t = -1
    done = _touch_to_free(b, page_id, frame, cython.address(version))
    if done == OK:
        done = note_page(cython.address(b.freed), cython.address(b.freed_count), cython.address(b.freed_room), page_id)
    if done == OK:
        fixed: free_record_t
        lsn: uint64_t
        memset(cython.address(fixed), 0, cython.sizeof(free_record_t))
        fixed.kind = page.kind
        lsn = _log(
            b,
            REC_FREE,
            page_id,
            page.tree_id,
            page.lsn,
            cython.address(fixed),
            cython.sizeof(free_record_t),
            cython.NULL,
            0,
        )
        if lsn == 0:
            done = ERR_POISONED
        elif traced():
            trace_bytes(TRACE_FREE, page_id, frame, lsn, 0, 0, page, p.page_size)
    mutex_lock(cython.address(p.mutex))
    if done == OK and version >= 0:
        version_retire(p, page_id, frame, version, lsn)
    elif done == OK:
        forget_page(p, page_id, frame, lsn)
    elif version >= 0:
        version_cancel(p, version)
        b.touched_count -= 1  # nothing is kept of the page: an abort must not touch it
    mutex_unlock(cython.address(p.mutex))
    pool_unpin(p, frame)
    return done


def _touch_to_free(b, page_id, frame, version):
    """batch_touch for a page that ceases to exist: what was before the batch is not copied, only `version` reserved for it."""
    p = b.pool
    page = frame_page(p, frame)
    if b.first_lsn != 0 and page.lsn >= b.first_lsn:
        return batch_touch(b, page_id, frame)
    mutex_lock(cython.address(p.mutex))
    done = note_page(
        cython.address(b.touched), cython.address(b.touched_count), cython.address(b.touched_room), page_id
    )
    if done == OK:
        done = mark_changed(p, page_id)
        if done == OK:
            version[0] = version_reserve(p, page.lsn)
            if version[0] < -1:
                done = version[0]
                version[0] = -1
        if done != OK:
            b.touched_count -= 1
    mutex_unlock(cython.address(p.mutex))
    return done


def forget_page(p, page_id, frame, lsn):
    """Part a page that ceases to exist from its frame; older versions stay. Mutex held, the frame pinned."""
    r = ref_of(p, page_id)
    set_frame(p, page_id, -1)
    slot_drop(p, r.slot, SLOT_LIVE)
    r.slot = 0
    r.lsn = lsn
    p.frames[frame].flags = FRAME_GARBAGE
