"""Rows and keys out of Arrow arrays: the buffers are read where they lie, no Python object stands for a value.

    Arrow arrays  -->  ArrowRows  -->  Packed: keys   | k0 | k1 | k2 ...   and where each ends
    (one a column)                             values | r0 | r1 | r2 ...   and where each ends

What is written is what engine.record.rows and engine.record.keys write for the same values, byte by byte. The arrays are
exactly of their columns' types (int64, double, string, binary, bool, date32, timestamp in microseconds), text is UTF-8,
and days lie in the years 1 to 9999: that is the caller's to see to. A NaN is NULL.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython.cimports.engine.record.keys import write_big
from cython.cimports.engine.txn.packed import arena_reserve

from engine.txn.packed import Packed

SIGN = cython.declare(cython.ulonglong, 1 << 63)
SEED_STEP = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
MIX_1 = cython.declare(cython.ulonglong, 0xFF51AFD7ED558CCD)
MIX_2 = cython.declare(cython.ulonglong, 0xC4CEB9FE1A85EC53)
PRIME = cython.declare(cython.ulonglong, 0x100000001B3)


def is_null(c, at):
    if c.data == cython.NULL:
        return True
    if c.valid != cython.NULL and not c.valid[at >> 3] & (1 << (at & 7)):
        return True
    if c.kind == 2:
        number = cython.cast(cython.pointer(cython.const[cython.double]), c.data)[at]
        return number != number
    return False


def put_field(c, at, tag, out):
    """Write the body of a value that is not NULL, and its tag; how many bytes. `out` has room for the longest."""
    number: int64_t
    magnitude: uint64_t
    size: cython.size_t
    length: uint32_t
    if c.kind == 1:
        number = cython.cast(cython.pointer(cython.const[int64_t]), c.data)[at]
        if number == 0 or number == 1:
            tag[0] = cython.cast(cython.uchar, 9 + number)
            return 0
        magnitude = cython.cast(uint64_t, number if number >= 0 else ~number)
        size = 1
        while size < 8 and magnitude >> (8 * size - 1):
            size += 1
        memcpy(out, cython.address(number), 8)  # the next field begins behind `size` bytes
        tag[0] = cython.cast(cython.uchar, size)
        return size
    if c.kind == 3 or c.kind == 4:
        body = c.data + c.offsets[at]
        size = c.offsets[at + 1] - c.offsets[at]
        if size < cython.cast(cython.size_t, 128 if c.kind == 3 else 64):
            memcpy(out, body, size)
            tag[0] = cython.cast(cython.uchar, (0x80 if c.kind == 3 else 0x40) + size)
            return size
        length = cython.cast(uint32_t, size)
        memcpy(out, cython.address(length), 4)
        memcpy(out + 4, body, size)
        tag[0] = 0x14 if c.kind == 3 else 0x15
        return size + 4
    if c.kind == 6:
        memcpy(out, cython.cast(cython.pointer(cython.const[int32_t]), c.data) + at, 4)
        tag[0] = 0x10
        return 4
    if c.kind == 5:
        tag[0] = 0x0D if c.data[at >> 3] & (1 << (at & 7)) else 0x0C
        return 0
    memcpy(out, cython.cast(cython.pointer(cython.const[int64_t]), c.data) + at, 8)
    tag[0] = 0x0E if c.kind == 2 else 0x11
    return 8


def put_item(out, c, at, item):
    """Write an item of a key. 0 or ERR_MEMORY."""
    bits: uint64_t = 0
    i: cython.size_t
    size: cython.int = 8
    start: cython.size_t = out.length
    if is_null(c, at):
        if arena_reserve(out, 1) < 0:
            return ERR_MEMORY
        out.data[start] = item.null_tag
        out.length += 1
        return OK
    if c.kind == 3 or c.kind == 4:
        body = c.data + c.offsets[at]
        length: cython.size_t = c.offsets[at + 1] - c.offsets[at]
        if arena_reserve(out, 2 * length + 3) < 0:
            return ERR_MEMORY
        to: cython.size_t = start + 1
        out.data[start] = 0x50 if c.kind == 3 else 0x60
        for i in range(length):
            out.data[to] = body[i]
            to += 1
            if body[i] == 0:
                out.data[to] = 0xFF
                to += 1
        out.data[to] = 0
        out.data[to + 1] = 1
        out.length = to + 2
    else:
        if arena_reserve(out, 9) < 0:
            return ERR_MEMORY
        tag: cython.uchar = 0x20
        if c.kind == 5:
            tag, size = 0x10, 1
            bits = 1 if c.data[at >> 3] & (1 << (at & 7)) else 0
        elif c.kind == 6:
            tag, size = 0x40, 4
            days: int64_t = cython.cast(cython.pointer(cython.const[int32_t]), c.data)[at]
            bits = cython.cast(uint64_t, days + (cython.cast(int64_t, 1) << 31))
        elif c.kind == 2:
            tag = 0x30
            real = cython.cast(cython.pointer(cython.const[cython.double]), c.data)[at] + 0.0  # -0.0 becomes 0.0
            memcpy(cython.address(bits), cython.address(real), 8)
            bits = ~bits if bits & SIGN else bits ^ SIGN
        else:
            tag = 0x20 if c.kind == 1 else 0x48
            bits = cython.cast(uint64_t, cython.cast(cython.pointer(cython.const[int64_t]), c.data)[at]) ^ SIGN
        out.data[start] = tag
        write_big(out.data + start + 1, bits, size)
        out.length += 1 + size
    if item.mask:
        for i in range(start, out.length):
            out.data[i] = ~out.data[i]
    return OK


def mix(mixed, c, row):
    """A hash with one more value taken in (multiply and shift, as in murmur3's finaliser)."""
    at: int64_t = row + c.offset
    word: uint64_t = 0
    i: int64_t
    if is_null(c, at):
        word = SEED_STEP
    elif c.kind == 3 or c.kind == 4:
        for i in range(c.offsets[at], c.offsets[at + 1]):
            word = (word ^ c.data[i]) * PRIME
    elif c.kind == 6:
        word = cython.cast(uint64_t, cython.cast(cython.pointer(cython.const[int32_t]), c.data)[at])
    elif c.kind == 5:
        word = c.data[at >> 3] >> (at & 7) & 1
    elif c.kind == 2:
        real = cython.cast(cython.pointer(cython.const[cython.double]), c.data)[at] + 0.0
        memcpy(cython.address(word), cython.address(real), 8)
    else:
        word = cython.cast(uint64_t, cython.cast(cython.pointer(cython.const[int64_t]), c.data)[at])
    mixed = mixed ^ word
    mixed = (mixed ^ (mixed >> 33)) * MIX_1
    mixed = (mixed ^ (mixed >> 33)) * MIX_2
    return mixed ^ (mixed >> 33)


@cython.cclass
class ArrowRows:
    """Encodes the rows of one table, a batch at a time. One thread at a time may use it.

    types: of the columns. stored: a flag a column; a column that is kept in the key is not stored in the row.
    """

    def __cinit__(self):
        self.sources = cython.NULL

    def __init__(self, types, stored):
        i: cython.int
        self.types = tuple(types)
        flags = tuple(stored)
        self.width = len(self.types)
        if len(flags) != self.width or not all(1 <= int(kind) <= 7 for kind in self.types):
            raise ValueError("a type and a flag for every column are needed")
        self.sources = cython.cast(cython.pointer(source_t), calloc(self.width + 1, cython.sizeof(source_t)))
        if self.sources == cython.NULL:
            raise MemoryError
        for i in range(self.width):
            self.sources[i].kind = int(self.types[i])
            self.sources[i].stored = 1 if flags[i] else 0
        self.held = []

    def __dealloc__(self):
        free(self.sources)

    def begin(self, arrays):
        """Take the arrays of a batch, all of the same length (None: all NULL); they are held until the next batch."""
        i: cython.int
        if len(arrays) != self.width:
            raise ValueError("as many arrays as columns are needed")
        self.held = []
        for i in range(self.width):
            c = cython.address(self.sources[i])
            c.valid = c.data = cython.NULL
            c.offsets = cython.NULL
            c.offset = 0
            array = arrays[i]
            if array is None or array.null_count == len(array):
                continue
            buffers = array.buffers()
            self.held.append(buffers)
            c.offset = array.offset
            if buffers[0] is not None and array.null_count:
                c.valid = cython.cast(cython.p_uchar, cython.cast(cython.size_t, buffers[0].address))
            body = buffers[1]
            if c.kind == 3 or c.kind == 4:
                c.offsets = cython.cast(cython.pointer(int32_t), cython.cast(cython.size_t, body.address))
                body = buffers[2]
            # where all strings are empty there may be no data at all; its place is then never looked at
            c.data = cython.cast(cython.p_uchar, cython.cast(cython.size_t, (body or buffers[1]).address))

    def rows(self, count):
        """A Packed of `count` rows' values, still without keys."""
        made = Packed(count)
        rows: cython.long = count
        with cython.nogil:
            done = self.fill(cython.address(made.values), rows)
        if done < 0:
            raise MemoryError
        return made

    def fill(self, values, rows):
        row: cython.long
        i: cython.int
        header: cython.size_t = 1 if self.width < 128 else 2
        for row in range(rows):
            room: cython.size_t = header + self.width
            for i in range(self.width):
                c = cython.address(self.sources[i])
                at = row + c.offset
                room += 12
                if c.offsets != cython.NULL:
                    room += c.offsets[at + 1] - c.offsets[at]
            if arena_reserve(values, room) < 0:
                return ERR_MEMORY
            out = values.data + values.length
            if header == 1:
                out[0] = cython.cast(cython.uchar, self.width)
            else:
                out[0] = cython.cast(cython.uchar, (self.width & 0x7F) | 0x80)
                out[1] = cython.cast(cython.uchar, self.width >> 7)
            used: cython.size_t = header + self.width
            for i in range(self.width):
                c = cython.address(self.sources[i])
                at = row + c.offset
                if not c.stored or is_null(c, at):
                    out[header + i] = 0
                else:
                    used += put_field(c, at, out + header + i, out + used)
            values.length += used
            values.ends[row] = values.length
        return OK

    def partitions(self, count: int, parts: int, seed: int):
        """For each of `count` rows a number below `parts`, as bytes of int32; equal rows have the same, also 0.0 and -0.0."""
        made = PyBytes_FromStringAndSize(cython.NULL, count * 4)
        out = cython.cast(cython.pointer(int32_t), PyBytes_AS_STRING(made))
        rows: cython.long = count
        row: cython.long
        i: cython.int
        mixed: uint64_t
        first: uint64_t = seed
        modulus: uint64_t = parts
        if parts < 1:
            raise ValueError("at least one part is needed")
        with cython.nogil:
            for row in range(rows):
                mixed = (first + 1) * SEED_STEP
                for i in range(self.width):
                    mixed = mix(mixed, cython.address(self.sources[i]), row)
                out[row] = cython.cast(int32_t, (mixed >> 32) % modulus)
        return made

    def number_keys(self, packed: Packed, column: int, first: int):
        """Keys of row ids: of an INTEGER column without NULL, or, where that is -1, the ids from `first` on."""
        row: cython.long
        start: int64_t = first
        place: cython.int = column
        if place >= self.width or (place >= 0 and self.sources[place].kind != 1):
            raise ValueError("no INTEGER column")
        keys = cython.address(packed.keys)
        if arena_reserve(keys, cython.cast(cython.size_t, packed.count) * 8) < 0:
            raise MemoryError
        with cython.nogil:
            for row in range(packed.count):
                number: int64_t = start + row
                if place >= 0:
                    c = cython.address(self.sources[place])
                    number = cython.cast(cython.pointer(cython.const[int64_t]), c.data)[row + c.offset]
                write_big(keys.data + keys.length, cython.cast(uint64_t, number) ^ SIGN, 8)
                keys.length += 8
                keys.ends[row] = keys.length

    def item_keys(self, packed: Packed, columns, descending, nulls_last, rows: Packed = None, unique: bool = False):
        """Keys made of columns' items, as KeyCodec writes them.

        rows: the rows that entries of an index point to; the entry of a unique one has the row's key as its value (unless
        there is a NULL in it), every other at the end of its own key.
        """
        row: cython.long
        i: cython.int
        n: cython.int = len(columns)
        length: cython.size_t = 0
        failed: cython.bint = False
        only: cython.bint = unique
        items = cython.cast(cython.pointer(item_t), malloc((n + 1) * cython.sizeof(item_t)))
        if items == cython.NULL:
            raise MemoryError
        keys = cython.address(packed.keys)
        values = cython.address(packed.values)
        try:
            for i in range(n):
                if not 0 <= columns[i] < self.width:
                    raise ValueError("columns beyond the table")
                items[i].column = columns[i]
                items[i].mask = 0xFF if descending[i] else 0
                items[i].null_tag = 0x7F if bool(nulls_last[i]) != bool(descending[i]) else 0x01
                if descending[i]:
                    items[i].null_tag = ~items[i].null_tag & 0xFF
            if rows is not None and rows.count != packed.count:
                raise ValueError("as many entries as rows are needed")
            with cython.nogil:
                for row in range(packed.count):
                    has_null: cython.bint = False
                    for i in range(n):
                        c = cython.address(self.sources[items[i].column])
                        has_null = has_null or is_null(c, row + c.offset)
                        if put_item(keys, c, row + c.offset, cython.address(items[i])) < 0:
                            failed = True
                            break
                    if failed:
                        break
                    if rows is not None:
                        start = rows.at(cython.address(rows.keys), row, cython.address(length))
                        into = values if only and not has_null else keys
                        if arena_reserve(into, length) < 0:
                            failed = True
                            break
                        memcpy(into.data + into.length, start, length)
                        into.length += length
                        values.ends[row] = values.length
                    keys.ends[row] = keys.length
            if failed:
                raise MemoryError
        finally:
            free(items)

    def __reduce__(self):
        raise TypeError("ArrowRows is not pickled")
