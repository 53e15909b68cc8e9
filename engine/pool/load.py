"""Bringing many pages into the pool at once, all reads under way together.

    page ids --claim a frame for each that is absent (X held, map set)--> batch of reads --as each arrives: verify, release X

Contract of `pool_load_many`. A hint, good for speed alone: afterwards each of the pages it looked at is in the pool, or
another thread is bringing it in, or its reading failed, or it was evicted again. Whoever wants a page goes on with
pool_pin or pool_fix as ever, which wait for it, load it if need be, and report what is wrong with it. The caller holds
no latch, no mutex and not the GIL; pins are allowed. It looks at a quarter of the frames at most, so that a long list
does not evict its own beginning, and says how many ids of the list that were: use those pages, then come with the rest.
Ids that are unknown, free, or already in the pool cost a look at the map. Only newest versions are loaded.

While a page is read its frame is held exclusively, as pool_load does; those who want it wait for this page, not for the
batch. The loading thread waits for nothing but the disk meanwhile.

A batch is read in the order of the file. Where its pages stand close together there, they are read one after the other:
the system sees the sequence and reads ahead in larger pieces than ours, while we verify (measured: engine/README.md).

Scans give a `frame_ring_t`. Their pages come in with usage count 0, are not counted as used by the scan itself
(pool_fix_once), and once the pool is full the scan takes its next frame from the oldest page it has brought in, unless
somebody else has used that since. So a scan of any length costs the pool RING_MAX frames.
"""

import cython


def load_window(p):
    """How many pages are read together at most: few enough that in a small pool the others find frames."""
    return min(cython.cast(cython.uint, AIO_DEPTH), max(p.frame_count // 16, cython.cast(cython.uint, 1)))


def pool_load_many(p, page_ids, count, ring):
    """Bring in the newest versions of many pages (`ring` may be NULL). How many ids it looked at; see the module."""
    most: cython.uint = min(count, max(p.frame_count // 4, cython.cast(cython.uint, 1)))
    window = load_window(p)
    at: cython.uint = 0
    while at < most:
        _load(p, page_ids + at, min(window, most - at), ring)
        at += window
    return most


def pool_hint_many(p, page_ids, count):
    """Tell the system that these pages, at most AIO_DEPTH of them, come next: it reads while the caller works."""
    slots: uint32_t[32]
    found: cython.uint = 0
    i: cython.uint
    mutex_lock(cython.address(p.mutex))
    for i in range(min(count, cython.cast(cython.uint, AIO_DEPTH))):
        if page_known(p, page_ids[i]) and frame_of(p, page_ids[i]) < 0 and ref_of(p, page_ids[i]).slot != 0:
            slots[found] = ref_of(p, page_ids[i]).slot
            found += 1
    mutex_unlock(cython.address(p.mutex))
    if found == 0:
        return
    forward: cython.bint = slots[found - 1] > slots[0]
    if _sort(slots, cython.NULL, found) and forward:
        return  # the system sees that by itself
    aio = cython.cast(cython.pointer(aio_t), p.aio)
    file = cython.cast(cython.pointer(file_t), p.file)
    i = 0
    while i < found:
        first: cython.uint = slots[i]
        last: cython.uint = first
        while i < found and slots[i] - last <= GAP:
            last = slots[i]
            i += 1
        length = cython.cast(uint64_t, last - first + 1) << p.page_shift
        aio_hint(aio, file, cython.cast(uint64_t, first) << p.page_shift, length)


def _load(p, page_ids, count, ring):
    """Load a window of pages."""
    ops: aio_op_t[32]
    batch: aio_batch_t
    t = thread_self()
    invariant(t.depth == 0, b"who brings pages in holds no latch")
    slots: uint32_t[32]
    claimed: cython.uint = 0
    i: cython.uint
    mutex_lock(cython.address(p.mutex))
    for i in range(count):
        frame = _claim(p, page_ids[i], ring)
        if frame >= 0:
            op = cython.address(ops[claimed])
            op.kind = AIO_READ
            op.buffer = frame_page(p, frame)
            op.length = p.page_size
            slots[claimed] = ref_of(p, page_ids[i]).slot
            op.offset = cython.cast(uint64_t, slots[claimed]) << p.page_shift
            op.user = (cython.cast(uint64_t, ref_of(p, page_ids[i]).tag) << 32) | cython.cast(cython.uint, frame)
            claimed += 1
    store_relaxed(cython.address(p.reads), p.reads + claimed)
    p.batch_reads += claimed
    mutex_unlock(cython.address(p.mutex))
    if claimed == 0:
        return
    t.misses += claimed
    file = cython.cast(cython.pointer(file_t), p.file)
    aio = cython.cast(cython.pointer(aio_t), p.aio)
    if _sort(slots, ops, claimed):
        aio = cython.NULL
    aio_begin(aio, cython.address(batch), file, False)
    for i in range(claimed):
        aio_submit(cython.address(batch), cython.address(ops[i]))
    while True:
        arrived = aio_next(cython.address(batch))
        if arrived == cython.NULL:
            break
        _arrived(p, arrived)
    aio_end(cython.address(batch))


def _sort(slots, ops, count):
    """Put slots, and the operations that read them, in ascending order. Whether they stand close together in the file."""
    near: cython.uint = 1
    i: cython.uint
    for i in range(1, count):
        slot: cython.uint = slots[i]
        op: aio_op_t
        if ops != cython.NULL:
            op = ops[i]
        at: cython.uint = i
        while at > 0 and slots[at - 1] > slot:
            slots[at] = slots[at - 1]
            if ops != cython.NULL:
                ops[at] = ops[at - 1]
            at -= 1
        slots[at] = slot
        if ops != cython.NULL:
            ops[at] = op
    for i in range(1, count):
        near += slots[i] - slots[i - 1] <= GAP
    return count > 1 and 4 * near >= 3 * count


def _claim(p, page_id, ring):
    """A frame for a page that is only in the file, with X held and the map set; or -1. Mutex held, given up meanwhile."""
    if not page_known(p, page_id) or frame_of(p, page_id) >= 0 or ref_of(p, page_id).slot == 0:
        return -1
    frame: cython.int = frame_take(p) if ring == cython.NULL else _ring_frame(p, ring)
    if frame < 0:
        return -1
    if frame_of(p, page_id) >= 0 or ref_of(p, page_id).slot == 0:
        frame_give(p, frame)  # somebody else was quicker while the mutex was given up
        return -1
    f = cython.address(p.frames[frame])
    f.page_id = page_id
    latch_note_page(frame, page_id)
    store32_relaxed(cython.address(f.usage), 1 if ring == cython.NULL else 0)
    f.loads += 1
    set_frame(p, page_id, frame)
    if ring != cython.NULL:
        ring.frames[ring.at] = frame
        ring.pages[ring.at] = page_id
        ring.at = (ring.at + 1) % min(cython.cast(cython.uint, RING_MAX), 2 * load_window(p))
    return frame


def _ring_frame(p, ring):
    """An empty frame with X held for a scan: a free one, that of its oldest page, or as frame_take. Mutex held."""
    frame = _take_free(p)
    if frame >= 0:
        return frame
    page_id = ring.pages[ring.at]
    if page_id != 0 and frame_of(p, page_id) == ring.frames[ring.at]:
        frame = ring.frames[ring.at]
        f = cython.address(p.frames[frame])
        unused: cython.bint = (
            load32_relaxed(cython.address(f.usage)) == 0
            and f.version < 0
            and not f.flags & (FRAME_DIRTY | FRAME_GARBAGE)
        )
        if unused and try_evict(cython.address(f.word), frame, page_id):
            if _detach(p, frame, EVICTED_RING, 0, False):
                p.recycled += 1
                return frame
            unlatch_exclusive(cython.address(f.word), frame)
    return frame_take(p)


def _arrived(p, op):
    """A read has ended: the page may be used if it is what it should be; otherwise the frame is empty again."""
    frame = cython.cast(cython.int, cython.cast(cython.uint, op.user))
    tag = cython.cast(cython.uint, op.user >> 32)
    f = cython.address(p.frames[frame])
    invariant(f.word & LATCH_EXCLUSIVE != 0, b"a page that is being read is held by who reads it")
    page = frame_page(p, frame)
    page_id = f.page_id
    sound: cython.bint = op.result == p.page_size and page_verify(page, p.page_size, page_id, tag) == PAGE_OK
    if sound and page.lsn <= ref_of(p, page_id).lsn:
        unlatch_exclusive(cython.address(f.word), frame)
        return
    mutex_lock(cython.address(p.mutex))
    set_frame(p, page_id, -1)
    frame_give(p, frame)
    mutex_unlock(cython.address(p.mutex))
