"""The thread table: what each thread that uses the engine holds, waits for and has counted.

A thread takes an entry the first time it touches the engine and gives it back when it ends. Only its own thread writes
to an entry, with plain stores to its own cache lines, so the bookkeeping needs no lock and costs a few nanoseconds;
inspections read the entries of others and accept that a moving value may be a moment old.
"""

import cython
from cython.cimports.engine.base.thread_native import (
    native_alloc,
    native_free,
    native_generation,
    native_thread_at,
    native_thread_self,
    native_ticks_per_ns,
)


def thread_self():
    """The calling thread's entry. Beyond THREADS_MAX threads they share the last one, whose counts then blur."""
    return native_thread_self()


def thread_at(index):
    return native_thread_at(index)


def thread_buffer(t, size):
    """A buffer of at least `size` bytes that belongs to the thread; NULL when memory is short."""
    if t.buffer_size < size:
        native_free(t.buffer)
        t.buffer = native_alloc(size)
        t.buffer_size = size if t.buffer != cython.NULL else 0
    return t.buffer


def fork_generation():
    """How many times this process has been the child of a fork; a handle of another generation is refused."""
    return native_generation()


def ticks_per_ns():
    return native_ticks_per_ns()
