"""Redo in windows: the records of a stretch of log, sorted by page, so that each page is fetched once for all of them.

    log       p7 p3 p9 p7 p1 p3 p7 p2 ...       read and verified, in order; what counts is copied
    window    p1 | p2 | p3 p3 | p7 p7 p7 | p9   sorted by page, the records of one page still in order
    pool      pin p1, redo; pin p2, redo ...

A record changes one page and asks nothing of any other, so only the order of one page's records matters (Mohan et al.,
ARIES, 1992, section 7.3). Log of random writes names a page again only after many others: without windows each record
would find its page out of the processor's caches, and where the pool is smaller than what the log changes, read it and
write another one out.
"""

import cython


def window_init(w, size):
    """An empty window for about `size` bytes of records; memory is taken as it fills."""
    memset(w, 0, cython.sizeof(window_t))
    w.size = size


def window_free(w):
    free(w.data)
    free(w.items)
    free(w.sorted)
    memset(w, 0, cython.sizeof(window_t))


def window_full(w):
    return w.used >= w.size


def window_add(w, view):
    """Copy a record. 0 or ERR_MEMORY."""
    length: cython.size_t = (cython.cast(cython.size_t, view.header.length) + 7) & ~cython.cast(cython.size_t, 7)
    if w.used + length > w.room:
        room: cython.size_t = max(2 * w.room, w.used + length, 1 << 16)
        data = cython.cast(cython.p_uchar, realloc(w.data, room))
        if data == cython.NULL:
            return ERR_MEMORY
        w.data = data
        w.room = room
    if w.count == w.item_room:
        more: cython.size_t = max(2 * cython.cast(cython.size_t, w.item_room), 1024)
        items = cython.cast(cython.pointer(window_item_t), realloc(w.items, more * cython.sizeof(window_item_t)))
        if items == cython.NULL:
            return ERR_MEMORY
        w.items = items
        w.item_room = cython.cast(cython.uint, more)
    item = cython.address(w.items[w.count])
    item.page = view.header.page
    item.offset = w.used
    item.lsn = view.lsn
    memcpy(w.data + w.used, view.header, view.header.length)
    w.used += length
    w.count += 1
    return OK


def _sort_pass(source, target, count, shift):
    """One pass of a stable radix sort, by eleven bits of the page id."""
    starts: cython.uint[2049]
    memset(starts, 0, cython.sizeof(starts))
    i: cython.uint
    for i in range(count):
        starts[((source[i].page >> shift) & 2047) + 1] += 1
    for i in range(2048):
        starts[i + 1] += starts[i]
    for i in range(count):
        digit: cython.uint = (source[i].page >> shift) & 2047
        target[starts[digit]] = source[i]
        starts[digit] += 1


def _sort(w):
    """Into `sorted`: the items by page, those of one page in order. 0 or ERR_MEMORY."""
    grown = cython.cast(
        cython.pointer(window_item_t),
        realloc(w.sorted, cython.cast(cython.size_t, w.item_room) * cython.sizeof(window_item_t)),
    )
    if grown == cython.NULL:
        return ERR_MEMORY
    w.sorted = grown
    _sort_pass(w.items, w.sorted, w.count, 0)
    _sort_pass(w.sorted, w.items, w.count, 11)
    _sort_pass(w.items, w.sorted, w.count, 22)
    return OK


def window_redo(w, p, scratch):
    """Redo all records of the window, which is empty then. 0 or an error; scratch: 4 pages."""
    done: cython.int = _sort(w) if w.count > 0 else OK
    view: record_view_t
    redo: redo_t
    redo_init(cython.address(redo), p, scratch)
    i: cython.uint
    for i in range(w.count):
        if done != OK:
            break
        if i + 8 < w.count:
            redo_prefetch(p, w.sorted[i + 8].page)
            prefetch(w.data + w.sorted[i + 8].offset)
        record_view(w.sorted[i].lsn, w.data + w.sorted[i].offset, cython.address(view))
        done = redo_record(cython.address(redo), cython.address(view))
    redo_end(cython.address(redo))
    w.count = 0
    w.used = 0
    return done
