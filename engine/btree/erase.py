"""Deleting a range of keys: work and log in proportion to pages, not to keys.

    before   root [ "" -> 3 | "d" -> 4 | "k" -> 5 | "r" -> 6 | "u" -> 7 ]         delete ["f", "v")
             3: a b c    4: d e f g    5: k m    6: r s    7: u v w
                                ^^^ the low edge                ^ the high edge
    after    root [ "" -> 3 | "d" -> 4 | "k" -> 5 | "u" -> 7 ]
             3: a b c    4: d e        5: .. "u"             7: v w

In every branch on the two edges: the children between them are freed as whole subtrees, page by page, unread but for their
values in overflow pages. The first of them stays, emptied, and covers what all of them covered, for key space has no holes:
a chain of branches with one child each, down to an empty leaf. In the leaves on the edges the cells of the range go. Then
the leaves that are left in the span, a few for each level of the tree, are merged with their neighbours, branches first,
so that the leaves below them have neighbours.

What is logged: BUILD for a page that lost cells, DELETE where they are few, FREE for a page that is gone. A whole tree
becomes an empty leaf at its root.
"""

import cython

CELLS_FEW = cython.declare(cython.long, 8)


def tree_erase(b, root, span):
    """Delete all keys of a span. 0, or an error (then the batch must be aborted)."""
    if span.low_len == 0 and not span.bounded:
        return _clear(b, root)
    done = _erase(b, root, -1, 0, span)
    return _mend_range(b, root, span) if done == OK else done


def _clear(b, root):
    """Make the whole tree an empty leaf. 0 or an error."""
    p = b.pool
    frame = pool_pin(p, root)
    if frame < 0:
        return frame
    page = frame_page(p, frame)
    tree: cython.uint = page.tree_id
    empty: cython.bint = page.kind == KIND_LEAF and page.count == 0
    done = _free_cells(b, page, 0, page.count)
    pool_unpin(p, frame)
    if done == OK and not empty:
        done = min(tree_create(b, root, tree), 0)
    return done


def _free_cells(b, page, first, last):
    """Free what hangs on the cells [first, last) of a pinned page: subtrees, or overflow pages. 0 or an error."""
    done: cython.int = OK
    i: cython.long = first
    if page.kind != KIND_LEAF and page.kind != KIND_BRANCH:
        return corrupt(page.page_id, 102)
    while done == OK and i < last:
        if page.kind == KIND_BRANCH:
            done = tree_free(b, node_child_at(page, i), page.level)
        else:
            done = drop_overflow(b, page, i)
        i += 1
    return done


def _is_first(page, page_size, span):
    """Whether the range begins at or before the page's first key."""
    return compare_keys(span.low, span.low_len, lower_fence(page, page_size), page.lower_len) <= 0


def _is_last(page, page_size, span):
    """Whether the range ends behind the page's last key."""
    if not span.bounded:
        return True
    if page.flags & FLAG_UPPER_INFINITE:
        return False
    return compare_keys(span.high, span.high_len, upper_fence(page, page_size), page.upper_len) >= 0


def _erase(b, page_id, level, tree, span):
    """Delete the range from a page that it covers in part (or a root), and from those below. 0 or an error."""
    p = b.pool
    frame = pool_pin(p, page_id)
    if frame < 0:
        return frame
    page = frame_page(p, frame)
    done: cython.int
    if level >= 0 and (page.level != level or page.tree_id != tree):
        done = corrupt(page_id, 102)
    elif page.kind == KIND_LEAF:
        done = _erase_cells(b, page_id, frame, span)
    elif page.kind == KIND_BRANCH:
        done = _erase_children(b, page_id, frame, span)
    else:
        done = corrupt(page_id, 102)
    pool_unpin(p, frame)
    return done


def _erase_cells(b, page_id, frame, span):
    """Delete the cells of the range from a pinned leaf. 0 or an error."""
    page = frame_page(b.pool, frame)
    size = b.pool.page_size
    first: cython.long = 0
    last: cython.long = page.count
    if not _is_first(page, size, span):
        first = node_search(page, size, span.low, span.low_len)
        if first < 0:
            return corrupt(page_id, 103)
        first >>= 1
    if not _is_last(page, size, span):
        last = node_search(page, size, span.high, span.high_len)
        if last < 0:
            return corrupt(page_id, 103)
        last >>= 1
    if first >= last:
        return OK
    done = _free_cells(b, page, first, last)
    return _cut(b, page_id, frame, first, last) if done == OK else done


def _edge(page, size, key, key_len, partly):
    """Index of the first child of a branch that begins at or behind a key; `partly`: the one before holds the key. Or -1."""
    index = node_child_index(page, size, key, key_len)
    partly[0] = False
    if index < 0:
        return index
    buffer: cython.uchar[8192]
    length = node_key(page, size, index, buffer)
    if compare_keys(key, key_len, buffer, length) > 0:
        partly[0] = True
        index += 1
    return index


def _erase_children(b, page_id, frame, span):
    """Delete the range from the children of a pinned branch. 0 or an error."""
    p = b.pool
    page = frame_page(p, frame)
    size = p.page_size
    low_partly: cython.bint = False
    high_partly: cython.bint = False
    first: cython.long = 0
    last: cython.long = page.count
    if not _is_first(page, size, span):
        first = _edge(page, size, span.low, span.low_len, cython.address(low_partly))
    if not _is_last(page, size, span):
        last = _edge(page, size, span.high, span.high_len, cython.address(high_partly))
    if first < 0 or last < 0:
        return corrupt(page_id, 103)
    if high_partly:
        last -= 1  # the child that the range ends in
    done: cython.int = OK
    if low_partly:
        done = _erase(b, node_child_at(page, first - 1), page.level - 1, page.tree_id, span)
    if done == OK and high_partly and not (low_partly and last == first - 1):
        done = _erase(b, node_child_at(page, last), page.level - 1, page.tree_id, span)
    if done == OK and first < last:
        done = _empty_children(b, page_id, frame, first, last)
    return done


def _empty_children(b, page_id, frame, first, last):
    """The children [first, last) of a pinned branch lose all their keys: the first covers them all. 0 or an error."""
    p = b.pool
    page = frame_page(p, frame)
    upper: cython.uchar[8192]
    infinite: cython.bint = last == page.count and page.flags & FLAG_UPPER_INFINITE
    length: cython.size_t = 0
    if last < page.count:
        length = node_key(page, p.page_size, last, upper)
    elif not infinite:
        length = page.upper_len
        memcpy(upper, upper_fence(page, p.page_size), length)
    done = _free_cells(b, page, first + 1, last)
    if done == OK:
        done = _empty(b, node_child_at(page, first), page.level - 1, page.tree_id, infinite, upper, length)
    if done == OK and first + 1 < last:
        done = _cut(b, page_id, frame, first + 1, last)
    return done


def _empty(b, page_id, level, tree, infinite, upper, upper_len):
    """Free all below a page but one way down, and take all keys from it; it covers all up to `upper`. 0 or an error."""
    p = b.pool
    frame = pool_pin(p, page_id)
    if frame < 0:
        return frame
    page = frame_page(p, frame)
    done: cython.int = OK
    if page.level != level or page.tree_id != tree or (page.kind == KIND_BRANCH and page.count == 0):
        done = corrupt(page_id, 102)
    kept: cython.long = 1 if page.kind == KIND_BRANCH else 0
    if done == OK:
        done = _free_cells(b, page, kept, page.count)
    if done == OK and kept:
        done = _empty(b, node_child_at(page, 0), level - 1, tree, infinite, upper, upper_len)
    if done == OK:
        done = _rebuild(b, page_id, frame, kept, page.count, infinite, upper, upper_len)
    pool_unpin(p, frame)
    return done


def _cut(b, page_id, frame, first, last):
    """Remove the cells [first, last) of a pinned page. 0 or an error."""
    page = frame_page(b.pool, frame)
    size = b.pool.page_size
    if last - first > CELLS_FEW:
        infinite: cython.bint = page.flags & FLAG_UPPER_INFINITE
        return _rebuild(b, page_id, frame, first, last, infinite, upper_fence(page, size), page.upper_len)
    key: cython.uchar[8192]
    done: cython.int = OK
    while done == OK and last > first:
        last -= 1
        length = node_key(page, size, last, key)
        done = batch_delete(b, page_id, frame, last, key, length)
    return done


def _rebuild(b, page_id, frame, first, last, infinite, upper, upper_len):
    """Build a pinned page anew without the cells [first, last), up to the fence `upper`. 0 or an error."""
    p = b.pool
    page = frame_page(p, frame)
    size = p.page_size
    room: cython.long = 2 * size - 4 * key_max(size)
    fences = b.packed + room
    build: build_t
    describe(page, size, cython.address(build))
    build.count = cython.cast(cython.ushort, first + page.count - last)
    build.flags = FLAG_UPPER_INFINITE if infinite else 0
    memcpy(fences, build.lower, page.lower_len)
    build.lower = fences
    build.upper = fences + page.lower_len
    build.upper_len = 0 if infinite else cython.cast(cython.ushort, upper_len)
    build.prefix_len = 0
    if not infinite:
        memcpy(fences + page.lower_len, upper, upper_len)
        build.prefix_len = cython.cast(
            cython.ushort, common_prefix(build.lower, build.lower_len, build.upper, build.upper_len)
        )
    before = node_pack(page, size, 0, first, build.prefix_len, b.packed, room)
    if before < 0:
        return ERR_INTERNAL
    behind = node_pack(page, size, last, page.count, build.prefix_len, b.packed + before, room - before)
    if behind < 0:
        return ERR_INTERNAL
    build.cells = b.packed
    build.cells_len = cython.cast(cython.uint, before + behind)
    built = batch_build(b, page_id, page.tree_id, cython.address(build))
    return OK if built >= 0 else cython.cast(cython.int, built)


# --- merging what is left -------------------------------------------------------------------------------------------


def _mend_range(b, root, span):
    """Merge what is left between the edges, and the leaves of the edges, with neighbours. 0 or an error."""
    p = b.pool
    key: cython.uchar[8192]
    length: cython.size_t = min(span.low_len, 8192)
    memcpy(key, span.low, length)
    path: path_t
    while True:
        done = _mend(b, root, key, length)
        if done == OK:
            done = tree_descend(p, root, key, length, cython.address(path))
        if done != OK:
            return done
        page = frame_page(p, path.frame[path.depth - 1])
        last: cython.bint = page.flags & FLAG_UPPER_INFINITE
        if not last and span.bounded:
            last = compare_keys(upper_fence(page, p.page_size), page.upper_len, span.high, span.high_len) > 0
        length = page.upper_len
        memcpy(key, upper_fence(page, p.page_size), length)
        path_release(p, cython.address(path))
        if last:
            return OK


def _mend(b, root, key, key_len):
    """Merge underfull pages on the way to a key, the upper ones first, as long as any can be. 0 or an error."""
    p = b.pool
    path: path_t
    while True:
        done = tree_descend(p, root, key, key_len, cython.address(path))
        if done != OK:
            return done
        d: cython.int = 1
        done = ERR_FULL
        while done == ERR_FULL and d < path.depth:
            if node_used(frame_page(p, path.frame[d]), p.page_size) < p.page_size // 4:
                done = tree_merge(b, cython.address(path), d)
            d += 1
        path_release(p, cython.address(path))
        if done != OK:
            return OK if done == ERR_FULL else done
