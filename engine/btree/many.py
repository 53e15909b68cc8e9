"""Many point lookups at once: sixteen descend side by side, so that their cache misses overlap.

    lookup 1    frame | page | slots | frame | page | slots | cell      each step asks the memory for what the next
    lookup 2      frame | page | slots | frame | page | slots | cell    one reads (prefetch), and then the other
    ...                                                                 lookups take their turn

A lookup in a large tree costs little but waiting for memory: descriptor, page header, slots, cell. Alone it waits for
each; sixteen at once wait for sixteen things at a time. All without the GIL; the values are copied to one piece of
memory, of which the bytes objects are made afterwards.

Each step is an optimistic read as in engine.btree.read: the latch word of the page is read first, compared after, and a
lookup whose page has moved begins again. Lookups that come to a page outside the pool (LOOK_ABSENT) are put aside; their
leaves are then brought in together (engine.btree.warm), and they look once more. What needs latches, older versions or
overflow pages, or is still absent, is left over (LOOK_SLOW) and looked up singly.
"""

import cython


def _again(p, look, root):
    """Begin again from the root, or give up."""
    frame_restart(cython.address(p.frames[look.frame]))
    look.tries += 1
    look.page_id = root
    look.step = STEP_FRAME if look.tries < TRIES else LOOK_SLOW


def _find_frame(p, look):
    look.frame = frame_of(p, look.page_id)
    if look.frame < 0:
        look.step = LOOK_ABSENT
        return
    page = cython.cast(cython.p_char, frame_page(p, look.frame))
    prefetch(cython.address(p.frames[look.frame]))
    prefetch(page)
    prefetch(page + 64)
    look.step = STEP_PAGE


def _narrow(p, lsn, look, root):
    """Note the latch word and find out which slots matter."""
    f = cython.address(p.frames[look.frame])
    page = frame_page(p, look.frame)
    look.word = optimistic_begin(cython.address(f.word))
    if look.word & LATCH_EXCLUSIVE or f.page_id != look.page_id or f.version != -1:
        _again(p, look, root)
        return
    if load_relaxed(cython.address(page.lsn)) > lsn:
        look.step = LOOK_SLOW
        return
    if traced():
        trace_bytes(TRACE_SEEK, root, -1, lsn, 0, 1, look.key, look.key_len)
        trace_bytes(TRACE_NODE, look.page_id, look.frame, page.lsn, -2, 1, page, p.page_size)
    prefix: cython.size_t = load16_relaxed(cython.address(page.prefix_len))
    look.low = 0
    look.high = load16_relaxed(cython.address(page.count))
    if look.key_len < prefix or HEADER_SIZE + look.high * SLOT_SIZE >= p.page_size:
        _again(p, look, root)  # no page is like this, unless somebody is changing it
        return
    head = key_head(look.key + prefix, look.key_len - prefix)
    node_narrow(page, look.high, head, cython.address(look.low), cython.address(look.high))
    prefetch(slot_at(page, look.low))
    prefetch(slot_at(page, look.high))
    look.step = STEP_SLOTS


def _choose(p, look, root):
    """In a branch the child; in a leaf the cell, as far as heads tell."""
    f = cython.address(p.frames[look.frame])
    page = frame_page(p, look.frame)
    kind = page.kind
    if kind != KIND_BRANCH and kind != KIND_LEAF:
        _again(p, look, root)
        return
    prefix: cython.size_t = load16_relaxed(cython.address(page.prefix_len))
    if look.key_len >= prefix:
        head = key_head(look.key + prefix, look.key_len - prefix)
        look.low = node_lower_bound(page, look.low, look.high, head)
    if kind == KIND_BRANCH:
        child = node_child_of(page, p.page_size, _find(p, look, page))
        if not optimistic_valid(cython.address(f.word), look.word):
            _again(p, look, root)
        elif child < 0:
            look.step = LOOK_SLOW
        else:
            frame_touch(f)
            look.page_id = cython.cast(cython.uint, child)
            look.step = STEP_FRAME
        return
    cell = cython.cast(cython.p_char, page) + load16_relaxed(cython.address(slot_at(page, look.low).offset))
    prefetch(cell)
    prefetch(cell + 64)
    prefetch(cell + 128)
    look.step = STEP_CELL


def _find(p, look, page):
    """node_search, from the slot on that _choose has found: the first whose head is not below the key's."""
    prefix: cython.size_t = load16_relaxed(cython.address(page.prefix_len))
    if look.key_len < prefix:
        return NODE_DAMAGED
    suffix = look.key + prefix
    length: cython.size_t = look.key_len - prefix
    return node_search_from(page, p.page_size, look.low, look.low, look.high, key_head(suffix, length), suffix, length)


def _take(p, look, root, out):
    """Copy the value from the leaf. 0 or ERR_MEMORY."""
    f = cython.address(p.frames[look.frame])
    page = frame_page(p, look.frame)
    found = _find(p, look, page)
    length: cython.uint = 0
    at: cython.size_t = 0
    if found >= 0 and found & 1:
        slot = slot_at(page, found >> 1)
        at = load16_relaxed(cython.address(slot.offset))
        if at + CELL_SIZE <= p.page_size:
            cell = cython.cast(cython.pointer(cython.ushort), cython.cast(cython.p_char, page) + at)
            length = load16_relaxed(cell)
        at += CELL_SIZE + load16_relaxed(cython.address(slot.key_len))
        if length & VALUE_OVERFLOW or at + length > p.page_size:
            look.step = LOOK_SLOW
            return OK
        if out.used + length > out.room:
            room = 2 * out.room + length
            grown = cython.cast(cython.p_uchar, realloc(out.data, room))
            if grown == cython.NULL:
                return ERR_MEMORY
            out.data = grown
            out.room = room
        memcpy(out.data + out.used, cython.cast(cython.p_char, page) + at, length)
    if not optimistic_valid(cython.address(f.word), look.word):
        _again(p, look, root)
        return OK
    if found < 0:
        look.step = LOOK_SLOW
        return OK
    frame_touch(f)
    frame_visit(f)
    look.step = LOOK_FOUND if found & 1 else LOOK_MISSING
    look.offset = out.used
    look.length = length
    out.used += length
    return OK


def look_up(p, root, lsn, looks, count, out):
    """Bring `count` lookups, at most INTERLEAVED, to their end. 0 or ERR_MEMORY."""
    i: cython.long
    for i in range(count):
        looks[i].page_id = root
        looks[i].step = STEP_FRAME
        looks[i].tries = 0
    rounds: cython.int = 0
    open: cython.long = count
    while open > 0:
        open = 0
        rounds += 1
        for i in range(count):
            look = cython.address(looks[i])
            if rounds > 4 * DEPTH_MAX * TRIES and look.step < LOOK_FOUND:
                look.step = LOOK_SLOW  # a damaged tree may lead in circles
            if look.step == STEP_FRAME:
                _find_frame(p, look)
            elif look.step == STEP_PAGE:
                _narrow(p, lsn, look, root)
            elif look.step == STEP_SLOTS:
                _choose(p, look, root)
            elif look.step == STEP_CELL and _take(p, look, root, out) != OK:
                return ERR_MEMORY
            open += look.step < LOOK_FOUND
    return OK


def look_absent(p, root, lsn, looks, count, out):
    """Bring in together what lookups have found absent, and let them look once more. 0 or ERR_MEMORY."""
    absent: cython.long = 0
    i: cython.long
    for i in range(count):
        absent += looks[i].step == LOOK_ABSENT
    if absent == 0:
        return OK
    thread_does(OP_GET_MANY)
    refs = cython.cast(cython.pointer(key_ref_t), malloc(absent * cython.sizeof(key_ref_t)))
    again = cython.cast(cython.pointer(look_t), malloc(absent * cython.sizeof(look_t)))
    places = cython.cast(cython.pointer(cython.long), malloc(absent * cython.sizeof(cython.long)))
    done: cython.int = ERR_MEMORY
    if refs != cython.NULL and again != cython.NULL and places != cython.NULL:
        absent = 0
        for i in range(count):
            if looks[i].step == LOOK_ABSENT:
                again[absent] = looks[i]
                refs[absent].data = looks[i].key
                refs[absent].len = looks[i].key_len
                places[absent] = i
                absent += 1
        done = _look_warmed(p, root, lsn, again, refs, absent, out)
        for i in range(absent):
            looks[places[i]] = again[i]
    free(refs)
    free(again)
    free(places)
    return done


def _look_warmed(p, root, lsn, looks, refs, count, out):
    """Bring in the leaves of some of the keys, look, and go on with the next. 0 or ERR_MEMORY."""
    done: cython.int = OK
    first: cython.long = 0
    while first < count and done == OK:
        warm: cython.long = tree_warm(p, root, lsn, refs + first, cython.cast(cython.uint, count - first))
        end: cython.long = first + warm
        while first < end and done == OK:
            some: cython.long = INTERLEAVED if end - first > INTERLEAVED else end - first
            done = look_up(p, root, lsn, looks + first, some, out)
            first += some
    return done


def tree_get_many(p, root, lsn, keys, default, path):
    """The values of `keys`, a list of bytes, as a snapshot at `lsn` sees them, in their order; or `default`."""
    count: cython.long = len(keys)
    found: list = []
    out: output_t
    out.used = 0
    out.room = 128 * cython.cast(uint64_t, count) + 4096
    out.data = cython.cast(cython.p_uchar, malloc(out.room))
    looks = cython.cast(cython.pointer(look_t), malloc((count + 1) * cython.sizeof(look_t)))
    i: cython.long
    done: cython.int = ERR_MEMORY
    try:
        if out.data == cython.NULL or looks == cython.NULL:
            raise MemoryError
        for i in range(count):
            key = cython.cast(bytes, keys[i])
            looks[i].key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(key))
            looks[i].key_len = PyBytes_GET_SIZE(key)
        with cython.nogil:
            done = OK
            i = 0
            while i < count and done == OK:
                done = look_up(p, root, lsn, looks + i, min(INTERLEAVED, count - i), cython.address(out))
                i += INTERLEAVED
            if done == OK:
                done = look_absent(p, root, lsn, looks, count, cython.address(out))
        if done != OK:
            raise MemoryError
        for i in range(count):
            look = cython.address(looks[i])
            if look.step == LOOK_FOUND:
                found.append(PyBytes_FromStringAndSize(cython.cast(cython.p_char, out.data) + look.offset, look.length))
            elif look.step == LOOK_MISSING:
                found.append(default)
            else:
                found.append(_slow_get(p, root, lsn, look.key, look.key_len, default, path))
    finally:
        free(out.data)
        free(looks)
    return found
