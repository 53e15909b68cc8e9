"""Many keys and values in two pieces of memory, for one commit: no Python object stands for a row.

keys    | k0 | k1 | k2 ...   and where each ends
values  | v0 | v1 | v2 ...   and where each ends
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize


def arena_reserve(arena, more):
    """Make room for `more` bytes behind what is there. 0 or ERR_MEMORY."""
    if arena.length + more <= arena.capacity:
        return OK
    capacity: cython.size_t = 2 * (arena.length + more)
    grown = cython.cast(cython.p_uchar, realloc(arena.data, capacity))
    if grown == cython.NULL:
        return ERR_MEMORY
    arena.data = grown
    arena.capacity = capacity
    return OK


@cython.cclass
class Packed:
    """Keys and values of many rows, one behind the other; written once, then read only."""

    def __cinit__(self, count):
        if count < 0:
            raise ValueError("a number of rows is needed")
        self.count = count
        room: cython.size_t = (cython.cast(cython.size_t, count) + 1) * 8
        self.keys.ends = cython.cast(cython.pointer(uint64_t), calloc(1, room))
        self.values.ends = cython.cast(cython.pointer(uint64_t), calloc(1, room))
        if self.keys.ends == cython.NULL or self.values.ends == cython.NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.keys.data)
        free(self.keys.ends)
        free(self.values.data)
        free(self.values.ends)

    def __len__(self):
        return self.count

    def at(self, arena, i, length):
        start: uint64_t = arena.ends[i - 1] if i > 0 else 0
        length[0] = arena.ends[i] - start
        return arena.data + start

    @property
    def size(self):
        """Bytes of all keys and values."""
        return int(self.keys.length + self.values.length)

    def pair(self, i):
        """Key and value of a row, as bytes."""
        length: cython.size_t = 0
        if not 0 <= i < self.count:
            raise IndexError(i)
        place: cython.long = i
        start = self.at(cython.address(self.keys), place, cython.address(length))
        key = PyBytes_FromStringAndSize(cython.cast(cython.p_char, start), length)
        start = self.at(cython.address(self.values), place, cython.address(length))
        return key, PyBytes_FromStringAndSize(cython.cast(cython.p_char, start), length)

    def longest_key(self):
        """(length, row) of the longest key."""
        i: cython.long
        length: cython.size_t = 0
        most: cython.size_t = 0
        where: cython.long = 0
        for i in range(self.count):
            self.at(cython.address(self.keys), i, cython.address(length))
            if length > most:
                most = length
                where = i
        return int(most), int(where)

    def in_order(self):
        """Whether every key is greater than the one before."""
        i: cython.long
        a_len: cython.size_t = 0
        b_len: cython.size_t = 0
        ordered: cython.bint = True
        with cython.nogil:
            for i in range(1, self.count):
                a = self.at(cython.address(self.keys), i - 1, cython.address(a_len))
                b = self.at(cython.address(self.keys), i, cython.address(b_len))
                order: cython.int = memcmp(a, b, a_len if a_len < b_len else b_len)
                if order > 0 or (order == 0 and a_len >= b_len):
                    ordered = False
                    break
        return bool(ordered)

    def __reduce__(self):
        raise TypeError("Packed is not pickled")
