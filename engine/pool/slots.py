"""Slots of the data file: which are free, and where the file may end.

Nothing on disk lists the free slots: a slot is in use when the page table of the last checkpoint, a live page or an
old version refers to it, and one byte of flags per slot says which. Opening a database computes them anew.

    slot   2 3 4 5 6 7 8 9 ...          slots_end: 8
           L D . L . D . . . .          whatever needs a slot says so by a flag of its own; what has none, nobody needs

Cutting the file. Whoever shortens it (engine.txn.vacuum) first sets `slot_cut` to where it is to end, behind every slot
in use: from then on nobody takes a slot from there on, and who finds no other waits. Only then is the file cut, and the
mutex not held meanwhile.

Invariant: an image is written only to a slot whose flags were 0, so no image that a durable checkpoint or a live
snapshot can need is ever overwritten, or cut off.
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
    """A free slot, now used as `use`; 0 when memory is short. Low slots first, so that the file's end empties.

    The mutex is given up where the only free slots are being cut off.
    """
    slot: cython.uint = max(p.slot_hint, META_SLOTS)
    while True:
        while slot < p.slot_count and (p.slot_cut == 0 or slot < p.slot_cut):
            if p.slots[slot] == 0:
                invariant(use != 0, b"a slot is taken for a use")
                p.slots[slot] = use
                p.slot_hint = slot + 1
                p.slot_peak = max(p.slot_peak, slot + 1)
                p.slots_used += 1
                yield_point(POINT_SLOT)
                return slot
            slot += 1
        if p.slot_cut != 0:
            cond_wait(cython.address(p.slots_whole), cython.address(p.mutex))
            slot = max(p.slot_hint, META_SLOTS)
        elif p.slot_count >= 0x7FFFFFFF or slot_room(p, p.slot_count + 1) != 0:
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


def slots_end(p):
    """The slot behind the last one in use: the file needs to be no longer than that."""
    slot: cython.uint = p.slot_count
    while slot > META_SLOTS and p.slots[slot - 1] == 0:
        slot -= 1
    return max(slot, META_SLOTS)


def slots_cut(p, wanted):
    """Begin to cut the file at `wanted`, or behind the last slot in use: that place. One at a time; ends with slots_done."""
    p.slot_cut = max(slots_end(p), wanted)
    yield_point(POINT_SLOT)
    return p.slot_cut


def slots_done(p):
    """The file has been cut, or not: all slots may be taken again."""
    p.slot_cut = 0
    cond_broadcast(cython.address(p.slots_whole))
