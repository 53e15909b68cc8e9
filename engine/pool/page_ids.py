"""Page ids: which the next checkpoint must write, which are free, and lists of them.

A freed id goes to the end of a queue and is taken again from its beginning, when no snapshot and no older version can
mean the page that had it before; until then new ids are taken. All of it is under the pool's mutex.
"""

import cython


def note_page(list, count, room, page_id):
    """Append to a growing list of page ids. 0 or ERR_MEMORY."""
    if count[0] == room[0]:
        wanted: cython.uint = room[0] * 2 if room[0] else 256
        grown = cython.cast(cython.pointer(cython.uint), realloc(list[0], cython.cast(cython.size_t, wanted) * 4))
        if grown == cython.NULL:
            return ERR_MEMORY
        list[0] = grown
        room[0] = wanted
    list[0][count[0]] = page_id
    count[0] += 1
    return OK


def mark_changed(p, page_id):
    """Put a page on the list of what the next checkpoint must write. Mutex held. 0 or ERR_MEMORY."""
    r = ref_of(p, page_id)
    if r.changed == p.changed_epoch:
        return OK
    done = note_page(
        cython.address(p.changed), cython.address(p.changed_count), cython.address(p.changed_room), page_id
    )
    if done == OK:
        r.changed = p.changed_epoch
    return done


def page_id_take(p, page_id):
    """A page id that nobody can see: a freed one if old enough, else a new one. Mutex held. 0 or an error."""
    if p.free_count > 0:
        candidate = p.free_pages[p.free_first]
        r = ref_of(p, candidate)
        if r.versions < 0 and (p.oldest_snapshot < 0 or p.snapshots[p.oldest_snapshot].lsn >= r.lsn):
            p.free_first = p.free_first + 1 if p.free_first + 1 < p.free_room else 0
            p.free_count -= 1
            page_id[0] = candidate
            return OK
    if p.next_page_id >= 0x7FFFFFFF:
        return ERR_FULL
    done = pool_know(p, p.next_page_id)
    if done == OK:
        page_id[0] = p.next_page_id
        store32_relaxed(cython.address(p.next_page_id), p.next_page_id + 1)  # readers look at it without the mutex
    return done


def page_id_give(p, page_id):
    """Put a page id at the end of the queue of free ones. Mutex held. 0 or ERR_MEMORY."""
    if p.free_count == p.free_room:
        room: cython.uint = p.free_room * 2 if p.free_room else 256
        grown = cython.cast(cython.pointer(cython.uint), malloc(cython.cast(cython.size_t, room) * 4))
        if grown == cython.NULL:
            return ERR_MEMORY
        i: cython.uint
        for i in range(p.free_count):
            grown[i] = p.free_pages[(p.free_first + i) % p.free_room]
        free(p.free_pages)
        p.free_pages = grown
        p.free_room = room
        p.free_first = 0
    p.free_pages[(p.free_first + p.free_count) % p.free_room] = page_id
    p.free_count += 1
    return OK
