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
    head: uint64_t = 0
    i: cython.size_t
    for i in range(8):
        head = head << 8 | (key[i] if i < length else 0)
    return head


def _precedes(writes, a, b):
    """Whether `b` comes strictly before `a`: then a stable merge takes `b` first."""
    x = cython.address(writes[a.index])
    y = cython.address(writes[b.index])
    if x.tree == y.tree and a.head != b.head:
        return b.head < a.head
    return compare_writes(y, x) < 0


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


def sort_writes(writes, count):
    """Put writes in order of tree and key; of those with the same key the last stays. Their number, or ERR_MEMORY.

    A stable merge sort over (first eight bytes, index). `writes` is an array from malloc; it may be exchanged.
    """
    old = writes[0]
    i: cython.long = 1
    while i < count and compare_writes(cython.address(old[i - 1]), cython.address(old[i])) < 0:
        i += 1
    if i >= count:
        return count
    items = cython.cast(cython.pointer(item_t), malloc(2 * count * cython.sizeof(item_t)))
    new = cython.cast(cython.pointer(write_t), malloc(count * cython.sizeof(write_t)))
    if items == cython.NULL or new == cython.NULL:
        free(items)
        free(new)
        return ERR_MEMORY
    for i in range(count):
        items[i].head = _head(old[i].key, old[i].key_len)
        items[i].index = i
    here = items
    there = items + count
    width: cython.long = 1
    while width < count:
        i = 0
        while i < count:
            _merge_runs(old, here, there, i, min(i + width, count), min(i + 2 * width, count))
            i += 2 * width
        here, there = there, here
        width *= 2
    kept: cython.long = 0
    for i in range(count):
        if i + 1 < count:
            a = cython.address(old[here[i].index])
            if compare_writes(a, cython.address(old[here[i + 1].index])) == 0:
                continue  # a later write of the same key follows
        new[kept] = old[here[i].index]
        kept += 1
    free(items)
    free(old)
    writes[0] = new
    return kept
