"""What a transaction has read and written, and whether commits since its snapshot conflict with it.

Validation (optimistic, backward; Kung and Robinson, 1981): the transaction looks at every commit published after its
snapshot. A key that both wrote is a conflict: the first committer wins. Under `serializable` a key that the other wrote
and this one read, singly or inside a range it scanned, is one as well: the order of commits then is a serial order.
Under `snapshot` only writes count, so write skew is possible. A transaction that wrote nothing always succeeds: its
snapshot is a prefix of that order. A range deleted as a whole counts as a write of every key in it, there or not.

What others committed stands in the memtable (engine.txn.memtable); for what it has forgotten, pages are asked
(engine.txn.validate). Reads are noted singly until READS_MAX in a tree, then as the whole tree.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cython.cimports.engine.pool.fail import check

from engine.base.errors import ConflictError
from engine.txn.ranges import covers, covers_any, overlap

READS_MAX = 50_000
NOTHING = cython.declare(bytes, b"")


class Footprint(Pending):
    """Reads and writes of one transaction, and their validation inside the commit section."""

    def __init__(self):
        Pending.__init__(self)
        self.reads = {}
        self.ranges = {}

    def note_key(self, tree, key):
        """Remember for validation that a key was read."""
        if self.tracks:
            keys = self.reads.get(tree)
            if keys is None:
                keys = self.reads[tree] = set()
            keys.add(key)
            if len(keys) > READS_MAX:
                keys.clear()
                self.note_range(tree, None, None)
        return 0

    def note_range(self, tree, start, stop):
        """Remember for validation that [start, stop) of the tree was read."""
        if self.tracks:
            known = self.ranges.get(tree)
            if known is None:
                known = self.ranges[tree] = []
            if known and known[0] == (None, None):
                return 0
            if (start is None and stop is None) or len(known) >= READS_MAX:
                known.clear()
                known.append((None, None))
            else:
                known.append((start, stop))
        return 0

    def validate(self, reads=None):
        """Compare with every commit since the snapshot. Raises ConflictError.

        reads: whether what was read counts; by default as the isolation level says.
        """
        if reads is None:
            reads = self.isolation == "serializable"
        found: cython.pointer(generation_t)[64]
        for lsn, trees in self.store.drops:
            if lsn > self.snap.lsn and any(self.touches(tree, reads) for tree in trees):
                raise ConflictError("another transaction dropped what this one uses; run it again")
        for lsn, erased in self.store.erasures:
            if lsn > self.snap.lsn and self.meets(erased, reads):
                raise ConflictError("another transaction deleted a range that this one used; run it again")
        m = cython.address(self.store.memtable)
        since = self.snap.lsn
        with cython.nogil:
            count = memtable_since(m, since, found)
        if count < 0:
            self.validate_pages(reads)
        elif count > 0:
            self.validate_entries(found, count)
            if reads:
                self.validate_reads(found, count)

    def touches(self, tree, reads):
        """Whether the transaction wrote or dropped something of the tree, or, if reads count, read it."""
        number: uint32_t = tree
        i: cython.long
        for i in range(self.entry_count):
            if self.entries[i].tree == number and self.entries[i].value != 0:
                return True
        if tree in self.dropped or tree in self.erased:
            return True
        return reads and (tree in self.reads or tree in self.ranges)

    def meets(self, erased, reads):
        """Whether the transaction wrote, or, if reads count, read something in ranges: a dict of tree -> ranges."""
        i: cython.long
        for i in range(self.entry_count):
            e = self.entries[i]
            if e.value != 0:
                ranges = erased.get(e.tree)
                if ranges is not None:
                    key = PyBytes_FromStringAndSize(cython.cast(cython.p_char, key_of(e)), e.key_len)
                    if covers(ranges, key):
                        return True
        for tree, ranges in erased.items():
            if tree in self.dropped:
                return True
            if overlap(ranges, self.erased.get(tree, ())):
                return True
            if reads and (overlap(ranges, self.ranges.get(tree, ())) or covers_any(ranges, self.reads.get(tree, ()))):
                return True
        return False

    def validate_entries(self, found, count):
        since = self.snap.lsn
        changed: cython.bint = False
        i: cython.long
        with cython.nogil:
            for i in range(self.entry_count):
                e = self.entries[i]
                if e.value != 0 and key_changed(found, count, since, e.tree, key_of(e), e.key_len):
                    changed = True
                    break
        if not changed:
            for tree in self.dropped:
                changed |= _span_changed(found, count, since, tree, None, None)
            for tree, ranges in self.erased.items():
                for start, stop in ranges:
                    changed |= _span_changed(found, count, since, tree, start, stop)
        if changed:
            raise ConflictError("another transaction changed what this one wrote; run it again")
        return 0

    def validate_reads(self, found, count):
        since = self.snap.lsn
        for tree, keys in self.reads.items():
            number: uint32_t = tree
            for key in keys:
                raw = cython.cast(bytes, key)
                if key_changed(
                    found,
                    count,
                    since,
                    number,
                    cython.cast(cython.p_uchar, PyBytes_AS_STRING(raw)),
                    PyBytes_GET_SIZE(raw),
                ):
                    raise ConflictError("another transaction changed what this one read; run it again")
        for tree, ranges in self.ranges.items():
            for start, stop in ranges:
                if _span_changed(found, count, since, tree, start, stop):
                    raise ConflictError("another transaction changed what this one read; run it again")
        return 0

    def validate_pages(self, reads):
        """The transaction is older than what the memtable remembers: pages say whether something may have changed."""
        p = cython.address(self.store.pool)
        since = self.snap.lsn
        done: cython.int = 0
        i: cython.long
        for i in range(self.entry_count):
            e = self.entries[i]
            if e.value != 0 and int(e.tree) not in self.created:
                root: uint32_t = self.store.root_of(int(e.tree))
                with cython.nogil:
                    done = leaf_changed(p, root, key_of(e), e.key_len, since) if root != 0 else 1
                _refuse(done, self.store.path)
        whole = [(tree, None, None) for tree in self.dropped]
        whole += [(tree, start, stop) for tree, ranges in self.erased.items() for start, stop in ranges]
        points = [(tree, key, key + b"\0") for tree, keys in self.reads.items() for key in keys if reads]
        spans = [(tree, start, stop) for tree, ranges in self.ranges.items() for start, stop in ranges if reads]
        for tree, start, stop in (*whole, *points, *spans):
            if tree in self.created:
                continue
            root = self.store.root_of(tree)
            if root == 0:
                if self.store.root_of(tree, since) != 0:
                    _refuse(1, self.store.path)
                continue
            low: bytes = start if start is not None else NOTHING
            high: bytes = stop if stop is not None else NOTHING
            bounded: cython.bint = stop is not None
            a = cython.cast(cython.p_uchar, PyBytes_AS_STRING(low))
            a_len: cython.size_t = len(low)
            b = cython.cast(cython.p_uchar, PyBytes_AS_STRING(high))
            b_len: cython.size_t = len(high)
            with cython.nogil:
                done = leaves_changed(p, root, a, a_len, bounded, b, b_len, since)
            _refuse(done, self.store.path)
        return 0


def _refuse(changed, path):
    """ConflictError for 1, the error for a negative code."""
    check(changed, path)
    if changed > 0:
        raise ConflictError(
            "the transaction is so old that the commits since are no longer all known, "
            "and pages it used have changed; run it again"
        )


def _span_changed(found, count, since, tree, start, stop):
    """Whether a commit after `since` wrote a key of [start, stop) of a tree, as the memtable knows."""
    number: uint32_t = tree
    low: bytes = start if start is not None else NOTHING
    high: bytes = stop if stop is not None else NOTHING
    return range_changed(
        found,
        count,
        since,
        number,
        cython.cast(cython.p_uchar, PyBytes_AS_STRING(low)),
        PyBytes_GET_SIZE(low),
        stop is not None,
        cython.cast(cython.p_uchar, PyBytes_AS_STRING(high)),
        PyBytes_GET_SIZE(high),
    )
