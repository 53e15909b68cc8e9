"""Asynchronous I/O: a batch of reads and writes against one file, many of them under way at once.

    aio_begin(a, &batch, file)      aio_submit(&batch, op) ...        aio_next(&batch) ...           aio_end(&batch)
           |                                |                                |
           |   io_uring (uring.py)     entry in the batch's ring  ->  one system call submits all and waits for one
           +-- threads (workers.py)    entry in the queue         ->  sleeps until one is done; works meanwhile
           +-- neither                 done here and now          ->  already there

One thread makes a batch, submits to it, takes the finished operations back in whatever order they finish, and ends it:
no I/O outlives the call that asked for it, nothing is owned by nobody, and no thread but the caller's touches its
buffers afterwards. What the caller gains is the device's parallelism. A caller holds neither the GIL nor a mutex.

Which way. `mode` is chosen once, by the option `io`: "auto" takes io_uring if the kernel makes a ring, else threads.
A batch takes one of at most AIO_RINGS rings for itself, so that no lock is held while it waits and completions need no
dispatch; where all are lent out, or the kernel makes no more, that batch takes the threads. Files without a descriptor
(in memory, or written in Python as the twins of the tests are) are served synchronously and in order, so that what
they record repeats, unless the caller says that any order will do. The results are the same each way: bytes
transferred, fewer than asked only for a read at the end of the file, or -errno, per operation.

Invariants
- At most AIO_DEPTH operations of a batch are with the kernel, and WORKERS_MAX with the threads; the rest waits here.
- Interrupted and short transfers are continued; a write that transfers nothing is EIO, as in file_os.py.
- aio_stop: what was not begun ends with ECANCELED, so does what is submitted from then on, and it returns when every
  batch has ended. Only then may the file be closed.
- In a child of fork nothing of the parent's is used: batches are synchronous there.
"""

import errno
import os

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython.cimports.engine.storage.uring import ring_close, ring_enter, ring_open, ring_put, ring_reap, ring_take_back
from cython.cimports.libc.errno import EAGAIN, EBUSY, EINTR, EIO

from engine.base.errors import InterfaceError, OperationalError
from engine.base.options import IO
from engine.storage.file import io_error

MODES = ("sync", "threads", "uring")

# --- one for each database -------------------------------------------------------------------------------------------


def aio_new(mode):
    """What carries out batches in this mode; no thread and no ring is made before one is needed. NULL: out of memory."""
    a = cython.cast(cython.pointer(aio_t), calloc(1, cython.sizeof(aio_t)))
    if a != cython.NULL:
        a.mode = mode
        a.generation = fork_generation()
        mutex_init(cython.address(a.mutex), RANK_IO)
        cond_init(cython.address(a.idle), cython.NULL)
        workers_init(cython.address(a.workers))
    return a


def aio_stop(a):
    """Cancel what was not begun, wait for every batch, end the threads, give the rings back. Stopping twice is allowed."""
    if a.generation != fork_generation():
        return
    mutex_lock(cython.address(a.mutex))
    stopped: cython.bint = a.stopped
    a.stopped = True
    if stopped:
        mutex_unlock(cython.address(a.mutex))
        return
    workers_cancel(cython.address(a.workers))
    store32_relaxed(cython.address(a.closing), 1)
    while a.open_batches > 0:
        cond_wait(cython.address(a.idle), cython.address(a.mutex))
    mutex_unlock(cython.address(a.mutex))
    workers_stop(cython.address(a.workers))
    i: cython.uint
    for i in range(a.ring_count):
        ring_close(cython.address(a.rings[i]))
    a.ring_count = 0


def aio_free(a):
    """Stop, and give the memory back; NULL is allowed. In a child of fork the parent's threads are not waited for."""
    if a == cython.NULL:
        return
    aio_stop(a)
    i: cython.uint
    for i in range(a.ring_count):  # of the parent; here they are only descriptors and mappings
        ring_close(cython.address(a.rings[i]))
    if a.generation == fork_generation():
        mutex_destroy(cython.address(a.mutex))
        cond_destroy(cython.address(a.idle))
    free(a)


def aio_hint(a, f, offset, length):
    """Tell the system that these bytes will be read soon: it may fetch them meanwhile. Nothing where all is synchronous."""
    if aio_concurrent(a, f) and offset + length <= f.fd_end:
        will_read(f.fd, offset, length)


def _borrow_ring(a):
    """A ring that nobody uses, or -1. Mutex held."""
    i: cython.int
    for i in range(cython.cast(cython.int, a.ring_count)):
        if a.free_rings & (cython.cast(cython.uint, 1) << i):
            a.free_rings &= ~(cython.cast(cython.uint, 1) << i)
            return i
    if a.ring_count >= AIO_RINGS or a.refused != 0:
        return -1
    a.refused = ring_open(cython.address(a.rings[a.ring_count]), AIO_DEPTH)
    if a.refused != 0:
        return -1
    a.ring_count += 1
    return cython.cast(cython.int, a.ring_count) - 1


# --- a batch ---------------------------------------------------------------------------------------------------------


def aio_begin(a, b, f, any_order):
    """Begin a batch against a file. `a` may be NULL: then it is synchronous. `any_order`: also without a descriptor."""
    b.aio = a
    b.file = f
    b.how = AIO_SYNC
    b.ring = -1
    b.underway = 0
    b.reads = 0
    b.writes = 0
    b.first = cython.NULL
    b.last = cython.NULL
    group_init(cython.address(b.finished))
    if a == cython.NULL or a.generation != fork_generation():
        b.aio = cython.NULL
        return
    direct: cython.bint = f.fd >= 0 and f.fd_end > 0
    mutex_lock(cython.address(a.mutex))
    if load32_relaxed(cython.address(a.closing)):
        b.how = AIO_CLOSED
        b.aio = cython.NULL
    else:
        a.open_batches += 1
        if a.mode != AIO_SYNC and (direct or any_order):
            b.how = AIO_THREADS
            if a.mode == AIO_URING and direct:
                b.ring = _borrow_ring(a)
                if b.ring >= 0:
                    b.how = AIO_URING
    mutex_unlock(cython.address(a.mutex))


def aio_submit(b, op):
    """Add an operation (buffer, offset, length, kind, user are set). Never waits for it, unless all is synchronous."""
    op.file = b.file
    op.result = 0
    op.done = 0
    op.tries = 0
    op.next = cython.NULL
    b.underway += 1
    if op.kind == AIO_WRITE:
        b.writes += 1
    else:
        b.reads += 1
    if b.how == AIO_URING and op.offset + op.length <= b.file.fd_end:
        _queue(b, op)
    elif b.how == AIO_THREADS:
        workers_put(cython.address(b.aio.workers), cython.address(b.finished), op)
    else:
        if b.how == AIO_CLOSED:
            op.result = -ECANCELED
        else:
            op_run(op)
        group_add(cython.address(b.finished), op)


def aio_next(b):
    """The next finished operation, in the order in which they finish; waits. NULL: there is none under way."""
    if b.underway == 0:
        return cython.NULL
    b.underway -= 1
    if b.how == AIO_THREADS:
        return workers_wait(cython.address(b.aio.workers), cython.address(b.finished))
    while True:
        op = group_take(cython.address(b.finished))
        if op != cython.NULL:
            return op
        invariant(b.how == AIO_URING, b"a synchronous operation is finished when it was submitted")
        _turn(b)


def aio_end(b):
    """End a batch, once everything under way has finished."""
    while aio_next(b) != cython.NULL:
        pass
    group_free(cython.address(b.finished))
    a = b.aio
    if a == cython.NULL:
        return
    mutex_lock(cython.address(a.mutex))
    if b.ring >= 0:
        invariant(a.rings[b.ring].underway == 0, b"a ring is given back empty")
        a.free_rings |= cython.cast(cython.uint, 1) << b.ring
    a.batches += 1
    a.reads += b.reads
    a.writes += b.writes
    a.open_batches -= 1
    if a.open_batches == 0:
        cond_broadcast(cython.address(a.idle))
    mutex_unlock(cython.address(a.mutex))


# --- through a ring --------------------------------------------------------------------------------------------------


def _queue(b, op):
    """Put what is left of an operation into the ring, or behind those that wait for room in it."""
    buffer = cython.cast(cython.p_char, op.buffer) + op.done
    if b.first == cython.NULL and ring_put(
        cython.address(b.aio.rings[b.ring]),
        op.kind == AIO_WRITE,
        b.file.fd,
        buffer,
        op.length - op.done,
        op.offset + op.done,
        cython.cast(uint64_t, op),
    ):
        return
    op.next = cython.NULL
    if b.last == cython.NULL:
        b.first = op
    else:
        b.last.next = op
    b.last = op


def _turn(b):
    """Hand over what is queued, wait until something has ended, take note of all that has."""
    ring = cython.address(b.aio.rings[b.ring])
    user: uint64_t = 0
    result: int32_t = 0
    code = ring_enter(ring, 1)
    found: cython.bint = False
    while ring_reap(ring, cython.address(user), cython.address(result)):
        found = True
        _ended(b, cython.cast(cython.pointer(aio_op_t), user), result)
    if code < 0 and not found:
        if (code == -EAGAIN or code == -EBUSY) and ring.underway > 0:
            thread_yield()  # short of memory: what is under way will give some back
        else:
            # the kernel takes nothing more: what it has not seen is done without it
            while ring_take_back(ring, cython.address(user)):
                op = cython.cast(cython.pointer(aio_op_t), user)
                op_run(op)
                group_add(cython.address(b.finished), op)
    waiting = b.first
    b.first = cython.NULL
    b.last = cython.NULL
    while waiting != cython.NULL:
        op = waiting
        waiting = op.next
        if load32_relaxed(cython.address(b.aio.closing)):
            op.result = -ECANCELED
            group_add(cython.address(b.finished), op)
        else:
            _queue(b, op)


def _ended(b, op, result):
    """The kernel has ended an operation: it is finished, or goes on."""
    if result == -EINTR or (result == -EAGAIN and op.tries < AIO_TRIES):
        op.tries += 1
        _queue(b, op)
        return
    if result == -EAGAIN:
        op_run(op)
    elif result < 0:
        op.result = result
    else:
        op.done += cython.cast(cython.uint, result)
        op.result = op.done
        if op.done < op.length:
            if result > 0:
                _queue(b, op)
                return
            if op.kind == AIO_WRITE:  # no error and no progress: never go on for ever
                op.result = -EIO
    group_add(cython.address(b.finished), op)


# --- for Python ------------------------------------------------------------------------------------------------------


def _ring_errno():
    """Whether the kernel makes a ring: 0 or -errno."""
    ring: ring_t
    code = ring_open(cython.address(ring), AIO_DEPTH)
    if code == 0:
        ring_close(cython.address(ring))
    return code


def choose_mode(name):
    """The mode that the option `io` stands for: "sync", "threads" or "uring".

    "auto": io_uring where the kernel grants it, else threads. Raises OperationalError for "uring" where it does not,
    InterfaceError for an unknown name.
    """
    if name not in IO:
        raise InterfaceError(f"io {name!r}: one of {', '.join(IO)} is needed")
    if name in ("sync", "threads"):
        return name
    with cython.nogil:
        code: cython.int = _ring_errno()
    if code == 0:
        return "uring"
    if name == "auto":
        return "threads"
    raise OperationalError(
        f"this system grants no io_uring ({os.strerror(-code)}, {errno.errorcode.get(-code, code)}); open with io='auto'"
    )


class AsyncIO:
    """The Python face of this module: batches of reads and writes against any File.

    mode: as choose_mode takes it. any_order: serve files without a descriptor from the threads, too.
    """

    def __cinit__(self, mode="auto", any_order=False):
        self.a = aio_new(MODES.index(choose_mode(mode)))
        if self.a == cython.NULL:
            raise MemoryError
        self.any_order = any_order

    def __dealloc__(self):
        aio_free(self.a)

    @property
    def mode(self):
        """ "sync", "threads" or "uring"."""
        return MODES[self.a.mode]

    def run(self, file, operations):
        """Carry out one batch of ("read", offset, length) and ("write", offset, data); the results in the same order.

        A result is the bytes read, the number of bytes written, or the OperationalError of that operation alone.
        """
        f: File = file
        f.check_open()
        count: cython.size_t = len(operations)
        buffers = []
        ops = cython.cast(cython.pointer(aio_op_t), calloc(count + 1, cython.sizeof(aio_op_t)))
        if ops == cython.NULL:
            raise MemoryError
        try:
            for i, (kind, offset, what) in enumerate(operations):
                whole: bytes = bytes(what) if kind == "write" else PyBytes_FromStringAndSize(cython.NULL, what)
                buffers.append(whole)
                ops[i].kind = AIO_WRITE if kind == "write" else AIO_READ
                ops[i].offset = offset
                ops[i].length = len(whole)
                ops[i].buffer = PyBytes_AS_STRING(whole)
            if any(kind == "write" for kind, _, _ in operations):
                f.check_writable()
            self._run(f, ops, count)
            return [self._result(f, operations[i][0], buffers[i], int(ops[i].result)) for i in range(count)]
        finally:
            free(ops)

    def stop(self):
        """Cancel what was not begun and wait for the rest; later batches are refused with ECANCELED."""
        with cython.nogil:
            aio_stop(self.a)

    def counters(self):
        """Batches, operations, threads and rings so far; closing: 1 once nothing more is taken."""
        a = self.a
        return {
            "batches": int(a.batches),
            "reads": int(a.reads),
            "writes": int(a.writes),
            "threads": int(a.workers.started),
            "rings": int(a.ring_count),
            "closing": int(load32_relaxed(cython.address(a.closing))),
        }

    def _run(self, file, ops, count):
        batch: aio_batch_t
        i: cython.size_t
        f = file.ptr()
        with cython.nogil:
            aio_begin(self.a, cython.address(batch), f, self.any_order)
            for i in range(count):
                aio_submit(cython.address(batch), cython.address(ops[i]))
            aio_end(cython.address(batch))
        return 0

    def _result(self, file, kind, buffer, result):
        if result < 0:
            return io_error(result, kind, file.path, file.failure)
        return result if kind == "write" else buffer[:result]
