"""Read-ahead: a scan that misses a leaf brings in the ones behind it with the same batch.

    parent branch   | ... | child i | i+1 | i+2 | ... | child that holds the scan's end |
                            missing   \\______ read together, `depth` of them _____/

The ids of the next leaves stand in the parent that led to this one, so nothing has to be guessed. The first miss of a
scan brings in the one leaf it needs, each further miss AHEAD_GROWTH times as many, up to AHEAD_MAX, the end of the
parent or the end of the scan; a leaf that was there without our doing halves the depth. So a scan of three rows reads
nothing in vain, a scan over what is in the pool does nothing but look at the map, and a long cold scan soon keeps the
device busy. While the scan works on one batch the system is told of the next, so that it reads meanwhile.
The pages go through the scan's own ring of frames (engine.pool.load).
"""

import cython


def ahead_plan(p, a, parent, index):
    """Note which leaves should be brought in, where the scan goes on with child `index` of a latched parent of leaves."""
    a.count = 0
    if frame_of(p, node_child_at(parent, index)) >= 0:
        if a.left > 0:
            a.left -= 1
        else:
            a.depth //= 2
        return
    if a.depth == 0:
        a.depth = 1
    end = _end(p, a, parent)
    step: cython.long = -1 if a.reverse else 1
    window: cython.uint = load_window(p)
    most: cython.uint = min(a.depth, window)
    following: cython.uint = min(a.depth * AHEAD_GROWTH, cython.cast(cython.uint, AHEAD_MAX))
    wanted: cython.uint = most + min(following, window) if most > 1 else most
    found: cython.uint = 0
    while found < wanted and 0 <= index < parent.count:
        a.pages[found] = node_child_at(parent, index)
        found += 1
        if (end - index) * step <= 0:
            break
        index += step
    a.count = min(found, most)
    a.hinted = found - a.count
    a.left = a.count - 1
    a.depth = following


def ahead_bring(p, a):
    """Bring in what was noted; the caller holds no latch. Waits for the disk."""
    if a.count > 0:
        pool_load_many(p, a.pages, a.count, cython.address(a.ring))
        if a.hinted > 0:
            pool_hint_many(p, a.pages + a.count, a.hinted)
        a.count = 0


def _end(p, a, parent):
    """The child of a parent behind which the scan does not go."""
    size = p.page_size
    far: cython.long = 0 if a.reverse else parent.count - 1
    if not a.bounded:
        return far
    length: cython.size_t = parent.lower_len if a.reverse else parent.upper_len
    if not a.reverse and parent.flags & FLAG_UPPER_INFINITE:
        order: cython.int = -1
    else:
        fence = lower_fence(parent, size) if a.reverse else upper_fence(parent, size)
        order = memcmp(a.last, fence, min(length, a.last_len))
        if order == 0:
            order = 1 if a.last_len > length else (-1 if a.last_len < length else 0)
    inside: cython.bint = order > 0 if a.reverse else order < 0
    if not inside:
        return far
    found = node_child_index(parent, size, a.last, a.last_len)
    return found if 0 <= found < parent.count else far
