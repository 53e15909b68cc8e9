"""How many keys a tree has, without reading it all: what a planner wants to know of a table it has just met.

    root            [ . x . . x . . x . . x . ]      children evenly spread over the page, at most ROOT_SAMPLES
                        |
    branch          [ . x . . . x . ]                below that SAMPLES of each
                        |
    leaves          count, count ...                 keys = children times the average below one, level by level

A tree with fewer than EXACT keys is counted. A larger one of four levels costs at most 16 * 3 * 3 reads of leaves. Pages differ in how full
they are and neighbours are alike, so the samples are spread; with random or ordered insertion the estimate is a few per cent off, and no
more than page fill varies in any case (at worst by the factor between the fullest and the emptiest pages, which merging keeps above 1 : 4 or so).
"""

import cython

EXACT = cython.declare(cython.long, 10_000)
ROOT_SAMPLES = cython.declare(cython.long, 16)
SAMPLES = cython.declare(cython.long, 3)


def tree_estimate(p, root, lsn):
    """Keys in a tree at a registered `lsn`, or an error (below 0)."""
    nothing: cython.uchar = 0
    counted = range_count(p, root, lsn, cython.address(nothing), 0, False, cython.address(nothing), 0, EXACT)
    if counted < EXACT:
        return counted
    return _below(p, root, DEPTH_MAX, lsn, ROOT_SAMPLES)


def _below(p, page_id, level, lsn, samples):
    """Keys below a page whose level must be less than `level`, or an error (below 0)."""
    children: uint32_t[16]
    frame = pool_fix(p, page_id, lsn)
    if frame < 0:
        return frame
    page = frame_page(p, frame)
    count: cython.long = page.count
    own: cython.int = page.level
    leaf: cython.bint = page.kind == KIND_LEAF
    sound: cython.bint = own < level and (leaf or (page.kind == KIND_BRANCH and count > 0))
    taken: cython.long = 0 if leaf or not sound else min(count, samples)
    i: cython.long
    for i in range(taken):
        children[i] = node_child_at(page, (2 * i + 1) * count // (2 * taken))
    pool_unfix(p, frame)
    if not sound:
        return corrupt(page_id, 102)
    if leaf:
        return count
    total: cython.double = 0
    for i in range(taken):
        below = _below(p, children[i], own, lsn, SAMPLES)
        if below < 0:
            return below
        total += below
    return total / taken * count
