"""Trees by name: the key-value face of the database, ordered bytes -> bytes.

Every operation is a transaction of its own; `Transaction.tree` gives the same operations inside one transaction.
A tree comes into being with its first write. Its id and root are remembered until any tree is made or dropped.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_GET_SIZE
from cython.cimports.engine.base.thread import fork_generation
from cython.cimports.engine.btree.many import tree_get_many
from cython.cimports.engine.btree.read import tree_get
from cython.cimports.engine.txn.commit import delete_one, put_one, put_sorted
from cython.cimports.engine.txn.writes import Writes
from cython.cimports.libc.stdint import uint8_t

from engine.base.errors import ConflictError, CorruptionError, InterfaceError
from engine.txn.transaction import Transaction

RETRIES = 100
PAIR_BYTES = 160  # what a pair takes in memory besides its bytes
NEVER = cython.declare(uint64_t, 0xFFFFFFFFFFFFFFFF)


class Tree:
    """An ordered map from bytes to bytes, stored under `name`. Made by Database.tree.

    Keys have up to page_size / 8 bytes (1,024 by default), values up to 1 GiB (LimitError beyond).
    """

    def __init__(self, store, catalog, name):
        self.store = store
        self.catalog = catalog
        self.name = name
        self.epoch = NEVER

    def __repr__(self):
        return f"<Tree {self.name!r} of {self.store.path}>"

    def _refresh(self):
        """Look the tree's id and root up again if trees were made or dropped since."""
        store = self.store
        store.check_open()
        if self.epoch == store.tree_epoch:
            return 0
        epoch = store.tree_epoch
        txn = Transaction(store, "snapshot", True)
        try:
            found = self.catalog.named_tree(txn, self.name)
        finally:
            txn.rollback()
        self.tree = found if found is not None else 0
        self.root = store.root_of(found) if found is not None else 0
        self.epoch = epoch
        return 0

    def _ensure(self):
        """Make the tree if it does not exist."""
        self._refresh()
        while self.root == 0:
            txn = Transaction(self.store)
            try:
                tree = self.catalog.named_tree(txn, self.name, True)
                if tree not in txn.created and self.store.root_of(tree, txn.snapshot_lsn) == 0:
                    # Trying again would never end: one state holds the name, and not the tree.
                    raise CorruptionError(f"the catalog names tree {tree}, which is not there", file=self.store.path)
                txn.commit()
            except ConflictError:
                pass  # somebody else was making it
            finally:
                if txn.is_open:
                    txn.rollback()
            self.epoch = NEVER
            self._refresh()
        return 0

    def get(self, key, default=None):
        """The value of a key, or `default`. Sees the newest published commit."""
        store = self.store
        if store.closed or store.generation != fork_generation() or self.epoch != store.tree_epoch:
            self._refresh()
        if type(key) is not bytes:
            store.check_key(key)
        if self.root == 0:
            return default
        raw = cython.cast(bytes, key)
        return tree_get(
            cython.address(store.pool),
            self.root,
            0,
            cython.cast(cython.pointer(uint8_t), PyBytes_AS_STRING(raw)),
            PyBytes_GET_SIZE(raw),
            default,
            store.path,
        )

    def get_many(self, keys):
        """The values of several keys, in their order, None where there is none; all of one state."""
        self._refresh()
        store = self.store
        wanted: list = list(keys)
        for key in wanted:
            if type(key) is not bytes:
                store.check_key(key)
        if self.root == 0:
            return [None] * len(wanted)
        snapshot = store.snapshot()
        try:
            return tree_get_many(cython.address(store.pool), self.root, snapshot.lsn, wanted, None, store.path)
        finally:
            snapshot.close()

    def __getitem__(self, key):
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key):
        return self.get(key) is not None

    def put(self, key, value):
        """Insert or replace; returns when the commit is as durable as `synchronous` demands."""
        store = self.store
        store.check_writable()
        store.check_pair(key, value)
        while True:
            if self.root == 0 or self.epoch != store.tree_epoch:
                self._ensure()
            if put_one(store, self.tree, self.root, self.epoch, key, value):
                return

    def __setitem__(self, key, value):
        self.put(key, value)

    def delete(self, key):
        """Delete a key; whether it was there."""
        store = self.store
        store.check_writable()
        store.check_key(key)
        while True:
            self._refresh()
            if self.root == 0:
                return False
            done = delete_one(store, self.tree, self.root, self.epoch, key)
            if done >= 0:
                return done == 1

    def __delitem__(self, key):
        if not self.delete(key):
            raise KeyError(key)

    def delete_range(self, start=None, stop=None):
        """Delete all keys of [start, stop); how many there were. Work and log are in proportion to pages, not to keys."""
        self.store.check_writable()
        for attempt in range(RETRIES):
            txn = Transaction(self.store)
            try:
                tree = self.catalog.named_tree(txn, self.name)
                count = txn.delete_range(tree, start, stop) if tree is not None else 0
                txn.commit()
                return count
            except ConflictError:
                if attempt == RETRIES - 1:
                    raise
            finally:
                if txn.is_open:
                    txn.rollback()

    def put_many(self, pairs):
        """Insert or replace all pairs in one transaction; of equal keys the last counts. Returns how many keys were written.

        Pairs beyond memtable_bytes go into the pages as they come, as in any large transaction (other writers wait): the iterable
        may be of any length. A key that comes again after so many others is counted again.
        """
        store = self.store
        store.check_writable()
        rest = iter(pairs)
        writes = Writes()
        whole = self._take(rest, writes)
        if writes.count == 0:
            return 0
        writes.sort()
        if not whole:
            return self._put_stream(writes, rest)
        while True:
            self._ensure()
            writes.aim(self.tree, self.root)
            if put_sorted(store, writes, self.epoch):
                return writes.count

    def _take(self, rest, writes):
        """Take pairs into `writes`, up to memtable_bytes; whether that was all of them."""
        store = self.store
        room: cython.longlong = store.options.memtable_bytes
        for pair in rest:
            try:
                key, value = pair
            except (TypeError, ValueError) as error:
                raise InterfaceError("put_many takes pairs of key and value") from error
            store.check_pair(key, value)
            writes.add(key, value)
            room -= PAIR_BYTES + PyBytes_GET_SIZE(key) + PyBytes_GET_SIZE(value)
            if room <= 0:
                return False
        return True

    def _put_stream(self, writes, rest):
        """put_many beyond memory: `writes`, then the rest, run by run, each sorted, in one large transaction."""
        for attempt in range(RETRIES):
            txn = Transaction(self.store, "snapshot")
            try:
                tree = self.catalog.named_tree(txn, self.name, True)
                txn.put_sorted(tree, writes)
                break
            except ConflictError:
                if attempt == RETRIES - 1:
                    raise
            except BaseException:
                if txn.is_open:
                    txn.rollback()
                raise
        try:
            count = writes.count
            whole = False
            while not whole:
                writes = Writes()
                whole = self._take(rest, writes)
                writes.sort()
                txn.put_sorted(tree, writes)
                count += writes.count
            txn.commit()
            return count
        finally:
            if txn.is_open:
                txn.rollback()

    def scan(self, start=None, stop=None, reverse=False):
        """Iterate over (key, value) of [start, stop) in key order, or backward, as of now."""
        self._refresh()
        for bound in (start, stop):
            if bound is not None and type(bound) is not bytes:
                self.store.check_key(bound)
        if self.root == 0:
            return iter(())
        return self.store.scan(self.root, self.store.snapshot(), start, stop, reverse)

    def __iter__(self):
        for key, _ in self.scan():
            yield key

    def __len__(self):
        self._refresh()
        if self.root == 0:
            return 0
        snapshot = self.store.snapshot()
        try:
            return self.store.count(self.root, snapshot.lsn)
        finally:
            snapshot.close()
