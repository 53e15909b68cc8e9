"""Making, opening and closing a database; recovery.

Making. The file comes to life as `NAME-new`: directory and catalog are created, a checkpoint is written, everything is
synced, and only then is it renamed to NAME. A crash leaves either no database or a whole one.

Opening. The meta slot that counts names the page table; the table gives every page its slot, and what no entry names is
free. Then the log is read from where that checkpoint's redo begins: first to find the end of the last complete batch
(and that what follows is a torn tail, not damage), then to redo the page records of the batches that count.
Recovery only changes pages in the pool: until the next checkpoint the file stays as it was, so a crash during recovery
is a crash like any other, and recovering twice equals recovering once.

Read-only opening takes no lock: it pins the checkpoint that counts, and its log until that is redone (keep.py), so it works
beside a writer, whatever that does, and stays at the state it found. What redo changes stays in its memory.

Closing. A checkpoint, unless nothing changed or writes are refused; then the files.
"""

import os
import time

import cython
from cython.cimports.engine.base.codes import ERR_MEMORY
from cython.cimports.engine.pool.fail import check
from cython.cimports.engine.pool.writer import pool_attach, pool_detach
from cython.cimports.engine.storage.aio import aio_new
from cython.cimports.engine.wal.records import REC_ABORT, REC_BUILD, REC_CHECKPOINT, REC_COMMIT, abort_record_t
from cython.cimports.libc.stdlib import free, malloc

from engine.base.errors import CorruptionError, LockedError, OperationalError
from engine.storage.aio import MODES, choose_mode
from engine.storage.file_overlay import OverlayFile
from engine.storage.meta import Meta, choose
from engine.txn.checkpoint import load_table
from engine.txn.checkpointer import Checkpointer
from engine.txn.commit import create_first_trees
from engine.txn.keep import keep_at_opening
from engine.txn.pins import pin_newest
from engine.txn.store import Store as StoreClass
from engine.wal.log import create_log, open_log

WINDOW_MIN = cython.declare(cython.size_t, 2 << 20)  # bytes of log that are redone together, sorted by page
WINDOW_MAX = cython.declare(cython.size_t, 256 << 20)


def log_directory(path):
    """Where the log of a data file is."""
    return path + "-wal"


def directory_of(path):
    """The directory that a file's name is in."""
    return os.path.dirname(path) or "."


def open_store(fs, path, options):
    """Open the database at `path`, or make it where it is missing and options.create.

    Raises OperationalError (missing, not a database, I/O), LockedError, CorruptionError, NotSupportedError.
    """
    mode = choose_mode(options.io)  # what cannot be had is refused before anything is made
    if fs.is_dir(path):
        raise OperationalError(f"{path} is a directory, not a database")
    if fs.exists(path):
        path = fs.real_path(path)  # the log is beside the file itself, by whatever link it is reached
    if not fs.exists(path):
        if options.readonly or not options.create:
            raise OperationalError(f"{path} does not exist")
        _make(fs, path, options)
    elif fs.size(path) == 0 and options.create and not options.readonly:
        fs.unlink(path)  # an empty file, as mktemp leaves it, is as good as none
        _make(fs, path, options)
    file = fs.open(path, readonly=options.readonly)
    lock = None
    try:
        if options.readonly:
            return open_pinned(fs, path, file, pin_newest(fs, file, path), options)
        lock = fs.lock(file)
        number, meta = choose(file, path)
        # Whoever wrote this meta may have been killed before it was durable. What it no longer needs is about to be
        # written over, and without it, after a loss of power, the one before would count again.
        file.sync()
        store = _open(fs, path, file, lock, number, meta, options)
        _attach_io(store, mode)
        return store
    except BaseException:
        file.close()
        if lock is not None:
            lock.close()
        raise


def open_pinned(fs, path, file, pinned, options):
    """A read-only store at a pinned checkpoint, which gets the file and the pin; with the log behind it, if that is pinned.

    Where it fails, closing the file is the caller's; that ends the pins.
    """
    with_log = pinned.log is not None
    store = _open(fs, path, file, pinned.slots, pinned.meta_slot, pinned.meta, options, with_log)
    if with_log:
        pinned.log.close()
    _attach_io(store, choose_mode(options.io))
    return store


def _make(fs, path, options):
    """Make an empty database, as a whole or not at all."""
    new = path + "-new"
    if not fs.exists(directory_of(path)):
        raise OperationalError(f"{path} cannot be made: its directory does not exist")
    file = fs.open(new, create=True)
    lock = None
    store = None
    try:
        lock = fs.lock(file)
        if fs.exists(path) and fs.size(path) > 0:
            raise LockedError(f"{path} is being made by somebody else; open it again")
        file.truncate(0)
        meta = Meta()
        meta.update(
            page_size=options.page_size,
            database_id=int.from_bytes(os.urandom(8)),
            log_id=int.from_bytes(os.urandom(8)),
            segment_size=options.segment_size,
            created_us=time.time_ns() // 1000,
        )
        store = StoreClass(fs, path, file, lock, options, options.page_size)
        store.meta = meta
        store.meta_slot = -1
        store.table = []
        store.attach_log(
            create_log(
                fs,
                log_directory(path),
                meta.as_dict()["log_id"],
                segment_size=options.segment_size,
                discard=True,
            )
        )
        create_first_trees(store)
        Checkpointer(store, 0).run()
        fs.rename(new, path)
        fs.sync_dir(directory_of(path))
    finally:
        if store is not None:
            store.close_files()
        else:
            file.close()
            if lock is not None:
                lock.close()


def _open(fs, path, file, lock, number, meta, options, with_log=True):
    """The store of an opened and locked, or pinned, data file."""
    fields = meta.as_dict()
    slots: cython.uint = (file.size() + fields["page_size"] - 1) // fields["page_size"]
    if options.readonly:
        file = OverlayFile(file, int(slots) * fields["page_size"])
    store: Store = StoreClass(fs, path, file, lock, options, fields["page_size"])
    p = cython.address(store.pool)
    store.meta = meta
    store.meta_slot = number
    store.redo_lsn = fields["redo_lsn"]
    check(slot_room(p, max(slots, 2)), path)
    if options.readonly:
        p.slot_hint = slots  # what the pool has to write out goes behind the file: into memory
    p.published = fields["checkpoint_lsn"]
    store.next_tree = max(2, fields["next_tree_id"])
    load_table(store)
    if not options.readonly:
        keep_at_opening(store)
    if with_log:
        reader = LogReader(fs, log_directory(path), fields["log_id"], fields["segment_size"])
        end_lsn, end_crc = _recover(store, reader)
    _find_free_pages(store)
    if options.readonly:
        store.open_readonly()
        return store
    # Whoever made the file may have been killed before its name was durable, and commits are about to rely on it.
    fs.sync_dir(directory_of(path))
    store.attach_log(
        open_log(
            fs,
            log_directory(path),
            fields["log_id"],
            end_lsn,
            end_crc,
            segment_size=fields["segment_size"],
            reserving=options.synchronous != "full",
        )
    )
    store.checkpointer = Checkpointer(store, options.checkpoint_bytes)
    return store


def _attach_io(store, mode):
    """Pages are read and written at once, and written in the background, from here on: recovery is over."""
    s: Store = store
    aio = aio_new(MODES.index(mode))
    check(ERR_MEMORY if aio == cython.NULL else 0, s.path)
    pool_attach(cython.address(s.pool), aio, not s.is_readonly)


def _detach_io(store):
    """Nothing is read ahead or written any more: the files may be closed."""
    s: Store = store
    with cython.nogil:
        pool_detach(cython.address(s.pool))


def _recover(store, reader):
    """Redo the complete batches behind the checkpoint; (LSN, checksum) where the log goes on."""
    s: Store = store
    log: LogReader = reader
    r = log.ptr()
    fields = s.meta.as_dict()
    broken = -1
    while True:
        end, crc, published, aborted = _find_end(reader, fields)
        try:
            reader.check_tail()
            break
        except CorruptionError:
            # Beside a writer the tail may have been read while it grew. What proves that a place was durable was
            # written after it: read again, a place that is broken still is damaged.
            if not s.is_readonly or int(r.at) == broken:
                raise
            broken = int(r.at)
    reader.seek(int(fields["redo_lsn"]), int(fields["redo_prev_crc"]))
    _redo(s, log, aborted, end)
    s.pool.published = published
    return end, crc


def _find_end(reader, fields):
    """Where the last complete batch ends: LSN, checksum there, LSN of its commit; and the batches that were aborted.

    A CHECKPOINT record, which stands between batches, is passed over too.
    """
    log: LogReader = reader
    r = log.ptr()
    view: record_view_t
    end = start = int(fields["redo_lsn"])
    crc = int(fields["redo_prev_crc"])
    published = int(fields["checkpoint_lsn"])
    aborted = []
    reader.seek(start, crc)
    while True:
        with cython.nogil:
            more = reader_next(r, cython.address(view))
            while more and view.header.type not in (REC_COMMIT, REC_ABORT, REC_CHECKPOINT):
                more = reader_next(r, cython.address(view))
        if not more:
            break
        if view.header.type == REC_COMMIT:
            published = int(view.lsn)
        elif view.header.type == REC_ABORT:
            aborted.append((int(cython.cast(cython.pointer(abort_record_t), view.fixed).first_lsn), int(view.lsn)))
        end = int(view.end_lsn)
        crc = int(view.header.crc)
    return end, crc, published, aborted


def _redo(store, reader, aborted, end):
    s: Store = store
    log: LogReader = reader
    r = log.ptr()
    scratch = cython.cast(cython.p_uchar, malloc(4 * s.pool.page_size))
    if scratch == cython.NULL:
        raise MemoryError
    next_tree: uint32_t = s.next_tree
    stop: uint64_t = end
    p = cython.address(s.pool)
    window: window_t
    window_init(
        cython.address(window), min(WINDOW_MAX, max(WINDOW_MIN, 2 * cython.cast(cython.size_t, s.options.pool_bytes)))
    )
    try:
        for first, last in [*aborted, (end, end)]:
            skip_from: uint64_t = first
            skip_to: uint64_t = last
            with cython.nogil:
                done = _redo_until(
                    p, r, cython.address(window), stop, skip_from, skip_to, scratch, cython.address(next_tree)
                )
            check(done, s.path)
        with cython.nogil:
            done = window_redo(cython.address(window), p, scratch)
        check(done, s.path)
        if r.at < stop:  # what could be read before cannot be read now
            reader.check_tail()
            raise CorruptionError(f"the log has changed while it was read: {reader.reason}", file=reader.directory)
    finally:
        free(scratch)
        window_free(cython.address(window))
    s.next_tree = next_tree


def _redo_until(p, r, window, end, skip_from, skip_to, scratch, next_tree):
    """Redo records up to the batch [skip_from, skip_to), which was aborted, and pass over that one. 0 or an error.

    The last of them may stay in the window.
    """
    view: record_view_t
    while r.at < end and r.at < skip_to:
        if not reader_next(r, cython.address(view)):
            return OK
        kind = view.header.type
        if kind <= 7 and view.lsn < skip_from and view.lsn < end:
            if kind == REC_BUILD and view.header.tree >= next_tree[0]:
                next_tree[0] = view.header.tree + 1
            done = window_add(window, cython.address(view))
            if done == OK and window_full(window):
                done = window_redo(window, p, scratch)
            if done != OK:
                return done
    return OK


def _find_free_pages(store):
    """Queue the page ids that no page has."""
    s: Store = store
    p = cython.address(s.pool)
    page_id: cython.uint
    done: cython.int = 0
    with cython.nogil:
        mutex_lock(cython.address(p.mutex))
        for page_id in range(1, p.next_page_id):
            if frame_of(p, page_id) < 0 and ref_of(p, page_id).slot == 0 and done == 0:
                done = page_id_give(p, page_id)
        mutex_unlock(cython.address(p.mutex))
    check(done, s.path)


def close_store(store):
    """Close a store: a last checkpoint where something changed and writes are allowed, then the files."""
    if store.closed:
        return
    try:
        large = store.large() if store.large is not None else None
        if large is not None and large.is_open:
            large.rollback()  # whoever waits for its end, the checkpoint thread perhaps, can go on
        if store.checkpointer is not None:
            store.checkpointer.stop()
            if store.failure is None and not store.log.stats().poisoned:
                store.check_open()
                store.checkpointer.run()
    finally:
        _detach_io(store)
        store.close_files()
