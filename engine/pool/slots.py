"""Slots of the data file: which are free.

Nothing on disk lists the free slots: a slot is in use when the page table of the last checkpoint, a live page or an
old version refers to it, and one byte of flags per slot says which. Opening a database computes them anew.

Invariant: an image is written only to a slot whose flags were 0, so no image that a durable checkpoint or a live
snapshot can need is ever overwritten.
"""

import cython


def slot_room(p, count):
    """Make the table at least `count` slots long. 0, or -1 when memory is short."""
    if count <= p.slot_count:
        return 0
    room: cython.uint = max(count, p.slot_count + p.slot_count // 4, 256)
    grown = cython.cast(cython.p_uchar, realloc(p.slots, room))
    if grown == cython.NULL:
        return -1
    memset(grown + p.slot_count, 0, room - p.slot_count)
    p.slots = grown
    p.slot_count = room
    return 0


def slot_take(p, use):
    """A free slot, now used as `use`; 0 when memory is short. Low slots first, so that the file's end empties."""
    slot: cython.uint = max(p.slot_hint, META_SLOTS)
    while True:
        while slot < p.slot_count:
            if p.slots[slot] == 0:
                invariant(use != 0, b"a slot is taken for a use")
                p.slots[slot] = use
                p.slot_hint = slot + 1
                p.slots_used += 1
                yield_point(POINT_SLOT)
                return slot
            slot += 1
        if p.slot_count >= 0x7FFFFFFF or slot_room(p, p.slot_count + 1) != 0:
            return 0


def slot_drop(p, slot, use):
    """One use of a slot ends; without any other the slot is free."""
    if slot == 0 or slot >= p.slot_count or not p.slots[slot] & use:
        return
    p.slots[slot] &= ~use
    if p.slots[slot] == 0:
        p.slots_used -= 1
        if slot < p.slot_hint:
            p.slot_hint = slot
        yield_point(POINT_SLOT)


def slot_mark(p, slot, use):
    """Give a slot a further use. False if it had that use already: two pages claim one slot."""
    if slot < META_SLOTS or slot_room(p, slot + 1) != 0 or p.slots[slot] & use:
        return False
    if p.slots[slot] == 0:
        p.slots_used += 1
    p.slots[slot] |= use
    return True
