"""A few threads that read and write files: asynchronous I/O where the system offers nothing better.

    workers_put -> [queue] -> worker: file_read / file_write -> the group's list of finished operations -> workers_wait
                      |                                                                                        |
                      +------------ a caller that has nothing finished takes from the queue itself <-----------+

Threads are started when operations wait and none is idle, up to WORKERS_MAX; they end with workers_stop. As whoever
waits works, everything gets done even where no thread can be started. Any file will do: an operation is a call of
file_read or file_write, which continue short and interrupted transfers themselves.
Workers take no signals, and no GIL unless the file is written in Python.
"""

import cython


def op_run(op):
    """Carry out here and now what is left of an operation."""
    buffer = cython.cast(cython.p_char, op.buffer) + op.done
    if op.kind == AIO_READ:
        op.result = file_read(op.file, buffer, op.length - op.done, op.offset + op.done)
    else:
        op.result = file_write(op.file, buffer, op.length - op.done, op.offset + op.done)
    if op.result >= 0:
        op.result += op.done


def group_init(group):
    group.first = cython.NULL
    group.last = cython.NULL
    cond_init(cython.address(group.changed), cython.NULL)


def group_free(group):
    cond_destroy(cython.address(group.changed))


def group_add(group, op):
    """Put a finished operation behind the others."""
    op.next = cython.NULL
    if group.last == cython.NULL:
        group.first = op
    else:
        group.last.next = op
    group.last = op


def group_take(group):
    """The operation that finished first, or NULL."""
    op = group.first
    if op != cython.NULL:
        group.first = op.next
        if group.first == cython.NULL:
            group.last = cython.NULL
        op.next = cython.NULL
    return op


def workers_init(w):
    """Prepare a zeroed workers_t; no thread is started yet."""
    mutex_init(cython.address(w.mutex), RANK_WORKERS)
    cond_init(cython.address(w.work), cython.NULL)


def workers_put(w, group, op):
    """Queue an operation for the group. Never waits for I/O."""
    op.group = group
    op.next = cython.NULL
    mutex_lock(cython.address(w.mutex))
    if w.stopping:
        op.result = -ECANCELED
        group_add(group, op)
        mutex_unlock(cython.address(w.mutex))
        return
    if w.last == cython.NULL:
        w.first = op
    else:
        w.last.next = op
    w.last = op
    w.queued += 1
    if w.queued > w.idle and w.started < WORKERS_MAX:
        argument = cython.cast(cython.p_void, w)
        if start_thread(cython.address(w.threads[w.started]), _work, argument) == 0:
            w.started += 1
            w.idle += 1  # on its way to the queue
    cond_signal(cython.address(w.work))
    mutex_unlock(cython.address(w.mutex))


def _dequeue(w):
    """The next operation, or NULL. Mutex held."""
    op = w.first
    if op != cython.NULL:
        w.first = op.next
        if w.first == cython.NULL:
            w.last = cython.NULL
        op.next = cython.NULL
        w.queued -= 1
    return op


def _work(argument):
    """What a worker does until it is told to stop."""
    w = cython.cast(cython.pointer(workers_t), argument)
    mutex_lock(cython.address(w.mutex))
    while True:
        op = _dequeue(w)
        if op == cython.NULL:
            if w.stopping:
                break
            cond_wait(cython.address(w.work), cython.address(w.mutex))
            continue
        w.idle -= 1
        mutex_unlock(cython.address(w.mutex))
        op_run(op)
        mutex_lock(cython.address(w.mutex))
        w.idle += 1
        group_add(op.group, op)
        cond_signal(cython.address(op.group.changed))
    mutex_unlock(cython.address(w.mutex))
    return cython.NULL


def workers_wait(w, group):
    """The group's next finished operation; the caller has put more than it has got back. Works while it waits."""
    mutex_lock(cython.address(w.mutex))
    while True:
        op = group_take(group)
        if op != cython.NULL:
            break
        other = _dequeue(w)
        if other == cython.NULL:
            cond_wait(cython.address(group.changed), cython.address(w.mutex))
            continue
        mutex_unlock(cython.address(w.mutex))
        op_run(other)
        mutex_lock(cython.address(w.mutex))
        group_add(other.group, other)
        if other.group != group:
            cond_signal(cython.address(other.group.changed))
    mutex_unlock(cython.address(w.mutex))
    return op


def workers_cancel(w):
    """What no worker has begun ends with -ECANCELED, and so does what is put from now on."""
    mutex_lock(cython.address(w.mutex))
    w.stopping = True
    while True:
        op = _dequeue(w)
        if op == cython.NULL:
            break
        op.result = -ECANCELED
        group_add(op.group, op)
        cond_signal(cython.address(op.group.changed))
    cond_broadcast(cython.address(w.work))
    mutex_unlock(cython.address(w.mutex))


def workers_stop(w):
    """End the threads; nobody waits for an operation any more."""
    workers_cancel(w)
    i: cython.uint
    for i in range(w.started):
        join_thread(w.threads[i])
    w.started = 0
    mutex_destroy(cython.address(w.mutex))
    cond_destroy(cython.address(w.work))
