"""Log records applied to pages: recovery, and pages as they were.

`apply_record` is the one place that says what a record does to the bytes of its page; it calls the same node operations
with the same arguments as the batch that wrote the record (engine.btree.batch), so a page rebuilt record by record
equals the page that lived. A record is checked against the page before it is applied: a log that does not fit gives
ERR_LOG, never a page that breaks the rules of engine.storage.page.
"""

import cython


def _misfit(page_id):
    t = thread_self()
    t.failed_page = page_id
    t.failed_problem = 105
    t.failed_offset = 0
    return ERR_LOG


def _belongs(page, page_size, r, key_len, found):
    """Whether a record's key stands, or would stand, where the record says: `found` as node_search gives it."""
    key = cython.cast(cython.p_uchar, r.parts[0].data)
    if common_prefix(key, key_len, lower_fence(page, page_size), page.prefix_len) < page.prefix_len:
        return False
    return node_search(page, page_size, key, key_len) == found


def apply_record(page, page_size, r, scratch):
    """Change `page` as record `r` says and give it the record's LSN. 0 or ERR_LOG."""
    kind = r.header.type
    done: cython.int = -1
    node: cython.bint = page.kind == KIND_LEAF or page.kind == KIND_BRANCH
    if kind == REC_BUILD:
        fixed = cython.cast(cython.pointer(build_record_t), r.fixed)
        build: build_t
        build.kind = fixed.kind
        build.level = fixed.level
        build.count = fixed.count
        build.flags = fixed.flags
        build.prefix_len = fixed.prefix_len
        build.lower = cython.cast(cython.p_uchar, r.parts[0].data)
        build.lower_len = fixed.lower_len
        build.upper = cython.cast(cython.p_uchar, r.parts[1].data)
        build.upper_len = fixed.upper_len
        build.cells = cython.cast(cython.p_uchar, r.parts[2].data)
        build.cells_len = fixed.cells_len
        page.page_id = r.header.page
        page.tree_id = r.header.tree
        done = node_build(page, page_size, cython.address(build))
        if done == 0:
            done = page_validate(page, page_size)
    elif kind == REC_OVERFLOW:
        over = cython.cast(cython.pointer(overflow_record_t), r.fixed)
        page.page_id = r.header.page
        page.tree_id = r.header.tree
        done = page_make_overflow(
            page, page_size, over.next, cython.cast(cython.p_uchar, r.parts[0].data), over.data_len
        )
    elif kind == REC_INSERT and node:
        ins = cython.cast(cython.pointer(insert_record_t), r.fixed)
        if not _belongs(page, page_size, r, ins.key_len, cython.cast(cython.long, ins.slot) << 1):
            return _misfit(r.header.page)
        done = node_insert(
            page,
            page_size,
            ins.slot,
            cython.cast(cython.p_uchar, r.parts[0].data),
            ins.key_len,
            cython.cast(cython.p_uchar, r.parts[1].data),
            ins.value_len,
            scratch,
        )
    elif kind == REC_UPDATE and node:
        upd = cython.cast(cython.pointer(update_record_t), r.fixed)
        if not _belongs(page, page_size, r, upd.key_len, cython.cast(cython.long, upd.slot) << 1 | 1):
            return _misfit(r.header.page)
        done = node_update(
            page, page_size, upd.slot, cython.cast(cython.p_uchar, r.parts[1].data), upd.value_len, scratch
        )
    elif kind == REC_DELETE and node:
        dele = cython.cast(cython.pointer(delete_record_t), r.fixed)
        if not _belongs(page, page_size, r, dele.key_len, cython.cast(cython.long, dele.slot) << 1 | 1):
            return _misfit(r.header.page)
        done = node_delete(page, page_size, dele.slot)
    elif kind == REC_TRUNCATE and node:
        trunc = cython.cast(cython.pointer(truncate_record_t), r.fixed)
        done = node_truncate(
            page, page_size, trunc.slot, cython.cast(cython.p_uchar, r.parts[0].data), trunc.upper_len, scratch
        )
    if done != 0:
        return _misfit(r.header.page)
    page.lsn = r.lsn
    return OK


def _fresh_frame(p, page_id):
    """A pinned, empty frame for a page that the log makes: the frame or an error."""
    mutex_lock(cython.address(p.mutex))
    frame = frame_take(p)
    if frame >= 0:
        f = cython.address(p.frames[frame])
        f.page_id = page_id
        f.usage = 1
        page = frame_page(p, frame)
        memset(page, 0, p.page_size)
        page.page_id = page_id
        f.word += LATCH_PIN
        set_frame(p, page_id, frame)
        unlatch_exclusive(cython.address(f.word), frame)
    mutex_unlock(cython.address(p.mutex))
    return frame


def redo_init(redo, p, scratch):
    """Begin to redo records on the pool, which nobody else uses yet. scratch: 4 pages."""
    redo.pool = p
    redo.scratch = scratch
    redo.page_id = 0
    redo.frame = -1


def redo_end(redo):
    """Let go of the page that the last record was about."""
    if redo.frame >= 0:
        unlatch_exclusive(cython.address(redo.pool.frames[redo.frame].word), redo.frame)
        pool_unpin(redo.pool, redo.frame)
    redo.page_id = 0
    redo.frame = -1


def redo_prefetch(p, page_id):
    """Ask the memory for what redoing a record of the page begins with, if it is in the pool."""
    if page_id < p.next_page_id and page_known(p, page_id):
        frame = frame_of(p, page_id)
        if frame >= 0:
            prefetch(cython.address(p.frames[frame]))
            page_prefetch(frame_page(p, frame))


def _fetch(redo, page_id, makes):
    """Pin and latch a page that records change, an empty one if `makes`; it is dirty from now on. 0 or an error."""
    thread_does(OP_RECOVERY)
    p = redo.pool
    mutex_lock(cython.address(p.mutex))
    done = pool_know(p, page_id)
    if page_id >= p.next_page_id:
        p.next_page_id = page_id + 1
    mutex_unlock(cython.address(p.mutex))
    if done != OK:
        return done
    ref = ref_of(p, page_id)
    exists: cython.bint = frame_of(p, page_id) >= 0 or ref.slot != 0
    if not exists and not makes:
        return _misfit(page_id)
    frame = pool_pin(p, page_id) if exists else _fresh_frame(p, page_id)
    if frame < 0:
        return frame
    mutex_lock(cython.address(p.mutex))
    done = mark_changed(p, page_id)
    slot_drop(p, ref.slot, SLOT_LIVE)
    ref.slot = 0
    p.frames[frame].flags |= FRAME_DIRTY
    mutex_unlock(cython.address(p.mutex))
    latch_exclusive(cython.address(p.frames[frame].word), frame, page_id)
    redo.page_id = page_id
    redo.frame = frame
    redo.fresh = not exists
    return done


def redo_record(redo, r):
    """Redo a page record. The page stays fetched for the next record of the same page. 0 or an error."""
    p = redo.pool
    page_id: cython.uint = r.header.page
    if page_id == 0 or page_id >= 0x7FFFFFFF:
        return _misfit(page_id)
    done: cython.int = OK
    if page_id != redo.page_id:
        redo_end(redo)
        done = _fetch(redo, page_id, r.header.type == REC_BUILD or r.header.type == REC_OVERFLOW)
        if done != OK:
            return done
    frame = redo.frame
    page = frame_page(p, frame)
    if not redo.fresh and page.lsn != r.header.page_prev_lsn:
        return _misfit(page_id)
    redo.fresh = False
    if r.header.type == REC_FREE:
        mutex_lock(cython.address(p.mutex))
        forget_page(p, page_id, frame, r.lsn)
        mutex_unlock(cython.address(p.mutex))
        redo_end(redo)
        return OK
    done = apply_record(page, p.page_size, r, redo.scratch)
    ref_of(p, page_id).lsn = r.lsn
    return done
