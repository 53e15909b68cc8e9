"""One B+tree node: a slotted page, read and changed in place in its frame.

    0        48     112                                heap_start                                 page_size
    +--------+------+---------------------+- - - - - - +----------------------+-------+-------+
    | header | hint | slot 0 | slot 1 | ..  free space  | .. cell | cell | cell | upper | lower |
    +--------+------+---------------------+- - - - - - +----------------------+-------+-------+
                       head, offset, key_len              value_len, key suffix, value

A node covers the keys of [lower fence, upper fence); an infinite upper fence is a flag, the lowest lower fence is empty.
What both fences begin with, every key begins with, so slots and cells leave it out (`prefix_len`). A slot carries the
first four of the remaining bytes as a big-endian number, its *head*: most comparisons end there, in one cache line
with their neighbours. Sixteen heads at equal distances, the *hints*, cut the slots to search to a seventeenth.
(Fences, prefix truncation and key heads: Graefe, "Modern B-Tree Techniques", 2011; hints: LeanStore's B-tree nodes.)

Leaf and branch are one format. In a branch the value is the child's page id (4 bytes) and the key its lower fence, so
that the first key of a branch equals the branch's own lower fence.

Invariants, checked by `engine.storage.page.page_validate` when a page is read from disk and by the tree's check:
  - slots are in key order without duplicates, each cell lies between heap_start and the upper fence;
  - heap_start + the sizes of all cells + fragmented = start of the upper fence;
  - prefix_len = length of the common prefix of both fences (0 where the upper one is infinite).

Every function here is deterministic: the log records the arguments, and redo calls the same function, so that a page
rebuilt from its history equals the page that lived, byte for byte. None allocates, blocks or takes the GIL.

`node_search` may run on a page that another thread is changing (an optimistic reader throws the answer away
afterwards): it therefore checks every offset before following it.
"""

import cython


def _sound(page, page_size):
    """In the checked build: the page keeps the rules of page_validate."""
    if checked:
        invariant(page_validate(page, page_size) == PAGE_OK, b"a node operation leaves a valid page")


def common_prefix(a, a_len, b, b_len):
    """Length of the common prefix of two byte strings."""
    limit = min(a_len, b_len)
    n: cython.size_t = 0
    while n < limit and a[n] == b[n]:
        n += 1
    return n


def node_compare(page, page_size, slot, suffix, length):
    """Order of a slot's key against a key whose head is the same: negative, 0, positive; 100 for damage.

    Equal heads mean equal bytes up to four, padded with zeros; so if either is no longer than four, lengths decide.
    """
    slot_len: cython.size_t = load16_relaxed(cython.address(slot.key_len))
    offset: cython.size_t = load16_relaxed(cython.address(slot.offset))
    prefetch(cython.cast(cython.p_char, page) + offset + 64)  # if this is the key, its value is wanted next
    prefetch(cython.cast(cython.p_char, page) + offset + 128)
    if slot_len <= 4 or length <= 4:
        return cython.cast(cython.int, min(slot_len, 5)) - cython.cast(cython.int, min(length, 5))
    if offset + CELL_SIZE + slot_len > page_size:
        return 100
    order: cython.int = order_of(
        cython.cast(cython.p_uchar, page) + offset + CELL_SIZE + 4, suffix + 4, min(slot_len, length) - 4
    )
    if order != 0:
        return -1 if order < 0 else 1
    if slot_len == length:
        return 0
    return -1 if slot_len < length else 1


def node_search(page, page_size, key, key_len):
    """Where `key` is or would be: (index << 1) | found, or NODE_DAMAGED."""
    prefix: cython.size_t = load16_relaxed(cython.address(page.prefix_len))
    count: cython.long = load16_relaxed(cython.address(page.count))
    if key_len < prefix or HEADER_SIZE + count * SLOT_SIZE > page_size:
        return NODE_DAMAGED
    suffix = key + prefix
    length: cython.size_t = key_len - prefix
    head = key_head(suffix, length)
    low: cython.long = 0
    high: cython.long = count
    node_narrow(page, count, head, cython.address(low), cython.address(high))
    prefetch(slot_at(page, low))  # the search goes step by step: its lines at once
    prefetch(slot_at(page, high - 1))
    low = node_lower_bound(page, low, high, head)
    return node_search_from(page, page_size, low, low, high, head, suffix, length)


def node_search_from(page, page_size, low, middle, high, head, suffix, length):
    """node_search in the slots [low, high), beginning with `middle`; the key without the page's prefix, and its head."""
    while low < high:
        slot = slot_at(page, middle)
        other = load32_relaxed(cython.address(slot.head))
        if other < head:
            low = middle + 1
        elif other > head:
            high = middle
        else:
            order = node_compare(page, page_size, slot, suffix, length)
            if order == 0:
                return (middle << 1) | 1
            if order == 100:
                return NODE_DAMAGED
            if order < 0:
                low = middle + 1
            else:
                high = middle
        middle = (low + high) >> 1
    return low << 1


def node_child_index(page, page_size, key, key_len):
    """Index of the child of a branch whose range holds `key`; NODE_DAMAGED where no child can."""
    found = node_search(page, page_size, key, key_len)
    if found < 0:
        return found
    if found & 1:
        return found >> 1
    return (found >> 1) - 1 if found >= 2 else NODE_DAMAGED


def node_child(page, page_size, key, key_len):
    """Page id of that child, or NODE_DAMAGED. Safe on a page that is being changed."""
    return node_child_of(page, page_size, node_search(page, page_size, key, key_len))


def node_child_of(page, page_size, found):
    """Page id of the child for what node_search has found, or NODE_DAMAGED. Safe on a page that is being changed."""
    if found < 0 or (found < 2 and not found & 1):
        return NODE_DAMAGED
    slot = slot_at(page, (found >> 1) - (0 if found & 1 else 1))
    offset: cython.size_t = load16_relaxed(cython.address(slot.offset))
    length: cython.size_t = load16_relaxed(cython.address(slot.key_len))
    if offset + CELL_SIZE + length + 4 > page_size:
        return NODE_DAMAGED
    child: cython.uint
    memcpy(cython.address(child), cython.cast(cython.p_uchar, page) + offset + CELL_SIZE + length, 4)
    return child


def node_child_at(page, index):
    """Page id of child `index`; the page must be validated and latched (or owned)."""
    child: cython.uint
    memcpy(cython.address(child), cell_value(page, slot_at(page, index)), 4)
    return child


def node_key(page, page_size, index, out):
    """Copy key `index` whole (prefix and suffix) to `out`; its length in bytes."""
    slot = slot_at(page, index)
    memcpy(out, lower_fence(page, page_size), page.prefix_len)
    memcpy(out + page.prefix_len, cell_key(page, slot), slot.key_len)
    return cython.cast(cython.size_t, page.prefix_len) + slot.key_len


def node_refresh_hints(page):
    """Recompute the hints; they are all zero while there are too few slots to be worth it."""
    count: cython.long = page.count
    i: cython.long
    if count > 2 * HINTS:
        distance: cython.long = count // (HINTS + 1)
        for i in range(HINTS):
            page.hint[i] = slot_at(page, distance * (i + 1)).head
    else:
        memset(cython.address(page.hint[0]), 0, HINTS * 4)


def node_place_cell(page, slot, suffix, suffix_len, value, value_len):
    """Write a cell at the bottom of the heap and point `slot` at it; the room must be there."""
    length = node_value_len(value_len)
    page.heap_start -= cython.cast(cython.uint, CELL_SIZE + suffix_len + length)
    slot.head = key_head(suffix, suffix_len)
    slot.offset = cython.cast(cython.ushort, page.heap_start)
    slot.key_len = cython.cast(cython.ushort, suffix_len)
    cell_at(page, slot).value_len = value_len
    memcpy(cell_key(page, slot), suffix, suffix_len)
    memcpy(cell_value(page, slot), value, length)


def node_drop_cell(page, slot):
    """Give a cell's bytes back: to the free space when it is the lowest, to `fragmented` otherwise."""
    size = cython.cast(cython.uint, CELL_SIZE + slot.key_len + node_value_len(cell_at(page, slot).value_len))
    if slot.offset == page.heap_start:
        page.heap_start += size
    else:
        page.fragmented += size


def node_compact(page, page_size, scratch):
    """Move all cells together at the top of the heap, in slot order. `scratch`: page_size bytes."""
    memcpy(scratch, page, page_size)
    old = cython.cast(cython.pointer(page_t), scratch)
    page.heap_start = page_size - page.lower_len - page.upper_len
    page.fragmented = 0
    i: cython.long
    for i in range(page.count):
        slot = slot_at(old, i)
        node_place_cell(
            page,
            slot_at(page, i),
            cell_key(old, slot),
            slot.key_len,
            cell_value(old, slot),
            cell_at(old, slot).value_len,
        )


def node_fits(page, key_len, value_len):
    """Whether a cell of a whole key of `key_len` and a value of `value_len` bytes fits, after compaction if need be."""
    need = (
        SLOT_SIZE
        + CELL_SIZE
        + cython.cast(cython.long, key_len)
        - page.prefix_len
        + cython.cast(cython.long, value_len)
    )
    return need <= node_free(page)


def node_insert(page, page_size, index, key, key_len, value, value_len, scratch):
    """Insert a cell as slot `index`. 0, NODE_FULL or NODE_DAMAGED (the page is then unchanged)."""
    if index < 0 or index > page.count or key_len < page.prefix_len:
        return NODE_DAMAGED
    length = node_value_len(value_len)
    if not node_fits(page, key_len, length):
        return NODE_FULL
    suffix_len: cython.size_t = key_len - page.prefix_len
    need: cython.long = SLOT_SIZE + CELL_SIZE + cython.cast(cython.long, suffix_len) + length
    if need > node_free_contiguous(page):
        node_compact(page, page_size, scratch)
    memmove(slot_at(page, index + 1), slot_at(page, index), cython.cast(cython.size_t, page.count - index) * SLOT_SIZE)
    page.count += 1
    node_place_cell(page, slot_at(page, index), key + page.prefix_len, suffix_len, value, value_len)
    node_refresh_hints(page)
    _sound(page, page_size)
    return 0


def node_can_update(page, index, value_len):
    """Whether a value of `value_len` can replace that of slot `index` in this page."""
    if index < 0 or index >= page.count:
        return False
    old: cython.long = node_value_len(cell_at(page, slot_at(page, index)).value_len)
    return cython.cast(cython.long, node_value_len(value_len)) - old <= node_free(page)


def node_update(page, page_size, index, value, value_len, scratch):
    """Replace the value of slot `index`. 0, NODE_FULL or NODE_DAMAGED (the page is then unchanged)."""
    if index < 0 or index >= page.count:
        return NODE_DAMAGED
    slot = slot_at(page, index)
    cell = cell_at(page, slot)
    length: cython.long = node_value_len(value_len)
    growth: cython.long = length - cython.cast(cython.long, node_value_len(cell.value_len))
    if growth == 0:
        cell.value_len = value_len
        memcpy(cell_value(page, slot), value, length)
        return 0
    if growth > node_free(page):
        return NODE_FULL
    # the key is part of the cell that moves: keep it where compaction cannot overwrite it
    suffix_len: cython.size_t = slot.key_len
    key_copy = scratch + page_size
    memcpy(key_copy, cell_key(page, slot), suffix_len)
    node_drop_cell(page, slot)
    if CELL_SIZE + cython.cast(cython.long, suffix_len) + length > node_free_contiguous(page):
        # an empty cell keeps the slot valid while the others move
        page.fragmented = 0
        node_compact_without(page, page_size, index, scratch)
    node_place_cell(page, slot_at(page, index), key_copy, suffix_len, value, value_len)
    _sound(page, page_size)
    return 0


def node_compact_without(page, page_size, skip, scratch):
    """Compact, leaving out the cell of slot `skip`, which the caller places again."""
    memcpy(scratch, page, page_size)
    old = cython.cast(cython.pointer(page_t), scratch)
    page.heap_start = page_size - page.lower_len - page.upper_len
    page.fragmented = 0
    i: cython.long
    for i in range(page.count):
        if i != skip:
            slot = slot_at(old, i)
            node_place_cell(
                page,
                slot_at(page, i),
                cell_key(old, slot),
                slot.key_len,
                cell_value(old, slot),
                cell_at(old, slot).value_len,
            )


def node_delete(page, page_size, index):
    """Remove slot `index` and its cell. 0 or NODE_DAMAGED."""
    if index < 0 or index >= page.count:
        return NODE_DAMAGED
    node_drop_cell(page, slot_at(page, index))
    page.count -= 1
    memmove(slot_at(page, index), slot_at(page, index + 1), cython.cast(cython.size_t, page.count - index) * SLOT_SIZE)
    if page.count == 0:
        page.heap_start = page_size - page.lower_len - page.upper_len
        page.fragmented = 0
    node_refresh_hints(page)
    if page.kind == KIND_LEAF or page.count > 0:
        _sound(page, page_size)
    return 0


def node_build(page, page_size, build):
    """Make the page exactly what a BUILD record says; page_id, tree_id and lsn stay. 0 or NODE_DAMAGED.

    `build.cells` is a packed run: for each cell u16 suffix length, u16 value_len (with its flag), suffix, value.
    """
    top: cython.long = cython.cast(cython.long, page_size) - build.lower_len - build.upper_len
    if top < HEADER_SIZE or build.prefix_len > build.lower_len:
        return NODE_DAMAGED
    page_id, tree_id, lsn = page.page_id, page.tree_id, page.lsn
    memset(page, 0, page_size)
    page.page_id, page.tree_id, page.lsn = page_id, tree_id, lsn
    page.kind = build.kind
    page.level = build.level
    page.flags = build.flags
    page.prefix_len = build.prefix_len
    page.lower_len = build.lower_len
    page.upper_len = build.upper_len
    page.heap_start = cython.cast(cython.uint, top)
    memcpy(lower_fence(page, page_size), build.lower, build.lower_len)
    memcpy(upper_fence(page, page_size), build.upper, build.upper_len)
    at = build.cells
    end = build.cells + build.cells_len
    while page.count < build.count:
        if at + CELL_PACKED > end:
            return NODE_DAMAGED
        suffix_len: cython.ushort
        value_len: cython.ushort
        memcpy(cython.address(suffix_len), at, 2)
        memcpy(cython.address(value_len), at + 2, 2)
        size: cython.size_t = cython.cast(cython.size_t, suffix_len) + node_value_len(value_len)
        if at + CELL_PACKED + size > end:
            return NODE_DAMAGED
        if cython.cast(cython.long, SLOT_SIZE + CELL_SIZE + size) > node_free_contiguous(page):
            return NODE_DAMAGED
        page.count += 1
        node_place_cell(
            page, slot_at(page, page.count - 1), at + CELL_PACKED, suffix_len, at + CELL_PACKED + suffix_len, value_len
        )
        at += CELL_PACKED + size
    node_refresh_hints(page)
    return 0 if at == end else NODE_DAMAGED


def node_pack(page, page_size, first, last, prefix_len, out, capacity):
    """Write cells first..last-1 as a packed run whose keys leave out `prefix_len` bytes; its length, or NODE_FULL.

    The new prefix may be longer or shorter than the page's own; it must be one that all these keys share.
    """
    used: cython.size_t = 0
    own: cython.size_t = page.prefix_len
    prefix = lower_fence(page, page_size)
    i: cython.long
    for i in range(first, last):
        slot = slot_at(page, i)
        value_len: cython.ushort = cell_at(page, slot).value_len
        length: cython.size_t = node_value_len(value_len)
        suffix_len: cython.ushort = cython.cast(cython.ushort, own + slot.key_len - prefix_len)
        if used + CELL_PACKED + suffix_len + length > capacity:
            return NODE_FULL
        memcpy(out + used, cython.address(suffix_len), 2)
        memcpy(out + used + 2, cython.address(value_len), 2)
        used += CELL_PACKED
        if prefix_len < own:
            memcpy(out + used, prefix + prefix_len, own - prefix_len)
            memcpy(out + used + own - prefix_len, cell_key(page, slot), slot.key_len)
        else:
            memcpy(out + used, cell_key(page, slot) + (prefix_len - own), suffix_len)
        used += suffix_len
        memcpy(out + used, cell_value(page, slot), length)
        used += length
    return used


def node_truncate(page, page_size, index, upper, upper_len, scratch):
    """Keep the cells before `index`; `upper` becomes the upper fence. `scratch`: 3 pages. 0 or NODE_DAMAGED."""
    if index < 0 or index > page.count:
        return NODE_DAMAGED
    build: build_t
    fences = scratch + 2 * page_size
    memcpy(fences, lower_fence(page, page_size), page.lower_len)
    memcpy(fences + page.lower_len, upper, upper_len)
    build.kind = page.kind
    build.level = page.level
    build.count = cython.cast(cython.ushort, index)
    build.flags = page.flags & ~FLAG_UPPER_INFINITE
    build.lower = fences
    build.lower_len = page.lower_len
    build.upper = fences + page.lower_len
    build.upper_len = cython.cast(cython.ushort, upper_len)
    build.prefix_len = cython.cast(cython.ushort, common_prefix(build.lower, build.lower_len, build.upper, upper_len))
    if build.prefix_len < page.prefix_len:
        return NODE_DAMAGED
    packed = node_pack(page, page_size, 0, index, build.prefix_len, scratch, 2 * page_size)
    if packed < 0:
        return NODE_DAMAGED
    build.cells = scratch
    build.cells_len = cython.cast(cython.uint, packed)
    return node_build(page, page_size, cython.address(build))


def node_split_index(page, page_size, position, fence_len):
    """Where to split a full node so that a cell can be inserted at `position`: the first cell of the new right node.

    An insert at the tree's upper end splits off nothing, or the last cell where an upper fence of `fence_len` bytes would
    not fit; one at its lower end leaves an eighth. So sequential loads leave full pages behind. Otherwise the cell sizes
    are halved. Both halves have room for their new fence: a node that gives cells away gains more than a fence needs.
    """
    count: cython.long = page.count
    if page.kind == KIND_BRANCH and position == count:
        return count - 1  # a branch is never empty
    if count <= 1:
        return position
    if position == count and page.flags & FLAG_UPPER_INFINITE:
        return count if node_free(page) >= cython.cast(cython.long, fence_len) else count - 1
    target: cython.long = node_used(page, page_size) // 2
    if position == 0 and page.lower_len == 0:
        target = page_size // 8 + 16
    used: cython.long = 0
    i: cython.long
    for i in range(count):
        slot = slot_at(page, i)
        used += SLOT_SIZE + CELL_SIZE + slot.key_len + node_value_len(cell_at(page, slot).value_len)
        if used >= target:
            return min(i + 1, count - 1)
    return count - 1
