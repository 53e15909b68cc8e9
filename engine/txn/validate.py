"""Validation against pages, for transactions older than what the memtable remembers.

A leaf whose LSN is not newer than a snapshot holds, for all keys between its fences, what the snapshot saw: whatever
changes a key changes the leaf that covers it. So an old leaf proves that nothing has changed; a new one proves nothing,
and is taken for a conflict. Only in the commit section, where nobody changes pages.
"""

import cython


def leaf_changed(p, root, key, key_len, since):
    """Whether the leaf of a key was changed after `since`: 1, 0, or an error."""
    path: path_t
    done = tree_descend(p, root, key, key_len, cython.address(path))
    if done != OK:
        return done
    changed: cython.int = frame_page(p, path.frame[path.depth - 1]).lsn > since
    path_release(p, cython.address(path))
    return changed


def leaves_changed(p, root, low, low_len, bounded, high, high_len, since):
    """Whether a leaf that covers a part of [low, high), or of what follows low, was changed after `since`."""
    key: cython.uchar[8192]
    key_len: cython.size_t = min(low_len, 8192)
    memcpy(key, low, key_len)
    path: path_t
    while True:
        done = tree_descend(p, root, key, key_len, cython.address(path))
        if done != OK:
            return done
        page = frame_page(p, path.frame[path.depth - 1])
        changed: cython.bint = page.lsn > since
        last: cython.bint = page.flags & FLAG_UPPER_INFINITE
        key_len = min(page.upper_len, 8192)
        memcpy(key, upper_fence(page, p.page_size), key_len)
        path_release(p, cython.address(path))
        if changed:
            return 1
        if last or (bounded and compare_keys(key, key_len, high, high_len) >= 0):
            return 0
