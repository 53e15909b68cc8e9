"""Recalling where in a leaf keys are: for each frame 128 bytes, in which a key's hash finds the place of its cell.

    key --hash--> one byte of the frame's --> a 256th of the page: asked for together with the page's header and slots

A lookup in a tree larger than the caches waits for memory twice in a row: for header and slots, and then for the cell they
lead to. What is recalled lets both come at once (500,000 records of 8 + 100 bytes: 600 ns a get without, 430 with).

It is advice, and nothing is believed: a wrong byte costs three useless prefetches in a page that is read anyway. So there is
no latch and no invalidation. The second lookup in a page since it is in its frame enters all its keys (`recall_fill`, 2 us);
from then on a lookup that finds its key elsewhere corrects one byte. Two keys of one page with the same hash, two in five of
them with 66 keys, take the byte from each other. Writers need not know of any of it.
"""

import cython


def recall_fill(p, frame):
    """Enter the keys of a leaf, which may be changing: every offset is checked before it is followed."""
    page = frame_page(p, frame)
    size: cython.size_t = p.page_size
    count: cython.size_t = load16_relaxed(cython.address(page.count))
    prefix_len: cython.size_t = load16_relaxed(cython.address(page.prefix_len))
    if HEADER_SIZE + count * SLOT_SIZE > size or prefix_len > size:
        return
    lower: cython.size_t = load16_relaxed(cython.address(page.lower_len))
    if prefix_len > lower or lower > size:
        return
    key: cython.uchar[16]  # the last eight bytes of the prefix, and behind them those of the key
    shared: cython.size_t = min(prefix_len, cython.cast(cython.size_t, 8))
    start = cython.cast(cython.p_uchar, page) + size - lower
    memcpy(key, start + prefix_len - shared, shared)
    i: cython.long
    for i in range(cython.cast(cython.long, count)):
        slot = slot_at(page, i)
        offset: cython.size_t = load16_relaxed(cython.address(slot.offset))
        length: cython.size_t = load16_relaxed(cython.address(slot.key_len))
        if offset + CELL_SIZE + length > size:
            return
        last: cython.size_t = min(length, cython.cast(cython.size_t, 8))
        memcpy(key + shared, cython.cast(cython.p_uchar, page) + offset + CELL_SIZE + length - last, last)
        recall_note(p, frame, recall_hash(key, shared + last), offset)
