"""Online backup: a copy of the state at one snapshot, as a database file of its own.

The backup is a reader: it registers a snapshot, writes the version it sees of every page to a new file, slot after slot,
then a page table, a meta slot and an empty log whose LSNs begin behind every page's. Page ids stay, free space does not
come along, and commits go on meanwhile. The copy is made as `PATH-new` and renamed when everything is durable.
"""

import os
import struct
import time

import cython
from cython.cimports.engine.pool.fail import check

from engine.base.errors import OperationalError
from engine.storage.meta import Meta
from engine.txn.checkpoint import TABLE_TREE, entries_per_block
from engine.txn.opening import directory_of, log_directory
from engine.wal.log import create_log


def backup_store(store, fs, path, progress=None):
    """Write the present state to a new file. progress: called with (pages done, pages in all).

    Raises OperationalError where `path` exists or cannot be written; CorruptionError for a damaged page.
    """
    s: Store = store
    if fs.exists(path):
        raise OperationalError(f"{path} exists; a backup never replaces a file")
    new = path + "-new"
    file = fs.open(new, create=True)
    try:
        file.truncate(0)
        snapshot: Snapshot = s.snapshot()
        try:
            entries = _copy_pages(s, snapshot, file, progress)
        finally:
            snapshot.close()
        used = 2 + sum(1 for slot, _ in entries if slot)
        depth, root, used = _write_table(s, file, entries, used, int(snapshot.lsn))
        fields = s.meta.as_dict()
        log_id = int.from_bytes(os.urandom(8))
        log = create_log(
            fs,
            log_directory(path),
            log_id,
            segment_size=fields["segment_size"],
            start_lsn=int(s.log.end()) if s.log is not None else int(snapshot.lsn) + fields["segment_size"],
            discard=True,
        )
        redo_lsn = int(log.end())
        log.close()
        meta = Meta()
        meta.update(
            page_size=s.page_size,
            database_id=int.from_bytes(os.urandom(8)),
            log_id=log_id,
            sequence=1,
            checkpoint_lsn=int(snapshot.lsn),
            redo_lsn=redo_lsn,
            redo_prev_crc=0,
            table_depth=depth,
            table_slot=root[0],
            table_tag=root[1],
            next_page_id=len(entries),
            next_tree_id=int(s.next_tree),
            slot_count=used,
            segment_size=fields["segment_size"],
            created_us=fields["created_us"],
            checkpoint_us=time.time_ns() // 1000,
        )
        file.sync()
        file.pwrite(meta.sealed(), 0)
        file.truncate(used * s.page_size)
        file.sync()
        fs.rename(new, path)
        fs.sync_dir(directory_of(path))
    except BaseException:
        file.close()
        if fs.exists(new):
            fs.unlink(new)
        raise
    file.close()


def _copy_pages(store, snapshot, file, progress):
    """Write every page of the snapshot to consecutive slots; its table entry for each page id."""
    s: Store = store
    p = cython.address(s.pool)
    size = s.page_size
    lsn: uint64_t = snapshot.lsn
    data: bytearray = bytearray(size)
    view: cython.uchar[:] = data
    copy = cython.cast(cython.pointer(page_t), cython.address(view[0]))
    entries = [(0, 0)]
    slot = 2
    last = int(p.next_page_id)
    page_id: cython.uint
    for page_id in range(1, last):
        frame: cython.int = ERR_NO_PAGE
        if page_known(p, page_id):
            with cython.nogil:
                thread_does(OP_BACKUP)
                frame = pool_fix(p, page_id, lsn)
                if frame >= 0:
                    memcpy(copy, frame_page(p, frame), p.page_size)
                    pool_unfix(p, frame)
        if frame in (ERR_NO_PAGE, ERR_RESTART):
            entries.append((0, 0))  # free, or made after the snapshot
            continue
        check(frame, s.path)
        page_seal(copy, p.page_size)
        file.pwrite(data, slot * size)
        entries.append((slot, int(copy.checksum)))
        slot += 1
        if progress is not None and page_id % 256 == 0:
            progress(int(page_id), last)
    return entries


def _write_table(store, file, entries, slot, lsn):
    """Write a page table for the entries from `slot` on; (depth, (root slot, root tag), next free slot)."""
    s: Store = store
    size = s.page_size
    per = entries_per_block(size)
    level = 0
    while True:
        above = []
        for index in range(0, max(1, len(entries)), per):
            part = entries[index : index + per]
            data: bytearray = bytearray(size)
            view: cython.uchar[:] = data
            page = cython.cast(cython.pointer(page_t), cython.address(view[0]))
            page.kind = KIND_TABLE
            page.level = level
            page.page_id = index // per
            page.tree_id = TABLE_TREE
            page.lsn = lsn
            page.data_len = len(part)
            for i, (entry_slot, tag) in enumerate(part):
                struct.pack_into("<II", data, HEADER_SIZE + 8 * i, entry_slot, tag)
            page_seal(page, s.pool.page_size)
            file.pwrite(data, slot * size)
            above.append((slot, int(page.checksum)))
            slot += 1
        level += 1
        entries = above
        if len(entries) == 1:
            return level, entries[0], slot
