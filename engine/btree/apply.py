"""Many writes applied to trees inside one batch.

In key order, which `sort_writes` makes, neighbours mostly go to the same leaf: the path to it stays pinned from one put
to the next (a *finger*), and most puts descend nowhere. A run of puts into an empty tree builds it from below
(engine.btree.bulk). Writes that are not in order are applied just as well, only slower.

A range to be erased stands in the order at its first key, before the puts of keys in it: they come on top.
"""

import cython

BUILD_MIN = cython.declare(cython.long, 16)


def apply_writes(b, writes, count):
    """Apply writes in their order. The last one's result (put: 1 replaced, delete: 1 deleted), or an error."""
    path: path_t
    path.depth = 0
    last: cython.int = 0
    i: cython.long = 0
    while i < count and last >= 0:
        w = cython.address(writes[i])
        if w.kind == WRITE_PUT:
            if i == 0 or writes[i - 1].root != w.root or writes[i - 1].kind == WRITE_ERASE:
                path_release(b.pool, cython.address(path))
                built = _build(b, w, count - i, cython.address(last))
                if built > 0:
                    i += built
                    continue
                if last < 0:
                    break
            last = tree_put_at(b, w.root, cython.address(path), w.key, w.key_len, w.value, w.value_len)
        else:
            path_release(b.pool, cython.address(path))
            last = _erase(b, w) if w.kind == WRITE_ERASE else tree_delete(b, w.root, w.key, w.key_len)
        i += 1
    path_release(b.pool, cython.address(path))
    return last


def _erase(b, w):
    """Delete the keys of a range. 0 or an error."""
    span: span_t
    span.low = w.key
    span.low_len = w.key_len
    span.bounded = w.value != cython.NULL
    span.high = w.value
    span.high_len = w.value_len
    return tree_erase(b, w.root, cython.address(span))


def _continues(before, w):
    """Whether `w` is a put into the same tree behind `before`."""
    return w.kind == WRITE_PUT and w.root == before.root and compare_writes(before, w) < 0


def _build(b, writes, count, done):
    """Build the tree of the first write from the puts in key order that come first, if it is empty; how many they are.

    0: the tree is not empty, or they are too few to be worth it; or `done` says what went wrong.
    """
    n: cython.long = 1
    while (
        n < BUILD_MIN and n < count and writes[n].kind == WRITE_PUT and compare_writes(writes + n - 1, writes + n) < 0
    ):
        n += 1
    if n < BUILD_MIN:
        return 0
    frame = pool_pin(b.pool, writes.root)
    if frame < 0:
        done[0] = frame
        return 0
    page = frame_page(b.pool, frame)
    empty: cython.bint = page.kind == KIND_LEAF and page.count == 0
    tree: cython.uint = page.tree_id
    pool_unpin(b.pool, frame)
    if not empty:
        return 0
    bulk: bulk_t
    done[0] = bulk_begin(cython.address(bulk), b, writes.root, tree)
    n = 0
    while done[0] == OK and n < count:
        w = writes + n
        if n > 0 and not _continues(w - 1, w):
            break
        done[0] = bulk_put(cython.address(bulk), w.key, w.key_len, w.value, w.value_len)
        n += 1
    if done[0] == OK:
        done[0] = bulk_finish(cython.address(bulk))
    bulk_free(cython.address(bulk))
    return n


# --- order ----------------------------------------------------------------------------------------------------------


def compare_writes(a, b):
    """Order of two writes by tree and key, of the same key a range first. 0: the same key, written twice."""
    if a.tree != b.tree:
        return -1 if a.tree < b.tree else 1
    order = compare_keys(a.key, a.key_len, b.key, b.key_len)
    if order == 0 and a.kind != b.kind and (a.kind == WRITE_ERASE or b.kind == WRITE_ERASE):
        return -1 if a.kind == WRITE_ERASE else 1
    return order


def _head(key, length):
    """The first eight bytes of a key, big-endian, zeros behind its end."""
    head: uint64_t = 0
    i: cython.size_t
    for i in range(8):
        head = head << 8 | (key[i] if i < length else 0)
    return head


def _shared_prefix(writes, count):
    """How many bytes all keys have in common at their beginning."""
    first = writes[0].key
    shared: cython.size_t = writes[0].key_len
    i: cython.long
    for i in range(1, count):
        shared = min(shared, cython.cast(cython.size_t, writes[i].key_len))
        at: cython.size_t = 0
        while at < shared and writes[i].key[at] == first[at]:
            at += 1
        shared = at
    return shared


def _same_head(a, b):
    return a.tree == b.tree and a.head == b.head


def _precedes(writes, a, b):
    """Whether `b` comes strictly before `a`: then a stable merge takes `b` first."""
    if a.tree != b.tree:
        return b.tree < a.tree
    if a.head != b.head:
        return b.head < a.head
    return compare_writes(cython.address(writes[b.index]), cython.address(writes[a.index])) < 0


def _merge_runs(writes, items, out, low, middle, high):
    i: cython.long = low
    j: cython.long = middle
    k: cython.long
    for k in range(low, high):
        if i < middle and (j >= high or not _precedes(writes, cython.address(items[i]), cython.address(items[j]))):
            out[k] = items[i]
            i += 1
        else:
            out[k] = items[j]
            j += 1


def _merge_sort(writes, items, spare, count):
    """Sort items by their writes, stably, from runs of one upwards. spare: room for as many."""
    here = items
    there = spare
    width: cython.long = 1
    while width < count:
        i: cython.long = 0
        while i < count:
            _merge_runs(writes, here, there, i, min(i + width, count), min(i + 2 * width, count))
            i += 2 * width
        here, there = there, here
        width *= 2
    if here != items:
        memcpy(items, here, count * cython.sizeof(item_t))


def _digit(item, place):
    """The byte of (tree, head) at a place, 0 the least significant."""
    number = item.head >> 8 * place if place < 8 else cython.cast(uint64_t, item.tree) >> 8 * (place - 8)
    return cython.cast(cython.int, number & 0xFF)


def _radix_sort(items, spare, count):
    """Sort items by (tree, head), stably: a pass for each byte in which they differ, the last byte first."""
    here = items
    there = spare
    starts: cython.long[256]
    i: cython.long
    digit: cython.int
    place: cython.int
    for place in range(12):
        for digit in range(256):
            starts[digit] = 0
        for i in range(count):
            starts[_digit(cython.address(here[i]), place)] += 1
        if starts[_digit(here, place)] == count:
            continue
        before: cython.long = 0
        for digit in range(256):
            length = starts[digit]
            starts[digit] = before
            before += length
        for i in range(count):
            digit = _digit(cython.address(here[i]), place)
            there[starts[digit]] = here[i]
            starts[digit] += 1
        here, there = there, here
    if here != items:
        memcpy(items, here, count * cython.sizeof(item_t))


def _order(writes, items, spare, count):
    """Sort items by their writes, stably: many by what of the keys they hold, and then those that are alike in that."""
    if count < RADIX_MIN:
        _merge_sort(writes, items, spare, count)
        return
    _radix_sort(items, spare, count)
    low: cython.long = 0
    while low < count:
        high: cython.long = low + 1
        while high < count and _same_head(cython.address(items[low]), cython.address(items[high])):
            high += 1
        if high - low > 1:
            _merge_sort(writes, items + low, spare, high - low)
        low = high


def sort_writes(writes, count):
    """Put writes in order of tree and key; of those with the same key the last stays. Their number, or ERR_MEMORY.

    What is sorted is (tree, the eight bytes behind what all keys share, index): the keys themselves lie anywhere in
    memory, and looking at one costs more than all else. `writes` is an array from malloc; it may be exchanged.
    """
    old = writes[0]
    i: cython.long = 1
    while i < count and compare_writes(cython.address(old[i - 1]), cython.address(old[i])) < 0:
        i += 1
    if i >= count:
        return count
    items = cython.cast(cython.pointer(item_t), malloc(2 * count * cython.sizeof(item_t)))
    new = cython.cast(cython.pointer(write_t), malloc(count * cython.sizeof(write_t)))
    if items == cython.NULL or new == cython.NULL or count > INDEX_MAX:
        free(items)
        free(new)
        return ERR_MEMORY
    shared = _shared_prefix(old, count)
    for i in range(count):
        items[i].head = _head(old[i].key + shared, old[i].key_len - shared)
        items[i].tree = old[i].tree
        items[i].index = cython.cast(cython.uint, i)
    _order(old, items, items + count, count)
    kept: cython.long = 0
    for i in range(count):
        w = cython.address(old[items[i].index])
        alike: cython.bint = i + 1 < count and _same_head(cython.address(items[i]), cython.address(items[i + 1]))
        if alike and compare_writes(w, cython.address(old[items[i + 1].index])) == 0:
            continue  # a later write of the same key follows
        new[kept] = w[0]
        kept += 1
    free(items)
    free(old)
    writes[0] = new
    return kept
