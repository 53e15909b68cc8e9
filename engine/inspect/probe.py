"""Copies of what lives in the pool: pages, frames, page references, slots, versions, snapshots.

    pool  --copy, without the GIL-->  bytes and tuples  -->  the models of this package

Nothing here changes or keeps up what it looks at for longer than one page copy:
  - a page in a frame is copied optimistically, and under its shared latch only if a writer came between every time;
  - a page that is in no frame is read from its slot into private memory: looking does not load or evict;
  - references and slots are copied in runs of about a page, each under the pool's mutex;
  - frames are copied without a lock; a value that moves may be a moment old, never out of bounds.
"""

import cython


def _copy_frame(p, frame, page_id, length, out):
    """Copy the first `length` bytes of the newest version of a page from its frame. 0: it is no longer there."""
    f = cython.address(p.frames[frame])
    _: cython.int
    for _ in range(TRIES):
        seen = optimistic_begin(cython.address(f.word))
        if seen & LATCH_EXCLUSIVE:
            continue
        memcpy(out, frame_page(p, frame), length)
        if optimistic_valid(cython.address(f.word), seen):
            return 1 if f.page_id == page_id and f.version == -1 and frame_of(p, page_id) == frame else 0
    thread_does(OP_INSPECT)
    latch_shared(cython.address(f.word), frame, page_id)
    there: cython.bint = f.page_id == page_id and f.version == -1 and frame_of(p, page_id) == frame
    if there:
        memcpy(out, frame_page(p, frame), length)
    unlatch_shared(cython.address(f.word), frame)
    return 1 if there else 0


def page_image(store, page_id):
    """(bytes, frame or -1, slot) of the newest version of a page, or None where the id is free or was never used.

    Raises CorruptionError where its slot does not hold it, OperationalError.
    """
    s: Store = store
    if page_id < 1 or page_id >= s.pool.next_page_id:
        return None
    p = cython.address(s.pool)
    number: cython.uint = page_id
    size: cython.size_t = p.page_size
    out = cython.cast(cython.p_uchar, malloc(size))
    if out == cython.NULL:
        raise MemoryError
    try:
        _: cython.int
        done: cython.int = 0
        slot: cython.uint = 0
        frame: cython.int = -1
        failed: cython.uint = 0
        for _ in range(100):
            with cython.nogil:
                mutex_lock(cython.address(p.mutex))
                known: cython.bint = page_known(p, number)
                frame = frame_of(p, number) if known else -1
                slot = ref_of(p, number).slot if known else 0
                tag = ref_of(p, number).tag if known else 0
                mutex_unlock(cython.address(p.mutex))
                got: cython.int = 0
                if frame >= 0:
                    got = _copy_frame(p, frame, number, size, out)
                elif slot != 0:
                    done = read_image(p, number, slot, tag, cython.cast(cython.pointer(page_t), out))
                    got = done == 0
            if got:
                return PyBytes_FromStringAndSize(cython.cast(cython.p_char, out), size), int(frame), int(slot)
            if frame < 0 and slot == 0:
                return None
            if done < 0 and slot == failed:
                break  # the page did not move meanwhile: its image is damaged
            failed = slot if done < 0 else 0
        check(done, s.path)
        return None
    finally:
        free(out)


def header_copies(store, wanted):
    """The headers of pages in frames: a list for [(page id, frame)], None for those that are no longer there.

    The GIL is given up once for RUN of them: beside threads that work, it takes its time to come back.
    """
    return [header or None for header in _headers(store, wanted, True)]


def slot_headers(store, slots):
    """The first HEADER_SIZE bytes of slots, as the file has them, fewer at its end: a list. As in `header_copies`. Raises OperationalError."""
    return _headers(store, [(slot, -1) for slot in slots], False)


def _copy_header(p, number, frame, in_frame, out):
    """Copy the header of a page from its frame, or of a slot from the file: bytes that were there, or a negative error."""
    if in_frame:
        known: cython.bint = 0 <= frame < cython.cast(cython.int, p.frame_count)
        return HEADER_SIZE if known and _copy_frame(p, frame, number, HEADER_SIZE, out) else 0
    at: uint64_t = cython.cast(uint64_t, number) << p.page_shift
    return file_read(cython.cast(cython.pointer(file_t), p.file), out, HEADER_SIZE, at)


@cython.cfunc
def _headers(store, wanted, in_frames: cython.bint):
    """What `_copy_header` finds, as bytes, for [(page id, frame)] or [(slot, any number)], RUN of them at a time."""
    s: Store = store
    p = cython.address(s.pool)
    numbers: uint32_t[200]
    places: int32_t[200]
    got: int64_t[200]
    i: cython.int
    first: cython.Py_ssize_t = 0
    found = []
    out = cython.cast(cython.p_uchar, malloc(RUN * HEADER_SIZE))
    if out == cython.NULL:
        raise MemoryError
    try:
        while first < len(wanted):
            run: cython.int = cython.cast(cython.int, min(RUN, len(wanted) - first))
            for i in range(run):
                numbers[i], places[i] = wanted[first + i]
            with cython.nogil:
                for i in range(run):
                    got[i] = _copy_header(p, numbers[i], places[i], in_frames, out + i * HEADER_SIZE)
            for i in range(run):
                check(cython.cast(cython.int, got[i]) if got[i] < 0 else 0, s.path)
                found.append(PyBytes_FromStringAndSize(cython.cast(cython.p_char, out) + i * HEADER_SIZE, got[i]))
            first += run
    finally:
        free(out)
    return found


def _copy_refs(p, first, count, out, frames):
    i: cython.uint
    mutex_lock(cython.address(p.mutex))
    for i in range(count):
        if page_known(p, first + i):
            out[i] = ref_of(p, first + i)[0]
            frames[i] = frame_of(p, first + i)
        else:
            out[i].slot = out[i].durable_slot = 0
            out[i].versions = -1
            frames[i] = -1
    mutex_unlock(cython.address(p.mutex))


def page_refs(store, first=1, count=None):
    """List (page id, slot, tag, durable slot, durable tag, frame, LSN, has older versions) of page ids from `first`."""
    s: Store = store
    p = cython.address(s.pool)
    end: cython.uint = p.next_page_id if count is None else min(first + count, int(p.next_page_id))
    at: cython.uint = max(first, 1)
    refs: page_ref_t[200]
    frames: int32_t[200]
    i: cython.uint
    found = []
    while at < end:
        run: cython.uint = min(RUN, end - at)
        with cython.nogil:
            _copy_refs(p, at, run, refs, frames)
        for i in range(run):
            r = cython.address(refs[i])
            found.append(
                (
                    int(at + i),
                    int(r.slot),
                    int(r.tag),
                    int(r.durable_slot),
                    int(r.durable_tag),
                    int(frames[i]),
                    int(r.lsn),
                    r.versions >= 0,
                )
            )
        at += run
    return found


def _copy_slots(p, first, count, out):
    mutex_lock(cython.address(p.mutex))
    memcpy(out, p.slots + first, count)
    mutex_unlock(cython.address(p.mutex))


def slot_flags(store):
    """The flags of every slot: bit 0 live, bit 1 durable, bit 2 of the checkpoint that is being written."""
    s: Store = store
    p = cython.address(s.pool)
    buffer: cython.uchar[4096]
    total: cython.uint = p.slot_count
    at: cython.uint = 0
    found = bytearray()
    while at < total:
        run: cython.uint = min(4096, total - at)
        with cython.nogil:
            _copy_slots(p, at, run, buffer)
        found += PyBytes_FromStringAndSize(cython.cast(cython.p_char, buffer), run)
        at += run
    return bytes(found)


def table_slots(store):
    """Slot -> (level, index) of the blocks of the last checkpoint's page table."""
    s: Store = store
    return {slot: (level, index) for level, blocks in enumerate(s.table or ()) for index, (slot, _) in blocks.items()}


def _copy_frames(p, first, count, out):
    """Copy the descriptors of `count` frames and what the headers of their pages say. No lock: a value may be a moment old."""
    i: cython.int
    for i in range(count):
        out[i].frame = p.frames[first + i]
        if out[i].frame.page_id == 0:
            continue  # its memory was perhaps never touched, and should not be for this
        page = frame_page(p, first + i)
        out[i].kind = page.kind
        out[i].level = page.level
        out[i].tree = page.tree_id
        out[i].lsn = page.lsn


def frames(store, kinds, owner):
    """Tuples of the frames that hold a page, in the order of engine.inspect.pool.Buffer.

    kinds: names of page kinds by number, the last one for all others. owner: gives the name of a tree's owner.
    """
    s: Store = store
    p = cython.address(s.pool)
    copies = cython.cast(cython.pointer(frame_copy_t), malloc(FRAMES_RUN * cython.sizeof(frame_copy_t)))
    if copies == cython.NULL:
        raise MemoryError
    names: dict = {}
    found: list = []
    first: cython.int = 0
    i: cython.int
    try:
        while first < cython.cast(cython.int, p.frame_count):
            run: cython.int = min(FRAMES_RUN, cython.cast(cython.int, p.frame_count) - first)
            with cython.nogil:
                _copy_frames(p, first, run, copies)
            for i in range(run):
                c = cython.address(copies[i])
                f = cython.address(c.frame)
                if f.page_id == 0:
                    continue
                tree: object = c.tree
                name = names.get(tree)
                if name is None:
                    name = names[tree] = owner(tree)
                word: uint64_t = f.word
                found.append(
                    (
                        first + i,
                        f.page_id,
                        kinds[c.kind] if c.kind < len(kinds) else kinds[len(kinds) - 1],
                        tree,
                        name,
                        c.level,
                        "newest" if f.version < 0 else "older",
                        f.flags & FRAME_DIRTY != 0,
                        f.flags & FRAME_GARBAGE != 0,
                        f.usage,
                        (word & LATCH_PINS) // LATCH_PIN,
                        word & LATCH_SHARED,
                        word & LATCH_EXCLUSIVE != 0,
                        word & LATCH_WAITERS != 0,
                        f.loads,
                        f.waits,
                        f.restarts,
                        cython.cast(uint64_t, f.heat) * HEAT_SAMPLE,
                        c.lsn,
                    )
                )
            first += run
    finally:
        free(copies)
    return found


def _hottest(p, found, count):
    """The frames whose pages were waited for most, then visited most, into `found`; how many."""
    got: cython.int = 0
    i: cython.int
    j: cython.int
    for i in range(p.frame_count):
        f = cython.address(p.frames[i])
        if f.page_id == 0 or (f.waits == 0 and f.restarts == 0 and f.heat == 0):
            continue
        j = got
        while j > 0 and _hotter(f, cython.address(p.frames[found[j - 1]])):
            if j < count:
                found[j] = found[j - 1]
            j -= 1
        if j < count:
            found[j] = i
            got += 1 if got < count else 0
    return got


def _hotter(f, other):
    waits = cython.cast(uint64_t, f.waits) + f.restarts
    theirs = cython.cast(uint64_t, other.waits) + other.restarts
    return waits > theirs or (waits == theirs and f.heat > other.heat)


def hottest(store, count):
    """The `count` (16 at the most) pages in the pool that are waited for, or visited, most: [(page, waits, restarts, visits, header)]."""
    s: Store = store
    p = cython.address(s.pool)
    found: int32_t[16]
    most: cython.int = min(count, 16)
    i: cython.int
    with cython.nogil:
        got = _hottest(p, found, most)
    pages = []
    for i in range(got):
        f = cython.address(p.frames[found[i]])
        header = cython.cast(cython.p_char, frame_page(p, found[i]))
        if f.page_id != 0:
            pages.append(
                (
                    int(f.page_id), int(f.waits), int(f.restarts), int(f.heat) * HEAT_SAMPLE,
                    PyBytes_FromStringAndSize(header, HEADER_SIZE),
                )
            )  # fmt: skip
    return pages


def pool_counters(store):
    """Sizes and counters of the pool by name."""
    s: Store = store
    p = cython.address(s.pool)
    return {
        "page_size": int(p.page_size),
        "frames": int(p.frame_count),
        "hand": int(p.hand),
        "free_frames": p.free_frames >= 0,
        "next_page_id": int(p.next_page_id),
        "free_pages": int(p.free_count),
        "slots": int(p.slot_count),
        "slots_used": int(p.slots_used),
        "reads": int(p.reads),
        "writes": int(p.writes),
        "evictions": int(p.evictions),
        "evicted_dirty": int(p.evicted_dirty),
        "sweeps": int(p.sweeps),
        "copies": int(p.copies),
        "kept_versions": int(p.kept_versions),
        "evicted_versions": int(p.evicted_versions),
        "read_together": int(p.batch_reads),
        "written_ahead": int(p.written_ahead),
        "written_by_misses": int(p.miss_writes),
        "reused_by_scans": int(p.recycled),
        "versions": int(p.version_count),
        "changed": int(p.changed_count),
        "published": int(p.published),
    }


def _copy_snapshots(p, out, versions, owners, counts):
    """Copy the snapshots, oldest first, and the versions they keep, as far as there is room."""
    found: cython.int = 0
    kept: cython.int = 0
    mutex_lock(cython.address(p.mutex))
    index: cython.int = p.oldest_snapshot
    while index >= 0 and found < SNAPSHOTS:
        out[found] = p.snapshots[index]
        at: cython.int = p.snapshots[index].first
        while at >= 0 and kept < VERSIONS:
            versions[kept] = p.versions[at]
            owners[kept] = found
            kept += 1
            at = p.versions[at].next
        found += 1
        index = p.snapshots[index].newer
    mutex_unlock(cython.address(p.mutex))
    counts[0] = found
    counts[1] = kept


def evictions(store):
    """[(age in ns, page, frame, kind, level, reason, whether it was written first, frames looked at, operation)], newest first."""
    s: Store = store
    p = cython.address(s.pool)
    last: eviction_t[64]
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        total = p.evicted_count
        memcpy(last, p.evicted, cython.sizeof(eviction_t) * EVICTED_MAX)
        mutex_unlock(cython.address(p.mutex))
    now = ticks()
    per_ns: cython.double = ticks_per_ns()
    found = []
    i: cython.int
    for i in range(min(total, cython.cast(uint64_t, EVICTED_MAX))):
        e = cython.address(last[(total - 1 - i) % EVICTED_MAX])
        found.append(
            (
                int((now - e.at) / per_ns) if now > e.at else 0, int(e.page_id), int(e.frame), int(e.kind), int(e.level),
                int(e.reason), bool(e.written), int(e.steps), int(e.operation),
            )
        )  # fmt: skip
    return found


def snapshots(store):
    """List (LSN, readers, versions kept, since in microseconds, [(page, LSN, frame, slot) of kept versions]).

    At most 128 snapshots, the oldest ones, and 512 versions.
    """
    s: Store = store
    p = cython.address(s.pool)
    out: snapshot_t[128]
    versions: version_t[512]
    owners: int32_t[512]
    counts: int32_t[2]
    i: cython.int
    with cython.nogil:
        _copy_snapshots(p, out, versions, owners, counts)
    found = []
    for i in range(counts[0]):
        found.append((int(out[i].lsn), int(out[i].readers), int(out[i].kept), int(out[i].since_us), []))
    for i in range(counts[1]):
        v = cython.address(versions[i])
        found[owners[i]][4].append((int(v.page_id), int(v.lsn), int(v.frame), int(v.slot)))
    return found


def frame_owner(store, frame):
    """The page that a frame is for, while somebody has the frame exclusively; 0 otherwise."""
    s: Store = store
    p = cython.address(s.pool)
    at: cython.int = frame
    if at < 0 or at >= p.frame_count or not p.frames[at].word & LATCH_EXCLUSIVE:
        return 0
    return int(p.frames[at].page_id)


def frame_says(store, frame, page_id):
    """(kind, tree, level) as the header of a page in a frame says right now, whoever holds it; None where another page is in it.

    Nobody is waited for, so what is just being loaded may say anything.
    """
    s: Store = store
    p = cython.address(s.pool)
    at: cython.int = frame
    if at < 0 or at >= p.frame_count or p.frames[at].page_id != page_id:
        return None
    page = frame_page(p, at)
    return int(page.kind), int(page.tree_id), int(page.level)


def frame_place(store, frame):
    """What tells the latch of this pool's frame from those of other pools (see latch_place); -1 where there is no such frame."""
    s: Store = store
    at: cython.int = frame
    if at < 0 or at >= s.pool.frame_count:
        return -1
    return int(latch_place(cython.address(s.pool.frames[at].word)))


def problem_of(image):
    """(checksum that the content has, number of the first rule of page_validate it breaks or 0) of a whole page."""
    data: bytes = image
    if len(data) < HEADER_SIZE:
        return 0, 5
    page = cython.cast(cython.pointer(page_t), PyBytes_AS_STRING(data))
    size: cython.uint = len(data)
    with cython.nogil:
        crc = page_checksum(page, size)
        problem = page_validate(page, size)
    return int(crc), int(problem)
