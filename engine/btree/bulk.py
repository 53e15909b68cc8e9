"""Bulk build: an empty tree is filled from below, each page written once, from cells that come in key order.

    level 1                [ "" -> 7 | "d" -> 8 | ...            open: gets a cell whenever a page below is finished
                              |         |
    level 0     page 7 [a b c]   page 8 [d e f]   [ g h ...      open: gets the cells

One page is open at each level. A cell that does not fit any more closes the page: the shortest key that separates
becomes its upper fence (in a branch the next cell's key), a BUILD record makes it, and its lower fence and page id
become a cell one level up. At the end the open pages are written from below; the highest becomes the root, whose page
id does not change. A page is filled to FILL sixteenths, so that the first insert does not split it.

How many bytes a page shares in front of its keys is known only when it is closed, for its upper fence decides. While
it is open its cells leave out what its keys share with the lower fence (`keep`), which only shrinks as keys grow. If
the key that follows shares much less, the page may have to close before its last cells: they begin the next page.
The last page of a level, whose upper fence is infinite, shares nothing: it too may have to give cells away.

Against inserting one by one: no descents, no splits, one log record a page instead of one a cell.
"""

import cython

FILL = cython.declare(cython.uint, 15)


def bulk_begin(bulk, b, root, tree):
    """Start to build in the empty tree with this root. 0 or ERR_MEMORY; bulk_free in any case."""
    memset(bulk, 0, cython.sizeof(bulk_t))
    bulk.batch = b
    bulk.root = root
    bulk.tree = tree
    return _open_level(bulk)


def _open_level(bulk):
    size: cython.size_t = bulk.batch.pool.page_size
    keys: cython.size_t = key_max(bulk.batch.pool.page_size)
    if bulk.height >= DEPTH_MAX - 1:
        return ERR_INTERNAL
    memory = cython.cast(cython.p_uchar, malloc(2 * size + 3 * keys))
    if memory == cython.NULL:
        return ERR_MEMORY
    page = cython.address(bulk.level[bulk.height])
    bulk.memory[bulk.height] = memory
    page.cells = memory
    page.lower = memory + 2 * size
    page.upper = page.lower + keys
    page.last = page.upper + keys
    bulk.height += 1
    return OK


def bulk_free(bulk):
    """Give the memory back; the pages that were written belong to the batch."""
    i: cython.int
    for i in range(bulk.height):
        free(bulk.memory[i])
    bulk.height = 0


def bulk_put(bulk, key, key_len, value, value_len):
    """The next key, greater than all before, with its value. 0 or an error (then the batch must be aborted)."""
    page = cython.address(bulk.level[0])
    shared = common_prefix(page.last, page.last_len, key, key_len)
    if page.count > 0 and (shared == key_len or (shared < page.last_len and key[shared] < page.last[shared])):
        return ERR_INTERNAL  # not in order
    if value_len <= value_inline_max(bulk.batch.pool.page_size):
        return _add(bulk, 0, key, key_len, value, cython.cast(cython.ushort, value_len))
    ref: overflow_ref_t
    done = overflow_write(bulk.batch, bulk.tree, value, value_len, cython.address(ref))
    if done != OK:
        return done
    raw: cython.ushort = VALUE_OVERFLOW | cython.sizeof(overflow_ref_t)
    return _add(bulk, 0, key, key_len, cython.cast(cython.p_uchar, cython.address(ref)), raw)


def _add(bulk, level, key, key_len, value, value_len):
    """Add a cell to the open page of a level, closing that page first if need be. 0 or an error."""
    page_size = bulk.batch.pool.page_size
    page = cython.address(bulk.level[level])
    length: cython.uint = node_value_len(value_len)
    cell: cython.uint = SLOT_SIZE + CELL_SIZE + cython.cast(cython.uint, key_len) + length
    while True:
        keep = cython.cast(cython.uint, common_prefix(page.lower, page.lower_len, key, key_len))
        if page.count == 0:
            break
        keep = min(keep, page.keep)
        if HEADER_SIZE + page.lower_len + page.whole + cell - (page.count + 1) * keep <= page_size // 16 * FILL:
            break
        done = _emit(bulk, level, key, key_len)
        if done != OK:
            return done
    if page.count > 0 and keep < page.keep:
        packed = _repack(page, page.cells_len, keep, bulk.batch.packed, 2 * page_size)
        if packed < 0:
            return ERR_INTERNAL
        memcpy(page.cells, bulk.batch.packed, packed)
        page.cells_len = cython.cast(cython.uint, packed)
    page.keep = keep
    suffix_len: cython.ushort = cython.cast(cython.ushort, key_len - keep)
    at = page.cells + page.cells_len
    invariant(page.cells_len + CELL_PACKED + suffix_len + length <= 2 * page_size, b"an open page has room for a cell")
    memcpy(at, cython.address(suffix_len), 2)
    memcpy(at + 2, cython.address(value_len), 2)
    memcpy(at + CELL_PACKED, key + keep, suffix_len)
    memcpy(at + CELL_PACKED + suffix_len, value, length)
    page.cells_len += CELL_PACKED + suffix_len + length
    page.count += 1
    page.whole += cell
    memcpy(page.last, key, key_len)
    page.last_len = cython.cast(cython.uint, key_len)
    return OK


def _emit(bulk, level, next, next_len):
    """Close the open page of a level before the key `next` (NULL: the last page gives cells away). 0 or an error.

    As many of its cells as fit under an upper fence become a page; the others begin the next one.
    """
    page_size = bulk.batch.pool.page_size
    page = cython.address(bulk.level[level])
    count: cython.uint = page.count if next != cython.NULL else page.count - 1
    bytes: cython.uint = 0
    whole: cython.uint = 0
    while True:
        if count == 0:
            return ERR_INTERNAL  # one cell always fits: see key_max and value_inline_max
        length = _boundary(bulk, level, count, next, next_len, cython.address(bytes), cython.address(whole))
        prefix = common_prefix(page.lower, page.lower_len, page.upper, length)
        if HEADER_SIZE + page.lower_len + length + whole - count * prefix <= page_size:
            break
        count -= 1
    page_id = _write(bulk, level, count, bytes, length, False)
    if page_id < 0:
        return cython.cast(cython.int, page_id)
    child: cython.uint = cython.cast(cython.uint, page_id)
    if level + 1 == bulk.height:
        done = _open_level(bulk)
        if done != OK:
            return done
    done = _add(bulk, level + 1, page.lower, page.lower_len, cython.cast(cython.p_uchar, cython.address(child)), 4)
    if done != OK:
        return done
    memmove(page.cells, page.cells + bytes, page.cells_len - bytes)
    page.cells_len -= bytes
    page.count -= count
    page.whole -= whole
    memcpy(page.lower, page.upper, length)
    page.lower_len = cython.cast(cython.uint, length)
    return OK


def _boundary(bulk, level, count, next, next_len, bytes, whole):
    """The upper fence, put into `upper`, of a page of the first `count` cells; its length.

    `bytes`, `whole`: what those cells take in the run, and in a page with whole keys.
    """
    page = cython.address(bulk.level[level])
    if count == page.count:
        bytes[0] = page.cells_len
        whole[0] = page.whole
        length = next_len
        if level == 0:
            length = common_prefix(page.last, page.last_len, next, next_len) + 1
        memcpy(page.upper, next, length)
        return length
    at: cython.uint = 0
    before: cython.uint = 0
    suffix_len: cython.ushort = 0
    value_len: cython.ushort = 0
    whole[0] = 0
    _i: cython.uint
    for _i in range(count):
        before = at
        memcpy(cython.address(suffix_len), page.cells + at, 2)
        memcpy(cython.address(value_len), page.cells + at + 2, 2)
        at += CELL_PACKED + suffix_len + node_value_len(value_len)
        whole[0] += SLOT_SIZE + CELL_SIZE + page.keep + suffix_len + node_value_len(value_len)
    bytes[0] = at
    low_len: cython.size_t = suffix_len
    memcpy(cython.address(suffix_len), page.cells + at, 2)
    length = suffix_len
    if level == 0:
        length = (
            common_prefix(page.cells + before + CELL_PACKED, low_len, page.cells + at + CELL_PACKED, suffix_len) + 1
        )
    memcpy(page.upper, page.lower, page.keep)
    memcpy(page.upper + page.keep, page.cells + at + CELL_PACKED, length)
    return page.keep + length


def _write(bulk, level, count, bytes, upper_len, last):
    """Make a page of the first `count` cells of a level; `last`: its upper fence is infinite. Its id, or an error."""
    b = bulk.batch
    page = cython.address(bulk.level[level])
    build: build_t
    build.kind = KIND_LEAF if level == 0 else KIND_BRANCH
    build.level = cython.cast(cython.uchar, level)
    build.count = cython.cast(cython.ushort, count)
    build.lower = page.lower
    build.lower_len = cython.cast(cython.ushort, page.lower_len)
    build.upper = page.upper
    build.upper_len = cython.cast(cython.ushort, upper_len)
    build.flags = FLAG_UPPER_INFINITE if last else 0
    build.prefix_len = 0
    if not last:
        build.prefix_len = cython.cast(cython.ushort, common_prefix(page.lower, page.lower_len, page.upper, upper_len))
    build.cells = page.cells
    build.cells_len = bytes
    if build.prefix_len != page.keep:
        packed = _repack(page, bytes, build.prefix_len, b.packed, 2 * b.pool.page_size)
        if packed < 0:
            return ERR_INTERNAL
        build.cells = b.packed
        build.cells_len = cython.cast(cython.uint, packed)
    top: cython.bint = last and level + 1 == bulk.height
    return batch_build(b, bulk.root if top else 0, bulk.tree, cython.address(build))


def _repack(page, bytes, prefix, out, capacity):
    """Write the first `bytes` of the run with `prefix` instead of `keep` bytes left out; the length, or ERR_FULL."""
    at: cython.size_t = 0
    used: cython.size_t = 0
    suffix_len: cython.ushort = 0
    value_len: cython.ushort = 0
    while at < bytes:
        memcpy(cython.address(suffix_len), page.cells + at, 2)
        memcpy(cython.address(value_len), page.cells + at + 2, 2)
        at += CELL_PACKED
        rest: cython.size_t = suffix_len + node_value_len(value_len)
        key_len: cython.size_t = page.keep + suffix_len
        length: cython.ushort = cython.cast(cython.ushort, key_len - prefix)
        if used + CELL_PACKED + length + node_value_len(value_len) > capacity:
            return ERR_FULL
        memcpy(out + used, cython.address(length), 2)
        memcpy(out + used + 2, cython.address(value_len), 2)
        used += CELL_PACKED
        if prefix < page.keep:
            memcpy(out + used, page.lower + prefix, page.keep - prefix)
            memcpy(out + used + page.keep - prefix, page.cells + at, rest)
            used += page.keep - prefix + rest
        else:
            skipped: cython.size_t = prefix - page.keep
            memcpy(out + used, page.cells + at + skipped, rest - skipped)
            used += rest - skipped
        at += rest
    return used


def bulk_finish(bulk):
    """Write the open pages, from below; the highest becomes the root. 0 or an error."""
    page_size = bulk.batch.pool.page_size
    level: cython.int = 0
    while level < bulk.height:
        page = cython.address(bulk.level[level])
        while HEADER_SIZE + page.lower_len + page.whole > page_size:
            done = _emit(bulk, level, cython.NULL, 0)
            if done != OK:
                return done
        page_id = _write(bulk, level, page.count, page.cells_len, 0, True)
        if page_id < 0:
            return cython.cast(cython.int, page_id)
        if level + 1 < bulk.height:
            child: cython.uint = cython.cast(cython.uint, page_id)
            value = cython.cast(cython.p_uchar, cython.address(child))
            done = _add(bulk, level + 1, page.lower, page.lower_len, value, 4)
            if done != OK:
                return done
        level += 1
    return OK
