"""Checkpoints: the durable state moves forward, page by page, while commits go on.

    1  commit section, for a moment: C = published LSN, snapshot at C, the list of pages changed since the last one,
       where redo will begin, the log's checksum there
    2  every page on the list: the version C sees is written to a free slot, unless it stands in one already; pages are
       copied, and go out together in large writes (engine.pool.images)
    3  the blocks of the page table that changed, up to the root, to free slots
    4  log durable up to where redo begins; data file synced
    5  the older meta slot is written; data file synced: this is the moment the checkpoint counts
    6  slots that only the last checkpoint needed are free, unless it is retained or read by somebody (engine.txn.keep);
       log segments before C's end may go

The page table is a radix tree of blocks of (slot, tag) entries, written like pages: never over a block that the last
checkpoint needs. Free slots and free page ids are not stored; opening computes them from the table.

A failure up to step 3 leaves the last checkpoint as it is and the pages on the list. From step 4 on, a failure
poisons the store, for what is durable is then unknown.
"""

import struct

import cython
from cython.cimports.engine.base.sync import wall_us
from cython.cimports.engine.pool.fail import check, error_of
from cython.cimports.engine.storage.file import file_write
from cython.cimports.engine.wal.log import wal_append, wal_end, wal_last_crc, wal_synced
from cython.cimports.engine.wal.records import REC_CHECKPOINT, checkpoint_record_t
from cython.cimports.libc.stdlib import calloc, free

from engine.base.errors import CorruptionError
from engine.storage.meta import Meta
from engine.txn.keep import RetainedWriter, first_log_needed, release, replaced
from engine.txn.roots import root_of

TABLE_TREE = 0xFFFFFFFF


def entries_per_block(page_size):
    """Entries of one block of the page table."""
    return (page_size - HEADER_SIZE) // 8


# --- pages ----------------------------------------------------------------------------------------------------------


def place_pages(p, lsn, items, count, images, wal):
    """Find, or make, the images of the versions that the checkpoint at `lsn` sees of some pages. 0 or the first error.

    They are written at a pace where a commit has gone to the disk since the images before.
    """
    i: cython.uint
    synced: uint64_t = 0
    images.count = 0
    done: cython.int = OK
    for i in range(count):
        yield_point(POINT_CHECKPOINT)
        if _find_image(p, lsn, cython.address(items[i])):
            continue
        done = _copy_version(p, lsn, items[i].page_id, images, i)
        if done == OK and images.count == IMAGES_MAX:
            images.paced = wal_synced(wal) != synced
            synced = wal_synced(wal)
            done = _write_images(p, images, items)
        if done < 0:
            break
    if done == OK:
        done = _write_images(p, images, items)
    if done < 0:
        _drop_images(p, images)
    return done


def _find_image(p, lsn, item):
    """Whether the version that the checkpoint sees has an image already, or there is none; else it must be written."""
    mutex_lock(cython.address(p.mutex))
    r = ref_of(p, item.page_id)
    slot: cython.uint = 0
    tag: cython.uint = 0
    write: cython.bint = False
    if r.lsn <= lsn:
        slot = r.slot
        tag = r.tag
        write = slot == 0 and frame_of(p, item.page_id) >= 0
    else:
        version = version_find(p, item.page_id, lsn)
        if version >= 0:
            slot = p.versions[version].slot
            tag = p.versions[version].tag
            write = slot == 0
    if slot != 0:
        p.slots[slot] |= SLOT_PENDING
    item.slot = slot
    item.tag = tag
    mutex_unlock(cython.address(p.mutex))
    return not write


def _copy_version(p, lsn, page_id, images, index):
    """Copy the version of a page that the checkpoint sees; its latch is held for that alone. 0 or an error."""
    thread_does(OP_CHECKPOINT)
    frame = pool_fix_once(p, page_id, lsn)
    if frame < 0:
        return frame
    mutex_lock(cython.address(p.mutex))
    slot = slot_take(p, SLOT_PENDING)
    mutex_unlock(cython.address(p.mutex))
    if slot != 0:
        images_copy(p, images, frame, slot, index)
    pool_unfix(p, frame)
    return OK if slot != 0 else ERR_MEMORY


def _write_images(p, images, items):
    """Write the images, and note where they are; where the frame still holds the page, it is clean now. 0 or an error."""
    i: cython.uint
    done = images_write(p, images)
    if done < 0:
        return done
    mutex_lock(cython.address(p.mutex))
    for i in range(images.count):
        image = cython.address(images.images[i])
        items[image.user].slot = image.slot
        items[image.user].tag = image.tag
        image_settle(p, image)
    p.writes += images.count
    mutex_unlock(cython.address(p.mutex))
    images.count = 0
    return OK


def _drop_images(p, images):
    """What was copied and not noted is not needed: its slots are free."""
    i: cython.uint
    mutex_lock(cython.address(p.mutex))
    for i in range(images.count):
        slot_drop(p, images.images[i].slot, SLOT_PENDING)
    mutex_unlock(cython.address(p.mutex))
    images.count = 0


def _place_all(store, lsn, items, count):
    """Place all pages, in runs, so that signals are seen and the GIL is given to others; then enter them in the refs."""
    p = cython.address(store.pool)
    images: images_t
    check(images_init(cython.address(images), p), store.path)
    at: cython.uint = 0
    try:
        while at < count:
            run: cython.uint = min(count - at, 256)
            with cython.nogil:
                done = place_pages(p, lsn, cython.address(items[at]), run, cython.address(images), store.wal)
            check(done, store.path)
            at += run
    finally:
        images_free(cython.address(images))
    i: cython.uint
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        for i in range(count):
            r = ref_of(p, items[i].page_id)
            items[i].old_slot = r.durable_slot
            items[i].old_tag = r.durable_tag
            r.durable_slot = items[i].slot
            r.durable_tag = items[i].tag
        mutex_unlock(cython.address(p.mutex))
    return 0


def _undo(p, items, count, again):
    """The checkpoint failed: the pages' durable places are the old ones (`again`), what was written is free."""
    i: cython.uint
    for i in range(count):
        if again:
            r = ref_of(p, items[i].page_id)
            r.durable_slot = items[i].old_slot
            r.durable_tag = items[i].old_tag
        slot_drop(p, items[i].slot, SLOT_PENDING)


def _settle(p, items, count):
    """The checkpoint counts: its slots are the durable ones, those it replaced are not."""
    i: cython.uint
    for i in range(count):
        if items[i].old_slot != items[i].slot:
            slot_drop(p, items[i].old_slot, SLOT_DURABLE)
        if items[i].slot != 0:
            p.slots[items[i].slot] |= SLOT_DURABLE
            slot_drop(p, items[i].slot, SLOT_PENDING)


# --- the page table -------------------------------------------------------------------------------------------------


def _page_entries(p, page, index):
    """Fill block `index` of the lowest level: where the pages with its numbers are."""
    entries = cython.cast(cython.pointer(table_entry_t), cython.cast(cython.p_uchar, page) + HEADER_SIZE)
    per: cython.uint = (p.page_size - HEADER_SIZE) // cython.sizeof(table_entry_t)
    first: cython.uint = index * per
    end: cython.uint = load32_relaxed(cython.address(p.next_page_id))
    i: cython.uint = 0
    while i < per and first + i < end:
        entries[i].slot = entries[i].tag = 0
        if page_known(p, first + i):
            r = ref_of(p, first + i)
            entries[i].slot = r.durable_slot
            entries[i].tag = r.durable_tag
        i += 1
    page.data_len = i


class TableWriter:
    """Writes the blocks of the page table that a checkpoint changes.

    `levels[n]` maps the index of a block to its (slot, tag); level 0 holds the pages' own entries.
    """

    def __init__(self, store, lsn):
        self.store = store
        self.lsn = lsn
        self.levels = [dict(level) for level in store.table]
        self.taken = []
        self.replaced = []

    def write(self, page_ids, next_page_id):
        """Write what the changed page ids touch; (depth, root slot, root tag). What takes long is done without the GIL."""
        per = entries_per_block(self.store.page_size)
        depth = 1
        while per**depth < next_page_id:
            depth += 1
        changed = sorted({page_id // per for page_id in page_ids})
        if len(self.levels) < depth:
            # what was the root becomes one block among others
            changed = sorted(set(changed) | {0})
            self.levels += [{} for _ in range(depth - len(self.levels))]
        for level in range(depth):
            for index in changed:
                self._write_block(level, index, None if level == 0 else self._block_entries(level, index, per))
            changed = sorted({index // per for index in changed})
        slot, tag = self.levels[depth - 1][0]
        return depth, slot, tag

    def _block_entries(self, level, index, per):
        below = self.levels[level - 1]
        top = max(below) + 1
        return [below.get(child, (0, 0)) for child in range(index * per, min((index + 1) * per, top))]

    def _write_block(self, level, index, entries):
        store: Store = self.store
        p = cython.address(store.pool)
        data = bytearray(store.page_size)
        view: cython.uchar[:] = data
        page = cython.cast(cython.pointer(page_t), cython.address(view[0]))
        page.kind = KIND_TABLE
        page.level = level
        page.page_id = index
        page.tree_id = TABLE_TREE
        page.lsn = self.lsn
        if entries is not None:
            page.data_len = len(entries)
            for i, (slot, tag) in enumerate(entries):
                struct.pack_into("<II", data, HEADER_SIZE + 8 * i, slot, tag)
        number: cython.uint = index
        lowest: cython.bint = entries is None
        with cython.nogil:
            if lowest:
                _page_entries(p, page, number)
            page_seal(page, p.page_size)
            mutex_lock(cython.address(p.mutex))
            at = slot_take(p, SLOT_PENDING)
            mutex_unlock(cython.address(p.mutex))
        check(ERR_MEMORY if at == 0 else 0, store.path)
        self.taken.append(int(at))
        if index in self.levels[level]:
            self.replaced.append(self.levels[level][index][0])
        file = store.file.ptr()
        with cython.nogil:
            done = file_write(file, page, p.page_size, cython.cast(uint64_t, at) << p.page_shift)
        check(done, store.path)
        self.levels[level][index] = (int(at), int(page.checksum))

    def settle(self):
        """The checkpoint counts."""
        store: Store = self.store
        p = cython.address(store.pool)
        for slot in self.replaced:
            _change_slot(p, slot, SLOT_DURABLE, 0)
        for slot in self.taken:
            _change_slot(p, slot, SLOT_PENDING, SLOT_DURABLE)
        store.table = self.levels

    def undo(self):
        """The checkpoint failed."""
        store: Store = self.store
        for slot in self.taken:
            _change_slot(cython.address(store.pool), slot, SLOT_PENDING, 0)


def _change_slot(p, slot, drop, add):
    """Under the pool's mutex: add a use to a slot, then drop another."""
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        p.slots[slot] |= add
        slot_drop(p, slot, drop)
        mutex_unlock(cython.address(p.mutex))


def load_table(store):
    """Read the page table that the store's meta names into the pool's refs; every slot is claimed once. CorruptionError."""
    meta = store.meta.as_dict()
    p = cython.address(cython.cast(Store, store).pool)
    next_page_id: cython.uint = meta["next_page_id"]
    depth = int(meta["table_depth"])
    levels = [{} for _ in range(depth)]
    per = entries_per_block(store.page_size)
    if int(meta["next_page_id"]) > per**depth:
        raise CorruptionError("the meta slot names more pages than its page table can hold", file=store.path, offset=0)
    if depth:  # the root must be what it should be before memory is taken for what it promises
        _read_block(store, depth - 1, 0, int(meta["table_slot"]), int(meta["table_tag"]))
    chunk: cython.uint = 0
    with cython.nogil:
        while chunk < next_page_id:
            pool_know(p, chunk)
            chunk += 65536
        if next_page_id > 0:
            pool_know(p, next_page_id - 1)
    p.next_page_id = max(1, next_page_id)
    if depth:
        levels[depth - 1][0] = (int(meta["table_slot"]), int(meta["table_tag"]))
    for level in range(depth - 1, -1, -1):
        for index, (slot, tag) in sorted(levels[level].items()):
            _claim(store, slot, SLOT_DURABLE, index)
            for i, (entry_slot, entry_tag) in enumerate(_read_block(store, level, index, slot, tag)):
                if entry_slot == 0:
                    continue
                number = index * per + i
                if level > 0:
                    levels[level - 1][number] = (entry_slot, entry_tag)
                elif 0 < number < next_page_id:
                    _claim(store, entry_slot, SLOT_DURABLE | SLOT_LIVE, number)
                    r = ref_of(p, number)
                    r.slot = r.durable_slot = entry_slot
                    r.tag = r.durable_tag = entry_tag
                    r.lsn = meta["checkpoint_lsn"]
                else:
                    raise error_of(-1004, store.path)
    store.table = levels


def _claim(store, slot, use, number):
    p = cython.address(cython.cast(Store, store).pool)
    where: cython.uint = slot
    flags: cython.uchar = use
    if where >= p.slot_count or not slot_mark(p, where, flags):
        raise CorruptionError(
            "the page table names a slot twice, or one outside the file",
            file=store.path,
            page=number,
            offset=int(slot) * store.page_size,
        )


def _read_block(store, level, index, slot, tag):
    size = store.page_size
    data = bytearray(store.file.pread(size, slot * size))
    problem = 100
    if len(data) == size:
        view: cython.uchar[:] = data
        page = cython.cast(cython.pointer(page_t), cython.address(view[0]))
        problem = page_verify(page, size, index, tag)
        if problem == 0 and page.kind == KIND_TABLE and page.level == level:
            return [struct.unpack_from("<II", data, HEADER_SIZE + 8 * i) for i in range(page.data_len)]
    raise CorruptionError(
        "a block of the page table is damaged; run a check, restore a backup, or recover what can be read",
        file=store.path,
        offset=slot * size,
    )


# --- the checkpoint itself ------------------------------------------------------------------------------------------


def run_checkpoint(store, retain=None, drop=None):
    """Make one checkpoint; True, or False where nothing had changed since the last. One at a time (engine.txn.checkpointer).

    retain: the name under which it is kept. drop: the retained checkpoint (Root) that is not kept any more.
    """
    s: Store = store
    s.check_writable()
    cut: cut_t
    with cython.nogil:  # what changes beside the checkpoint is copied first
        warm_for(cython.address(s.pool), s.pool.changed_count)
    _take_cut(s, cython.address(cut))
    try:
        if cut.count == 0 and s.meta_slot >= 0 and retain is None and drop is None:
            _free_unread(s)
            return False
        _write_cut(s, cython.address(cut), retain, drop)
        _tell_log(s, cython.address(cut))
    finally:
        _let_cut_go(s, cython.address(cut))
    _drop_log(s)
    return True


def _take_cut(s, cut):
    """Between two commits: what the checkpoint captures, and a snapshot that keeps it. What changes from now on is the next one's."""
    p = cython.address(s.pool)
    i: cython.uint
    cut.count = 0
    s.lock_commit()
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        cut.lsn = p.published
        cut.snapshot = snapshot_register(p, cut.lsn)
        cut.redo_lsn = wal_end(s.wal)
        cut.redo_crc = wal_last_crc(s.wal)
        cut.next_page_id = p.next_page_id
        cut.next_tree = s.next_tree
        cut.items = cython.cast(cython.pointer(item_t), calloc(p.changed_count + 1, cython.sizeof(item_t)))
        if cut.items != cython.NULL and cut.snapshot >= 0:
            cut.count = p.changed_count
            for i in range(cut.count):
                cut.items[i].page_id = p.changed[i]
            p.changed_count = 0
            p.changed_epoch += 1
        mutex_unlock(cython.address(p.mutex))
    s.unlock_commit()
    if cut.items == cython.NULL or cut.snapshot < 0:
        free(cut.items)
        check(ERR_MEMORY, s.path)
    return 0


def _tell_log(s, cut):
    """Leave a CHECKPOINT record, for whoever reads the log. Nothing depends on it: where it cannot be written it is missing."""
    if s.large is not None:
        return  # the commit section is taken for long
    fixed: checkpoint_record_t
    fixed.lsn = cut.lsn
    fixed.sequence = s.meta.as_dict()["sequence"]
    s.lock_commit()
    with cython.nogil:
        wal_append(
            s.wal,
            REC_CHECKPOINT,
            0,
            0,
            0,
            0,
            cython.address(fixed),
            cython.sizeof(checkpoint_record_t),
            cython.NULL,
            0,
        )
    s.unlock_commit()


def _let_cut_go(s, cut):
    p = cython.address(s.pool)
    free(cut.items)
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        snapshot_release(p, cut.snapshot)
        mutex_unlock(cython.address(p.mutex))


def _write_cut(s, cut, retain, drop):
    """Write the pages, the table, the list of retained checkpoints where it changes, and the meta that makes it all count."""
    p = cython.address(s.pool)
    # a list behind where the file could end would hold its end there for ever
    relist: cython.bint = retain is not None or drop is not None
    if s.retained_slots and max(s.retained_slots) > int(p.slots_used) + META_SLOTS:
        relist = True
    placed = False
    table = TableWriter(s, int(cut.lsn))
    kept = RetainedWriter(s)
    try:
        _place_all(s, cut.lsn, cut.items, cut.count)
        placed = True
        table_root = table.write([cut.items[i].page_id for i in range(cut.count)], int(cut.next_page_id))
        last = s.meta
        s.meta = _next_meta(s, cut, table_root)
        retained = [root for root in s.retained if root is not drop]
        if retain is not None:
            retained.append(root_of(s.meta, retain))
        if relist:
            slot, tag = kept.write(retained, int(cut.lsn))
            s.meta.update(retained_slot=slot, retained_tag=tag)
        _make_it_count(s, last)
        if relist:
            kept.settle(retained)
        _look_at_pins(s, [root for root in (root_of(last), drop) if root is not None and root.table_depth])
        with cython.nogil:
            mutex_lock(cython.address(p.mutex))
            _settle(p, cut.items, cut.count)
            mutex_unlock(cython.address(p.mutex))
        table.settle()
        release(s)
    except BaseException:
        _take_back(s, cut, placed)
        if s.failure is None:
            table.undo()
            kept.undo()
        raise
    return 0


def _take_back(s, cut, placed):
    """The checkpoint has failed: its pages are the next one's to write; their slots are free, if it is known not to count."""
    p = cython.address(s.pool)
    i: cython.uint
    failed: cython.bint = s.failure is not None
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        if not failed:
            _undo(p, cut.items, cut.count, placed)
        for i in range(cut.count):
            mark_changed(p, cut.items[i].page_id)
        mutex_unlock(cython.address(p.mutex))


def _next_meta(s, cut, table_root):
    """The meta of the checkpoint that is being made. `table_root`: depth of the page table, slot and tag of its root."""
    depth, slot, tag = table_root
    meta = Meta()
    last = s.meta.as_dict()
    meta.update(
        **{
            **last,
            "sequence": last["sequence"] + 1,
            "checkpoint_lsn": int(cut.lsn),
            "redo_lsn": int(cut.redo_lsn),
            "redo_prev_crc": int(cut.redo_crc),
            "table_depth": depth,
            "table_slot": slot,
            "table_tag": tag,
            "next_page_id": int(cut.next_page_id),
            "next_tree_id": int(cut.next_tree),
            "checkpoint_us": int(wall_us()),
            "slot_count": int(s.pool.slot_count),
        }
    )
    return meta


def _make_it_count(store, last):
    """Steps 4 and 5. A failure poisons the store; `last` is the meta that counts then, as far as this process knows."""
    s: Store = store
    redo_lsn = int(s.meta.as_dict()["redo_lsn"])
    try:
        s.log.sync(redo_lsn)
        s.file.sync()
        slot = 1 - s.meta_slot if s.meta_slot >= 0 else 0
        s.file.pwrite(s.meta.sealed(), slot * s.page_size)
        s.file.sync()
    except BaseException as error:
        s.failure = error
        s.meta = last
        raise
    s.meta_slot = slot
    s.redo_lsn = redo_lsn


def _look_at_pins(store, roots):
    """The checkpoint counts: keep what readers of the ones it replaces, or drops, need. A failure poisons the store."""
    s: Store = store
    try:
        s.logs_read = replaced(s, roots)
    except BaseException as error:
        s.failure = error  # what may be freed is not known
        raise


def _free_unread(store):
    """Nothing has changed; perhaps readers have gone since."""
    s: Store = store
    if s.kept:
        _look_at_pins(s, [])
        release(s)


def _drop_log(store):
    """Remove log segments that neither recovery nor retention nor a reader that is opening needs."""
    s: Store = store
    keep_from = int(s.redo_lsn) - s.options.wal_retention
    needed = first_log_needed(s, s.logs_read)
    if needed is not None:
        keep_from = min(keep_from, needed)
    if keep_from > 0:
        s.log.remove_before(keep_from)
