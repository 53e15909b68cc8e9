"""One ring of io_uring: entries go to the kernel through one ring in shared memory, results come back through another.

    ring_put  -> [submission ring] --ring_enter: one system call for all--> kernel
    ring_reap <- [completion ring] <----------------------------------------- as each operation ends

A ring has no lock: it belongs to one thread at a time (engine.storage.aio lends them out), which puts, enters and reaps.
The indexes that the kernel moves are read with acquire, those we move are written with release.

`ring_open` refuses, with the kernel's errno, wherever this will not do: a system without io_uring (ENOSYS), one that
forbids it (EPERM: sysctl kernel.io_uring_disabled, seccomp), too little lockable memory (ENOMEM), a kernel that lacks
what is needed (EOPNOTSUPP: plain reads and writes came with Linux 5.6).

Not used, as what an operation costs beyond the device is about a microsecond of copying: registered files and buffers,
a kernel thread that polls the submission ring (it would take a processor).
"""

import cython
from cython.cimports.libc.errno import EINTR, ENOMEM, EOPNOTSUPP
from cython.cimports.libc.string import memset


def ring_open(r, entries):
    """Make a ring with room for `entries` operations under way (a power of two). 0 or -errno."""
    params: uring_params_t
    memset(r, 0, cython.sizeof(ring_t))
    memset(cython.address(params), 0, cython.sizeof(uring_params_t))
    params.flags = URING_SETUP_COOP_TASKRUN  # no interrupt of a thread that is going to look anyhow; Linux 5.19
    fd: cython.long = uring_setup(entries, cython.address(params))
    if fd < 0:
        memset(cython.address(params), 0, cython.sizeof(uring_params_t))
        fd = uring_setup(entries, cython.address(params))
    if fd < 0:
        r.fd = -1
        return cython.cast(cython.int, fd)
    r.fd = cython.cast(cython.int, fd)
    needed: cython.uint = URING_FEAT_SINGLE_MMAP | URING_FEAT_NODROP
    code: cython.int = _probe(r.fd) if params.features & needed == needed else -EOPNOTSUPP
    if code == 0:
        code = _map(r, cython.address(params))
    if code < 0:
        ring_close(r)
    return code


def _probe(fd):
    """Whether the kernel reads and writes through this ring: 0, or -errno."""
    probe: uring_probe_t
    memset(cython.address(probe), 0, cython.sizeof(uring_probe_t))
    code: cython.long = uring_register(fd, URING_REGISTER_PROBE, cython.address(probe), 64)
    if code < 0:
        return cython.cast(cython.int, code)
    both: cython.bint = probe.ops[URING_OP_READ].flags & probe.ops[URING_OP_WRITE].flags & URING_OP_SUPPORTED
    return 0 if probe.count > URING_OP_WRITE and both else -EOPNOTSUPP


def _map(r, params):
    """Map the rings that the kernel has made. 0 or -ENOMEM."""
    sq_size: cython.size_t = params.sq.array + params.sq_entries * cython.sizeof(cython.uint)
    cq_size: cython.size_t = params.cq.cqes + params.cq_entries * cython.sizeof(uring_cqe_t)
    r.map_size = max(sq_size, cq_size)
    r.sqes_size = params.sq_entries * cython.sizeof(uring_sqe_t)
    r.map = uring_map(r.fd, r.map_size, 0)
    r.sqes = cython.cast(cython.pointer(uring_sqe_t), uring_map(r.fd, r.sqes_size, URING_SQES_AT))
    if r.map == cython.NULL or r.sqes == cython.NULL:
        return -ENOMEM
    base = cython.cast(cython.p_char, r.map)
    r.entries = params.sq_entries
    r.sq_tail = cython.cast(cython.p_uint, base + params.sq.tail)
    r.sq_array = cython.cast(cython.p_uint, base + params.sq.array)
    r.sq_mask = cython.cast(cython.p_uint, base + params.sq.ring_mask)[0]
    r.cq_head = cython.cast(cython.p_uint, base + params.cq.head)
    r.cq_tail = cython.cast(cython.p_uint, base + params.cq.tail)
    r.cq_mask = cython.cast(cython.p_uint, base + params.cq.ring_mask)[0]
    r.cqes = cython.cast(cython.pointer(uring_cqe_t), base + params.cq.cqes)
    return 0


def ring_close(r):
    """Give a ring back; nothing of it may be under way."""
    uring_unmap(r.map, r.map_size)
    uring_unmap(r.sqes, r.sqes_size)
    r.map = cython.NULL
    r.sqes = cython.NULL
    if r.fd >= 0:
        close_uring(r.fd)
    r.fd = -1


def ring_put(r, write, fd, buffer, length, offset, user):
    """Queue an operation; False where as many are under way as the ring has room for."""
    if r.queued + r.underway >= r.entries:
        return False
    tail: cython.uint = r.sq_tail[0]  # only we move it
    index: cython.uint = tail & r.sq_mask
    e = cython.address(r.sqes[index])
    memset(e, 0, cython.sizeof(uring_sqe_t))
    e.opcode = URING_OP_WRITE if write else URING_OP_READ
    e.fd = fd
    e.offset = offset
    e.address = cython.cast(uint64_t, buffer)
    e.length = length
    e.user_data = user
    r.sq_array[index] = index
    store32_release(r.sq_tail, tail + 1)
    r.queued += 1
    return True


def ring_enter(r, wait_for):
    """Hand what is queued to the kernel; wait until `wait_for` operations have ended. 0 or -errno; interrupts are not errors."""
    while True:
        taken: cython.long = uring_enter(r.fd, r.queued, wait_for)
        if taken >= 0:
            r.queued -= cython.cast(cython.uint, taken)
            r.underway += cython.cast(cython.uint, taken)
            return 0
        if taken != -EINTR:
            return cython.cast(cython.int, taken)


def ring_take_back(r, user):
    """Take back the operation queued last, which the kernel has not seen; False where there is none."""
    if r.queued == 0:
        return False
    tail: cython.uint = r.sq_tail[0] - 1
    user[0] = r.sqes[tail & r.sq_mask].user_data
    store32_release(r.sq_tail, tail)
    r.queued -= 1
    return True


def ring_reap(r, user, result):
    """Take one operation that has ended; False where there is none."""
    head: cython.uint = r.cq_head[0]  # only we move it
    if head == load32_acquire(r.cq_tail):
        return False
    e = cython.address(r.cqes[head & r.cq_mask])
    user[0] = e.user_data
    result[0] = e.result
    store32_release(r.cq_head, head + 1)
    r.underway -= 1
    return True
