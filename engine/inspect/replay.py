"""One page moved along the log, and records found in it by what they belong to: what time travel is made of.

    image of a checkpoint --load--> PageReplay --records of the page, up to an LSN--> the page as it was then
                                        |  BUILD and OVERFLOW say all of a page: before them nothing need be known
                                        +- ABORT puts back what was there before the batch

`apply_record` of engine.btree.redo changes the page: the very code with which recovery does it. A page equals the one that
lived up to the checksum field, which is right here and stale in a frame.
"""

import cython


class PageReplay:
    """The state of one page, moved forward by the records of a log; see the module."""

    def __cinit__(self, page_size, page_id):
        self.page_size = page_size
        self.page_id = page_id
        self.page = cython.cast(cython.pointer(page_t), calloc(1, page_size))
        self.before = cython.cast(cython.pointer(page_t), calloc(1, page_size))
        self.scratch = cython.cast(cython.p_uchar, calloc(4, page_size))
        if self.page == cython.NULL or self.before == cython.NULL or self.scratch == cython.NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.page)
        free(self.before)
        free(self.scratch)

    def load(self, image):
        """The page is this from here on; None: the page id is free."""
        if image is None:
            self.now = ABSENT
            return
        data: bytes = image
        if len(data) != self.page_size:
            raise ValueError("an image is a whole page")
        memcpy(self.page, PyBytes_AS_STRING(data), self.page_size)
        self.now = PRESENT

    def begin(self, lsn):
        """Records from this LSN on are going to be read; a batch that began before it is not whole."""
        self.start = lsn
        self.saved = self.pending = False

    @property
    def known(self):
        """Whether anything is known of the page."""
        return self.now != UNKNOWN

    @property
    def lsn(self):
        """LSN of the last record that changed the page; 0 where the page id is free or nothing is known."""
        return int(self.page.lsn) if self.now == PRESENT else 0

    def image(self):
        """The page, sealed; None where the page id is free, or nothing is known."""
        if self.now != PRESENT:
            return None
        page_seal(self.page, self.page_size)
        return PyBytes_FromStringAndSize(cython.cast(cython.p_char, self.page), self.page_size)

    def advance(self, reader, limit, single=False):
        """Apply the records up to LSN `limit`, or, if `single`, the first of them that changes the page.

        Gives the number of the record's type where `single` and one did, else 0; -1: the next record changes a page of
        which nothing is known: `load` what stood there before (`needed`), or `skip` it, and advance again; -2: the next
        record does not fit the page: log and page are not of the same history.
        """
        log: LogReader = reader
        r = log.ptr()
        upto: uint64_t = limit
        one: cython.bint = single
        with cython.nogil:
            done = self._run(r, upto, one)
        if done == CHANGED:
            return int(self.view.header.type) if one else 0
        return 0 if done == UNCHANGED else -1 if done == NEEDS_BASE else -2

    @property
    def needed(self):
        """LSN of the page's state before the record that waits: after `advance` gave -1, or `peek` found one."""
        return int(self.view.header.page_prev_lsn)

    @property
    def changed(self):
        """LSN of the last record that was applied (of an ABORT, too)."""
        return int(self.changed_lsn)

    def apply_at(self, reader, lsn):
        """Apply the one record at `lsn`; whether it is the page's and fits, which is so of BUILD and OVERFLOW always."""
        log: LogReader = reader
        r = log.ptr()
        at: uint64_t = lsn
        with cython.nogil:
            _jump(r, at)
            done: cython.int = NEEDS_BASE
            if (
                reader_next(r, cython.address(self.view))
                and self.view.lsn == at
                and self.view.header.page == self.page_id
            ):
                kind = self.view.header.type
                if (
                    kind in (REC_BUILD, REC_OVERFLOW)
                    and self.now == PRESENT
                    and self.page.lsn != self.view.header.page_prev_lsn
                ):
                    self.now = ABSENT  # what is between is missing; this says all of the page
                done = self._apply()
        self.pending = False
        return done == CHANGED

    def skip(self):
        """Pass over the record that waits."""
        self.pending = False

    def peek(self, reader):
        """(LSN, type number) of the page's next record, which waits then; None at the end of the log."""
        log: LogReader = reader
        r = log.ptr()
        while True:
            with cython.nogil:
                found = self._find(r, cython.cast(uint64_t, 1) << 63)
            if not found:
                return None
            if self.view.header.type != REC_ABORT:
                return int(self.view.lsn), int(self.view.header.type)
            self.pending = False

    def _find(self, r, limit):
        """Go to the next record at or before `limit` that can change the page; it waits then."""
        v = cython.address(self.view)
        while True:
            if not self.pending and (r.at > limit or not reader_next(r, v)):
                return False
            self.pending = True
            if v.lsn > limit:
                return False
            kind = v.header.type
            if kind == REC_ABORT or (kind <= REC_OVERFLOW and v.header.page == self.page_id):
                return True
            if kind == REC_COMMIT:
                self.saved = False
            self.pending = False

    def _abort(self):
        """The batch does not count: the page is again what it was before it. UNCHANGED or CHANGED."""
        first = cython.cast(cython.pointer(abort_record_t), self.view.fixed).first_lsn
        done: cython.int = UNCHANGED
        if first < self.start:  # its beginning was not read: what it did to the page is not known
            done = CHANGED if self.now != UNKNOWN else UNCHANGED
            self.now = UNKNOWN
        elif self.saved:
            memcpy(self.page, self.before, self.page_size)
            self.now = self.then
            done = CHANGED
        self.saved = False
        return done

    def _apply(self):
        """Deal with the record that waits. UNCHANGED, CHANGED, NEEDS_BASE, or ERR_LOG."""
        v = cython.address(self.view)
        kind = v.header.type
        makes: cython.bint = kind in (REC_BUILD, REC_OVERFLOW)
        if self.now == UNKNOWN and not makes and kind != REC_FREE and kind != REC_ABORT:
            return NEEDS_BASE
        self.pending = False
        self.changed_lsn = v.lsn
        if kind == REC_ABORT:
            return self._abort()
        if self.now == PRESENT and self.page.lsn != v.header.page_prev_lsn:
            return ERR_LOG
        if self.now == ABSENT and not makes:
            return ERR_LOG
        if self.now == UNKNOWN and v.header.page_prev_lsn == 0:
            self.now = ABSENT
        if not self.saved:
            memcpy(self.before, self.page, self.page_size)
            self.then = self.now
            self.saved = True
        if kind == REC_FREE:
            self.now = ABSENT
            return CHANGED
        if self.now != PRESENT:
            memset(self.page, 0, self.page_size)
        done = apply_record(self.page, self.page_size, v, self.scratch)
        self.now = PRESENT if done == 0 else UNKNOWN
        return CHANGED if done == 0 else done

    def _run(self, r, limit, single):
        done: cython.int = UNCHANGED
        while self._find(r, limit):
            done = self._apply()
            if done < 0 or done == NEEDS_BASE or (single and done == CHANGED):
                return done
        return UNCHANGED


# --- records by LSN, by page, by batch --------------------------------------------------------------------------------


def _jump(r, lsn):
    """Have the reader go on at a record's LSN; the segment is not read again if it is the one that is loaded."""
    r.at = lsn
    r.chained = False
    r.stop = STOP_NOT_YET
    r.code = 0


def record_at(reader, lsn):
    """The record that begins at `lsn`, verified by its own checksum; None where there is none (reader.reason says why)."""
    log: LogReader = reader
    r = log.ptr()
    at: uint64_t = lsn
    view: record_view_t
    for _ in range(2):
        with cython.nogil:
            _jump(r, at)
            found = reader_next(r, cython.address(view))
        if found and view.lsn == at:
            return log._record(cython.address(view))
        r.loaded = False  # a live log's last segment has grown since it was read, perhaps
    return None


def batch_end(reader, lsn):
    """(whether it counts, LSN of its first record, LSN of its end, wall clock or 0) of the batch of the record at `lsn`.

    None where the log ends before the batch does.
    """
    log: LogReader = reader
    r = log.ptr()
    at: uint64_t = lsn
    view: record_view_t
    for _ in range(2):
        with cython.nogil:
            _jump(r, at)
            found = reader_next(r, cython.address(view))
            while found and view.header.type != REC_COMMIT and view.header.type != REC_ABORT:
                found = reader_next(r, cython.address(view))
        if found:
            if view.header.type == REC_COMMIT:
                commit = cython.cast(cython.pointer(commit_record_t), view.fixed)
                return True, int(commit.first_lsn), int(view.lsn), int(commit.time_us)
            first = cython.cast(cython.pointer(abort_record_t), view.fixed).first_lsn
            return False, int(first), int(view.lsn), 0
        r.loaded = False
    return None


def last_change(reader, page, start, below):
    """LSN of the last record of a page in [start, below) whose batch counts, and ends before `below` too; 0 for none."""
    log: LogReader = reader
    r = log.ptr()
    at: uint64_t = start
    end: uint64_t = below
    number: uint32_t = page
    view: record_view_t
    last: uint64_t = 0
    in_batch: uint64_t = 0
    with cython.nogil:
        _jump(r, at)
        while r.at < end and reader_next(r, cython.address(view)) and view.lsn < end:
            kind = view.header.type
            if kind == REC_COMMIT:
                last = in_batch if in_batch != 0 else last
                in_batch = 0
            elif kind == REC_ABORT:
                in_batch = 0
            elif kind <= REC_OVERFLOW and view.header.page == number:
                in_batch = view.lsn
    return int(last)


def committed_records(reader):
    """(pages, LSNs, end) of the page records of complete batches that count, from where the reader stands; end: LSN behind them."""
    log: LogReader = reader
    r = log.ptr()
    view: record_view_t
    pages: list = []
    lsns: list = []
    batch_pages: list = []
    batch_lsns: list = []
    end = int(r.at)
    more: cython.int = 1
    while True:
        with cython.nogil:
            more = reader_next(r, cython.address(view))
        if not more:
            return pages, lsns, end
        kind = view.header.type
        if kind == REC_COMMIT:
            pages += batch_pages
            lsns += batch_lsns
        if kind in (REC_COMMIT, REC_ABORT):
            batch_pages = []
            batch_lsns = []
            end = int(view.end_lsn)
        elif kind <= REC_OVERFLOW:
            batch_pages.append(int(view.header.page))
            batch_lsns.append(int(view.lsn))


class RowScan:
    """Finds the records that tell of one key of a tree, wherever the page is that holds it.

    Handed out are: INSERT, UPDATE and DELETE of the key; BUILD of a leaf whose fences cover it; TRUNCATE and FREE of the page
    `leaf`, the last one known to cover it; and the end of every batch that had one of these.
    """

    def __init__(self, tree, key):
        self.tree = tree
        self.key = key
        self.sought = cython.cast(cython.p_uchar, PyBytes_AS_STRING(self.key))
        self.key_len = len(self.key)

    def find(self, reader):
        """The next such record, as a LogRecord; None at the end of the log."""
        log: LogReader = reader
        r = log.ptr()
        view: record_view_t
        with cython.nogil:
            found = self._next(r, cython.address(view))
        return log._record(cython.address(view)) if found else None

    def _covers(self, v):
        """Whether a BUILD makes a leaf whose fences cover the key."""
        build = cython.cast(cython.pointer(build_record_t), v.fixed)
        if build.level != 0 or v.header.type != REC_BUILD:
            return False
        least: cython.size_t = min(self.key_len, v.parts[0].len)
        order = memcmp(self.sought, v.parts[0].data, least)
        if order < 0 or (order == 0 and self.key_len < v.parts[0].len):
            return False
        if build.flags & FLAG_UPPER_INFINITE:
            return True
        least = min(self.key_len, v.parts[1].len)
        order = memcmp(self.sought, v.parts[1].data, least)
        return order < 0 or (order == 0 and self.key_len < v.parts[1].len)

    def _tells(self, v):
        kind = v.header.type
        if v.header.tree != self.tree or kind > REC_OVERFLOW:
            return False
        if kind in (REC_INSERT, REC_UPDATE, REC_DELETE):
            return v.parts[0].len == self.key_len and memcmp(v.parts[0].data, self.sought, self.key_len) == 0
        if kind == REC_BUILD:
            if self._covers(v):
                self.leaf = v.header.page
                return True
            return v.header.page == self.leaf and self.leaf != 0
        return (kind in (REC_TRUNCATE, REC_FREE)) and v.header.page == self.leaf and self.leaf != 0

    def _next(self, r, v):
        while reader_next(r, v):
            kind = v.header.type
            if kind in (REC_COMMIT, REC_ABORT):
                if self.in_batch:
                    self.in_batch = False
                    return True
            elif self._tells(v):
                self.in_batch = True
                return True
        return False
