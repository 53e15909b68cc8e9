"""The records of a log that somebody looks for, found without the GIL; those that are not wanted are counted and passed over."""

import cython


def _next_match(r, wanted, view, counts, sizes):
    """Go to the next record that is looked for, and count it by type. 1, or 0 at the end."""
    while reader_next(r, view):
        kind = view.header.type
        if view.lsn < wanted.from_lsn:
            continue
        if not wanted.any_page and (kind > REC_OVERFLOW or view.header.page != wanted.page):
            continue
        if not wanted.any_txn and view.header.txn != wanted.txn:
            continue
        counts[kind] += 1
        sizes[kind] += view.header.length
        return 1
    return 0


def scan_log(reader, from_lsn, page, txn, limit):
    """Read to the end of the log: ({type number: (records, bytes)}, the first `limit` records) of those that match.

    from_lsn, page, txn: None for any. Raises OperationalError where the log cannot be read.
    """
    log: LogReader = reader
    r = log.ptr()
    wanted: filter_t
    view: record_view_t
    counts: uint64_t[16]
    sizes: uint64_t[16]
    i: cython.int
    for i in range(16):
        counts[i] = 0
        sizes[i] = 0
    wanted.from_lsn = from_lsn or 0
    wanted.any_page = page is None
    wanted.page = page or 0
    wanted.any_txn = txn is None
    wanted.txn = txn or 0
    found = []
    more: cython.int = 1
    while more:
        with cython.nogil:
            more = _next_match(r, cython.address(wanted), cython.address(view), counts, sizes)
        if more and len(found) < limit:
            found.append(log._record(cython.address(view)))
        elif more:
            with cython.nogil:
                while more:
                    more = _next_match(r, cython.address(wanted), cython.address(view), counts, sizes)
    for _ in reader:
        break  # there is none; asking says why, where the log could not be read
    return {int(i): (int(counts[i]), int(sizes[i])) for i in range(REC_LIMIT) if counts[i]}, found
