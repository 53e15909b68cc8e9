"""Warming up: the leaves of many keys come into the pool with as few waits as the tree has levels.

    keys  k1 k2 k3 k4 ...          level by level: what is missing of the level is brought in as one batch,
          |  |  |  |               then each key goes down one level
    root  r  r  r  r      in pool
          |  |  |  |
    branch a  a  b  c     b, c missing: one batch
          |  |  |  |
    leaf  p  q  s  t      p, s, t missing: one batch

For `get_many` and for the leaves that a commit is about to change, so that the commit section does no I/O. It is a hint as
pool_load_many is: it reports nothing, what cannot be read is met again, with its error, by whoever needs it.
"""

import cython


def tree_warm(p, root, lsn, keys, count):
    """Bring in the leaves that hold, at `lsn`, the first of these keys; how many keys it looked at.

    At most WARM_MAX keys at a time, fewer in a small pool: use them, then come with the rest. The caller holds no latch,
    no mutex and not the GIL.
    """
    pages: uint32_t[256]
    most: cython.uint = min(
        count, cython.cast(cython.uint, WARM_MAX), max(p.frame_count // 8, cython.cast(cython.uint, 1))
    )
    i: cython.uint
    for i in range(most):
        pages[i] = root
    depth: cython.int = 0
    while depth < DEPTH_MAX:
        pool_load_many(p, pages, most, cython.NULL)
        if _down(p, lsn, keys, pages, most) <= 0:
            break
        depth += 1
    return most


def _down(p, lsn, keys, pages, count):
    """Take each key one level down. 1 where there is a next level whose pages should be brought in, else 0."""
    more: cython.int = 0
    i: cython.uint
    for i in range(count):
        if pages[i] == 0:
            continue  # arrived, or lost
        frame = pool_fix(p, pages[i], lsn)
        pages[i] = 0
        if frame < 0:
            continue
        page = frame_page(p, frame)
        if page.kind == KIND_BRANCH:
            index = node_child_index(page, p.page_size, keys[i].data, keys[i].len)
            if index >= 0:
                pages[i] = node_child_at(page, index)
                more = 1
        pool_unfix(p, frame)
    return more
