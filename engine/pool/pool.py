"""The buffer pool: frames, the map from page ids to frames, clock-sweep eviction.

      page id                     descriptors (64 bytes each)          arena (huge pages where the kernel has them)
      +-----+   frame_chunks      +------+-------+-------+--           +--------+--------+--------+--
      |  7  | ------------------> | latch, page 7, usage | <- index -> | page 7 | page 2 |  ...
      +-----+                     +------+-------+-------+--           +--------+--------+--------+--
         |      ref_chunks
         +----> slot and tag of the newest image, durable slot, older versions, LSN

A page is found by two dependent loads, not by hashing: `frame_chunks` is an array of page id -> frame, cut in chunks of
65,536 that are made when an id in them is first used and never move, so that readers need no lock. The newest version
of a page stands in the frame that this map names; older versions stand in frames (or slots) of their own (versions.py).

A frame's descriptor says whose page it holds. A reader that found the frame through the map latches it, then checks
that the descriptor still names its page: between the two the page may have been evicted.

Eviction is a clock sweep: the hand passes the descriptors round and round, skips what is latched or pinned, takes one
from the usage count of the others, and evicts at 0. A dirty page is first written, to a free slot: the log need not
be ahead of it, because no durable page table refers to that slot until the next checkpoint. Where a thread of its own
may do so (writer.py), dirty pages in front of the hand are written before it comes. Many pages are brought in together
by load.py.

Locking: the pool's mutex covers the movement of pages between frames and slots, slots, versions and snapshots.
Nobody waits for a latch or for the disk while holding it; whoever holds a latch may take it. Functions whose comment
says so are called with the mutex held; some give it up for a while to write a page, and say that too.

Invariants: a page is in at most one frame per version; map and descriptor agree whenever the mutex is free;
FRAME_DIRTY is clear only if the slot of the version holds the same bytes; frames on the free list are empty.
"""

import cython
from cython.cimports.engine.base.atomic import cpu_relax, fence_release
from cython.cimports.engine.pool.arena import arena_free, arena_new
from cython.cimports.engine.pool.slots import slot_drop, slot_take
from cython.cimports.engine.pool.versions import version_find
from cython.cimports.engine.pool.writer import pool_detach, warm_call, writer_call
from cython.cimports.engine.storage.aio import aio_free, aio_t

LOOK_AGAIN = cython.declare(cython.int, -1999)


def pool_init(p, page_size, pool_bytes, file):
    """Prepare a zeroed pool_t: the arena of about `pool_bytes`, all frames free. 0 or ERR_MEMORY."""
    p.page_size = page_size
    while (cython.cast(cython.uint, 1) << p.page_shift) < page_size:
        p.page_shift += 1
    count = pool_bytes >> p.page_shift
    if count < 32:
        count = 32
    if count > 0x7FFFFFFF:
        count = 0x7FFFFFFF
    p.frame_count = cython.cast(cython.uint, count)
    p.file = file
    p.arena_bytes = count << p.page_shift
    p.arena = arena_new(p.arena_bytes)
    p.frames = cython.cast(cython.pointer(frame_t), arena_new(count * cython.sizeof(frame_t)))
    p.recalled = arena_new(count << RECALLED_BITS)
    p.frame_chunks = cython.cast(cython.pointer(cython.pointer(int32_t)), calloc(CHUNKS, cython.sizeof(cython.p_void)))
    p.ref_chunks = cython.cast(
        cython.pointer(cython.pointer(page_ref_t)), calloc(CHUNKS, cython.sizeof(cython.pointer(page_ref_t)))
    )
    if (
        p.arena == cython.NULL
        or p.frames == cython.NULL
        or p.recalled == cython.NULL
        or p.frame_chunks == cython.NULL
        or p.ref_chunks == cython.NULL
    ):
        return ERR_MEMORY
    p.free_version = -1
    p.newest_snapshot = -1
    p.oldest_snapshot = -1
    p.free_snapshot = -1
    p.next_page_id = 1
    p.changed_epoch = 1
    p.free_frames = -1
    p.warm_at = WARM_NEVER
    i: cython.int
    for i in range(cython.cast(cython.int, count) - 1, -1, -1):
        p.frames[i].version = -1
        p.frames[i].next_free = p.free_frames
        p.free_frames = i
    p.frames_free = p.frame_count
    mutex_init(cython.address(p.mutex), RANK_POOL)
    cond_init(cython.address(p.writer_wake), cython.NULL)
    cond_init(cython.address(p.slots_whole), cython.NULL)
    return OK


def pool_free(p):
    """Give all memory of the pool back; nobody may be using it."""
    pool_detach(p)
    aio_free(cython.cast(cython.pointer(aio_t), p.aio))
    arena_free(p.arena, p.arena_bytes)
    arena_free(cython.cast(cython.p_uchar, p.frames), cython.cast(uint64_t, p.frame_count) * cython.sizeof(frame_t))
    arena_free(p.recalled, cython.cast(uint64_t, p.frame_count) << RECALLED_BITS)
    i: cython.int
    if p.frame_chunks != cython.NULL and p.ref_chunks != cython.NULL:
        for i in range(CHUNKS):
            free(p.frame_chunks[i])
            free(p.ref_chunks[i])
    free(p.frame_chunks)
    free(p.ref_chunks)
    free(p.slots)
    free(p.versions)
    free(p.snapshots)
    free(p.free_pages)
    free(p.changed)
    mutex_destroy(cython.address(p.mutex))
    cond_destroy(cython.address(p.writer_wake))
    cond_destroy(cython.address(p.slots_whole))


def pool_know(p, page_id):
    """Make the map's chunks for a page id. Mutex held (or nobody else there yet). 0 or ERR_MEMORY."""
    chunk: cython.uint = page_id >> CHUNK_BITS
    if p.ref_chunks[chunk] != cython.NULL:
        return OK
    frames = cython.cast(cython.pointer(int32_t), malloc(CHUNK_SIZE * cython.sizeof(cython.int)))
    refs = cython.cast(cython.pointer(page_ref_t), calloc(CHUNK_SIZE, cython.sizeof(page_ref_t)))
    if frames == cython.NULL or refs == cython.NULL:
        free(frames)
        free(refs)
        return ERR_MEMORY
    i: cython.int
    for i in range(CHUNK_SIZE):
        frames[i] = -1
        refs[i].versions = -1
    fence_release()
    p.frame_chunks[chunk] = frames
    p.ref_chunks[chunk] = refs
    return OK


def _clear(f):
    """The descriptor of an empty frame."""
    f.page_id = 0
    f.version = -1
    f.flags = 0
    store32_relaxed(cython.address(f.usage), 0)
    store32_relaxed(cython.address(f.heat), 0)  # visitors count without the mutex
    store32_relaxed(cython.address(f.waits), 0)
    store32_relaxed(cython.address(f.restarts), 0)
    store8_relaxed(cython.address(f.kind), 0)
    store8_relaxed(cython.address(f.level), 0)
    store8_relaxed(cython.address(f.recall), 0)


def frame_give(p, frame):
    """Put an empty frame, whose X the caller holds, on the free list. Mutex held."""
    f = cython.address(p.frames[frame])
    invariant(
        load_relaxed(cython.address(f.word)) & LATCH_EXCLUSIVE != 0, b"a frame is given back by whoever has it alone"
    )
    _clear(f)
    f.next_free = p.free_frames
    p.free_frames = frame
    p.frames_free += 1
    unlatch_exclusive(cython.address(f.word), frame)


def _take_free(p):
    """A frame of the free list with X held, or -1 where the list is empty. Mutex held."""
    while p.free_frames >= 0:
        frame: cython.int = p.free_frames
        if not try_evict(cython.address(p.frames[frame].word), frame, 0):
            yield_spin()
            cpu_relax()  # somebody pins it for a moment, to find that it is not what he wanted
            continue
        p.free_frames = p.frames[frame].next_free
        p.frames_free -= 1
        if cython.cast(cython.uint, frame) >= p.warm_at:
            warm_call(p, frame)
        return frame
    return -1


def frame_take(p):
    """An empty frame with X held, or ERR_POOL_FULL or an I/O error. Mutex held; given up while a dirty page is written."""
    steps: cython.long = 0
    limit: cython.long = cython.cast(cython.long, p.frame_count) * (USAGE_MAX + 3)
    skipped: cython.int = 0
    written: cython.int = -1
    while steps < limit:
        frame: cython.int = _take_free(p)  # it may have filled while the mutex was given up
        if frame >= 0:
            return frame
        steps += 1
        frame = p.hand
        p.hand = p.hand + 1 if p.hand + 1 < p.frame_count else 0
        f = cython.address(p.frames[frame])
        usage = load32_relaxed(cython.address(f.usage))  # readers count it up without the mutex
        if usage > 0 and not f.flags & FRAME_GARBAGE:
            store32_relaxed(cython.address(f.usage), usage - 1)
            continue
        if f.flags & FRAME_DIRTY and not f.flags & FRAME_GARBAGE:
            if skipped < SKIPS and writer_call(p):
                skipped += 1  # it will be clean the next time round
                continue
            p.miss_writes += 1
            written = frame
            done = _write_out(p, frame)
            if done < 0 and done != ERR_POOL_FULL:
                return done
            if f.flags & FRAME_DIRTY or load32_relaxed(cython.address(f.usage)) > 0 or f.page_id == 0:
                continue  # not to be had, or given back meanwhile: then it is on the free list, or taken from there
        if try_evict(cython.address(f.word), frame, f.page_id):
            reason: cython.uint = EVICTED_GARBAGE if f.flags & FRAME_GARBAGE else EVICTED_UNUSED
            if _detach(p, frame, reason, steps, written == frame):
                p.evictions += 1
                p.sweeps += steps
                return frame
            unlatch_exclusive(cython.address(f.word), frame)
    p.sweeps += steps
    return ERR_POOL_FULL


def _detach(p, frame, reason, steps, written):
    """Part a frame whose X is held from its page, and note why. False if its content must not be lost. Mutex held."""
    f = cython.address(p.frames[frame])
    invariant(f.page_id != 0, b"an empty frame is taken from the free list only")
    if f.flags & FRAME_GARBAGE:
        pass
    elif f.flags & FRAME_DIRTY:
        return False
    elif f.version >= 0:
        invariant(p.versions[f.version].slot != 0, b"a clean version has a slot")
        p.versions[f.version].frame = -1
    else:
        invariant(ref_of(p, f.page_id).slot != 0, b"a clean page has a slot")
        invariant(frame_of(p, f.page_id) == frame, b"map and descriptor agree")
        set_frame(p, f.page_id, -1)
    e = cython.address(p.evicted[p.evicted_count % EVICTED_MAX])
    p.evicted_count += 1
    e.at = ticks()
    e.page_id = f.page_id
    e.frame = frame
    e.steps = cython.cast(cython.uint, steps)
    e.reason = cython.cast(cython.uchar, reason)
    e.written = written
    e.kind = f.kind
    e.level = f.level
    e.operation = thread_self().operation
    if traced():
        trace_event(TRACE_EVICT, f.page_id, frame, 0, 0, 0)
    _clear(f)
    return True


def write_image(p, page, slot, tag):
    """Write a copy of a page, sealed, to a slot; its checksum goes to `tag`. The page must stand still. 0 or -errno."""
    t = thread_self()
    buffer = thread_buffer(t, p.page_size)
    if buffer == cython.NULL:
        return ERR_MEMORY
    memcpy(buffer, page, p.page_size)
    image = cython.cast(cython.pointer(page_t), buffer)
    page_seal(image, p.page_size)
    tag[0] = image.checksum
    done = file_write(
        cython.cast(cython.pointer(file_t), p.file), buffer, p.page_size, cython.cast(uint64_t, slot) << p.page_shift
    )
    return OK if done >= 0 else cython.cast(cython.int, done)


def read_image(p, page_id, slot, tag, into):
    """Read and verify an image. 0, -errno, or ERR_CORRUPT with the thread's failed_* fields set."""
    t = thread_self()
    offset = cython.cast(uint64_t, slot) << p.page_shift
    t.misses += 1
    got = file_read(cython.cast(cython.pointer(file_t), p.file), into, p.page_size, offset)
    if got < 0:
        return cython.cast(cython.int, got)
    problem: cython.int = 100  # the file ends before the page does
    if got == p.page_size:
        problem = page_verify(into, p.page_size, page_id, tag)
    if problem != 0:
        t.failed_page = page_id
        t.failed_problem = problem
        t.failed_offset = offset
        return ERR_CORRUPT
    return OK


def _write_out(p, frame):
    """Write a dirty frame to a free slot. Mutex held, given up meanwhile. ERR_POOL_FULL: in use, try another."""
    f = cython.address(p.frames[frame])
    page_id: cython.uint = f.page_id
    if not try_shared(cython.address(f.word), frame, page_id):
        return ERR_POOL_FULL
    slot = slot_take(p, SLOT_PENDING)
    done: cython.int = ERR_MEMORY
    tag: cython.uint = 0
    if slot != 0:
        mutex_unlock(cython.address(p.mutex))
        done = write_image(p, frame_page(p, frame), slot, cython.address(tag))
        mutex_lock(cython.address(p.mutex))
    if done < 0 or f.flags & FRAME_GARBAGE or f.page_id != page_id or not f.flags & FRAME_DIRTY:
        slot_drop(p, slot, SLOT_PENDING)  # nobody can see that version any more, or somebody else wrote it
    else:
        p.slots[slot] |= SLOT_LIVE
        slot_drop(p, slot, SLOT_PENDING)
        if f.version >= 0:
            p.versions[f.version].slot = slot
            p.versions[f.version].tag = tag
            p.evicted_versions += 1
        else:
            r = ref_of(p, page_id)
            r.slot = slot
            r.tag = tag
        f.flags &= ~cython.cast(cython.uint, FRAME_DIRTY)
        p.writes += 1
        p.evicted_dirty += 1
    unlatch_shared(cython.address(f.word), frame)
    return done


def _from_the_future(page_id, offset):
    """An image newer than the page's newest version: no reader could ever see it. ERR_CORRUPT."""
    t = thread_self()
    t.failed_page = page_id
    t.failed_problem = 106
    t.failed_offset = offset
    return ERR_CORRUPT


def pool_load(p, page_id):
    """Bring the newest version of a page into a frame: the frame (unlatched), or an error. Mutex not held."""
    mutex_lock(cython.address(p.mutex))
    if not page_known(p, page_id):
        mutex_unlock(cython.address(p.mutex))
        return ERR_NO_PAGE
    frame: cython.int = frame_of(p, page_id)
    r = ref_of(p, page_id)
    if frame < 0 and r.slot == 0:
        mutex_unlock(cython.address(p.mutex))
        return ERR_NO_PAGE
    if frame < 0:
        frame = frame_take(p)
        if frame >= 0 and (frame_of(p, page_id) >= 0 or r.slot == 0):
            frame_give(p, frame)  # somebody else was quicker while the mutex was given up
            frame = frame_of(p, page_id)
            mutex_unlock(cython.address(p.mutex))
            return frame if frame >= 0 else ERR_NO_PAGE
    else:
        mutex_unlock(cython.address(p.mutex))
        return frame
    if frame < 0:
        mutex_unlock(cython.address(p.mutex))
        return frame
    f = cython.address(p.frames[frame])
    f.page_id = page_id
    latch_note_page(frame, page_id)
    store32_relaxed(cython.address(f.usage), 1)
    f.loads += 1
    set_frame(p, page_id, frame)
    slot: cython.uint = r.slot
    tag: cython.uint = r.tag
    store_relaxed(cython.address(p.reads), p.reads + 1)  # commits compare it without the mutex
    mutex_unlock(cython.address(p.mutex))
    if traced():
        trace_event(TRACE_LOAD, page_id, frame, 0, slot, 0)
    done = read_image(p, page_id, slot, tag, frame_page(p, frame))
    if done == OK and frame_page(p, frame).lsn > r.lsn:
        done = _from_the_future(page_id, cython.cast(uint64_t, slot) << p.page_shift)
    if done < 0:
        mutex_lock(cython.address(p.mutex))
        lost: cython.bint = f.flags & FRAME_GARBAGE  # an aborted batch took back what was being read, slot and all
        if not lost:
            set_frame(p, page_id, -1)
        frame_give(p, frame)
        mutex_unlock(cython.address(p.mutex))
        return pool_load(p, page_id) if lost else done
    unlatch_exclusive(cython.address(f.word), frame)
    return frame


def pool_pin(p, page_id):
    """Pin the newest version of a page in its frame: the frame, or an error. Ends with pool_unpin."""
    while True:
        frame = frame_of(p, page_id)
        if frame < 0:
            frame = pool_load(p, page_id)
            if frame < 0:
                return frame
        f = cython.address(p.frames[frame])
        page_prefetch(frame_page(p, frame))  # on its way while the latch word comes
        latch_pin(cython.address(f.word), frame, page_id)
        if f.page_id == page_id and f.version == -1 and frame_of(p, page_id) == frame:
            frame_touch(f)
            frame_visit(f)
            if traced():
                trace_event(TRACE_PIN, page_id, frame, 0, 0, 0)
            return frame
        latch_unpin(cython.address(f.word))


def pool_fix_once(p, page_id, lsn):
    """pool_fix for a page that is wanted once, as by a scan: it does not count as used."""
    return _fix(p, page_id, lsn, False)


def pool_fix(p, page_id, lsn):
    """Latch, shared, the version of a page that a snapshot at `lsn` sees: its frame, or an error.

    ERR_RESTART: no such version; a reader without a registered snapshot takes a newer one and starts again.
    Ends with pool_unfix. May wait for a latch or the disk: not with the GIL.
    """
    return _fix(p, page_id, lsn, True)


def _fix(p, page_id, lsn, use):
    while True:
        frame = frame_of(p, page_id)
        if frame < 0:
            frame = pool_load(p, page_id)
            if frame == ERR_NO_PAGE:
                frame = _fix_version(p, page_id, lsn)
                if frame == LOOK_AGAIN:
                    continue
                return frame
            if frame < 0:
                return frame
        f = cython.address(p.frames[frame])
        latch_shared(cython.address(f.word), frame, page_id)
        if f.page_id == page_id and f.version == -1 and frame_of(p, page_id) == frame:
            page = frame_page(p, frame)
            if page.lsn <= lsn:
                if use:
                    frame_touch(f)
                frame_visit(f)
                latch_note_kind(cython.address(f.word), page.kind, page.level)
                return frame
            unlatch_shared(cython.address(f.word), frame)
            frame = _fix_version(p, page_id, lsn)
            if frame == LOOK_AGAIN:
                continue
            return frame
        unlatch_shared(cython.address(f.word), frame)


def _fix_version(p, page_id, lsn):
    """pool_fix for the older versions. LOOK_AGAIN: an aborted batch has just made that version the newest one again."""
    while True:
        mutex_lock(cython.address(p.mutex))
        version = version_find(p, page_id, lsn)
        if version < 0:
            restored: cython.bint = page_known(p, page_id) and ref_of(p, page_id).lsn <= lsn
            restored = restored and (frame_of(p, page_id) >= 0 or ref_of(p, page_id).slot != 0)
            mutex_unlock(cython.address(p.mutex))
            return LOOK_AGAIN if restored else ERR_RESTART
        frame: cython.int = p.versions[version].frame
        if frame < 0:
            frame = _load_version(p, version)
            if frame < 0:
                mutex_unlock(cython.address(p.mutex))
                return frame
            mutex_unlock(cython.address(p.mutex))
            continue
        word = cython.address(p.frames[frame].word)
        if try_shared(word, frame, page_id):
            frame_touch(cython.address(p.frames[frame]))
            mutex_unlock(cython.address(p.mutex))
            return frame
        mutex_unlock(cython.address(p.mutex))
        latch_shared(word, frame, page_id)  # it is being loaded: wait for that, then look again
        unlatch_shared(word, frame)


def _load_version(p, version):
    """Bring an older version from its slot into a frame. Mutex held, given up meanwhile. A frame or an error."""
    page_id: cython.uint = p.versions[version].page_id
    lsn = p.versions[version].lsn
    slot: cython.uint = p.versions[version].slot
    tag: cython.uint = p.versions[version].tag
    frame: cython.int = frame_take(p)
    if frame < 0:
        return frame
    v = cython.address(p.versions[version])
    if v.page_id != page_id or v.lsn != lsn or v.frame >= 0 or v.slot != slot:
        frame_give(p, frame)
        return OK
    f = cython.address(p.frames[frame])
    f.page_id = page_id
    latch_note_page(frame, page_id)
    f.version = version
    store32_relaxed(cython.address(f.usage), 1)
    f.loads += 1
    v.frame = frame
    store_relaxed(cython.address(p.reads), p.reads + 1)  # commits compare it without the mutex
    mutex_unlock(cython.address(p.mutex))
    done = read_image(p, page_id, slot, tag, frame_page(p, frame))
    mutex_lock(cython.address(p.mutex))
    if done < 0:
        lost: cython.bint = f.flags & FRAME_GARBAGE  # nobody could see it any more: its slot was free meanwhile
        if f.version >= 0:
            p.versions[f.version].frame = -1
        elif not lost:
            set_frame(p, page_id, -1)  # an aborted batch made it the newest version meanwhile
        frame_give(p, frame)
        return OK if lost else done
    unlatch_exclusive(cython.address(f.word), frame)
    return frame
