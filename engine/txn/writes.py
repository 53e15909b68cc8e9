"""A list of writes for one commit: what the engine reads without the GIL, and the bytes objects it points into."""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_GET_SIZE
from cython.cimports.engine.btree.apply import WRITE_DELETE, WRITE_PUT, sort_writes


class Writes:
    """Writes to trees, in the order in which they were added until they are sorted."""

    def __cinit__(self):
        self.held = []

    def __dealloc__(self):
        free(self.items)

    def __len__(self):
        return self.count

    def add(self, key, value):
        """Note a put, or, with value None, a deletion. Key and value are bytes, checked by the caller."""
        if self.count == self.room:
            room = self.room * 2 if self.room else 64
            grown = cython.cast(
                cython.pointer(write_t), realloc(self.items, cython.cast(cython.size_t, room) * cython.sizeof(write_t))
            )
            if grown == cython.NULL:
                raise MemoryError
            self.items = grown
            self.room = room
        w = cython.address(self.items[self.count])
        raw_key = cython.cast(bytes, key)
        w.tree = 0
        w.root = 0
        w.key = cython.cast(cython.p_uchar, PyBytes_AS_STRING(raw_key))
        w.key_len = cython.cast(cython.uint, PyBytes_GET_SIZE(raw_key))
        w.kind = WRITE_DELETE
        w.value = w.key
        w.value_len = 0
        self.held.append(key)
        if value is not None:
            raw_value = cython.cast(bytes, value)
            w.kind = WRITE_PUT
            w.value = cython.cast(cython.p_uchar, PyBytes_AS_STRING(raw_value))
            w.value_len = PyBytes_GET_SIZE(raw_value)
            self.held.append(value)
        self.count += 1
        return 0

    def add_packed(self, packed: Packed, kind: cython.uint = WRITE_PUT):
        """Note the puts of all keys and values of a Packed, which is held, or deletions of its keys. Both are checked by the caller.

        kind: WRITE_PUT or WRITE_DELETE.
        """
        i: cython.long
        length: cython.size_t = 0
        room = self.count + packed.count
        if room > self.room:
            grown = cython.cast(
                cython.pointer(write_t), realloc(self.items, cython.cast(cython.size_t, room) * cython.sizeof(write_t))
            )
            if grown == cython.NULL:
                raise MemoryError
            self.items = grown
            self.room = room
        for i in range(packed.count):
            w = cython.address(self.items[self.count])
            w.tree = 0
            w.root = 0
            w.kind = kind
            w.key = packed.at(cython.address(packed.keys), i, cython.address(length))
            w.key_len = cython.cast(cython.uint, length)
            w.value = packed.at(cython.address(packed.values), i, cython.address(length))
            w.value_len = length
            if length == 0:
                w.value = w.key  # anywhere but NULL, which a Packed of empty values has
            self.count += 1
        self.held.append(packed)
        return 0

    def keys(self):
        """The keys of puts, in the order in which they were added; only before `sort`."""
        return [self.held[i] for i in range(0, len(self.held), 2)]

    def sort(self):
        """Put the writes in order of tree and key; of those with the same key the last stays."""
        with cython.nogil:
            count = sort_writes(cython.address(self.items), self.count)
        if count < 0:
            raise MemoryError
        self.count = count
        self.room = count
        return 0

    def aim(self, tree, root):
        """All writes go to this tree."""
        i: cython.long
        for i in range(self.count):
            self.items[i].tree = tree
            self.items[i].root = root
        return 0
