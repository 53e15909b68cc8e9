"""What keeps slots from being used again besides the last checkpoint: retained checkpoints, and those that readers pin.

    retained  ----+
                  +--> roots --walk their page tables--> marks, a byte a slot --> SLOT_RETAINED in the pool's slot flags
    pinned    ----+

A reader, in this process or another, pins the number of the checkpoint it reads (FileSystem.pin). The protocol:

    reader: choose the meta that counts -> pin its number -> look whether it still counts; if not, let go and start again
    writer: write the new meta -> look at the pins -> free the slots of the last checkpoint if nobody has pinned it

The reader looks again after it has pinned, the writer looks after it has written: so either the reader sees the new meta,
or the writer the pin. A checkpoint that was replaced, or dropped, while it was pinned stays among `Store.kept` until a
later checkpoint finds that its pin is gone. A reader that is opening pins the log behind its checkpoint, too, until
it has read it (number 2n for the slots of checkpoint n, 2n+1 for its log).

A writer that opens the file finds pins of checkpoints that only the writer before it knew, but for the one that the other
meta slot still names. For each it keeps every slot the file has now, until that pin is gone; the file grows meanwhile, by
its own size at most, as slots behind are used again. The same is done for a kept checkpoint whose page table is damaged.

Invariants: SLOT_RETAINED is set for every slot that the page table of a root in `Store.retained` or `Store.kept` names;
it is taken away only after the meta that no longer needs it is durable. One checkpoint at a time changes all this
(engine.txn.checkpointer).
"""

import cython
from cython.cimports.engine.pool.fail import check

from engine.base.errors import CorruptionError
from engine.storage.meta import read_metas
from engine.txn.roots import Root, block_image, entries_in, read_retained, root_of


def pin_number(sequence):
    """By what a checkpoint is known among pins: its sequence number, where no damaged meta says something absurd."""
    return sequence % (1 << 58)


def slots_pin(sequence):
    """The number that pins the slots of a checkpoint."""
    return 2 * pin_number(sequence)


def log_pin(sequence):
    """The number that pins the log from where the redo of a checkpoint begins."""
    return 2 * pin_number(sequence) + 1


# --- marks ----------------------------------------------------------------------------------------------------------


def walk_table(w, level, index, slot, tag):
    """Mark the slots of a block of a page table and of all below it. 0, ERR_CORRUPT, ERR_MEMORY or -errno."""
    if slot < META_SLOTS or slot >= w.limit:
        return ERR_CORRUPT
    if w.prune and w.marks[slot] != 0:
        return OK
    buffer = malloc(w.page_size)
    if buffer == cython.NULL:
        return ERR_MEMORY
    page = cython.cast(cython.pointer(page_t), buffer)
    done: cython.int = OK
    got: int64_t = file_read(w.file, buffer, w.page_size, cython.cast(uint64_t, slot) << w.page_shift)
    if got < 0:
        done = cython.cast(cython.int, got)
    else:
        sound: cython.bint = got == w.page_size and page_verify(page, w.page_size, index, tag) == PAGE_OK
        if not sound or page.kind != KIND_TABLE or page.level != level:
            done = ERR_CORRUPT
    entries = cython.cast(cython.pointer(table_entry_t), cython.cast(cython.p_uchar, buffer) + HEADER_SIZE)
    per: cython.uint = (w.page_size - HEADER_SIZE) // 8
    i: cython.uint = 0
    while done == OK and i < page.data_len:
        entry = cython.address(entries[i])
        if entry.slot != 0 and level > 0:
            done = walk_table(w, level - 1, index * per + i, entry.slot, entry.tag)
        elif entry.slot != 0:
            if entry.slot < META_SLOTS or entry.slot >= w.limit:
                done = ERR_CORRUPT
            else:
                w.marks[entry.slot] = w.mark
        i += 1
    if done == OK:
        w.marks[slot] = w.mark
    free(buffer)
    return done


def _slots_of(store, roots):
    """How many slots the roots can name."""
    s: Store = store
    found = int(s.pool.slot_count)
    for root in roots:
        found = max(found, root.slot_count)
    return found


def mark_slots(store, roots):
    """One byte for each slot, not 0 where one of the roots needs it; and the roots whose page table cannot be read.

    A block is marked after all below it, and a marked block is not walked again: the tables share most of theirs.
    """
    s: Store = store
    size = _slots_of(s, roots)
    marks = bytearray(size)
    view: cython.uchar[:] = marks
    w: walk_t
    w.file = s.file.ptr()
    w.page_size = s.pool.page_size
    w.page_shift = s.pool.page_shift
    w.marks = cython.address(view[0])
    w.mark = 1
    w.prune = True
    unread = []
    for root in roots:
        w.limit = size
        done: cython.int = ERR_CORRUPT
        level: cython.uint = root.table_depth - 1 if root.table_depth else 0
        slot: cython.uint = root.table_slot
        tag: cython.uint = root.table_tag
        if root.is_known and root.table_depth:
            with cython.nogil:
                done = walk_table(cython.address(w), level, 0, slot, tag)
        if done != OK:
            unread.append(root)
    for root in unread:  # last, so that no walk takes these marks for its own
        end = min(root.slot_count, int(s.pool.slot_count))
        marks[META_SLOTS:end] = b"\1" * max(end - META_SLOTS, 0)
    return marks, unread


def count_alone(file, path, page_size, last, roots):
    """For each root, how many slots only it keeps: neither another of them nor the checkpoint `last`. CorruptionError."""
    data: File = file
    size = 1 + max((file.size() + page_size - 1) // page_size, META_SLOTS)
    users = bytearray(size)
    total: cython.uchar[:] = users
    counts = cython.address(total[0])
    own = []
    w: walk_t
    w.file = data.ptr()
    w.page_size = page_size
    w.page_shift = page_size.bit_length() - 1
    w.limit = size
    w.mark = 1
    w.prune = False
    i: cython.Py_ssize_t
    length: cython.Py_ssize_t = size
    for root in [last, *roots]:
        marks = bytearray(size)
        view: cython.uchar[:] = marks
        w.marks = cython.address(view[0])
        level: cython.uint = root.table_depth - 1
        slot: cython.uint = root.table_slot
        tag: cython.uint = root.table_tag
        with cython.nogil:
            done = walk_table(cython.address(w), level, 0, slot, tag)
            for i in range(length):
                if w.marks[i] != 0 and counts[i] < 2:
                    counts[i] += 1
        if done == ERR_CORRUPT:
            raise CorruptionError(
                f"the page table of checkpoint {root.name!r} is damaged; drop it",
                file=path,
                offset=root.table_slot * page_size,
            )
        check(done, path)
        own.append(marks)
    found = []
    for marks in own[1:]:
        alone: cython.uint = 0
        view = marks
        w.marks = cython.address(view[0])
        for i in range(length):
            if w.marks[i] != 0 and counts[i] == 1:
                alone += 1
        found.append(int(alone))
    return found


def _add_marks(p, marks, count):
    """Every marked slot is kept from here on. Mutex held."""
    slot: cython.uint
    for slot in range(META_SLOTS, min(count, p.slot_count)):
        if marks[slot] != 0:
            slot_mark(p, slot, SLOT_RETAINED)


def _drop_marks(p, marks, count):
    """No other slot is. Mutex held."""
    slot: cython.uint
    for slot in range(META_SLOTS, p.slot_count):
        if slot >= count or marks[slot] == 0:
            slot_drop(p, slot, SLOT_RETAINED)


# --- roots ----------------------------------------------------------------------------------------------------------


def pinned_by_others(store):
    """Numbers of the checkpoints whose slots are pinned, and of those whose log is: two sets."""
    s: Store = store
    pins = s.fs.pins(s.file)
    return {pin // 2 for pin in pins if pin % 2 == 0}, {pin // 2 for pin in pins if pin % 2}


def keep_at_opening(store):
    """Before anything is written: what the retained checkpoints, and readers of older ones, need. Raises CorruptionError."""
    s: Store = store
    p = cython.address(s.pool)
    s.retained, s.retained_slots = read_retained(s.file, s.path, s.meta)
    for slot in s.retained_slots:
        where: cython.uint = slot
        if where >= p.slot_count or not slot_mark(p, where, SLOT_DURABLE):
            raise CorruptionError(
                "a slot is named twice, or lies outside the file", file=s.path, offset=slot * s.page_size
            )
    now = int(s.meta.as_dict()["sequence"])
    known = {pin_number(now), *(pin_number(root.sequence) for root in s.retained)}
    pinned, reading = pinned_by_others(s)
    metas = {pin_number(int(meta.as_dict()["sequence"])): root_of(meta) for _, meta in read_metas(s.file)}
    for number in sorted((pinned | reading) - known):
        s.kept.append(metas.get(number) or Root(number, int(p.slot_count), is_known=False))
    keep(s)
    release(s)


def keep(store):
    """Mark what the roots need, where the set of them has changed; nothing is freed yet."""
    s: Store = store
    p = cython.address(s.pool)
    roots = [*s.retained, *s.kept]
    names = [(root.sequence, root.is_known) for root in roots]
    if names == s.marked:
        return
    marks, s.unread = mark_slots(s, roots)
    s.marks = marks
    s.marked = names
    view: cython.uchar[:] = marks
    first = cython.address(view[0])
    count: cython.uint = len(marks)
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        _add_marks(p, first, count)
        mutex_unlock(cython.address(p.mutex))


def release(store):
    """Free what no root needs any more. The meta that counts must be durable, and its own slots marked."""
    s: Store = store
    p = cython.address(s.pool)
    if s.marks is None:
        return
    view: cython.uchar[:] = s.marks
    first = cython.address(view[0])
    count: cython.uint = len(s.marks)
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        _drop_marks(p, first, count)
        mutex_unlock(cython.address(p.mutex))
    if not s.marked:
        s.marks = None


def replaced(store, roots):
    """Checkpoints that no longer count: those that somebody has pinned stay kept, the others need nothing."""
    s: Store = store
    pinned, reading = pinned_by_others(s)
    found = {pin_number(root.sequence): root for root in [*roots, *s.kept]}
    for root in s.retained:
        found.pop(pin_number(root.sequence), None)
    s.kept = [found[number] for number in sorted(found) if number in pinned or number in reading]
    keep(s)
    return reading


def first_log_needed(store, reading):
    """Where the log must be kept from for readers that are opening; None: for none. reading: the logs they have pinned."""
    s: Store = store
    roots = [root for root in [*s.kept, *s.retained] if pin_number(root.sequence) in reading]
    return min((root.redo_lsn for root in roots), default=None)


# --- the blocks of retained checkpoints -------------------------------------------------------------------------------


class RetainedWriter:
    """Writes the set of retained checkpoints for the checkpoint that changes it."""

    def __init__(self, store):
        self.store = store
        self.taken = []

    def write(self, roots, lsn):
        """Write blocks for the roots to free slots; (slot, checksum) of the first, or (0, 0) for none."""
        s: Store = self.store
        p = cython.address(s.pool)
        per = entries_in(s.page_size)
        following = (0, 0)
        for index in range((len(roots) - 1) // per, -1, -1) if roots else ():
            image: bytes = block_image(s.page_size, index, lsn, roots[index * per : (index + 1) * per], following)
            with cython.nogil:
                mutex_lock(cython.address(p.mutex))
                slot = slot_take(p, SLOT_PENDING)
                mutex_unlock(cython.address(p.mutex))
            check(ERR_MEMORY if slot == 0 else 0, s.path)
            self.taken.append(int(slot))
            data: cython.p_char = image
            file = s.file.ptr()
            with cython.nogil:
                done = file_write(file, data, p.page_size, cython.cast(uint64_t, slot) << p.page_shift)
            check(done if done < 0 else 0, s.path)
            following = (int(slot), int.from_bytes(image[:4], "little"))
        return following

    def settle(self, roots):
        """The checkpoint counts."""
        s: Store = self.store
        self._change(s.retained_slots, SLOT_DURABLE, 0)
        self._change(self.taken, SLOT_PENDING, SLOT_DURABLE)
        s.retained = roots
        s.retained_slots = self.taken

    def undo(self):
        """The checkpoint failed."""
        self._change(self.taken, SLOT_PENDING, 0)

    def _change(self, slots, drop, add):
        s: Store = self.store
        p = cython.address(s.pool)
        ends: cython.uchar = drop
        begins: cython.uchar = add
        for slot in slots:
            where: cython.uint = slot
            with cython.nogil:
                mutex_lock(cython.address(p.mutex))
                p.slots[where] |= begins
                slot_drop(p, where, ends)
                mutex_unlock(cython.address(p.mutex))
