"""Merging the thin pages that scattered deletions leave: what VACUUM does to trees before it moves pages.

    leaves   [####....] [##......] [##......] [#####...] [#.......]     under one parent, from left to right: each takes in
    after    [########] [#####...] [#.......]                           its right neighbour as long as both fit into nine tenths

Deleting a key merges a leaf only when that has become less than a quarter full (engine.btree.tree), so random deletions can leave
two pages where one would do. Afterwards no page and its right neighbour under the same parent fit into nine tenths of a page. It is
looked at on the way down, branches first: what is merged above gives the pages below more neighbours.

The work is cut into steps, each a batch of its own that changes no key: a step begins at the leaf of a key, and leaves behind the key
where the next one goes on. A branch that has become thin after it was passed is met by the next pass over the tree.
"""

import cython

LOOKS_MAX = cython.declare(cython.int, 64)


def tree_compact(b, root, key, key_len, merges):
    """Merge pages from the leaf of `key` on; `key` (8192 bytes of room) and its length go forward, `merges` counts.

    1: there is more, 0: that was the last leaf, or an error (then the batch must be aborted).
    """
    p = b.pool
    path: path_t
    looks: cython.int = 0
    while looks < LOOKS_MAX:
        looks += 1
        done = tree_descend(p, root, key, key_len[0], cython.address(path))
        if done != OK:
            return done
        done = _merge_first(b, cython.address(path))
        page = frame_page(p, path.frame[path.depth - 1])
        last: cython.bint = page.flags & FLAG_UPPER_INFINITE
        if done == ERR_FULL and not last:
            key_len[0] = page.upper_len
            memcpy(key, upper_fence(page, p.page_size), page.upper_len)
        path_release(p, cython.address(path))
        if done == OK:
            merges[0] += 1  # and the same leaf once more
        elif done != ERR_FULL:
            return done
        elif last:
            return 0
    return 1


def _merge_first(b, path):
    """Merge the uppermost page of the path that can take in its right neighbour. 0, ERR_FULL: none can, or an error."""
    p = b.pool
    d: cython.int
    for d in range(1, path.depth):
        parent = frame_page(p, path.frame[d - 1])
        index = path.index[d - 1] + 1
        if index >= parent.count:
            continue
        right = node_child_at(parent, index)
        fits = _may_fit(b, frame_page(p, path.frame[d]), right)
        if fits < 0:
            return fits
        if not fits:
            continue
        done = merge_pair(b, path, d, path.page_id[d], right, index)
        if done == OK and d == 1:
            done = collapse_root(b, path)
        if done != ERR_FULL:
            return done
    return ERR_FULL


def _may_fit(b, page, right_id):
    """Whether a page and its right neighbour may fit into one, by the bytes they use: merging packs both to find out. Or an error."""
    p = b.pool
    frame = pool_pin(p, right_id)
    if frame < 0:
        return frame
    right = frame_page(p, frame)
    size = cython.cast(cython.long, p.page_size)
    both = node_used(page, p.page_size) + node_used(right, p.page_size)
    both -= HEADER_SIZE + page.upper_len + right.lower_len  # one header, and no fence between them
    fits: cython.bint = page.count == 0 or right.count == 0 or both <= size * 9 // 10
    pool_unpin(p, frame)
    return fits
