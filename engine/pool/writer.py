"""Work for the pool in the background: dirty pages written ahead of the clock hand, memory taken ahead of its first use.

A miss seldom waits for a write:

        hand                      hand + frames/8
          |                              |
    ...[ ][D][ ][ ][D][D][ ][D][ ][ ][D]...        D with a usage count of at most 1: written now, and clean when the
           ^                                       hand comes; what is used meanwhile has not been written in vain
           a miss that meets it calls the writer and goes on to a clean frame; after SKIPS of them it writes one itself

Frames are used for the first time in order, and the first touch of a huge page takes memory from the system and zeroes
it: 0.1 ms, or several where the machine is a guest whose host gives memory late. The thread takes the next few MiB
while the last ones are filled; a checkpoint asks for what may be copied while it runs, before it begins:

    arena  [ used so far ........................ | taken ahead    |          ]
                                         warm_at -^      warm_end -^
                                         its use calls for the next part

One thread for each pool, started when it is first needed, and only where the file can be written beside the
thread that misses (engine.storage.aio: a file with a descriptor, io other than "sync"). Elsewhere, and during recovery,
whoever misses writes. It writes to free slots only, as every eviction does; what it cannot write it leaves alone, and the
thread that needs the frame meets the error.
"""

import cython

AHEAD_MIN = cython.declare(cython.uint, 64)
AHEAD_MAX = cython.declare(cython.uint, 4096)
WARM_MIN = cython.declare(
    uint64_t, 2 << 20
)  # a database that is smaller needs no thread; and the unit of what is taken
WARM_MAX = cython.declare(uint64_t, 16 << 20)  # taken ahead at most


def pool_attach(p, aio, writer):
    """Give a pool its asynchronous I/O, which it owns from here on; `writer`: pages may be written in the background."""
    p.aio = aio
    if writer and aio_concurrent(aio, cython.cast(cython.pointer(file_t), p.file)):
        p.writer_state = WRITER_ALLOWED
        if p.arena_bytes > WARM_MIN:
            p.warm_at = cython.cast(cython.uint, WARM_MIN >> p.page_shift) - 1


def pool_detach(p):
    """Stop the writer and whatever I/O is under way; the file may be closed afterwards. What is read later is read alone."""
    aio = cython.cast(cython.pointer(aio_t), p.aio)
    if aio == cython.NULL:
        return
    if aio.generation == fork_generation():
        writer_stop(p)
    aio_stop(aio)


def _start(p):
    """See that the thread runs; False where there is none. Mutex held."""
    if p.writer_state == WRITER_ALLOWED:
        thread = cython.cast(cython.pointer(native_thread_t), cython.address(p.writer))
        p.writer_state = WRITER_RUNS
        if start_thread(thread, _work, cython.cast(cython.p_void, p)) != 0:
            p.writer_state = WRITER_NONE
    return p.writer_state == WRITER_RUNS


def writer_call(p):
    """Ask for pages to be written ahead of the hand; False where there is no writer to do it. Mutex held."""
    if not _start(p):
        return False
    if not p.writer_called:
        p.writer_called = 1
        cond_signal(cython.address(p.writer_wake))
    return True


def warm_call(p, frame):
    """A frame is used near the end of the memory that was taken: ask for more. Mutex held."""
    p.warm_at = WARM_NEVER  # until that is done
    p.warm_end = max(p.warm_end, cython.cast(cython.uint, frame) + 1)
    if _start(p):
        p.warm_called = 1
        cond_signal(cython.address(p.writer_wake))


def writer_stop(p):
    """End the writer, after what it is writing."""
    mutex_lock(cython.address(p.mutex))
    runs: cython.bint = p.writer_state == WRITER_RUNS
    p.writer_state = WRITER_STOPS if runs else WRITER_NONE
    cond_signal(cython.address(p.writer_wake))
    mutex_unlock(cython.address(p.mutex))
    if runs:
        join_thread(cython.cast(cython.pointer(native_thread_t), cython.address(p.writer))[0])
        p.writer_state = WRITER_NONE


def _work(argument):
    """What the thread does until it is told to stop."""
    p = cython.cast(cython.pointer(pool_t), argument)
    images: images_t
    ready: cython.bint = images_init(cython.address(images), p) == OK
    mutex_lock(cython.address(p.mutex))
    while p.writer_state == WRITER_RUNS:
        if p.warm_called:
            p.warm_called = 0
            _warm(p)
            continue
        if not p.writer_called:
            cond_wait(cython.address(p.writer_wake), cython.address(p.mutex))
            continue
        p.writer_called = 0
        if ready:
            _write_ahead(p, cython.address(images))
    mutex_unlock(cython.address(p.mutex))
    images_free(cython.address(images))
    return cython.NULL


def _warm(p):
    """Take memory behind what has it: as much as is in use, within bounds. Mutex held, given up meanwhile."""
    start = cython.cast(uint64_t, p.warm_end) << p.page_shift
    step = min(max(start, WARM_MIN), WARM_MAX)
    taken: cython.bint = _take_memory(p, start + step)
    end = cython.cast(uint64_t, p.warm_end) << p.page_shift
    if taken and end < p.arena_bytes:
        p.warm_at = cython.cast(cython.uint, (end - step // 2) >> p.page_shift)


def warm_for(p, frames):
    """Take the memory of so many frames beside those in use, and come back when it is there: for what copies so many pages."""
    mutex_lock(cython.address(p.mutex))
    wanted = cython.cast(uint64_t, p.frame_count - p.frames_free) + frames
    if p.writer_state == WRITER_RUNS and wanted > p.warm_end:
        _take_memory(p, (wanted << p.page_shift) + WARM_MIN)
        if p.warm_at != WARM_NEVER:  # nobody is about to move it
            p.warm_at = p.warm_end - cython.cast(cython.uint, WARM_MIN >> p.page_shift) // 2
    mutex_unlock(cython.address(p.mutex))


def _take_memory(p, end):
    """Take the memory before byte `end` of the arena; False where the system does not give it. Mutex held, given up meanwhile.

    Two may do so side by side: taking what is there already changes nothing.
    """
    end = min(end & ~(WARM_MIN - 1), p.arena_bytes)
    taken: cython.bint = True
    while taken and p.writer_state == WRITER_RUNS:
        at = cython.cast(uint64_t, p.warm_end) << p.page_shift
        if at >= end:
            break
        part = min(end - at, WARM_MIN - (at & (WARM_MIN - 1)))
        mutex_unlock(cython.address(p.mutex))
        taken = arena_take(p.arena + at, part)
        mutex_lock(cython.address(p.mutex))
        reached = cython.cast(cython.uint, (at + part) >> p.page_shift)
        if taken and reached > p.warm_end:
            p.warmed += reached - p.warm_end
            p.warm_end = reached
    return taken


def _write_ahead(p, images):
    """Write what is dirty and little used in front of the hand. Mutex held, given up meanwhile."""
    thread_does(OP_WRITE_AHEAD)
    span: cython.uint = min(max(p.frame_count // 8, AHEAD_MIN), AHEAD_MAX, p.frame_count)
    first: cython.uint = p.hand
    at: cython.uint = 0
    i: cython.uint
    while at < span and p.writer_state == WRITER_RUNS:
        images.count = 0
        while at < span and images.count < IMAGES_MAX:
            _collect(p, images, (first + at) % p.frame_count)
            at += 1
        if images.count == 0:
            return
        mutex_unlock(cython.address(p.mutex))
        done = images_write(p, images)
        mutex_lock(cython.address(p.mutex))
        for i in range(images.count):
            image = cython.address(images.images[i])
            if done == OK and image_settle(p, image):
                p.writes += 1
                p.evicted_dirty += 1
                p.written_ahead += 1
                if p.frames[image.frame].version >= 0:
                    p.evicted_versions += 1
            slot_drop(p, image.slot, SLOT_PENDING)
        if done != OK:
            return


def _collect(p, images, frame):
    """Copy a page if it should be written. Mutex held, given up meanwhile. Whether it was."""
    f = cython.address(p.frames[frame])
    if not f.flags & FRAME_DIRTY or f.flags & FRAME_GARBAGE or load32_relaxed(cython.address(f.usage)) > 1:
        return False
    number: cython.int = cython.cast(cython.int, frame)
    if not try_shared(cython.address(f.word), number, f.page_id):
        return False
    slot = slot_take(p, SLOT_PENDING)
    if slot != 0:
        mutex_unlock(cython.address(p.mutex))
        images_copy(p, images, number, slot, 0)
        mutex_lock(cython.address(p.mutex))
    unlatch_shared(cython.address(f.word), number)
    return slot != 0
