"""Results of functions that run without the GIL: 0 or more is success, -1 .. -999 is -errno, the rest stands here.

`engine.base.fail.error_of` turns them into typed exceptions at the boundary.
"""

cdef enum:
    OK = 0
    ERR_RESTART = -1001        # the version a reader wanted is gone or not there yet: take a newer snapshot, start again
    ERR_NO_PAGE = -1002        # the page id is free
    ERR_POOL_FULL = -1003      # every frame is pinned
    ERR_CORRUPT = -1004        # a damaged page; thread_t.failed_page and .failed_problem say more
    ERR_MEMORY = -1005
    ERR_POISONED = -1006       # the log failed earlier
    ERR_LIMIT = -1007
    ERR_CONFLICT = -1008
    ERR_INTERNAL = -1009       # an invariant does not hold
    ERR_NOT_FOUND = -1010
    ERR_FULL = -1011           # a page (not the disk) has no room
    ERR_CLOSED = -1012
    ERR_LOG = -1013            # a log record that cannot be applied
    ERR_STALE = -1014          # trees were made or dropped since the caller looked its tree up
    ERR_BUSY = -1015           # this thread itself holds the commit section, with a large transaction
