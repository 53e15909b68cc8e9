"""Page versions and the snapshots that keep them.

    newest (in place)      older versions of the same page, newest first
    map -> frame  lsn 90    ref.versions -> [lsn 60, frame] -> [lsn 35, slot] -> end
                            needed by a snapshot at 60..89     needed by one at 35..59

Before the one writer changes a page that a live snapshot can still need, the page's present content is copied to
another frame and becomes an *older version*; the change happens in place. Version `v` is needed while a live snapshot S
has v.lsn <= S < (lsn of the next newer version); no batch ends between S and the newest state there was when v
was kept (`until`), so that is S <= v.until. Each version hangs on the list of its *keeper*, the newest snapshot
that needs it. When a snapshot ends, each version it keeps goes to the next older snapshot if that one is not older
than the version; otherwise nobody can see it and it is freed at once. The cost is in proportion to what was kept.

A batch that changes several pages registers a snapshot of its own at the published LSN before it begins: this keeps the
state before the batch readable until the batch is published as a whole, and is what an abort restores. A large
transaction scans what it has written itself at snapshots inside its batch, newer than all others: they end with it.

In-place protocol. A batch of one page needs no copy if no live snapshot has lsn >= page.lsn. Registration of snapshots
and that decision, change and publication together are under the pool's mutex, so a snapshot is registered either
before the decision (and counted) or after the publication (and sees the change). Readers without a registered
snapshot may meet the page with an LSN above theirs: they start again with a newer one.

All functions are called with the pool's mutex held.
"""

import cython


def _snapshot_entry(p):
    """An unused entry of the snapshot table, or ERR_MEMORY."""
    if p.free_snapshot < 0:
        room: cython.int = p.snapshot_room * 2 if p.snapshot_room else 16
        grown = cython.cast(
            cython.pointer(snapshot_t),
            realloc(p.snapshots, cython.cast(cython.size_t, room) * cython.sizeof(snapshot_t)),
        )
        if grown == cython.NULL:
            return ERR_MEMORY
        p.snapshots = grown
        i: cython.int
        for i in range(room - 1, p.snapshot_room - 1, -1):
            grown[i].readers = 0
            grown[i].newer = p.free_snapshot
            p.free_snapshot = i
        p.snapshot_room = room
    entry = p.free_snapshot
    p.free_snapshot = p.snapshots[entry].newer
    return entry


def snapshot_register(p, lsn):
    """Register a reader at `lsn`: the published LSN, or, by the one writer, the end of its unpublished batch so far.

    The snapshot's index, or ERR_MEMORY.
    """
    older = p.newest_snapshot
    newer: cython.int = -1
    while older >= 0 and p.snapshots[older].lsn > lsn:  # a batch's own snapshots are newer than what is published
        newer = older
        older = p.snapshots[older].older
    if older >= 0 and p.snapshots[older].lsn == lsn:
        p.snapshots[older].readers += 1
        return older
    entry = _snapshot_entry(p)
    if entry < 0:
        return entry
    yield_point(POINT_SNAPSHOT)
    s = cython.address(p.snapshots[entry])
    s.lsn = lsn
    s.readers = 1
    s.kept = 0
    s.first = -1
    s.newer = newer
    s.older = older
    s.since_us = wall_us()
    if older >= 0:
        p.snapshots[older].newer = entry
    else:
        p.oldest_snapshot = entry
    if newer >= 0:
        p.snapshots[newer].older = entry
    else:
        p.newest_snapshot = entry
    return entry


def snapshot_release(p, snapshot):
    """A reader of the snapshot ends; with the last one go the versions that no older snapshot needs."""
    s = cython.address(p.snapshots[snapshot])
    invariant(s.readers > 0, b"a snapshot is released once by each reader")
    yield_point(POINT_SNAPSHOT)
    s.readers -= 1
    if s.readers > 0:
        return
    older = s.older
    newer = s.newer
    if older >= 0:
        p.snapshots[older].newer = newer
    else:
        p.oldest_snapshot = newer
    if newer >= 0:
        p.snapshots[newer].older = older
    else:
        p.newest_snapshot = older
    version = s.first
    while version >= 0:
        following = p.versions[version].next
        if older >= 0 and p.snapshots[older].lsn >= p.versions[version].lsn:
            _attach(p, version, older)
        else:
            p.versions[version].keeper = -1
            _version_drop(p, version)
        version = following
    s.first = -1
    s.newer = p.free_snapshot
    p.free_snapshot = snapshot


def version_needed(p, lsn):
    """Whether a live snapshot can need a page version of this LSN that is the newest one now."""
    return p.newest_snapshot >= 0 and p.snapshots[p.newest_snapshot].lsn >= lsn


def _version_entry(p):
    """An unused entry of the version table, or ERR_MEMORY."""
    if p.free_version < 0:
        room: cython.int = p.version_room * 2 if p.version_room else 64
        grown = cython.cast(
            cython.pointer(version_t), realloc(p.versions, cython.cast(cython.size_t, room) * cython.sizeof(version_t))
        )
        if grown == cython.NULL:
            return ERR_MEMORY
        p.versions = grown
        i: cython.int
        for i in range(room - 1, p.version_room - 1, -1):
            grown[i].page_id = 0
            grown[i].older = p.free_version
            p.free_version = i
        p.version_room = room
    entry = p.free_version
    p.free_version = p.versions[entry].older
    p.version_count += 1
    return entry


def _attach(p, version, snapshot):
    """Put a version on the list of the snapshot that keeps it."""
    v = cython.address(p.versions[version])
    s = cython.address(p.snapshots[snapshot])
    v.keeper = snapshot
    v.prev = -1
    v.next = s.first
    if s.first >= 0:
        p.versions[s.first].prev = version
    s.first = version
    s.kept += 1


def _detach_keeper(p, version):
    v = cython.address(p.versions[version])
    if v.keeper < 0:
        return
    s = cython.address(p.snapshots[v.keeper])
    if v.prev >= 0:
        p.versions[v.prev].next = v.next
    else:
        s.first = v.next
    if v.next >= 0:
        p.versions[v.next].prev = v.prev
    s.kept -= 1
    v.keeper = -1


def _unlink_page(p, version):
    """Take a version out of its page's chain."""
    r = ref_of(p, p.versions[version].page_id)
    if r.versions == version:
        r.versions = p.versions[version].older
        return
    at = r.versions
    while at >= 0 and p.versions[at].older != version:
        at = p.versions[at].older
    if at >= 0:
        p.versions[at].older = p.versions[version].older


def _version_drop(p, version):
    """Free a version nobody can see: its frame, its slot, its entry."""
    v = cython.address(p.versions[version])
    _unlink_page(p, version)
    frame: cython.int = v.frame
    if frame >= 0:
        f = cython.address(p.frames[frame])
        f.version = -1
        f.flags = FRAME_GARBAGE
        if try_evict(cython.address(f.word), frame, f.page_id):
            frame_give(p, frame)
    yield_point(POINT_VERSION)
    slot_drop(p, v.slot, SLOT_LIVE)
    v.page_id = 0
    v.older = p.free_version
    p.free_version = version
    p.version_count -= 1


def version_keep(p, page_id, frame):
    """Before the page in `frame` is changed: keep its content if somebody can need it. 0 or an error.

    The caller has the frame pinned and is the only writer. The mutex may be given up meanwhile. Afterwards the newest
    version has no slot: the caller is about to make it dirty.
    """
    page = frame_page(p, frame)
    f = cython.address(p.frames[frame])
    copy: cython.int = -1
    if version_needed(p, page.lsn):
        copy = frame_take(p)
        if copy < 0:
            return copy
    r = ref_of(p, page_id)
    if copy >= 0 and not version_needed(p, page.lsn):
        frame_give(p, copy)
        copy = -1
    if copy < 0:
        slot_drop(p, r.slot, SLOT_LIVE)
        r.slot = 0
        return OK
    version = _version_entry(p)
    if version < 0:
        frame_give(p, copy)
        return version
    yield_point(POINT_VERSION)
    memcpy(frame_page(p, copy), page, p.page_size)
    invariant(
        r.versions < 0 or p.versions[r.versions].lsn < page.lsn, b"versions of a page are kept in order, each once"
    )
    v = cython.address(p.versions[version])
    v.lsn = page.lsn
    # a batch's own snapshots are newer than what is published
    v.until = max(p.published, p.snapshots[p.newest_snapshot].lsn)
    v.page_id = page_id
    v.frame = copy
    v.slot = r.slot
    v.tag = r.tag
    v.older = r.versions
    c = cython.address(p.frames[copy])
    c.page_id = page_id
    c.version = version
    if traced():
        trace_event(TRACE_VERSION, page_id, copy, page.lsn, p.snapshots[p.newest_snapshot].lsn, 0)
    c.flags = 0 if r.slot != 0 and not f.flags & FRAME_DIRTY else FRAME_DIRTY
    store32_relaxed(cython.address(c.usage), 1)
    yield_point(POINT_VERSION)
    r.versions = version
    r.slot = 0
    _attach(p, version, p.newest_snapshot)
    unlatch_exclusive(cython.address(c.word), copy)
    p.copies += 1
    p.kept_versions += 1
    return OK


def version_reserve(p, lsn):
    """Before a page of this LSN ceases to exist: an entry for version_retire, -1 where nobody can need it, or ERR_MEMORY."""
    return _version_entry(p) if version_needed(p, lsn) else -1


def version_cancel(p, version):
    """Give back what version_reserve gave: the page stays."""
    p.versions[version].page_id = 0
    p.versions[version].older = p.free_version
    p.free_version = version
    p.version_count -= 1


def version_retire(p, page_id, frame, version, lsn):
    """A page ceases to exist as of `lsn`: its frame and its slot become those of an older version, nothing is copied.

    The caller has the frame pinned, is the only writer, and has a snapshot that needs the version.
    """
    r = ref_of(p, page_id)
    f = cython.address(p.frames[frame])
    page = frame_page(p, frame)
    invariant(version_needed(p, page.lsn), b"a version is kept for somebody")
    yield_point(POINT_VERSION)
    v = cython.address(p.versions[version])
    v.lsn = page.lsn
    v.until = max(p.published, p.snapshots[p.newest_snapshot].lsn)
    v.page_id = page_id
    v.frame = frame
    v.slot = r.slot
    v.tag = r.tag
    v.older = r.versions
    f.version = version
    r.versions = version
    r.slot = 0
    r.lsn = lsn
    set_frame(p, page_id, -1)
    _attach(p, version, p.newest_snapshot)
    p.kept_versions += 1


def version_restore(p, page_id, before_lsn):
    """Undo a batch's changes to a page: the version from before `before_lsn` becomes the newest again. 0 or ERR_INTERNAL.

    A page without such a version did not exist before the batch: nothing remains of it.
    """
    r = ref_of(p, page_id)
    frame = frame_of(p, page_id)
    if frame >= 0:
        f = cython.address(p.frames[frame])
        f.flags = FRAME_GARBAGE
        set_frame(p, page_id, -1)
        if try_evict(cython.address(f.word), frame, page_id):
            frame_give(p, frame)
    slot_drop(p, r.slot, SLOT_LIVE)
    r.slot = 0
    while r.versions >= 0 and p.versions[r.versions].lsn >= before_lsn:
        inner = r.versions  # kept for a snapshot of the batch's own
        _detach_keeper(p, inner)
        _version_drop(p, inner)
    version = r.versions
    if version < 0:
        return OK
    yield_point(POINT_VERSION)
    v = cython.address(p.versions[version])
    r.slot = v.slot
    r.tag = v.tag
    r.lsn = v.lsn
    r.versions = v.older
    if v.frame >= 0:
        p.frames[v.frame].version = -1
        set_frame(p, page_id, v.frame)
    _detach_keeper(p, version)
    v.page_id = 0
    v.older = p.free_version
    p.free_version = version
    p.version_count -= 1
    return OK


def version_find(p, page_id, lsn):
    """The version of a page that a snapshot at `lsn` sees among the older ones, or -1.

    For a reader that is not registered its version may be gone while an older one is kept for somebody else: that one
    was replaced before `lsn`, and is not to be taken for it.
    """
    if not page_known(p, page_id):
        return -1
    version = ref_of(p, page_id).versions
    while version >= 0 and p.versions[version].lsn > lsn:
        version = p.versions[version].older
    return version if version >= 0 and p.versions[version].until >= lsn else -1
