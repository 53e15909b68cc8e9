"""The check of a store: all trees, every image in the file, who uses which slot and page id, the log.

Findings, not exceptions: a check goes on as far as it can read. The pool's books are checked while nothing moves (the
commit section and the pool's mutex are held for that moment); trees are checked at a snapshot, beside the writers.
"""

import gc
import struct
from array import array
from contextlib import nullcontext

import cython
from cython.cimports.engine.pool.fail import error_of

from engine.base.errors import Error, ProgrammingError
from engine.btree.check import Finding
from engine.storage.layout import fields
from engine.storage.page import PROBLEMS
from engine.txn.pins import newest_roots, pin_retained

DATA_LEN = next(field.offset for field in fields("page") if field.name == "data_len")


def check_store(store, progress=None):
    """Findings about a store; an empty list when it is sound. progress: called with the number of pages checked."""
    s: Store = store
    snapshot: Snapshot = s.snapshot()
    checker: TreeChecker = TreeChecker(s.path, int(snapshot.lsn))
    checker.pool = cython.address(s.pool)
    checker.owner = s
    checker.progress = progress
    try:
        used = _page_ids(s, snapshot)
        _check_trees(s, snapshot, checker)
        checker.findings += _check_page_ids(checker, used)
        # A checkpoint in between would take away the images and the log that are being looked at.
        with nullcontext() if s.checkpointer is None else s.checkpointer.mutex:
            checker.findings += _check_images(s)
            checker.findings += _check_slots(s)
            if not s.is_readonly:
                checker.findings += _check_log(s)
        checker.findings += _check_retained(s)
    finally:
        snapshot.close()
    return list(checker.findings)


def _check_trees(store, snapshot, checker):
    """Check the directory and every tree in it."""
    s: Store = store
    checker.check_tree(ROOT_DIRECTORY, TREE_DIRECTORY, "tree directory")
    roots = [(1, 2)]
    try:
        for key, value in s.scan(ROOT_DIRECTORY, snapshot):
            if len(key) != 8 or len(value) != 4:
                checker.find("tree directory: an entry has the wrong size", ROOT_DIRECTORY)
                continue
            roots.append((int.from_bytes(key, "big"), int.from_bytes(value, "little")))
    except Error as error:
        checker.find(f"tree directory: {error}", ROOT_DIRECTORY)
    for tree, root in roots:
        name = "catalog" if tree == 1 else f"tree {tree}"
        checker.check_tree(root, tree, name)


def _page_ids(store, snapshot):
    """The page ids that are in use at the snapshot; none where a commit came before they could be listed."""
    s: Store = store
    at: Snapshot = snapshot
    p = cython.address(s.pool)
    found = set()
    s.lock_commit()
    page_id: cython.uint
    for page_id in range(1, p.next_page_id if s.published_lsn == at.lsn else 1):
        if page_known(p, page_id) and (frame_of(p, page_id) >= 0 or ref_of(p, page_id).slot != 0):
            found.add(int(page_id))
    s.unlock_commit()
    return found


def _check_page_ids(checker, used):
    """Every page id in use belongs to a tree."""
    lost = sorted(used - checker.owners.keys())
    return [Finding("the page belongs to no tree", checker.path, page_id) for page_id in lost[:100]]


def _check_images(store):
    """Read and verify every image in the file that a live page or the last checkpoint refers to."""
    s: Store = store
    p = cython.address(s.pool)
    buffer: bytearray = bytearray(s.page_size)
    view: cython.uchar[:] = buffer
    page = cython.cast(cython.pointer(page_t), cython.address(view[0]))
    found = []
    page_id: cython.uint
    for page_id in range(1, p.next_page_id):
        if not page_known(p, page_id):
            continue
        r = ref_of(p, page_id)
        with cython.nogil:
            mutex_lock(cython.address(p.mutex))
            slot = r.durable_slot
            tag = r.durable_tag
            # a checkpoint that ends meanwhile frees this slot; then the image is not ours to judge
            mutex_unlock(cython.address(p.mutex))
        if slot == 0:
            continue
        with cython.nogil:
            done = read_image(p, page_id, slot, tag, page)
        if done != OK and r.durable_slot == slot:
            error = error_of(done, s.path)
            found.append(Finding(error.args[0], s.path, int(page_id), int(slot) * s.page_size))
    return found


def _check_retained(store):
    """Read and verify what the retained checkpoints need. Each is pinned meanwhile; one that is dropped is passed over."""
    s: Store = store
    p = cython.address(s.pool)
    found = []
    verified = array("I", bytes(4 * int(p.slot_count)))  # tag of the image in each slot that is known to be right
    page_id: cython.uint
    for page_id in range(1, p.next_page_id):
        if page_known(p, page_id) and ref_of(p, page_id).durable_slot < p.slot_count:
            verified[int(ref_of(p, page_id).durable_slot)] = int(ref_of(p, page_id).durable_tag)
    with s.fs.open(s.path, readonly=True) as file:
        try:
            roots = newest_roots(file, s.path)[2]
        except Error as error:
            return [Finding(str(error), s.path)]
        for root in roots:
            try:
                root, pinned = pin_retained(s.fs, file, s.path, root.name)
            except ProgrammingError:
                continue
            with pinned.slots:
                found += _check_kept(s, file, root, verified)
            if len(found) > 100:
                break
    return found


def _check_kept(store, file, root, verified):
    """Verify the page table of one checkpoint, and the images that it alone names."""
    size = store.page_size
    found = []
    blocks = [(root.table_depth - 1, 0, root.table_slot, root.table_tag)]
    what = f"checkpoint {root.name!r}: "
    while blocks:
        level, index, slot, tag = blocks.pop()
        if slot < len(verified) and verified[slot] == tag:
            continue
        data = file.pread(size, slot * size)
        problem = image_problem(data, size, index, tag, level)
        if problem:
            found.append(Finding(what + problem, store.path, None if level >= 0 else index, slot * size))
            continue
        if slot < len(verified):
            verified[slot] = tag
        if level < 0:
            continue
        per = (size - HEADER_SIZE) // 8
        count = int.from_bytes(data[DATA_LEN : DATA_LEN + 4], "little")
        for i, entry in enumerate(struct.iter_unpack("<II", data[HEADER_SIZE : HEADER_SIZE + 8 * count])):
            if entry[0]:
                blocks.append((level - 1, index * per + i, *entry))
    return found


def image_problem(data, size, number, tag, level):
    """What is wrong with an image: of block `number` of a page table at this level, or with level -1 of that page; or ""."""
    raw: bytes = data
    if len(raw) < size:
        return "the file ends before the page does"
    page = cython.cast(cython.pointer(page_t), cython.cast(cython.p_char, raw))
    number_wanted: cython.uint = number
    tag_wanted: cython.uint = tag
    problem = page_verify(page, size, number_wanted, tag_wanted)
    if problem:
        return PROBLEMS[problem]
    if (page.kind == KIND_TABLE) != (level >= 0) or (level >= 0 and page.level != level):
        return "a page stands where a block of the page table should, or the reverse"
    return ""


def _check_slots(store):
    """Count the uses of every slot anew and compare with the pool's books."""
    s: Store = store
    p = cython.address(s.pool)
    found = []
    s.lock_commit()
    # a snapshot that the collector found here would want the mutex that this thread holds
    collects = gc.isenabled()
    gc.disable()
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
    try:
        wanted = {}
        busy = False
        page_id: cython.uint
        for page_id in range(1, p.next_page_id):
            if not page_known(p, page_id):
                continue
            r = ref_of(p, page_id)
            if r.slot != 0:
                wanted.setdefault(int(r.slot), [0, []])[0] |= SLOT_LIVE
                wanted[int(r.slot)][1].append(int(page_id))
            if r.durable_slot != 0:
                wanted.setdefault(int(r.durable_slot), [0, []])[0] |= SLOT_DURABLE
                wanted[int(r.durable_slot)][1].append(int(page_id))
            version = r.versions
            while version >= 0:
                if p.versions[version].slot != 0:
                    wanted.setdefault(int(p.versions[version].slot), [0, []])[0] |= SLOT_LIVE
                    wanted[int(p.versions[version].slot)][1].append(int(page_id))
                version = p.versions[version].older
        for slot in s.retained_slots:
            wanted.setdefault(slot, [0, []])[0] |= SLOT_DURABLE
            wanted[slot][1].append(-1 - slot)
        for slot, mark in enumerate(s.marks or b""):
            if mark and META_SLOTS <= slot < p.slot_count:
                wanted.setdefault(slot, [0, []])[0] |= SLOT_RETAINED
        for level in s.table:
            for slot, _ in level.values():
                wanted.setdefault(slot, [0, []])[0] |= SLOT_DURABLE
                wanted[slot][1].append(-1 - slot)
        slot_number: cython.uint
        for slot_number in range(META_SLOTS, p.slot_count):
            flags = int(p.slots[slot_number])
            busy = busy or flags & SLOT_PENDING != 0
            expected, users = wanted.pop(int(slot_number), (0, []))
            if busy:
                break  # a checkpoint is being written: its slots are on their way
            if flags != expected:
                found.append(Finding(f"slot {slot_number} is marked {flags:#x}, its uses say {expected:#x}", s.path))
            if len(set(users)) > 1:
                found.append(Finding(f"slot {slot_number} is used by pages {sorted(set(users))}", s.path))
        if not busy:
            found += [Finding(f"slot {slot} lies outside the file", s.path) for slot in wanted]
        found += _check_frames(s)
    finally:
        mutex_unlock(cython.address(p.mutex))
        s.unlock_commit()
        if collects:
            gc.enable()
    return found


def _check_frames(store):
    """Map and descriptors agree. Commit section and mutex held."""
    s: Store = store
    p = cython.address(s.pool)
    found = []
    i: cython.int
    for i in range(p.frame_count):
        f = cython.address(p.frames[i])
        if f.page_id == 0 or f.flags & FRAME_GARBAGE:
            continue
        if f.version < 0 and frame_of(p, f.page_id) != i:
            found.append(
                Finding(
                    f"frame {i} holds the page, the map names frame {frame_of(p, f.page_id)}", s.path, int(f.page_id)
                )
            )
        elif f.version < 0 and not f.flags & FRAME_DIRTY and ref_of(p, f.page_id).slot == 0:
            found.append(Finding(f"frame {i} is clean, but no slot holds its page", s.path, int(f.page_id)))
        elif f.version >= 0 and p.versions[f.version].frame != i:
            found.append(Finding(f"frame {i} holds an old version that names another frame", s.path, int(f.page_id)))
    return found


def _check_log(store):
    """Read the log from where recovery would begin, as far as it is written."""
    from engine.wal.reader import LogReader

    s: Store = store
    fields = s.meta.as_dict()
    try:
        s.log.write()
        end = s.log.stats().written_lsn
        reader = LogReader(s.fs, s.log.directory, fields["log_id"], fields["segment_size"])
        reader.seek(fields["redo_lsn"], fields["redo_prev_crc"])
        for record in reader:
            if record.end_lsn >= end:
                break
        if reader.end_lsn < end:
            reader.check_tail()
            return [
                Finding(f"the log ends at LSN {reader.end_lsn}, {end} was written: {reader.reason}", s.log.directory)
            ]
    except Error as error:
        return [Finding(str(error), s.log.directory)]
    return []
