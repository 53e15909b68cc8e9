"""Ranks of locks: in the checked build, taking locks in a wrong order ends the process, whether it deadlocks or not.

    commit section < page latch < memtable < pool < log < sleeper < I/O < parking lot          (ranks.pxd has the numbers)

Every mutex is given a rank when it is made. A thread may wait for one only if all it holds have lower ranks; the thread
table remembers what it holds. A page latch counts where it is waited for: nobody may do that with the pool's mutex, or
another of a higher rank, in hand. What is only tried (mutex_trylock, try_shared) cannot deadlock and may come in any order.

The table from mutexes to ranks is open addressing with compare-and-swap; a forgotten place is used again for the same
chain. The approach is that of the Linux kernel's lock validator, with ranks that are declared instead of found out.
"""

import cython

_mutexes = cython.declare(uint64_t[16384])
_ranks = cython.declare(uint32_t[16384])
FORGOTTEN = cython.declare(uint64_t, 1)


def rank_register(mutex, rank):
    """A mutex comes into being."""
    key = cython.cast(uint64_t, mutex)
    at: cython.uint = cython.cast(cython.uint, (key >> 4) ^ (key >> 18)) & (MUTEXES - 1)
    _: cython.int
    for _ in range(MUTEXES):
        seen = load_acquire(cython.address(_mutexes[at]))
        if (seen == 0 or seen == FORGOTTEN) and cas64(cython.address(_mutexes[at]), seen, key):
            store32_release(cython.address(_ranks[at]), rank)
            return
        at = (at + 1) & (MUTEXES - 1)
    invariant(False, b"there is room for every mutex's rank")


def _place(mutex):
    """Where the mutex is in the table, or -1: one that was made without a rank."""
    key = cython.cast(uint64_t, mutex)
    at: cython.uint = cython.cast(cython.uint, (key >> 4) ^ (key >> 18)) & (MUTEXES - 1)
    _: cython.int
    for _ in range(MUTEXES):
        seen = load_acquire(cython.address(_mutexes[at]))
        if seen == key:
            return at
        if seen == 0:
            return -1
        at = (at + 1) & (MUTEXES - 1)
    return -1


def rank_forget(mutex):
    """The mutex is destroyed."""
    at = _place(mutex)
    if at >= 0:
        store_release(cython.address(_mutexes[at]), FORGOTTEN)


def rank_check(rank):
    """About to wait for a lock of this rank."""
    t = thread_self()
    i: cython.uint
    for i in range(min(t.rank_depth, cython.cast(cython.uint, RANKS_MAX))):
        invariant(t.rank_of[i] < cython.cast(uint32_t, rank), b"locks are taken in the order of their ranks")


def rank_before(mutex):
    """About to wait for a mutex."""
    at = _place(mutex)
    if at >= 0:
        rank = load32_acquire(cython.address(_ranks[at]))
        rank_check(rank)
        invariant(rank > RANK_LATCH or thread_self().depth == 0, b"the commit section is not entered with a page latch")


def rank_taken(mutex):
    """The calling thread has the mutex."""
    at = _place(mutex)
    if at < 0:
        return
    t = thread_self()
    invariant(t.rank_depth < RANKS_MAX, b"a thread holds few locks at a time")
    t.rank_mutex[t.rank_depth] = cython.cast(uint64_t, mutex)
    t.rank_of[t.rank_depth] = load32_acquire(cython.address(_ranks[at]))
    t.rank_depth += 1


def rank_given_back(mutex):
    """About to give the mutex back; it need not be the one that was taken last."""
    if _place(mutex) < 0:
        return
    t = thread_self()
    i: cython.int = cython.cast(cython.int, t.rank_depth) - 1
    while i >= 0 and t.rank_mutex[i] != cython.cast(uint64_t, mutex):
        i -= 1
    invariant(i >= 0, b"a mutex is given back by the thread that took it")
    t.rank_depth -= 1
    while i < cython.cast(cython.int, t.rank_depth):
        t.rank_mutex[i] = t.rank_mutex[i + 1]
        t.rank_of[i] = t.rank_of[i + 1]
        i += 1
