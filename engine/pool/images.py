"""Writing many pages at once: copies of pages in one buffer, neighbours in the file in one write.

    frame --S latch, copied, sealed, S given back--> buffer | image | image | image | --one write for each run of slots-->
      |                                                                                                            file
      +-- afterwards: still the page and the latch version that was copied? then the frame is clean

The page is latched only while it is copied: whoever wants to change it never waits for the disk. The version that every
change adds to the latch word tells afterwards whether the frame still holds what was written; if it does not, the
image is the truth of a moment ago: good enough for a checkpoint, which wants the state of its own LSN, and useless to
eviction, which gives the slot back.

The copies stand side by side in one buffer and slots are taken in ascending order, so that most pages of a checkpoint
go out in few large writes. The writes themselves follow each other: they are copies into the memory of the system, which
a sync then has written out as it sees fit. Where others wait for the disk meanwhile, it sees fit to let them: a commit
beside a sync of 16 MB took 4 to 8 ms. `paced` writing therefore hands the disk PACED_PAGES at a time. Handing them to io_uring was no faster, to threads twice as slow, and
writing past the system's memory (O_DIRECT), 16 or 32 at a time, no faster either; measured: engine/README.md.
"""

import cython


def images_init(s, p):
    """Take the buffer. 0 or ERR_MEMORY."""
    s.count = 0
    s.paced = False
    s.buffer = cython.cast(cython.p_uchar, malloc(cython.cast(cython.size_t, IMAGES_MAX) << p.page_shift))
    return OK if s.buffer != cython.NULL else ERR_MEMORY


def images_free(s):
    free(s.buffer)
    s.buffer = cython.NULL


def images_copy(p, s, frame, slot, user):
    """Add a sealed copy of the page in a frame, which the caller has latched. There must be room. Mutex not held."""
    f = cython.address(p.frames[frame])
    invariant(s.count < IMAGES_MAX, b"images are written before there are too many")
    invariant(f.word & LATCH_SHARED != 0, b"a page stands still while it is copied")
    image = cython.address(s.images[s.count])
    copy = cython.cast(cython.pointer(page_t), s.buffer + (cython.cast(cython.size_t, s.count) << p.page_shift))
    memcpy(copy, frame_page(p, frame), p.page_size)
    page_seal(copy, p.page_size)
    image.frame = frame
    image.page_id = f.page_id
    image.slot = slot
    image.tag = copy.checksum
    image.seen = cython.cast(cython.uint, load_acquire(cython.address(f.word)) >> 32)
    image.user = user
    s.count += 1


def images_write(p, s):
    """Write all images, those of neighbouring slots with one write. 0, or the first error. Holds nothing."""
    file = cython.cast(cython.pointer(file_t), p.file)
    at: cython.uint = 0
    longest: cython.uint = PACED_PAGES if s.paced else IMAGES_MAX
    begun: cython.uint = 0
    while at < s.count:
        run: cython.uint = 1
        while run < longest and at + run < s.count and s.images[at + run].slot == s.images[at].slot + run:
            run += 1
        done = file_write(
            file,
            s.buffer + (cython.cast(cython.size_t, at) << p.page_shift),
            cython.cast(cython.size_t, run) << p.page_shift,
            cython.cast(uint64_t, s.images[at].slot) << p.page_shift,
        )
        if done < 0:
            return cython.cast(cython.int, done)
        if s.paced:
            os_begin_write(
                file,
                cython.cast(uint64_t, s.images[at].slot) << p.page_shift,
                cython.cast(uint64_t, run) << p.page_shift,
            )
            begun += run
            if begun >= PACED_PAGES:
                usleep(PACED_PAUSE_US)
                begun = 0
        at += run
    return OK


def image_settle(p, image):
    """The image is in the file: if its page still is what was copied, it is clean now. True then. Mutex held.

    The slot then lives; whatever use the caller took it for is the caller's to end.
    """
    f = cython.address(p.frames[image.frame])
    if not try_shared(cython.address(f.word), image.frame, image.page_id):
        return False  # somebody is changing it
    same: cython.bint = (
        cython.cast(cython.uint, load_acquire(cython.address(f.word)) >> 32) == image.seen
        and f.page_id == image.page_id
        and f.flags & FRAME_DIRTY != 0
        and not f.flags & FRAME_GARBAGE
    )
    if same:
        if f.version >= 0:
            p.versions[f.version].slot = image.slot
            p.versions[f.version].tag = image.tag
        else:
            r = ref_of(p, image.page_id)
            r.slot = image.slot
            r.tag = image.tag
        p.slots[image.slot] |= SLOT_LIVE
        f.flags &= ~cython.cast(cython.uint, FRAME_DIRTY)
    unlatch_shared(cython.address(f.word), image.frame)
    return same
