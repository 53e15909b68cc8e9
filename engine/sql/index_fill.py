"""Filling a new index with the entries of a table's rows.

    rows in key order --> entries --> writes | full: query_memory
                                             v
                 sorted: the first run builds the tree from below (engine.btree.bulk), further ones go into its pages;
                 where all of it is little, into the memtable

A key that comes twice in a UNIQUE index is found where a run is sorted, and, of two runs, where the later one looks for its
keys in the tree.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cython.cimports.engine.sql.bulk import WRITE_BYTES, hand_over_sorted

from engine.txn.writes import Writes


def fill_index(txn, table, index, entries, flag):
    """Enter all rows of a table; False, and the transaction is to be undone, where a UNIQUE index would have a key twice.

    entries: engine.sql.index_entries.IndexEntries. flag: as of the session, to be interrupted by and to tell how far it is.
    """
    options = txn.store.options
    plain: cython.bint = index.plain
    unique: cython.bint = index.unique
    codec: KeyCodec = index.codec
    places = [column.position for column in index.columns] if plain else range(len(table.columns))
    decoder: RowDecoder = table.decoder(tuple(places))
    budget: cython.longlong = options.query_memory
    small: cython.longlong = options.memtable_bytes // 4
    room: cython.longlong = budget
    ticks: cython.uint = 0
    flushed = False
    writes: Writes = Writes()
    flag[3] = 2 * txn.count(table.tree)  # read, then entered
    for pair in txn.scan(table.tree):
        ticks += 1
        if ticks & 0xFF == 0:
            flag[2] += 0x100
            if flag[0]:
                flag[1]()
        key = cython.cast(bytes, pair[0])
        row: tuple = decoder.decode(key, cython.cast(bytes, pair[1]))
        if not plain:
            made = entries.entry(row, key)
            if made is None:
                continue
            entry: bytes = made[0]
            value: bytes = made[1]
        elif unique and None not in row:
            entry = codec.encode(row)
            value = key
        else:
            entry = cython.cast(bytes, codec.encode(row)) + key
            value = b""
        txn.store.check_pair(entry, value)
        writes.add(entry, value)
        room -= WRITE_BYTES + PyBytes_GET_SIZE(entry) + PyBytes_GET_SIZE(value)
        if room <= 0:
            if not enter(txn, index.tree, writes, unique, True, flushed, flag):
                return False
            flushed = True
            writes = Writes()
            room = budget
    return enter(txn, index.tree, writes, unique, flushed or budget - room > small, flushed, flag)


def enter(txn, tree, writes, unique, many, again, flag):
    """Sort a run and put it into the tree; False where a key of it is taken. again: others were put before."""
    count = writes.count
    writes.sort()
    if writes.count != count or (unique and again and any_taken(txn, tree, writes, flag)):
        return False
    hand_over_sorted(txn, tree, writes, many)
    flag[2] += count
    if flag[0]:
        flag[1]()
    return True


def any_taken(txn, tree, writes, flag):
    """Whether the tree has one of the keys of sorted writes already."""
    i: cython.long
    keys = []
    for i in range(writes.count):
        w = cython.address(writes.items[i])
        keys.append(PyBytes_FromStringAndSize(cython.cast(cython.p_char, w.key), w.key_len))
        if len(keys) == LOOKED_UP or i == writes.count - 1:
            if flag[0]:
                flag[1]()
            for found in txn.get_many(tree, keys):
                if found is not None:
                    return True
            keys = []
    return False
