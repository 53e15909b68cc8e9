"""The B+tree: insert, replace, delete, split, merge, root growth, by the one writer of a batch.

                 root (its page id never changes)
                 [ "" -> 12 | "m" -> 40 ]                 a branch cell: lower fence of the child -> its page id
                   /              \\
       12: ["" .. "m")        40: ["m" .. infinite)       a node covers [lower fence, upper fence)
       [ a b d g k ]           [ m p q t ]                 no sibling links: a scan follows the upper fence

Split of page P at a key: a new right page R gets the upper cells (BUILD), P loses them (TRUNCATE), the parent learns
R's lower fence (INSERT). If the parent has no room it is split first, and the insert starts again from the root: no
recursion, no state to carry. A full root moves its content to a new child and becomes its parent: root growth.
Merge is the mirror image: the left page becomes both (BUILD), the right is freed (FREE), the parent forgets it (DELETE).

Worked example: inserting "e" into the full page 12 above. split index 2 -> separator "d"; R = 57 gets d g k;
page 12 keeps a b and covers ["" .. "d"); the root becomes [ "" -> 12 | "d" -> 57 | "m" -> 40 ]; the insert descends
again and finds room in 57.

Readers need no protection from half-done splits: all pages of the batch have versions from before it (batch.py).

Invariants (checked by check.py): children's levels are one less than their parent's; a child's fences are its cell's key
and the next cell's key (or the parent's upper fence); separators are the shortest keys that separate (leaf level).
The writer pins its path and is the only one who changes pages, so it reads them without latches.
"""

import cython


def key_max(page_size):
    """Longest key in bytes: with fences and overhead, two cells always fit in a node."""
    return page_size // 8


def value_inline_max(page_size):
    """Longest value in bytes that stands in the leaf itself."""
    return page_size // 4


def corrupt(page_id, problem):
    """Note what is damaged for the error message; returns ERR_CORRUPT."""
    t = thread_self()
    t.failed_page = page_id
    t.failed_problem = problem
    t.failed_offset = 0
    return ERR_CORRUPT


def path_release(p, path):
    """Unpin the pages of a path."""
    i: cython.int
    for i in range(path.depth):
        pool_unpin(p, path.frame[i])
    path.depth = 0


def tree_descend(p, root, key, key_len, path):
    """Pin the newest versions of the pages from the root to the leaf of `key`. 0, or an error with nothing pinned."""
    path.depth = 0
    if traced():
        trace_bytes(TRACE_SEEK, root, -1, 0, 0, 0, key, key_len)
    page_id: cython.uint = root
    level: cython.int = -1
    tree: cython.uint = 0
    while True:
        if path.depth == DEPTH_MAX:
            path_release(p, path)
            return corrupt(page_id, 101)
        frame = pool_pin(p, page_id)
        if frame < 0:
            path_release(p, path)
            return frame
        page = frame_page(p, frame)
        d = path.depth
        path.page_id[d] = page_id
        path.frame[d] = frame
        path.depth += 1
        if d == 0:
            tree = page.tree_id
        elif page.level != level - 1 or page.tree_id != tree:
            path_release(p, path)
            return corrupt(page_id, 102)
        level = page.level
        if page.kind == KIND_LEAF:
            if traced():
                trace_bytes(TRACE_NODE, page_id, frame, page.lsn, -1, 0, page, p.page_size)
            return OK
        path.index[d] = node_child_index(page, p.page_size, key, key_len) if page.kind == KIND_BRANCH else -1
        if path.index[d] < 0:
            path_release(p, path)
            return corrupt(page_id, 103)
        if traced():
            trace_bytes(TRACE_NODE, page_id, frame, page.lsn, path.index[d], 0, page, p.page_size)
        page_id = node_child_at(page, path.index[d])


def tree_create(b, root, tree):
    """Make an empty tree: its root, the page `root` (0: a new one), is an empty leaf. The page id, or an error."""
    build: build_t
    build.kind = KIND_LEAF
    build.level = 0
    build.count = 0
    build.lower_len = 0
    build.upper_len = 0
    build.flags = FLAG_UPPER_INFINITE
    build.prefix_len = 0
    build.cells_len = 0
    build.lower = b.packed
    build.upper = b.packed
    build.cells = b.packed
    return cython.cast(cython.int, batch_build(b, root, tree, cython.address(build)))


# --- insert, split, root growth -------------------------------------------------------------------------------------


def tree_put_at(b, root, path, key, key_len, value, value_len):
    """Insert or replace. 0: inserted, 1: replaced, or an error (then the batch must be aborted).

    `path` may hold the pinned path to some leaf: if the key belongs there, nothing is descended. On success it holds
    the path to the key's leaf; the caller releases it.
    """
    p = b.pool
    ref: overflow_ref_t
    data = cython.cast(cython.p_uchar, value)
    raw: cython.ushort = cython.cast(cython.ushort, value_len)
    done = _seek(p, root, key, key_len, path)
    if done == OK and value_len > value_inline_max(p.page_size):
        done = overflow_write(b, frame_page(p, path.frame[0]).tree_id, value, value_len, cython.address(ref))
        data = cython.cast(cython.p_uchar, cython.address(ref))
        raw = VALUE_OVERFLOW | cython.sizeof(overflow_ref_t)
    replaced: cython.int = 0
    while done == OK:
        d = path.depth - 1
        found = node_search(frame_page(p, path.frame[d]), p.page_size, key, key_len)
        path.index[d] = found >> 1
        if found < 0:
            done = corrupt(path.page_id[d], 103)
            break
        replaced |= found & 1
        done = _put_cell(b, path, found & 1, key, key_len, data, raw)
        if done == OK:
            return replaced
        if done == ERR_FULL:
            done = tree_split(b, path, d, key, key_len)
            path_release(p, path)
            if done == OK:
                done = tree_descend(p, root, key, key_len, path)
    path_release(p, path)
    return done


def _seek(p, root, key, key_len, path):
    """Make `path` lead to the leaf of `key`; it stays as it is where it does already. 0, or an error with nothing pinned."""
    if path.depth > 0:
        page = frame_page(p, path.frame[path.depth - 1])
        if path.page_id[0] == root and _covers(page, p.page_size, key, key_len):
            return OK
        path_release(p, path)
    return tree_descend(p, root, key, key_len, path)


def _covers(page, page_size, key, key_len):
    """Whether a key lies between the fences of a page."""
    if compare_keys(key, key_len, lower_fence(page, page_size), page.lower_len) < 0:
        return False
    if page.flags & FLAG_UPPER_INFINITE:
        return True
    return compare_keys(key, key_len, upper_fence(page, page_size), page.upper_len) < 0


def _put_cell(b, path, found, key, key_len, value, value_len):
    """Put a cell where the path leads. 0, ERR_FULL (an old cell of the key is then gone) or an error."""
    d = path.depth - 1
    page = frame_page(b.pool, path.frame[d])
    if not found:
        return batch_insert(b, path.page_id[d], path.frame[d], path.index[d], key, key_len, value, value_len)
    done = _drop_overflow(b, page, path.index[d])
    if done == OK:
        done = batch_update(b, path.page_id[d], path.frame[d], path.index[d], key, key_len, value, value_len)
    if done == ERR_FULL:
        done = batch_delete(b, path.page_id[d], path.frame[d], path.index[d], key, key_len)
        if done == OK:
            done = ERR_FULL
    return done


def _drop_overflow(b, page, index):
    """Free the overflow pages of a cell's value, if it has any. 0 or an error."""
    slot = slot_at(page, index)
    if not cell_at(page, slot).value_len & VALUE_OVERFLOW:
        return OK
    ref: overflow_ref_t
    memcpy(cython.address(ref), cell_value(page, slot), cython.sizeof(overflow_ref_t))
    return overflow_free(b, cython.address(ref))


def tree_split(b, path, d, key, key_len):
    """Split page `d` of the path, where `key` did not fit; or its parent, if that must come first. 0 or an error."""
    p = b.pool
    if d == 0:
        return _grow_root(b, path)
    page = frame_page(p, path.frame[d])
    parent = frame_page(p, path.frame[d - 1])
    position = path.index[d] if page.kind == KIND_LEAF else path.index[d] + 1
    split = node_split_index(page, p.page_size, position, key_len)
    separator: cython.uchar[8192]
    length = _separator(b, page, split, key, key_len, separator)
    if not node_fits(parent, length, 4):
        return tree_split(b, path, d - 1, separator, length)
    if traced():
        trace_event(TRACE_SPLIT, path.page_id[d], path.frame[d], 0, split, page.count - split)
    build: build_t
    _describe(page, p.page_size, cython.address(build))
    build.count = page.count - cython.cast(cython.ushort, split)
    build.lower = separator
    build.lower_len = cython.cast(cython.ushort, length)
    build.prefix_len = 0
    if not build.flags & FLAG_UPPER_INFINITE:
        build.prefix_len = cython.cast(cython.ushort, common_prefix(separator, length, build.upper, build.upper_len))
    packed = node_pack(page, p.page_size, split, page.count, build.prefix_len, b.packed, 2 * p.page_size)
    if packed < 0:
        return ERR_INTERNAL
    build.cells = b.packed
    build.cells_len = cython.cast(cython.uint, packed)
    right = batch_build(b, 0, page.tree_id, cython.address(build))
    if right < 0:
        return cython.cast(cython.int, right)
    child: cython.uint = cython.cast(cython.uint, right)
    done = batch_truncate(b, path.page_id[d], path.frame[d], split, separator, length)
    if done != OK:
        return done
    return batch_insert(
        b,
        path.page_id[d - 1],
        path.frame[d - 1],
        path.index[d - 1] + 1,
        separator,
        length,
        cython.cast(cython.p_uchar, cython.address(child)),
        4,
    )


def _separator(b, page, split, key, key_len, out):
    """The lower fence of the new right page: the shortest key above all that stay and not above any that goes."""
    size = b.pool.page_size
    if split < page.count:
        high_len = node_key(page, size, split, out)
    else:
        high_len = key_len
        memcpy(out, key, key_len)
    if page.kind == KIND_BRANCH:
        return high_len
    low: cython.uchar[8192]
    if split > 0:
        low_len = node_key(page, size, split - 1, low)
    else:
        low_len = key_len
        memcpy(low, key, key_len)
    return min(common_prefix(low, low_len, out, high_len) + 1, high_len)


def _grow_root(b, path):
    """Move the root's content to a new child; the root becomes a branch above it. 0 or an error."""
    p = b.pool
    root = frame_page(p, path.frame[0])
    if traced():
        trace_event(TRACE_GROW, path.page_id[0], path.frame[0], 0, root.level + 1, 0)
    build: build_t
    _describe(root, p.page_size, cython.address(build))
    packed = node_pack(root, p.page_size, 0, root.count, build.prefix_len, b.packed, 2 * p.page_size)
    if packed < 0 or root.level >= DEPTH_MAX - 2:
        return ERR_INTERNAL
    build.cells = b.packed
    build.cells_len = cython.cast(cython.uint, packed)
    child = batch_build(b, 0, root.tree_id, cython.address(build))
    if child < 0:
        return cython.cast(cython.int, child)
    cell: cython.uchar[8]
    cell[0], cell[1], cell[2], cell[3] = 0, 0, 4, 0
    child_id: cython.uint = cython.cast(cython.uint, child)
    memcpy(cython.address(cell[4]), cython.address(child_id), 4)
    build.kind = KIND_BRANCH
    build.level = root.level + 1
    build.count = 1
    build.cells = cell
    build.cells_len = 8
    done = batch_build(b, path.page_id[0], root.tree_id, cython.address(build))
    return OK if done >= 0 else cython.cast(cython.int, done)


def _describe(page, page_size, build):
    """Fill a BUILD's header and fences from a page as it is; fences point into the page."""
    build.kind = page.kind
    build.level = page.level
    build.count = page.count
    build.flags = page.flags
    build.prefix_len = page.prefix_len
    build.lower = lower_fence(page, page_size)
    build.lower_len = page.lower_len
    build.upper = upper_fence(page, page_size)
    build.upper_len = page.upper_len


# --- delete, merge, root collapse -----------------------------------------------------------------------------------


def tree_delete(b, root, key, key_len):
    """Delete a key. 1: deleted, 0: it was not there, or an error (then the batch must be aborted)."""
    p = b.pool
    path: path_t
    done = tree_descend(p, root, key, key_len, cython.address(path))
    if done != OK:
        return done
    d = path.depth - 1
    page = frame_page(p, path.frame[d])
    found = node_search(page, p.page_size, key, key_len)
    if found < 0:
        done = corrupt(path.page_id[d], 103)
    elif found & 1:
        done = _drop_overflow(b, page, found >> 1)
        if done == OK:
            done = batch_delete(b, path.page_id[d], path.frame[d], found >> 1, key, key_len)
        while done == OK and d > 0 and node_used(frame_page(p, path.frame[d]), p.page_size) < p.page_size // 4:
            done = _merge(b, cython.address(path), d)
            d -= 1
        if done == ERR_FULL:
            done = OK
    path_release(p, cython.address(path))
    return done if done != OK else cython.cast(cython.int, found & 1)


def _merge(b, path, d):
    """Merge the underfull page `d` of the path with a neighbour under the same parent. 0, ERR_FULL: no use, or an error."""
    parent = frame_page(b.pool, path.frame[d - 1])
    index = path.index[d - 1]
    done: cython.int = ERR_FULL
    if index + 1 < parent.count:
        done = _merge_pair(b, path, d, path.page_id[d], node_child_at(parent, index + 1), index + 1)
    if done == ERR_FULL and index > 0:
        done = _merge_pair(b, path, d, node_child_at(parent, index - 1), path.page_id[d], index)
    if done == OK and d == 1:
        done = _collapse_root(b, path)
    return done


def _merge_pair(b, path, d, left_id, right_id, right_index):
    """Make the left page both, free the right one, take it out of the parent. 0, ERR_FULL (nothing done) or an error."""
    p = b.pool
    size = p.page_size
    left_frame = pool_pin(p, left_id)
    if left_frame < 0:
        return left_frame
    right_frame = pool_pin(p, right_id)
    if right_frame < 0:
        pool_unpin(p, left_frame)
        return right_frame
    left = frame_page(p, left_frame)
    right = frame_page(p, right_frame)
    fences = b.packed + 2 * size - 4 * key_max(size)
    build: build_t
    _describe(left, size, cython.address(build))
    build.count = left.count + right.count
    build.flags = right.flags
    memcpy(fences, build.lower, left.lower_len)
    memcpy(fences + left.lower_len, upper_fence(right, size), right.upper_len)
    build.lower = fences
    build.upper = fences + left.lower_len
    build.upper_len = right.upper_len
    build.prefix_len = 0
    if not build.flags & FLAG_UPPER_INFINITE:
        build.prefix_len = cython.cast(
            cython.ushort, common_prefix(build.lower, build.lower_len, build.upper, build.upper_len)
        )
    room = 2 * size - 4 * key_max(size)
    first = node_pack(left, size, 0, left.count, build.prefix_len, b.packed, room)
    second: cython.long = -1
    if first >= 0:
        second = node_pack(right, size, 0, right.count, build.prefix_len, b.packed + first, room - first)
    done: cython.int = ERR_FULL
    # a packed cell is 4 bytes of lengths, in the page a slot and 2 bytes: 6 more; keep a tenth of the page free, but
    # never an empty page beside a full one: deletion in key order would leave nothing but empty pages
    most: cython.long = size if left.count == 0 or right.count == 0 else cython.cast(cython.long, size) * 9 // 10
    if second >= 0 and left.level == right.level:
        total = first + second + cython.cast(cython.long, build.count) * 6
        total += HEADER_SIZE + build.lower_len + build.upper_len
        if total <= most:
            if traced():
                trace_event(TRACE_MERGE, left_id, left_frame, 0, right_id, right.count)
            build.cells = b.packed
            build.cells_len = cython.cast(cython.uint, first + second)
            built = batch_build(b, left_id, left.tree_id, cython.address(build))
            done = OK if built >= 0 else cython.cast(cython.int, built)
    pool_unpin(p, left_frame)
    pool_unpin(p, right_frame)
    if done != OK:
        return done
    done = batch_free_page(b, right_id)
    if done != OK:
        return done
    parent = frame_page(p, path.frame[d - 1])
    key: cython.uchar[8192]
    length = node_key(parent, size, right_index, key)
    return batch_delete(b, path.page_id[d - 1], path.frame[d - 1], right_index, key, length)


def _collapse_root(b, path):
    """While the root is a branch with one child, that child's content moves up into it. 0 or an error."""
    p = b.pool
    while True:
        root = frame_page(p, path.frame[0])
        if root.kind != KIND_BRANCH or root.count != 1:
            return OK
        child_id = node_child_at(root, 0)
        frame = pool_pin(p, child_id)
        if frame < 0:
            return frame
        child = frame_page(p, frame)
        build: build_t
        _describe(child, p.page_size, cython.address(build))
        done: cython.int = ERR_INTERNAL
        packed = node_pack(child, p.page_size, 0, child.count, build.prefix_len, b.packed, 2 * p.page_size)
        if packed >= 0:
            build.cells = b.packed
            build.cells_len = cython.cast(cython.uint, packed)
            built = batch_build(b, path.page_id[0], root.tree_id, cython.address(build))
            done = OK if built >= 0 else cython.cast(cython.int, built)
        pool_unpin(p, frame)
        if done == OK:
            done = batch_free_page(b, child_id)
        if done != OK:
            return done


def tree_free(b, page_id, level):
    """Free a page and all below it, overflow pages included. `level`: what the page's must be below, 256 for a root."""
    p = b.pool
    frame = pool_pin(p, page_id)
    if frame < 0:
        return frame
    page = frame_page(p, frame)
    done: cython.int = OK
    if page.level >= level or (page.kind != KIND_LEAF and page.kind != KIND_BRANCH):
        done = corrupt(page_id, 102)
    i: cython.long = 0
    while done == OK and i < page.count:
        if page.kind == KIND_BRANCH:
            done = tree_free(b, node_child_at(page, i), page.level)
        else:
            done = _drop_overflow(b, page, i)
        i += 1
    pool_unpin(p, frame)
    return batch_free_page(b, page_id) if done == OK else done
