"""Warming up: the pages that some keys need come into the pool together (engine.btree.warm), before they are needed.

A commit that reads inside the commit section holds up all others. So once one had to, the next WARM_COMMITS look up their
leaves before they enter it; where everything is in the pool, nobody does, for that costs a descent for each key.
"""

import cython


def warm_writes(s, writes, count):
    """Bring in the leaves that sorted writes will change, as far as an eighth of the pool goes; roots may be 0: not known."""
    if load32_relaxed(cython.address(s.warm_commits)) == 0:
        return
    store32_relaxed(cython.address(s.warm_commits), load32_relaxed(cython.address(s.warm_commits)) - 1)
    p = cython.address(s.pool)
    thread_does(OP_COMMIT)
    refs: key_ref_t[256]
    lsn: uint64_t = load_acquire(cython.address(p.published))
    left: cython.long = min(count, cython.cast(cython.long, p.frame_count // 8))
    i: cython.long = 0
    while i < left:
        n: cython.uint = 0
        root = writes[i].root
        while i < left and n < WARM_MAX and writes[i].root == root:
            refs[n].data = writes[i].key
            refs[n].len = writes[i].key_len
            n += 1
            i += 1
        at: cython.uint = 0
        while root != 0 and at < n:
            at += tree_warm(p, root, lsn, refs + at, n - at)


def warm_learn(s, reads):
    """Leaving the commit section, where `reads` pages had been read before: if this commit read some, the next ones warm up."""
    if load_relaxed(cython.address(s.pool.reads)) != reads:
        store32_relaxed(cython.address(s.warm_commits), WARM_COMMITS)
