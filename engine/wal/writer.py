"""The log writer: appends into a ring in memory, writes it to segment files, makes it durable for groups of commits.

An LSN is a byte position. LSN space is cut into segments of a fixed size, one file each, named by its first LSN, and every
byte of LSN space is a byte of a file: file offset = LSN - first LSN of the segment. So the appender puts record bytes,
segment headers and the padding between them into one stream, and the writer only copies the stream to the files.

    LSN  0      64                          size      size+64
         | head | rec | rec | rec | PAD 000 | head    | rec | rec ...
                            synced  written                   filled    end
                  durable ----^        ^---- in the file        ^-- in the ring, published

- Appending takes no lock: there is one appender at a time (the commit section), which publishes `filled` with a release store
  that the writing thread reads with acquire; `written` comes back the same way and frees room in the ring. An appender that
  finds the ring full writes it out itself.
- `writing` is the right to copy ring to file; `syncing` is the leadership of a group. Both are flags under one mutex that is
  never held during I/O, so a ring can be written out while an fdatasync is running.
- Group commit: the first who finds nobody syncing leads. It writes everything appended so far and syncs; callers whose LSN is in
  there sleep until that group is done, callers that come later form the next group, and the leader wakes one of them to
  lead it. A waiter stands in the list of its group and is woken by name, so a sync never wakes those it does not serve; who
  is served goes its way without coming back to the mutex, where all of a group would meet.
  A leader waits a moment for callers of the last group to come back (_gather), else they would take turns in two halves.
- A segment is begun by: fdatasync of the one before, create, fsync of the directory. So a later segment is proof that all
  earlier ones were durable in full, and the sync of a group needs only the newest file.
  Where commits do not wait for syncs, one of them waits for this: a file goes to the disk while it fills (_send), which leaves 5 ms of 20.
- A failed write or sync poisons the log: nothing is retried, every later append, write and sync is refused, but a waiter
  whose group had succeeded still hears of success.

Invariants
- synced <= written <= filled, filled - written <= ring size; end <= filled, and they differ only inside the append of a record
  larger than the ring. end and filled are on 8-byte borders.
- `synced` rises only at the end of a group, or with all waiters of both groups being woken to look again.
- A waiter is in one list, or was taken out by somebody who is about to wake it; it leaves only when it has been woken.
"""

import cython
from cython.cimports.engine.base.atomic import (
    add_relaxed,
    load32_acquire,
    load_acquire,
    loadi32_relaxed,
    store32_release,
    store_release,
    storei32_release,
)
from cython.cimports.engine.base.crc32c import crc32c
from cython.cimports.engine.base.park import park_free, park_init, park_wait, park_wake
from cython.cimports.engine.base.sync import (
    cond_broadcast,
    cond_wait,
    mutex_lock,
    mutex_unlock,
    now_ns,
    thread_yield,
)
from cython.cimports.engine.storage.file import file_sync, file_write
from cython.cimports.engine.wal.records import (
    LOG_VERSION,
    PARTS_MAX,
    REC_LIMIT,
    REC_PAD,
    RECORD_HEADER_SIZE,
    SEGMENT_HEADER_SIZE,
    record_align,
    record_header_t,
    segment_header_crc,
    segment_header_t,
    segment_magic,
    shapes,
    wal_part_t,
)
from cython.cimports.libc.errno import EINVAL, EIO, EMSGSIZE
from cython.cimports.libc.string import memcpy, memset

# Above every LSN: callers join a group while this is its target.
OPEN_GROUP = cython.declare(uint64_t, 0xFFFFFFFFFFFFFFFF)
# Where a sync is quicker than this, waiting for company costs more than it saves.
GATHER_WORTH_NS = cython.declare(uint64_t, 20_000)
GATHER_MAX_NS = cython.declare(uint64_t, 200_000)

# A segment goes to the disk in pieces of this size while it fills; whole pages.
SEND = cython.declare(uint64_t, 1 << 20)

# --- appending: one thread at a time, no lock ---


def _ring_put(w, lsn, data, n):
    offset: uint64_t = lsn & w.ring_mask
    room: uint64_t = w.ring_size - offset
    if n <= room:
        memcpy(w.ring + offset, data, n)
    else:
        memcpy(w.ring + offset, data, room)
        memcpy(w.ring, cython.cast(cython.p_uchar, data) + room, n - room)


def _ring_crc(w, crc, lsn, n):
    offset: uint64_t = lsn & w.ring_mask
    room: uint64_t = w.ring_size - offset
    if n <= room:
        return crc32c(crc, w.ring + offset, n)
    return crc32c(crc32c(crc, w.ring + offset, room), w.ring, n - room)


def publish_end(w, end):
    store_release(cython.address(w.filled), end)
    yield_point(POINT_FILLED)
    store_release(cython.address(w.end), end)


def _reserve(w, n):
    """Make room for n more bytes in the ring (n <= ring size) by writing it out; 0 or -errno."""
    while w.filled + n - load_acquire(cython.address(w.written)) > w.ring_size:
        w.append_flushes += 1
        code: cython.int = wal_write(w, w.filled)
        if code < 0:
            return code
    return 0


def stream_bytes(w, data, n):
    """Put n bytes (zeros where data is NULL) into the stream, through the ring piece by piece; `end` stays behind."""
    while n > 0:
        piece: uint64_t = n if n < w.ring_size else w.ring_size
        code: cython.int = _reserve(w, piece)
        if code < 0:
            return code
        if data:
            _ring_put(w, w.filled, data, piece)
            data += piece
        else:
            offset: uint64_t = w.filled & w.ring_mask
            room: uint64_t = w.ring_size - offset
            memset(w.ring + offset, 0, piece if piece < room else room)
            if piece > room:
                memset(w.ring, 0, piece - room)
        n -= piece
        store_release(cython.address(w.filled), w.filled + piece)
    return 0


def _append_large(w, header, parts, part_count):
    """A record larger than the ring: its checksum is computed first, then it is streamed."""
    i: cython.int
    length: uint64_t = header.length
    lsn: uint64_t = w.end
    crc = crc32c(w.seed, cython.address(lsn), 8)
    crc = crc32c(crc, cython.cast(cython.p_uchar, header) + 4, RECORD_HEADER_SIZE - 4)
    for i in range(part_count):
        crc = crc32c(crc, parts[i].data, parts[i].len)
    header.crc = crc
    code: cython.int = stream_bytes(w, cython.cast(cython.p_uchar, header), RECORD_HEADER_SIZE)
    for i in range(part_count):
        if code == 0:
            code = stream_bytes(w, cython.cast(cython.p_uchar, parts[i].data), parts[i].len)
    if code == 0:
        code = stream_bytes(w, cython.NULL, record_align(length) - length)
    if code == 0:
        w.last_crc = crc
        publish_end(w, w.filled)
    return code


def fill_segment_header(w, header, first):
    memset(header, 0, SEGMENT_HEADER_SIZE)
    header.magic = segment_magic
    header.version = LOG_VERSION
    header.segment_size = w.segment_size
    header.log_id = w.log_id
    header.first_lsn = first
    header.prev_crc = w.last_crc
    header.crc = segment_header_crc(header)


def _next_segment(w):
    """Close the appender's segment with a PAD record and zeros, and begin the next with its header; 0 or -errno."""
    rest: uint64_t = w.segment_end - w.end
    header: segment_header_t
    pad: record_header_t
    code: cython.int = 0
    if rest >= RECORD_HEADER_SIZE:
        lsn: uint64_t = w.end
        memset(cython.address(pad), 0, RECORD_HEADER_SIZE)
        pad.prev_crc = w.last_crc
        pad.length = RECORD_HEADER_SIZE
        pad.type = REC_PAD
        pad.crc = crc32c(
            crc32c(w.seed, cython.address(lsn), 8),
            cython.cast(cython.p_uchar, cython.address(pad)) + 4,
            RECORD_HEADER_SIZE - 4,
        )
        code = stream_bytes(w, cython.cast(cython.p_uchar, cython.address(pad)), RECORD_HEADER_SIZE)
        rest -= RECORD_HEADER_SIZE
        w.last_crc = pad.crc
    if code == 0:
        code = stream_bytes(w, cython.NULL, rest)
    if code < 0:
        return code
    fill_segment_header(w, cython.address(header), w.segment_end)
    code = stream_bytes(w, cython.cast(cython.p_uchar, cython.address(header)), SEGMENT_HEADER_SIZE)
    if code < 0:
        return code
    w.segment_end += w.segment_size
    publish_end(w, w.filled)
    return 0


def wal_append(w, type, txn, page, tree, page_prev_lsn, fixed, fixed_len, parts, part_count):
    header: record_header_t
    pieces: wal_part_t[4]
    code: cython.int = 0
    i: cython.int
    yield_point(POINT_APPEND)
    length: uint64_t = RECORD_HEADER_SIZE + fixed_len
    for i in range(part_count):
        length += parts[i].len
    whole: uint64_t = record_align(length)
    if load32_acquire(cython.address(w.poisoned)):
        w.error = w.poison_code
        return 0
    if whole > w.segment_size - SEGMENT_HEADER_SIZE:
        w.error = -EMSGSIZE
        return 0
    if type >= REC_LIMIT or not shapes[type].known or fixed_len != shapes[type].fixed_len or part_count > PARTS_MAX:
        w.error = -EINVAL
        return 0
    if w.end + whole > w.segment_end:
        code = _next_segment(w)
    if code == 0 and whole <= w.ring_size:
        code = _reserve(w, whole)
    if code < 0:
        w.error = code
        return 0
    lsn: uint64_t = w.end
    header.crc = 0
    header.prev_crc = w.last_crc
    header.length = length
    header.type = type
    header.flags = 0
    header.txn = txn
    header.page = page
    header.tree = tree
    header.page_prev_lsn = page_prev_lsn
    w.appends += 1
    t = thread_self()
    t.log_records += 1
    t.log_bytes += whole
    if whole > w.ring_size:
        pieces[0].data = fixed
        pieces[0].len = fixed_len
        for i in range(part_count):
            pieces[i + 1] = parts[i]
        w.error = _append_large(w, cython.address(header), pieces, part_count + 1)
        return lsn if w.error == 0 else 0
    # The last word first: what of it the record does not cover stays zero. A word on an 8-byte border never wraps.
    cython.cast(cython.pointer(uint64_t), w.ring + ((lsn + whole - 8) & w.ring_mask))[0] = 0
    _ring_put(w, lsn, cython.address(header), RECORD_HEADER_SIZE)
    at: uint64_t = lsn + RECORD_HEADER_SIZE
    _ring_put(w, at, fixed, fixed_len)
    at += fixed_len
    for i in range(part_count):
        _ring_put(w, at, parts[i].data, parts[i].len)
        at += parts[i].len
    crc = _ring_crc(w, crc32c(w.seed, cython.address(lsn), 8), lsn + 4, length - 4)
    cython.cast(cython.pointer(uint32_t), w.ring + (lsn & w.ring_mask))[0] = crc
    w.last_crc = crc
    publish_end(w, lsn + whole)
    if traced():
        trace_event(TRACE_LOG, page, -1, lsn, type, length)
    return lsn


def wal_end(w):
    return load_acquire(cython.address(w.end))


def wal_last_crc(w):
    return w.last_crc


def wal_synced(w):
    return load_acquire(cython.address(w.synced))


def wal_written(w):
    return load_acquire(cython.address(w.written))


def wal_poisoned(w):
    return load32_acquire(cython.address(w.poisoned)) != 0


# --- writing: whoever has `writing` ---


def _write_out(w, target):
    """Copy the ring up to target to the segment files; 0 or -errno."""
    at: uint64_t = w.written
    code: int64_t
    while at < target:
        if at == w.file_first + w.segment_size:
            code = _switch_file(w, at)
            if code < 0:
                return code
        offset: uint64_t = at & w.ring_mask
        n: uint64_t = target - at
        if n > w.ring_size - offset:
            n = w.ring_size - offset
        if n > w.file_first + w.segment_size - at:
            n = w.file_first + w.segment_size - at
        code = file_write(w.file, w.ring + offset, n, at - w.file_first)
        if code < 0:
            return code
        w.writes += 1
        at += n
        store_release(cython.address(w.written), at)
        if at - w.sent >= SEND:
            _send(w, at)
    return 0


def _send(w, written):
    """Have the system write whole pieces before `written` to the disk: the sync that ends a segment waits for the rest alone."""
    start: uint64_t = w.sent if w.sent > w.file_first else w.file_first
    end: uint64_t = written - (written - w.file_first) % SEND
    if end > start:
        os_write_back(w.file, start - w.file_first, end - start)
    w.sent = end


def _switch_file(w, first):
    """Make the full segment durable, then go on in a new file; 0 or -errno."""
    opened: cython.pointer(file_t) = cython.NULL
    yield_point(POINT_SEGMENT)
    code: cython.int = file_sync(w.file)
    if code < 0:
        return code
    mutex_lock(cython.address(w.mutex))
    busy = w.sync_file
    mutex_unlock(cython.address(w.mutex))
    yield_point(POINT_SEGMENT)
    code = w.open_file(w, first, busy, cython.address(opened))
    if code < 0:
        return code
    mutex_lock(cython.address(w.mutex))
    w.file = opened
    w.file_first = first
    w.syncs += 1
    w.segments_created += 1
    if w.synced < first:
        # Outside a group: all look again, or the one who was woken to lead the next group might leave without leading.
        store_release(cython.address(w.synced), first)
        _wake_all(w)
    mutex_unlock(cython.address(w.mutex))
    return 0


def _poison(w, code):
    """With the mutex: refuse everything from now on, and wake all to hear of it."""
    if not w.poisoned:
        w.poison_code = code if code < 0 else -EIO
        store32_release(cython.address(w.poisoned), 1)
    cond_broadcast(cython.address(w.idle))
    _wake_all(w)


def _release_writing(w):
    """With the mutex."""
    w.writing = False
    if w.idle_waiters:
        cond_broadcast(cython.address(w.idle))


def wal_write(w, lsn):
    code: cython.int = 0
    filled: uint64_t = load_acquire(cython.address(w.filled))
    if lsn > filled:
        lsn = filled
    mutex_lock(cython.address(w.mutex))
    while load_acquire(cython.address(w.written)) < lsn and not w.poisoned and w.writing:
        w.idle_waiters += 1
        cond_wait(cython.address(w.idle), cython.address(w.mutex))
        w.idle_waiters -= 1
    if w.poisoned:
        code = w.poison_code
    elif load_acquire(cython.address(w.written)) < lsn:
        w.writing = True
        mutex_unlock(cython.address(w.mutex))
        code = _write_out(w, load_acquire(cython.address(w.filled)))
        mutex_lock(cython.address(w.mutex))
        _release_writing(w)
        if code < 0:
            _poison(w, code)
    mutex_unlock(cython.address(w.mutex))
    return code


# --- group commit ---


def wal_sync(w, lsn):
    code: cython.int = 0
    finished: cython.pointer(waiter_t) = cython.NULL
    served: cython.bint = False
    filled: uint64_t = load_acquire(cython.address(w.filled))
    if lsn > filled:
        lsn = filled
    if load_acquire(cython.address(w.synced)) >= lsn:
        return 0
    start: uint64_t = now_ns()
    if traced():
        trace_event(TRACE_SYNC, 0, -1, lsn, 0, 0)
    mutex_lock(cython.address(w.mutex))
    while w.synced < lsn:
        if w.poisoned:
            code = w.poison_code
            break
        if not w.syncing:
            code = _lead(w, cython.address(finished))
            break
        served = _wait_for_group(w, lsn)
        if served:
            break
        mutex_lock(cython.address(w.mutex))
    if not served:
        mutex_unlock(cython.address(w.mutex))
    _wake(finished)
    _count_wait(w, start)
    if traced():
        trace_event(TRACE_SYNCED, 0, -1, wal_synced(w), 0, 0)
    return code


def _wait_for_group(w, lsn):
    """With the mutex, which is given up for good: sleep until the group that serves `lsn` is done. False: look again."""
    me: waiter_t
    parity: cython.int = (w.group if lsn <= w.sync_target else w.group + 1) & 1
    park_init(cython.address(me.park))
    me.served = False
    me.next = w.waiters[parity]
    w.waiters[parity] = cython.address(me)
    # _gather looks at the number without the mutex
    storei32_release(cython.address(w.group_waiters[parity]), w.group_waiters[parity] + 1)
    mutex_unlock(cython.address(w.mutex))
    park_wait(cython.address(me.park))
    park_free(cython.address(me.park))
    return me.served


def _take_waiters(w, parity):
    """With the mutex: take all waiters of a group out of its list, for whoever wakes them."""
    first = w.waiters[parity]
    w.waiters[parity] = cython.NULL
    storei32_release(cython.address(w.group_waiters[parity]), 0)
    return first


def _take_leader(w, parity):
    """With the mutex: take one waiter out of a group's list, to lead that group; NULL where there is none."""
    one = w.waiters[parity]
    if one != cython.NULL:
        w.waiters[parity] = one.next
        one.next = cython.NULL
        storei32_release(cython.address(w.group_waiters[parity]), w.group_waiters[parity] - 1)
    return one


def _wake(first):
    """Wake waiters that were taken out of their list."""
    while first != cython.NULL:
        following = first.next  # once woken it may be gone
        park_wake(cython.address(first.park))
        first = following


def _wake_all(w):
    """With the mutex: everybody looks again."""
    _wake(_take_waiters(w, 0))
    _wake(_take_waiters(w, 1))


def _lead(w, finished):
    """With the mutex, which is given up during I/O: write and sync for everybody who has appended by then.

    finished: whom the caller has to wake, without the mutex.
    """
    code: cython.int
    w.syncing = True
    w.sync_target = OPEN_GROUP
    _gather(w)
    while w.writing:
        w.idle_waiters += 1
        cond_wait(cython.address(w.idle), cython.address(w.mutex))
        w.idle_waiters -= 1
    # The group is closed here: who joined it had appended before, who comes now compares with the target.
    target: uint64_t = load_acquire(cython.address(w.filled))
    w.sync_target = target
    if w.poisoned:
        finished[0] = _finish_group(w, target, w.poison_code)
        return w.poison_code
    w.writing = True
    mutex_unlock(cython.address(w.mutex))
    code = _write_out(w, target)
    mutex_lock(cython.address(w.mutex))
    _release_writing(w)
    file = w.file
    w.sync_file = file
    mutex_unlock(cython.address(w.mutex))
    start: uint64_t = now_ns()
    if code == 0:
        code = file_sync(file)
    mutex_lock(cython.address(w.mutex))
    took: uint64_t = now_ns() - start
    w.sync_file = cython.NULL
    w.sync_ns += took
    w.usual_sync_ns = (7 * w.usual_sync_ns + took) // 8
    finished[0] = _finish_group(w, target, code)
    return code


def _gather(w):
    """With the mutex, given up meanwhile: wait a little for those who were here when the last group ended.

    Callers that are woken together come back together; without this they fall into two groups that take turns. The wait is
    bounded by a quarter of a usual sync, and after a wait in vain several groups are led without one.
    """
    parity: cython.int = w.group & 1
    if w.gather_pause > 0:
        w.gather_pause -= 1
        return
    if w.group_waiters[parity] + 1 >= w.expected or w.usual_sync_ns < GATHER_WORTH_NS:
        return
    expected: int32_t = w.expected - 1
    limit: uint64_t = now_ns() + min(w.usual_sync_ns // 4, GATHER_MAX_NS)
    mutex_unlock(cython.address(w.mutex))
    while loadi32_relaxed(cython.address(w.group_waiters[parity])) < expected and now_ns() < limit:
        thread_yield()
    mutex_lock(cython.address(w.mutex))
    if w.group_waiters[parity] >= expected:
        w.gather_penalty = 0
    else:
        w.gather_penalty = 2 * w.gather_penalty + 1 if w.gather_penalty < 32 else 63
        w.gather_pause = w.gather_penalty


def _finish_group(w, target, code):
    """With the mutex: the group is over. Who is to be woken: one of the next group, to lead it, then those that were served."""
    parity: cython.int = w.group & 1
    w.syncing = False
    w.group += 1
    if code < 0:
        _poison(w, code)
        return cython.NULL
    w.syncs += 1
    w.group_sizes[_log2(w.group_waiters[parity] + 1, GROUP_BUCKETS)] += 1
    w.expected = w.group_waiters[0] + w.group_waiters[1] + 1
    if w.synced < target:
        store_release(cython.address(w.synced), target)
    served = _take_waiters(w, parity)
    one = served
    while one != cython.NULL:
        one.served = True
        one = one.next
    leader = _take_leader(w, parity ^ 1)
    if leader == cython.NULL:
        return served
    leader.next = served
    return leader


def _count_wait(w, start_ns):
    add_relaxed(cython.address(w.waits[_log2(now_ns() - start_ns, WAIT_BUCKETS)]), 1)


def _log2(value, buckets):
    bucket: cython.int = 0
    while value > 1 and bucket < buckets - 1:
        value >>= 1
        bucket += 1
    return bucket
