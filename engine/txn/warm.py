"""Warming up for Python callers: the pages that some keys need come into the pool together (engine.btree.warm)."""

import cython


def warm_keys(store, tree, keys):
    """Bring in the leaves that hold the keys (bytes) of a tree now; how many pages were read for it.

    Worth it before many lookups in a database larger than the pool. At most about an eighth of the pool's pages are
    brought in, for the first keys of the list; nothing is reported that a lookup would not report as well.
    """
    s: Store = store
    s.check_open()
    root: uint32_t = s.root_of(tree)
    wanted: list = [key for key in keys if type(key) is bytes]
    count: cython.uint = len(wanted)
    if root == 0 or count == 0:
        return 0
    refs = cython.cast(cython.pointer(key_ref_t), malloc(count * cython.sizeof(key_ref_t)))
    if refs == cython.NULL:
        raise MemoryError
    p = cython.address(s.pool)
    before: uint64_t = p.reads
    i: cython.uint
    for i in range(count):
        key: bytes = wanted[i]
        refs[i].data = cython.cast(cython.p_uchar, PyBytes_AS_STRING(key))
        refs[i].len = len(key)
    most: cython.uint = min(count, max(p.frame_count // 8, cython.cast(cython.uint, 1)))
    lsn: uint64_t = load_acquire(cython.address(p.published))
    with cython.nogil:
        i = 0
        while i < most:
            i += tree_warm(p, root, lsn, refs + i, most - i)
    free(refs)
    return int(p.reads - before)
