"""Takes locks in an order that the caller chooses. Only test_ranks.py builds it.

A .pyx, because it is no module of the engine and has no header for others.
"""
from engine.base.ranks cimport rank_check
from engine.base.sync cimport mutex_destroy, mutex_init, mutex_lock, mutex_t, mutex_trylock, mutex_unlock

cdef mutex_t first, second


def take(int rank_of_first, int rank_of_second, bint only_try) -> str:
    """Lock two mutexes of these ranks, the second one perhaps only tried; then give back the first one first."""
    mutex_init(&first, rank_of_first)
    mutex_init(&second, rank_of_second)
    mutex_lock(&first)
    if only_try:
        mutex_trylock(&second)
    else:
        mutex_lock(&second)
    mutex_unlock(&first)
    mutex_lock(&first) if rank_of_first > rank_of_second else 0
    mutex_unlock(&first) if rank_of_first > rank_of_second else 0
    mutex_unlock(&second)
    mutex_destroy(&first)
    mutex_destroy(&second)
    return "done"


def wait_for_latch(int held) -> str:
    """Wait for a lock of the rank of page latches (20) with a mutex of rank `held` in hand."""
    mutex_init(&first, held)
    mutex_lock(&first)
    rank_check(20)
    mutex_unlock(&first)
    mutex_destroy(&first)
    return "done"
