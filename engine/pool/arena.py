"""Memory of the pool: zeroed, aligned to 2 MiB and advised for huge pages, given back to the system when freed.

Pages of memory are only taken when a frame is first used, or is about to be (writer.py), so a large pool over a small
database costs little.
"""


def arena_new(size):
    """`size` bytes (rounded up to 2 MiB), or NULL."""
    return arena_map(size)


def arena_free(p, size):
    """Give an arena of `size` bytes back; NULL is allowed."""
    arena_unmap(p, size)
