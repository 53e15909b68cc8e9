"""Long values: those above a quarter page stand in overflow pages of their own, the leaf keeps a reference.

    leaf cell:  value_len | key suffix | length (8), first page (4)
                                              |
                                              +--> overflow page --next--> overflow page --next--> 0

Pages of one value are allocated together, so their ids mostly follow each other. The chain is bounded by the length in
the reference: a damaged chain ends in ERR_CORRUPT, never in a loop.
"""

import cython


def overflow_write(b, tree, value, length, ref):
    """Write a value into new pages, last page first; `ref` gets the reference. 0 or an error."""
    room: uint64_t = b.pool.page_size - HEADER_SIZE
    start: uint64_t = (length - 1) // room * room if length > 0 else 0
    next: cython.uint = 0
    while True:
        size: uint64_t = min(room, length - start)
        page_id = batch_overflow(b, tree, next, value + start, cython.cast(cython.uint, size))
        if page_id < 0:
            return cython.cast(cython.int, page_id)
        next = cython.cast(cython.uint, page_id)
        if start == 0:
            break
        start -= room
    ref.length = length
    ref.first_page = next
    return OK


def overflow_free(b, ref):
    """Free the pages of a value. 0 or an error."""
    page_id: cython.uint = ref.first_page
    left: uint64_t = ref.length
    while left > 0:
        frame = pool_pin(b.pool, page_id)
        if frame < 0:
            return frame
        page = frame_page(b.pool, frame)
        size: cython.uint = page.data_len
        next: cython.uint = page.next
        valid: cython.bint = page.kind == KIND_OVERFLOW and size > 0 and size <= left
        pool_unpin(b.pool, frame)
        if not valid:
            thread_self().failed_page = page_id
            return ERR_CORRUPT
        done = batch_free_page(b, page_id)
        if done != OK:
            return done
        left -= size
        page_id = next
    return OK


def overflow_read(p, lsn, ref, out):
    """Copy a whole value, as a snapshot at `lsn` sees it, to `out` (ref.length bytes). 0 or an error."""
    page_id: cython.uint = ref.first_page
    got: uint64_t = 0
    while got < ref.length:
        frame = pool_fix(p, page_id, lsn)
        if frame < 0:
            return frame
        page = frame_page(p, frame)
        size: uint64_t = page.data_len
        if page.kind != KIND_OVERFLOW or size == 0 or size > ref.length - got:
            pool_unfix(p, frame)
            thread_self().failed_page = page_id
            return ERR_CORRUPT
        memcpy(out + got, cython.cast(cython.p_uchar, page) + HEADER_SIZE, size)
        got += size
        page_id = page.next
        pool_unfix(p, frame)
    return OK
