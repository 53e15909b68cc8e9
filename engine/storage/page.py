"""What every page owes its reader: the checksum, and bounds that make it safe to follow its offsets.

A page is verified once, when it enters the pool from the file. After that the pages in frames are only changed by the
node operations, which keep them valid, so that the hot paths need no checks of their own.
"""

import cython

PROBLEMS = {
    PAGE_BAD_CHECKSUM: "the checksum does not match the content",
    PAGE_BAD_TAG: "the page table expects another image (a lost or misplaced write)",
    PAGE_BAD_ID: "the image belongs to another page",
    PAGE_BAD_KIND: "the page kind is unknown or does not belong here",
    PAGE_BAD_HEADER: "a header field is out of bounds",
    PAGE_BAD_SLOT: "a slot points outside the heap",
    PAGE_BAD_CELL: "a cell's value has an impossible size",
    PAGE_BAD_ORDER: "the slots are not in the order of their heads",
}


def page_checksum(page, page_size):
    """CRC-32C of everything behind the checksum field."""
    return crc32c(0, cython.cast(cython.p_uchar, page) + 4, page_size - 4)


def page_seal(page, page_size):
    """Store the checksum; done on the copy that is about to be written, never on a frame."""
    page.checksum = page_checksum(page, page_size)


def page_verify(page, page_size, page_id, tag):
    """Whether an image read from the file is page `page_id` as the page table's `tag` names it."""
    if page.checksum != page_checksum(page, page_size):
        return PAGE_BAD_CHECKSUM
    if page.checksum != tag:
        return PAGE_BAD_TAG
    if page.page_id != page_id:
        return PAGE_BAD_ID
    return page_validate(page, page_size)


def page_validate(page, page_size):
    """Whether every length and offset of the page stays inside it and searches can rely on its order: PAGE_OK or the first problem."""
    if page.kind == KIND_OVERFLOW:
        return PAGE_OK if page.data_len <= page_size - HEADER_SIZE and page.data_len > 0 else PAGE_BAD_HEADER
    if page.kind == KIND_TABLE:
        return PAGE_OK if page.data_len <= (page_size - HEADER_SIZE) // SLOT_SIZE else PAGE_BAD_HEADER
    if page.kind == KIND_RETAINED:
        room = (page_size - HEADER_SIZE - cython.sizeof(table_entry_t)) // cython.sizeof(retained_t)
        return PAGE_OK if 0 < page.data_len <= room else PAGE_BAD_HEADER
    if page.kind != KIND_LEAF and page.kind != KIND_BRANCH:
        return PAGE_BAD_KIND
    if (page.kind == KIND_LEAF) != (page.level == 0):
        return PAGE_BAD_HEADER
    top: cython.long = cython.cast(cython.long, page_size) - page.lower_len - page.upper_len
    slots_end: cython.long = HEADER_SIZE + cython.cast(cython.long, page.count) * SLOT_SIZE
    heap_start: cython.long = page.heap_start
    if slots_end > heap_start or heap_start > top or page.prefix_len > page.lower_len:
        return PAGE_BAD_HEADER
    if page.flags & FLAG_UPPER_INFINITE:
        if page.prefix_len != 0 or page.upper_len != 0:
            return PAGE_BAD_HEADER
    elif page.prefix_len > page.upper_len:
        return PAGE_BAD_HEADER
    if page.kind == KIND_BRANCH and page.count == 0:
        return PAGE_BAD_HEADER
    cells: cython.long = 0
    head: cython.uint = 0
    i: cython.long
    for i in range(page.count):
        slot = slot_at(page, i)
        if slot.offset < heap_start or slot.offset + CELL_SIZE > top:
            return PAGE_BAD_SLOT
        if slot.head < head:
            return PAGE_BAD_ORDER
        head = slot.head
        raw: cython.uint = cell_at(page, slot).value_len
        length: cython.long = raw & VALUE_LEN_MASK
        size: cython.long = CELL_SIZE + slot.key_len + length
        if slot.offset + size > top:
            return PAGE_BAD_SLOT
        if page.kind == KIND_BRANCH:
            if raw != 4:
                return PAGE_BAD_CELL
        elif raw & VALUE_OVERFLOW and length != 12:
            return PAGE_BAD_CELL
        cells += size
    if heap_start + cells + page.fragmented != top:
        return PAGE_BAD_HEADER
    return PAGE_OK


def page_make_overflow(page, page_size, next, data, data_len):
    """Make the page part of a long value; page_id, tree_id and lsn stay. 0, or PAGE_BAD_HEADER if it does not fit."""
    if data_len == 0 or data_len > page_size - HEADER_SIZE:
        return PAGE_BAD_HEADER
    page_id, tree_id, lsn = page.page_id, page.tree_id, page.lsn
    memset(page, 0, page_size)
    page.page_id, page.tree_id, page.lsn = page_id, tree_id, lsn
    page.kind = KIND_OVERFLOW
    page.heap_start = HEADER_SIZE
    page.next = next
    page.data_len = data_len
    memcpy(cython.cast(cython.p_uchar, page) + HEADER_SIZE, data, data_len)
    return PAGE_OK
