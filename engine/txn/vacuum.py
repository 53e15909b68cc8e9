"""Giving file space back: the end of the data file is emptied, and cut off.

    before   | meta meta | 4 . 7 . . . 2 . . 9 T . . . . |        pages 4 7 2 9, the page table T, free slots
    moved    | meta meta | 4 2 7 9 T . . . . . . . . . . |        images rewritten to the lowest free slots: a checkpoint
    cut      | meta meta | 4 2 7 9 T |

Before that, in every tree, pages that deletions have left thin are merged (engine.btree.compact), in small batches that change no
key: other commits get in between, snapshots keep the pages as they were, and a crash finds the tree before a batch or after it.

Page ids stay: a page moves by being written again, like one that was changed. VACUUM takes every page whose image stands
behind the place where the file could end, brings it into the pool and makes it dirty; eviction and the next checkpoint
write it to the lowest free slot there is. When that checkpoint counts, the slots it replaced are free. The blocks of the
page table move the same way: a block is rewritten when one of its pages is on the checkpoint's list. It takes two or
three rounds, for the new images stand beside the old ones until the checkpoint counts. A few free slots stay: every
round writes a path of the page table, so chasing the last ones would never end.

Cutting goes by the flags of the slots (engine.pool.slots), and by them alone: what the last durable checkpoint, a
checkpoint under way, a live page or an old version that a snapshot sees has a place in, has a flag. The meta that names
the new places is durable by then, so no crash finds a page cut off; the new size needs no sync of its own. Commits,
readers and evictions go on meanwhile; who wants a slot behind the cut waits for it. Old versions that stand in slots are
not moved: the file ends behind them until their snapshot ends.

Every checkpoint cuts the file too, but only what none of the last PEAKS_KEPT periods between checkpoints needed, and only
if it is worth it, so that a file does not breathe with every checkpoint. Where more than half of the file is free, it
also has the few pages in the file's last bit moved by the next checkpoint; else one page there would hold the end for ever.
"""

import contextlib

import cython
from cython.cimports.engine.base.atomic import add_acq_rel
from cython.cimports.engine.btree.batch import batch_abort, batch_begin, batch_commit
from cython.cimports.engine.btree.compact import tree_compact
from cython.cimports.engine.pool.fail import check
from cython.cimports.engine.storage.layout import ROOT_DIRECTORY, TREE_CATALOG, TREE_DIRECTORY

from engine.base.dataclass import dataclass
from engine.base.errors import CorruptionError
from engine.txn.checkpoint import entries_per_block

ROUNDS_MAX = 6
PASSES_MAX = 6
PEAKS_KEPT = 8
PEAKS_NEEDED = 4
TRIM_SLOTS_MIN = 64
RUN = cython.declare(cython.uint, 64)
NEWEST = cython.declare(uint64_t, 0x7FFFFFFFFFFFFFFF)


@dataclass(frozen=True, slots=True)
class VacuumResult:
    """What VACUUM did. Bytes of the data file before and after; pages_moved: images that were written to another slot;
    pages_merged: pages whose content went into a neighbour.
    """

    bytes_before: int
    bytes_after: int
    pages_moved: int
    pages_merged: int

    @property
    def bytes_given_back(self) -> int:
        """By how much the file is shorter; 0 where commits made it longer meanwhile."""
        return max(0, self.bytes_before - self.bytes_after)


# --- cutting --------------------------------------------------------------------------------------------------------


def file_slots(store):
    """Slots that the data file is long enough for."""
    s: Store = store
    return (s.file.size() + s.page_size - 1) // s.page_size


def cut_file(store, wanted=0):
    """Cut the file behind the last slot in use, or at `wanted` if that is further. One at a time. OperationalError."""
    s: Store = store
    p = cython.address(s.pool)
    file = s.file.ptr()
    least: cython.uint = wanted
    done: cython.int = OK
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        end: uint64_t = cython.cast(uint64_t, slots_cut(p, least)) << p.page_shift
        mutex_unlock(cython.address(p.mutex))
        size = file_size(file)
        if size > cython.cast(int64_t, end):
            done = file_truncate(file, end)
        mutex_lock(cython.address(p.mutex))
        slots_done(p)
        mutex_unlock(cython.address(p.mutex))
    check(done if size >= 0 else cython.cast(cython.int, size), s.path)


def take_peak(store):
    """End of the slots that were in use at any time since the last call."""
    s: Store = store
    p = cython.address(s.pool)
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        end = slots_end(p)
        peak = max(p.slot_peak, end)
        p.slot_peak = end
        mutex_unlock(cython.address(p.mutex))
    return int(peak)


# --- moving ---------------------------------------------------------------------------------------------------------


def _move(p, page_id, boundary):
    """Have a page that stands at or behind `boundary` written anew. 1: it will be, 0: nothing to do, or an error."""
    thread_does(OP_VACUUM)
    frame = pool_fix_once(p, page_id, NEWEST)
    if frame < 0:
        return 0 if frame in (ERR_NO_PAGE, ERR_RESTART) else frame
    f = cython.address(p.frames[frame])
    moved: cython.int = 0
    mutex_lock(cython.address(p.mutex))
    r = ref_of(p, page_id)
    if f.version < 0 and not f.flags & (FRAME_DIRTY | FRAME_GARBAGE) and r.slot >= boundary:
        moved = mark_changed(p, page_id)
        if moved == OK:
            slot_drop(p, r.slot, SLOT_LIVE)
            r.slot = 0
            f.flags |= FRAME_DIRTY
            moved = 1
    mutex_unlock(cython.address(p.mutex))
    pool_unfix(p, frame)
    return moved


def _stand_behind(p, at, last, boundary, found):
    """Page ids from `at[0]` on, below `last`, whose images stand at or behind `boundary`: RUN of them at most; how many."""
    count: cython.uint = 0
    page_id: cython.uint = at[0]
    looked: cython.uint = 0
    mutex_lock(cython.address(p.mutex))
    while page_id < last and count < RUN and looked < 4096:
        if page_known(p, page_id) and ref_of(p, page_id).slot >= boundary:
            found[count] = page_id
            count += 1
        page_id += 1
        looked += 1
    mutex_unlock(cython.address(p.mutex))
    at[0] = page_id
    return count


def _move_run(p, at, last, boundary):
    """Move the pages of one run; how many, or an error."""
    found: uint32_t[64]
    i: cython.uint
    moved: cython.long = 0
    count = _stand_behind(p, at, last, boundary, found)
    if count > 0:
        pool_load_many(p, found, count, cython.NULL)
    for i in range(count):
        done = _move(p, found[i], boundary)
        if done < 0:
            return done
        moved += done
    return moved


def _move_pages(store, boundary, progress):
    """Have all pages that stand at or behind `boundary` written anew; how many."""
    s: Store = store
    p = cython.address(s.pool)
    limit: cython.uint = boundary
    at: cython.uint = 1
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        last = p.next_page_id
        mutex_unlock(cython.address(p.mutex))
    total = 0
    while at < last:
        if progress is not None:
            progress(int(at), int(last))
        with cython.nogil:
            moved = _move_run(p, cython.address(at), last, limit)
        check(cython.cast(cython.int, min(moved, 0)), s.path)
        total += int(moved)
    return total


def _move_table(store, boundary):
    """Have the blocks of the page table that stand at or behind `boundary` written anew; how many."""
    s: Store = store
    p = cython.address(s.pool)
    per = entries_per_block(s.page_size)
    moved = 0
    for level, blocks in enumerate(s.table):
        for index, (slot, _) in blocks.items():
            page_id: cython.uint = max(1, index * per ** (level + 1))
            if slot < boundary or page_id >= p.next_page_id:
                continue
            done: cython.int = OK
            with cython.nogil:
                mutex_lock(cython.address(p.mutex))
                if page_known(p, page_id):
                    done = mark_changed(p, page_id)
                mutex_unlock(cython.address(p.mutex))
            check(done, s.path)
            moved += 1
    return moved


def _used(store):
    """(slots in use, the slot behind the last of them)."""
    s: Store = store
    p = cython.address(s.pool)
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        used = p.slots_used
        end = slots_end(p)
        mutex_unlock(cython.address(p.mutex))
    return int(used), int(end)


# --- after every checkpoint -----------------------------------------------------------------------------------------


class Trimmer:
    """Decides, after each checkpoint, whether to cut the file, and does."""

    def __init__(self, store):
        self.store = store
        self.peaks = []

    def after_checkpoint(self, closing):
        """Cut off what was not needed lately. closing: the last checkpoint; nobody will want the room soon."""
        self.peaks = [*self.peaks[-(PEAKS_KEPT - 1) :], take_peak(self.store)]
        if len(self.peaks) < PEAKS_NEEDED and not closing:
            return
        end = max(self.peaks)
        have = file_slots(self.store)
        if have - end >= max(TRIM_SLOTS_MIN, have // 8):
            cut_file(self.store, end)
        elif not closing:
            self._move_stragglers()

    def _move_stragglers(self):
        """Where more than half of the file is free, have the next checkpoint move what stands in its last bit."""
        used, end = _used(self.store)
        if end < 2 * used + TRIM_SLOTS_MIN:
            return
        boundary = max(used + META_SLOTS, end - max(TRIM_SLOTS_MIN, end // 64))
        with contextlib.suppress(CorruptionError):  # the checkpoint is good; whoever needs that page will hear of it
            _move_table(self.store, boundary)
            _move_pages(self.store, boundary, None)


# --- trees ----------------------------------------------------------------------------------------------------------


def _compact(store, root, key, key_len, merged):
    """One batch of merges in a tree; as tree_compact. Commit section held."""
    b = cython.address(store.batch)
    lsn: uint64_t = 0
    done = batch_begin(b, add_acq_rel(cython.address(store.memtable.next_txn), 1))
    if done != OK:
        return done
    more = tree_compact(b, root, key, key_len, merged)
    done = batch_commit(b, cython.address(lsn)) if more >= 0 else more
    if done < 0:
        batch_abort(b)
        return done
    return more


def _compact_tree(store, tree, progress):
    """Merge the thin pages of a tree; how many. Commits get in between any two batches."""
    s: Store = store
    p = cython.address(s.pool)
    key: cython.uchar[8192]
    key_len: cython.size_t = 0
    merged: cython.long = 0
    more: cython.int = 1
    while more == 1:
        if progress is not None:
            progress(1, int(p.next_page_id))
        s.lock_commit()
        try:
            root: cython.uint = s.root_of(tree)
            if root == 0:
                break  # dropped meanwhile
            with cython.nogil:
                more = _compact(s, root, key, cython.address(key_len), cython.address(merged))
        finally:
            s.unlock_commit()
        check(min(more, 0), s.path)
    return int(merged)


def _compact_all(store, progress):
    """Merge the thin pages of all trees, until nothing is left to be merged; how many."""
    s: Store = store
    snapshot = s.snapshot()
    trees = [int.from_bytes(key, "big") for key, _ in s.scan(ROOT_DIRECTORY, snapshot)]
    snapshot.close()
    total = 0
    for tree in (TREE_DIRECTORY, TREE_CATALOG, *trees):
        for _ in range(PASSES_MAX):
            merged = _compact_tree(s, tree, progress)
            total += merged
            if merged == 0:
                break
    return total


# --- VACUUM ---------------------------------------------------------------------------------------------------------


def vacuum_store(store, progress=None):
    """Merge thin pages, move what stands near the end of the data file towards its beginning, and cut the end off: VacuumResult.

    progress: called with (page ids looked at, page ids in all); what it raises ends VACUUM, and does no harm.
    Raises ReadOnlyError, PoisonedError, OperationalError (inside a large transaction of this thread; I/O), CorruptionError.
    """
    s: Store = store
    s.check_writable()
    before = s.file.size()
    merged = _compact_all(s, progress)
    moved = 0
    for _ in range(ROUNDS_MAX):
        s.checkpointer.run()  # slots that only the last checkpoint needed are free now
        used, now = _used(s)
        if now <= used + META_SLOTS + 2 * len(s.table):
            break  # what is left to gain is less than a rewritten path of the page table takes
        with s.checkpointer.mutex:
            found = _move_pages(s, used + META_SLOTS, progress)
            blocks = _move_table(s, used + META_SLOTS)
        moved += found
        if found + blocks == 0:
            break
    with s.checkpointer.mutex:
        cut_file(s)
    return VacuumResult(before, s.file.size(), moved, merged)
