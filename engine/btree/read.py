"""Reading a B+tree: point lookups, scans, counts, without ever waiting for a writer.

A reader sees the state at one LSN. On its way down it meets, for each page, the one version that state has
(engine.pool.versions), so it needs no latch on the parent while it goes to the child: whatever a split moves meanwhile
has a newer LSN and is not seen.

*Fast path* of a point lookup, with the GIL held: optimistic reads, which write nothing shared. Each page's latch word
is read before and after; if it moved, or the page is not in its frame, or its LSN is too new, the lookup is started
again, and after OPTIMISTIC_TRIES given to the *slow path*, which takes shared latches, loads pages and waits, without
the GIL. Lookups outside a transaction read the newest published state (lsn 0) without registering a snapshot; should
the version they want vanish under them, they start again with a newer state.

*Scans* copy one leaf at a time (a page is smaller than what building its tuples costs) and find the next by the upper
fence, backward ones by the lower fence: no latch is held between two calls, and there are no sibling links to keep.
Where the leaf is not in the pool, the ones behind it are brought in with it (ahead.py).
"""

import cython

BOUND_KEY = cython.declare(cython.int, 0)
BOUND_BEFORE = cython.declare(cython.int, 1)
BOUND_LAST = cython.declare(cython.int, 2)


def tree_get(p, root, lsn, key, key_len, default, path):
    """The value of a key at `lsn` (0: newest) as bytes, or `default`."""
    out: PyObjectPtr = cython.NULL
    _tries: cython.int
    for _tries in range(OPTIMISTIC_TRIES):
        found = _try_get(p, root, lsn, key, key_len, cython.address(out))
        if found == 1:
            value = cython.cast(object, out)
            DropObject(out)  # the cast took a reference of its own
            return value
        if found == 0:
            return default
        if found == -2:
            break
    return _slow_get(p, root, lsn, key, key_len, default, path)


def _try_get(p, root, lsn, key, key_len, out):
    """One optimistic descent. 1: `out` is a new bytes object, 0: no such key, -1: try again, -2: only the slow way."""
    if lsn == 0:
        lsn = load_acquire(cython.address(p.published))
    page_id: cython.uint = root
    hash = recall_hash(key, key_len)
    is_leaf: cython.bint = False
    _depth: cython.int
    if traced():
        trace_bytes(TRACE_SEEK, root, -1, lsn, 0, 1, key, key_len)
    for _depth in range(DEPTH_MAX):
        frame = frame_of(p, page_id)
        if frame < 0:
            return -2
        f = cython.address(p.frames[frame])
        page = frame_page(p, frame)
        page_prefetch(page)
        if is_leaf:
            recall_prefetch(p, frame, hash)
        seen = optimistic_begin(cython.address(f.word))
        if seen & LATCH_EXCLUSIVE or f.page_id != page_id or f.version != -1:
            frame_restart(f)
            return -1
        if load_relaxed(cython.address(page.lsn)) > lsn:
            return -1
        if traced():
            trace_bytes(TRACE_NODE, page_id, frame, page.lsn, -2, 1, page, p.page_size)
        yield_with_gil(POINT_OPTIMISTIC)
        if page.kind == KIND_BRANCH:
            child = node_child(page, p.page_size, key, key_len)
            if not optimistic_valid(cython.address(f.word), seen):
                frame_restart(f)
                return -1
            if child < 0:
                return -2
            frame_touch(f)
            is_leaf = page.level == 1
            page_id = cython.cast(cython.uint, child)
            continue
        if page.kind != KIND_LEAF:
            return -1
        found = node_search(page, p.page_size, key, key_len)
        if found < 0 or not found & 1:
            if not optimistic_valid(cython.address(f.word), seen):
                frame_restart(f)
                return -1
            frame_touch(f)
            return 0 if found >= 0 else -2
        slot = slot_at(page, found >> 1)
        at: cython.size_t = load16_relaxed(cython.address(slot.offset))
        if at + CELL_SIZE > p.page_size:
            return -1
        cell = cython.cast(cython.pointer(cython.ushort), cython.cast(cython.p_char, page) + at)
        prefetch(cython.cast(cython.p_char, cell) + 64)
        raw: cython.uint = load16_relaxed(cell)
        at += CELL_SIZE + load16_relaxed(cython.address(slot.key_len))
        if raw & VALUE_OVERFLOW or at + raw > p.page_size:
            return -2
        value = NewBytes(cython.cast(cython.p_char, page) + at, raw)
        if value == cython.NULL:
            return -2
        if not optimistic_valid(cython.address(f.word), seen):
            DropObject(value)
            frame_restart(f)
            return -1
        frame_touch(f)
        frame_visit(f)
        recall_found(p, frame, hash, load16_relaxed(cython.address(slot.offset)))
        out[0] = value
        return 1
    return -2


def _slow_get(p, root, lsn, key, key_len, default, path):
    data: cython.p_uchar = cython.NULL
    length: uint64_t = 0
    with cython.nogil:
        done = value_copy(p, root, lsn, key, key_len, cython.address(data), cython.address(length))
    if done < 0:
        raise error_of(done, path)
    if done == 0:
        return default
    try:
        return PyBytes_FromStringAndSize(cython.cast(cython.p_char, data), length)
    finally:
        free(data)


def value_copy(p, root, lsn, key, key_len, out, length):
    """Copy the value of a key into memory from malloc, which the caller frees. 1, 0: no such key, or an error."""
    thread_does(OP_GET)
    while True:
        at = lsn if lsn != 0 else load_acquire(cython.address(p.published))
        frame: int32_t = -1
        done = leaf_fix(p, root, at, key, key_len, BOUND_KEY, cython.NULL, cython.address(frame))
        if done == OK:
            page = frame_page(p, frame)
            found = node_search(page, p.page_size, key, key_len)
            if found < 0 or not found & 1:
                pool_unfix(p, frame)
                return 0 if found >= 0 else corrupt(page.page_id, 103)
            slot = slot_at(page, found >> 1)
            raw: cython.uint = cell_at(page, slot).value_len
            ref: overflow_ref_t
            long_value: cython.bint = raw & VALUE_OVERFLOW != 0
            size: uint64_t = node_value_len(raw)
            if long_value:
                memcpy(cython.address(ref), cell_value(page, slot), cython.sizeof(overflow_ref_t))
                size = ref.length
            # a damaged reference may name any length: what the pages cannot hold is refused before memory is asked for
            if (
                long_value
                and size > cython.cast(uint64_t, load32_relaxed(cython.address(p.next_page_id))) * p.page_size
            ):
                pool_unfix(p, frame)
                return corrupt(page.page_id, 104)
            out[0] = cython.cast(cython.p_uchar, malloc(size + 1))
            length[0] = size
            if out[0] == cython.NULL:
                pool_unfix(p, frame)
                return ERR_MEMORY
            if not long_value:
                memcpy(out[0], cell_value(page, slot), size)
            pool_unfix(p, frame)
            if long_value:
                done = overflow_read(p, at, cython.address(ref), out[0])
            if done == OK:
                return 1
            free(out[0])
        if done != ERR_RESTART or lsn != 0:
            return done
        thread_self().restarts += 1
        thread_yield()


def leaf_fix(p, root, lsn, key, key_len, bound, ahead, frame):
    """Latch, shared, the leaf at `lsn` that covers `key`; BOUND_BEFORE: what is just below it; BOUND_LAST: the last leaf.

    `ahead`: of the scan that wants the leaf once, or NULL. 0 with `frame` set; ERR_RESTART and errors as pool_fix has them.
    """
    page_id: cython.uint = root
    level: cython.int = 256
    if traced():
        trace_bytes(TRACE_SEEK, root, -1, lsn, bound, 0, key, key_len)
    _depth: cython.int
    for _depth in range(DEPTH_MAX):
        once: cython.bint = ahead != cython.NULL and level == 1
        at = pool_fix_once(p, page_id, lsn) if once else pool_fix(p, page_id, lsn)
        if at < 0:
            return at
        page = frame_page(p, at)
        if page.level >= level or (page.kind != KIND_LEAF and page.kind != KIND_BRANCH):
            pool_unfix(p, at)
            return corrupt(page_id, 102)
        level = page.level
        if traced():
            trace_bytes(TRACE_NODE, page_id, at, page.lsn, -2, 0, page, p.page_size)
        if page.kind == KIND_LEAF:
            frame[0] = at
            return OK
        index: cython.long
        if bound == BOUND_LAST:
            index = page.count - 1
        elif bound == BOUND_BEFORE:
            found = node_search(page, p.page_size, key, key_len)
            index = (found >> 1) - 1 if found >= 2 else (0 if found >= 0 else -1)
        else:
            index = node_child_index(page, p.page_size, key, key_len)
        if index < 0:
            pool_unfix(p, at)
            return corrupt(page_id, 103)
        page_id = node_child_at(page, index)
        plan: cython.bint = ahead != cython.NULL and level == 1
        if plan:
            ahead_plan(p, ahead, page, index)
        pool_unfix(p, at)
        if plan:
            ahead_bring(p, ahead)
    return corrupt(page_id, 101)


def range_count(p, root, lsn, start, start_len, bounded, stop, stop_len, enough):
    """How many keys lie in [start, stop) at a registered `lsn`; without `bounded`, up to the end. Or an error.

    Once there are `enough` (0: never), those of further leaves are not counted.
    """
    total: int64_t = 0
    size = p.page_size
    thread_does(OP_SCAN)
    from_key = cython.cast(cython.p_uchar, malloc(size))
    if from_key == cython.NULL:
        return ERR_MEMORY
    ahead: ahead_t
    memset(cython.address(ahead), 0, cython.sizeof(ahead_t))
    ahead.bounded = bounded
    ahead.last = stop
    ahead.last_len = stop_len
    length: cython.size_t = start_len
    memcpy(from_key, start, start_len)
    while True:
        frame: int32_t = -1
        done = leaf_fix(p, root, lsn, from_key, length, BOUND_KEY, cython.address(ahead), cython.address(frame))
        if done != OK:
            free(from_key)
            return done
        page = frame_page(p, frame)
        first = node_search(page, size, from_key, length)
        last: cython.long = page.count
        more: cython.bint = not page.flags & FLAG_UPPER_INFINITE
        if more and bounded:
            order = memcmp(upper_fence(page, size), stop, min(cython.cast(cython.size_t, page.upper_len), stop_len))
            more = order < 0 or (order == 0 and page.upper_len < stop_len)
        if bounded and not more:
            found = node_search(page, size, stop, stop_len)
            # a stop that is the upper fence itself may lack the page's prefix: then it is above all keys here
            last = found >> 1 if found >= 0 else page.count
        if first >= 0 and last > first >> 1:
            total += last - (first >> 1)
        order = memcmp(upper_fence(page, size), from_key, min(cython.cast(cython.size_t, page.upper_len), length))
        if more and (order < 0 or (order == 0 and page.upper_len <= length)):
            done = corrupt(page.page_id, 103)  # in a sound tree the fences ascend
        length = page.upper_len
        memcpy(from_key, upper_fence(page, size), length)
        pool_unfix(p, frame)
        if done != OK:
            free(from_key)
            return done
        if not more or (enough > 0 and total >= enough):
            break
    free(from_key)
    return total


class Scan:
    """Iterator over (key, value) of [start, stop) at a registered snapshot, forward or backward.

    Made by Store.scan; it holds `owner`, (store, snapshot), which keeps the snapshot registered.
    """

    def prepare(self):
        """Take memory for a leaf and a bound; the other fields are set."""
        self.page = cython.cast(cython.pointer(page_t), malloc(self.pool.page_size))
        self.bound = cython.cast(cython.p_uchar, malloc(self.pool.page_size))
        self.ahead = cython.cast(cython.pointer(ahead_t), calloc(1, cython.sizeof(ahead_t)))
        if self.page == cython.NULL or self.bound == cython.NULL or self.ahead == cython.NULL:
            raise MemoryError
        if self.start is not None:
            self.start_key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(self.start))
            self.start_len = len(self.start)
        if self.stop is not None:
            self.stop_key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(self.stop))
            self.stop_len = len(self.stop)
        last = self.start if self.reverse else self.stop
        self.ahead.reverse = self.reverse
        if last is not None:
            self.ahead.bounded = True
            self.ahead.last = cython.cast(cython.p_uchar, PyBytes_AS_STRING(last))
            self.ahead.last_len = len(last)
        first = self.stop if self.reverse else self.start
        self.bounded = first is not None
        if first is not None:
            if len(first) > self.pool.page_size:
                raise error_of(ERR_LIMIT, self.path)
            self.bound_len = len(first)
            memcpy(self.bound, PyBytes_AS_STRING(first), self.bound_len)
        self.done = self.start is not None and self.stop is not None and self.start >= self.stop
        return 0

    def __dealloc__(self):
        free(self.page)
        free(self.bound)
        free(self.ahead)

    def __iter__(self):
        return self

    def __next__(self):
        while True:
            if self.at != self.end:
                if self.reverse:
                    self.end -= 1
                    return (self._key(self.end), self._value(self.end))
                self.at += 1
                return (self._key(self.at - 1), self._value(self.at - 1))
            if self._advance() == 0:
                raise StopIteration

    def _load(self):
        """Copy the next leaf. 0 or an error."""
        thread_does(OP_SCAN)
        frame: int32_t = -1
        kind: cython.int = BOUND_KEY
        if self.reverse:
            kind = BOUND_BEFORE if self.bounded else BOUND_LAST
        done = leaf_fix(
            self.pool, self.root, self.lsn, self.bound, self.bound_len, kind, self.ahead, cython.address(frame)
        )
        if done == OK:
            memcpy(self.page, frame_page(self.pool, frame), self.pool.page_size)
            pool_unfix(self.pool, frame)
        return done

    def _position(self, key, length):
        """Index of the first cell of the copied leaf whose key is not below `key`, or an error."""
        size = self.pool.page_size
        shared: cython.size_t
        if not self.page.flags & FLAG_UPPER_INFINITE:
            shared = min(length, cython.cast(cython.size_t, self.page.upper_len))
            order = memcmp(key, upper_fence(self.page, size), shared)
            if order > 0 or (order == 0 and length >= self.page.upper_len):
                return self.page.count
        shared = min(length, cython.cast(cython.size_t, self.page.lower_len))
        order = memcmp(key, lower_fence(self.page, size), shared)
        if order < 0 or (order == 0 and length <= self.page.lower_len):
            return 0
        found = node_search(self.page, size, key, length)
        return found >> 1 if found >= 0 else corrupt(self.page.page_id, 103)

    def _goes_on(self, fence, length):
        """Whether the next bound lies beyond the present one, as it does in a sound tree: no scan goes in circles."""
        if self.reverse and not self.bounded:
            return True
        order = memcmp(fence, self.bound, min(length, self.bound_len))
        if order == 0:
            order = 1 if length > self.bound_len else (-1 if length < self.bound_len else 0)
        return order < 0 if self.reverse else order > 0

    def _advance(self):
        """Bring the next leaf with keys of the range: 1, or 0 at the end of the scan."""
        self.owner[0].check_open()
        nap = gil_turn_over()
        with cython.nogil:
            code = self.next_leaf()
            if nap:
                gil_nap()
        if code < 0:
            raise error_of(code, self.path)
        return code

    def next_leaf(self):
        """As _advance, for callers without the GIL, who see to it that what is read stays open: 1, 0 or an error."""
        size = self.pool.page_size
        while not self.done:
            code = self._load()
            if code < 0:
                return code
            page = self.page
            self.at = 0
            self.end = page.count
            if self.start_key != cython.NULL:
                self.at = self._position(self.start_key, self.start_len)
            if self.stop_key != cython.NULL:
                self.end = self._position(self.stop_key, self.stop_len)
            if self.at < 0 or self.end < 0:
                code = cython.cast(cython.int, self.at if self.at < 0 else self.end)
                self.at = self.end = 0
                return code
            fence = lower_fence(page, size) if self.reverse else upper_fence(page, size)
            length: cython.size_t = page.lower_len if self.reverse else page.upper_len
            if self.reverse:
                self.done = length == 0 or self.at > 0
            else:
                self.done = page.flags & FLAG_UPPER_INFINITE != 0 or self.end < page.count
            if not self.done and not self._goes_on(fence, length):
                self.at = self.end = 0
                return corrupt(page.page_id, 103)
            self.bounded = True
            self.bound_len = length
            memcpy(self.bound, fence, length)
            if self.at < self.end:
                return 1
            self.at = self.end
        return 0

    def value_room(self, index):
        """The bytes of the value of a cell of the copied leaf, or an error: a damaged reference may name any length."""
        slot = slot_at(self.page, index)
        raw: cython.uint = cell_at(self.page, slot).value_len
        if not raw & VALUE_OVERFLOW:
            return raw
        ref: overflow_ref_t
        memcpy(cython.address(ref), cell_value(self.page, slot), cython.sizeof(overflow_ref_t))
        pages: uint64_t = load32_relaxed(cython.address(self.pool.next_page_id))
        if ref.length > pages * self.pool.page_size:
            return corrupt(self.page.page_id, 104)
        return cython.cast(int64_t, ref.length)

    def value_into(self, index, out):
        """Copy a long value to `out`, which has `value_room` bytes. 0 or an error."""
        ref: overflow_ref_t
        slot = slot_at(self.page, index)
        memcpy(cython.address(ref), cell_value(self.page, slot), cython.sizeof(overflow_ref_t))
        return overflow_read(self.pool, self.lsn, cython.address(ref), out)

    def _key(self, index):
        page = self.page
        slot = slot_at(page, index)
        key = PyBytes_FromStringAndSize(cython.NULL, cython.cast(cython.Py_ssize_t, page.prefix_len) + slot.key_len)
        raw = PyBytes_AS_STRING(key)
        memcpy(raw, lower_fence(page, self.pool.page_size), page.prefix_len)
        memcpy(raw + page.prefix_len, cell_key(page, slot), slot.key_len)
        return key

    def _value(self, index):
        page = self.page
        slot = slot_at(page, index)
        room = self.value_room(index)
        if room < 0:
            raise error_of(cython.cast(cython.int, room), self.path)
        if not cell_at(page, slot).value_len & VALUE_OVERFLOW:
            return PyBytes_FromStringAndSize(cython.cast(cython.p_char, cell_value(page, slot)), room)
        value = PyBytes_FromStringAndSize(cython.NULL, room)
        out = cython.cast(cython.p_uchar, PyBytes_AS_STRING(value))
        with cython.nogil:
            done = self.value_into(index, out)
        if done < 0:
            raise error_of(done, self.path)
        return value
