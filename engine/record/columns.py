"""Rows into columns: the buffers of Arrow arrays, filled straight from the leaves of a tree.

    leaf (a private copy)          one pass over the tags of a row            buffers, `limit` rows long
    +-----+-----+-----+     +---+-----+-----+-----+- -+------+------+        [ validity bits ]
    | row | row | row | --> | n | tag | tag | tag |   | body | body |  -->   [ 8-byte slots, or offsets and text ]
    +-----+-----+-----+     +---+-----+-----+-----+- -+------+------+        a column

Only the wanted columns are touched. From a Scan the loop runs without the GIL until `limit` rows are there or a text
column needs more room; from any other source of (key, value), a transaction's own writes among them, it takes row by
row. What Arrow is to read is checked as the row gear checks it: tags fit the column's type, lengths the row, dates the
calendar; that text is UTF-8 the caller sees to, a batch at a time (`has_wide`). Anything else raises CorruptionError.

The buffers are bytes objects, so that they outlive the reader and are shared without a copy.
"""

import cython
from cython.cimports.cpython.list import PyList_New, PyList_SET_ITEM
from cython.cimports.cpython.ref import Py_INCREF
from cython.cimports.cpython.unicode import PyUnicode_DecodeUTF8
from cython.cimports.engine.record.keys import read_big, rowid_value
from cython.cimports.engine.record.moments import date_from_days, timestamp_from_micros

from engine.base.errors import CorruptionError, LimitError
from engine.record.rows import encode_row

MICROS_FIRST = cython.declare(cython.longlong, -719162 * 86_400_000_000)
MICROS_END = cython.declare(cython.longlong, 2932897 * 86_400_000_000)
LONG_BODY = cython.declare(cython.uchar, 0xFE)
NO_BODY = cython.declare(cython.uchar, 0xFF)
TEXT_MAX = cython.declare(cython.size_t, 0x7FFFFFFF)
TEXT_FULL = cython.declare(cython.size_t, 1 << 26)  # a batch ends early when a column has so many bytes of text


def _body_sizes():
    """The bytes of a field's body by its tag; LONG_BODY: a length stands before it, NO_BODY: no encoder writes the tag."""
    tag: cython.int
    for tag in range(256):
        size = NO_BODY
        if tag >= 0x80:
            size = tag - 0x80
        elif tag >= 0x40:
            size = tag - 0x40
        elif tag <= 8:
            size = tag
        elif tag == 0x09 or tag == 0x0A or tag == 0x0C or tag == 0x0D:
            size = 0
        elif tag == 0x0E or tag == 0x11:
            size = 8
        elif tag == 0x10:
            size = 4
        elif tag == 0x14 or tag == 0x15:
            size = LONG_BODY
        body_sizes[tag] = size


_body_sizes()


def put_null(c, row):
    c.valid[row >> 3] &= cython.cast(cython.uchar, ~(1 << (row & 7)) & 0xFF)
    c.nulls += 1
    if c.kind == 3 or c.kind == 4:
        c.offsets[row + 1] = cython.cast(int32_t, c.used)
    elif c.kind == 6:
        cython.cast(cython.pointer(int32_t), c.data)[row] = 0
    elif c.kind != 5:
        cython.cast(cython.pointer(int64_t), c.data)[row] = 0


def put_number(c, row, number):
    """Put what is a number in a row: the value of an INTEGER, BOOLEAN, DATE, TIMESTAMP, the bits of a REAL."""
    if c.kind == 6:
        if number < -719162 or number > 2932896:
            return READ_DAMAGED
        cython.cast(cython.pointer(int32_t), c.data)[row] = cython.cast(int32_t, number)
    elif c.kind == 5:
        if number:
            c.data[row >> 3] |= cython.cast(cython.uchar, 1 << (row & 7))
    else:
        if c.kind == 7 and (number < MICROS_FIRST or number >= MICROS_END):
            return READ_DAMAGED
        cython.cast(cython.pointer(int64_t), c.data)[row] = number
    return 0


def put_field(c, row, data, left, tag, size):
    """Put a field in column and row: its body at `data`, where `left` bytes of the row are left."""
    number: int64_t = 0
    shift: cython.int
    word: uint64_t = 0
    if tag == 0:
        put_null(c, row)
        return 0
    if c.kind == 1:
        if tag <= 8:
            if left >= 8:
                memcpy(cython.address(word), data, 8)
            else:
                memcpy(cython.address(word), data, size)
            shift = 64 - 8 * cython.cast(cython.int, size)
            number = cython.cast(int64_t, word << shift) >> shift
        elif tag == 0x09 or tag == 0x0A:
            number = tag - 9
        else:
            return READ_DAMAGED
        cython.cast(cython.pointer(int64_t), c.data)[row] = number
        return 0
    if c.kind == 3:
        if tag < 0x80 and tag != 0x14:
            return READ_DAMAGED
        if size <= 16 and left >= 16:  # `room` has 16 bytes to spare
            memcpy(c.data + c.used, data, 16)
        else:
            memcpy(c.data + c.used, data, size)
        c.used += size
        c.offsets[row + 1] = cython.cast(int32_t, c.used)
        return 0
    if c.kind == 2 or c.kind == 7:
        if tag != (0x0E if c.kind == 2 else 0x11):
            return READ_DAMAGED
        memcpy(cython.address(number), data, 8)
        return put_number(c, row, number)
    if c.kind == 6:
        if tag != 0x10:
            return READ_DAMAGED
        days: int32_t = 0
        memcpy(cython.address(days), data, 4)
        return put_number(c, row, days)
    if c.kind == 5:
        return put_number(c, row, tag - 0x0C) if tag == 0x0C or tag == 0x0D else READ_DAMAGED
    if (tag < 0x40 or tag >= 0x80) and tag != 0x15:
        return READ_DAMAGED
    memcpy(c.data + c.used, data, size)
    c.used += size
    c.offsets[row + 1] = cython.cast(int32_t, c.used)
    return 0


@cython.cclass
class ColumnReader:
    """Reads chosen columns of a table's rows as buffers; a reader belongs to one thread.

    columns, width, rowid_column, key_columns, defaults: as of RowDecoder. types: of all columns of the table.
    """

    def __cinit__(self):
        self.into = cython.NULL
        self.key_slots = cython.NULL
        self.slots = self.text_slots = cython.NULL
        self.key = self.value = cython.NULL

    def __init__(self, columns, types, rowid_column=-1, key_columns=(), defaults=None):
        i: cython.int
        self.columns = tuple(columns)
        self.types = tuple(types)
        self.key_columns = tuple(key_columns)
        self.count = len(self.columns)
        width: cython.int = len(self.types)
        values = tuple(defaults) if defaults is not None else (None,) * width
        if len(values) != width or not all(0 <= column < width for column in self.columns):
            raise ValueError("columns beyond the table")
        if not all(1 <= int(self.types[column]) <= 7 for column in self.columns):
            raise ValueError("a column without a type of its own")
        self.into = cython.cast(cython.pointer(column_t), calloc(self.count + 1, cython.sizeof(column_t)))
        self.key_slots = cython.cast(cython.p_int, calloc(len(self.key_columns) + 1, cython.sizeof(cython.int)))
        self.slots = cython.cast(cython.p_int, calloc(width + 1, cython.sizeof(cython.int)))
        self.text_slots = cython.cast(cython.p_int, calloc(self.count + 1, cython.sizeof(cython.int)))
        if (
            self.into == cython.NULL
            or self.key_slots == cython.NULL
            or self.slots == cython.NULL
            or self.text_slots == cython.NULL
        ):
            raise MemoryError
        for i in range(width):
            self.slots[i] = -1
        self.rowid_slot = -1
        for i in range(self.count):
            column: cython.int = self.columns[i]
            c = cython.address(self.into[i])
            c.kind = int(self.types[column])
            if c.kind == 3 or c.kind == 4:
                self.text_slots[self.texts] = i
                self.texts += 1
            if column == rowid_column:
                self.rowid_slot = i
                self.wants_key = True
            elif column not in self.key_columns:
                self.slots[column] = i
                self.needed = max(self.needed, column + 1)
        for i in range(len(self.key_columns)):
            self.key_slots[i] = -1
            if self.key_columns[i] in self.columns:
                self.key_slots[i] = self.columns.index(self.key_columns[i])
                self.key_items = i + 1
                self.wants_key = True
        self.defaults = encode_row(values)
        self.defaults_len = len(self.defaults)
        self.default_bytes = cython.cast(cython.p_uchar, PyBytes_AS_STRING(self.defaults))

    def __dealloc__(self):
        free(self.into)
        free(self.key_slots)
        free(self.slots)
        free(self.text_slots)
        free(self.key)
        free(self.value)

    def begin(self, limit):
        """Take buffers for `limit` rows."""
        i: cython.int
        self.rows = 0
        self.limit = limit
        self.owners = []
        bits: cython.Py_ssize_t = (limit + 7) // 8
        for i in range(self.count):
            c = cython.address(self.into[i])
            c.nulls = 0
            c.used = 0
            c.offsets = cython.NULL
            size: cython.Py_ssize_t = bits if c.kind == 5 else limit * (4 if c.kind == 6 else 8)
            c.room = size
            valid = PyBytes_FromStringAndSize(cython.NULL, bits)
            data = PyBytes_FromStringAndSize(cython.NULL, size)
            c.valid = cython.cast(cython.p_uchar, PyBytes_AS_STRING(valid))
            c.data = cython.cast(cython.p_uchar, PyBytes_AS_STRING(data))
            memset(c.valid, 0xFF, bits)
            offsets = None
            if c.kind == 5:
                memset(c.data, 0, size)
            elif c.kind == 3 or c.kind == 4:
                offsets = PyBytes_FromStringAndSize(cython.NULL, (limit + 1) * 4)
                c.offsets = cython.cast(cython.pointer(int32_t), PyBytes_AS_STRING(offsets))
                c.offsets[0] = 0
            self.owners.append([valid, offsets, data])
        return 0

    def grow(self):
        """More room in the text columns that have none for `pending` bytes."""
        i: cython.int
        for i in range(self.count):
            c = cython.address(self.into[i])
            if c.offsets == cython.NULL or c.room - c.used >= self.pending:
                continue
            room: cython.size_t = max(c.room + c.room // 2, c.used + self.pending)
            if room > TEXT_MAX:
                raise LimitError("a row is longer than 2 GiB")
            data = PyBytes_FromStringAndSize(cython.NULL, room)
            memcpy(PyBytes_AS_STRING(data), c.data, c.used)
            c.data = cython.cast(cython.p_uchar, PyBytes_AS_STRING(data))
            c.room = room
            self.owners[i][2] = data
        return 0

    def end(self):
        """The filled buffers: (NULLs, validity, offsets or None, data, bytes of data used) a column."""
        found: list = []
        i: cython.int
        for i in range(self.count):
            c = cython.address(self.into[i])
            valid, offsets, data = self.owners[i]
            found.append((int(c.nulls), valid, offsets, data, int(c.used)))
            c.data = c.valid = cython.NULL
            c.offsets = cython.NULL
        self.owners = []
        return found

    def read(self, source, limit):
        """Up to `limit` rows of `source`: how many, and for each column (NULLs, validity, offsets, data, bytes of text).

        source: a scan as a transaction gives it, or an iterator of (key, value). Raises CorruptionError.
        """
        self.begin(limit)
        if isinstance(source, Scan):
            self.read_scan(source)
        else:
            self.read_pairs(source)
        return int(self.rows), self.end()

    def read_scan(self, scan: Scan):
        scan.owner[0].check_open()
        while True:
            with cython.nogil:
                code = self.fill(scan)
            if code == READ_ROOM:
                self.grow()
            elif code == READ_DAMAGED:
                raise CorruptionError("a row cannot be decoded")
            elif code < 0:
                raise error_of(code, scan.path)
            else:
                return 0

    def read_pairs(self, pairs):
        for pair in pairs:
            key = cython.cast(bytes, pair[0])
            value = cython.cast(bytes, pair[1])
            while True:
                code = self.take(
                    cython.cast(cython.p_uchar, PyBytes_AS_STRING(key)),
                    PyBytes_GET_SIZE(key),
                    cython.cast(cython.p_uchar, PyBytes_AS_STRING(value)),
                    PyBytes_GET_SIZE(value),
                )
                if code != READ_ROOM:
                    break
                self.grow()
            if code < 0:
                raise CorruptionError("a row cannot be decoded")
            if self.is_full():
                return 0
        return 0

    def is_full(self):
        i: cython.int
        if self.rows >= self.limit:
            return True
        for i in range(self.texts):  # noqa: SIM110 - without the GIL there is no any()
            if self.into[self.text_slots[i]].used >= TEXT_FULL:
                return True
        return False

    def fill(self, scan):
        """Take rows of a scan until the batch is full or the scan at its end. 0, READ_ROOM with the scan at that row, or an error."""
        while not self.is_full():
            if scan.at == scan.end:
                code = scan.next_leaf()
                if code <= 0:
                    return code
            last: cython.long = scan.end - scan.at
            if last > self.limit - self.rows:
                last = self.limit - self.rows
            _i: cython.long
            for _i in range(last):
                code = self.take_cell(scan, scan.end - 1 if scan.reverse else scan.at)
                if code < 0:
                    return code
                if scan.reverse:
                    scan.end -= 1
                else:
                    scan.at += 1
        return 0

    def take_cell(self, scan, index):
        """Take the row in a cell of the scan's leaf."""
        page = scan.page
        slot = slot_at(page, index)
        cell = cell_at(page, slot)
        key_len: cython.size_t = 0
        if self.wants_key:
            key_len = cython.cast(cython.size_t, page.prefix_len) + slot.key_len
            if key_len > self.key_room:
                grown = cython.cast(cython.p_uchar, realloc(self.key, key_len + 256))
                if grown == cython.NULL:
                    return ERR_MEMORY
                self.key = grown
                self.key_room = key_len + 256
            memcpy(self.key, lower_fence(page, scan.pool.page_size), page.prefix_len)
            memcpy(self.key + page.prefix_len, cell_key(page, slot), slot.key_len)
        raw: cython.uint = cell.value_len
        if not raw & VALUE_OVERFLOW:
            return self.take(self.key, key_len, cell_value(page, slot), raw)
        length = scan.value_room(index)
        if length < 0:
            return cython.cast(cython.int, length)
        if cython.cast(cython.size_t, length) > self.value_room:
            grown = cython.cast(cython.p_uchar, realloc(self.value, length))
            if grown == cython.NULL:
                return ERR_MEMORY
            self.value = grown
            self.value_room = length
        code = scan.value_into(index, self.value)
        return code if code < 0 else self.take(self.key, key_len, self.value, length)

    def take(self, key, key_len, data, length):
        """Take one row. 0; READ_ROOM: nothing was taken, `pending` bytes of room are needed; READ_DAMAGED."""
        i: cython.int
        row: cython.long = self.rows
        self.pending = length + key_len + self.defaults_len + 16
        for i in range(self.texts):
            c = cython.address(self.into[self.text_slots[i]])
            if c.room - c.used < self.pending:
                return READ_ROOM
        if self.needed:
            there = self.take_fields(data, length, 0)
            if there < 0 or (
                there < self.needed and self.take_fields(self.default_bytes, self.defaults_len, there) < 0
            ):
                return READ_DAMAGED
        if self.wants_key:
            if self.rowid_slot >= 0:
                if key_len != 8:
                    return READ_DAMAGED
                put_number(cython.address(self.into[self.rowid_slot]), row, rowid_value(key))
            elif self.take_key(key, key_len) < 0:
                return READ_DAMAGED
        self.rows = row + 1
        return 0

    def take_fields(self, data, length, first):
        """Put the wanted fields of a row, from field `first` on, in their columns: how many fields the row has, or -1."""
        if length == 0:
            return -1
        count: cython.size_t = data[0]
        at: cython.size_t = 1
        if count & 0x80:
            if length < 2:
                return -1
            count = (count & 0x7F) | (cython.cast(cython.size_t, data[1]) << 7)
            at = 2
        body: cython.size_t = at + count
        if body > length:
            return -1
        last: cython.size_t = self.needed
        if last > count:
            last = count
        row: cython.long = self.rows
        i: cython.size_t
        size: uint32_t
        slots = self.slots
        for i in range(last):
            tag: cython.uchar = data[at + i]
            size = body_sizes[tag]
            if size >= LONG_BODY:
                if size == NO_BODY or body + 4 > length:
                    return -1
                memcpy(cython.address(size), data + body, 4)
                body += 4
            if size > length - body:
                return -1
            slot = slots[i]
            if (
                slot >= 0
                and i >= first
                and put_field(cython.address(self.into[slot]), row, data + body, length - body, tag, size) < 0
            ):
                return -1
            body += size
        return cython.cast(cython.long, count)

    def take_key(self, key, key_len):
        """Put the wanted items of a key in their columns."""
        at: cython.size_t = 0
        i: cython.int
        for i in range(self.key_items):
            if at >= key_len:
                return -1
            tag: cython.uchar = key[at]
            mask: cython.uchar = 0xFF if tag & 0x80 else 0
            tag = tag ^ mask
            at += 1
            slot = self.key_slots[i]
            c = cython.address(self.into[slot if slot >= 0 else self.count])
            if slot >= 0 and tag != 0x01 and tag != 0x7F and tag != key_tag(c.kind):
                return -1
            if tag == 0x50 or tag == 0x60:
                end = take_escaped(key, key_len, at, mask, c if slot >= 0 else cython.NULL)
                if end < 0:
                    return -1
                at = end
                if slot >= 0:
                    c.offsets[self.rows + 1] = cython.cast(int32_t, c.used)
                continue
            size: cython.int = 8
            if tag == 0x01 or tag == 0x7F:
                size = 0
            elif tag == 0x40:
                size = 4
            elif tag == 0x10:
                size = 1
            elif tag != 0x20 and tag != 0x30 and tag != 0x48:
                return -1
            if size > key_len - at:
                return -1
            if slot >= 0:
                if size == 0:
                    put_null(c, self.rows)
                elif put_key_number(c, self.rows, read_big(key + at, size, mask)) < 0:
                    return -1
            at += size
        return 0

    def __reduce__(self):
        raise TypeError("a ColumnReader is not pickled")


def key_tag(kind):
    """The tag of a key's item of a type."""
    if kind == 1:
        return 0x20
    if kind == 2:
        return 0x30
    if kind == 3:
        return 0x50
    if kind == 4:
        return 0x60
    if kind == 5:
        return 0x10
    return 0x40 if kind == 6 else 0x48


def put_key_number(c, row, bits):
    """Put the number whose order-preserving form a key holds."""
    sign: uint64_t = cython.cast(uint64_t, 1) << 63
    if c.kind == 5:
        return put_number(c, row, cython.cast(int64_t, bits)) if bits <= 1 else -1
    if c.kind == 6:
        return put_number(c, row, cython.cast(int64_t, bits) - (cython.cast(int64_t, 1) << 31))
    if c.kind == 2:
        bits = bits ^ sign if bits & sign else ~bits
        return put_number(c, row, cython.cast(int64_t, bits))
    return put_number(c, row, cython.cast(int64_t, bits ^ sign))


def take_escaped(key, key_len, at, mask, c):
    """Put an escaped string, which begins at `at`, behind a column's text (c may be NULL); the position behind it, or -1."""
    byte: cython.uchar
    while at < key_len:
        byte = key[at] ^ mask
        at += 1
        if byte == 0:
            if at >= key_len:
                return -1
            byte = key[at] ^ mask
            at += 1
            if byte == 1:
                return at
            if byte != 0xFF:
                return -1
            byte = 0
        if c != cython.NULL:
            if c.used >= c.room:
                return -1
            c.data[c.used] = byte
            c.used += 1
    return -1


def has_wide(data: bytes, used: int) -> bool:
    """Whether there is a byte beyond ASCII among the first `used` of text, so that it must be looked at more closely."""
    text = cython.cast(cython.p_uchar, PyBytes_AS_STRING(data))
    size: cython.size_t = used
    i: cython.size_t
    seen: cython.uchar = 0
    if used > len(data):
        raise ValueError("more bytes than there are")
    with cython.nogil:
        for i in range(size):
            seen |= text[i]
    return seen >= 0x80


def values_of(kind: int, start: int, count: int, valid: int, offsets: int, data: int) -> list:
    """The Python values of an Arrow array: `count` from `start` on.

    kind: the Type. valid, offsets, data: the addresses of its buffers (valid 0: nothing is NULL), which the caller keeps.
    """
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t
    bits = cython.cast(cython.pointer(cython.const[uint8_t]), cython.cast(cython.size_t, valid))
    places = cython.cast(cython.pointer(cython.const[int32_t]), cython.cast(cython.size_t, offsets))
    body = cython.cast(cython.pointer(cython.const[uint8_t]), cython.cast(cython.size_t, data))
    numbers = cython.cast(cython.pointer(cython.const[int64_t]), body)
    reals = cython.cast(cython.pointer(cython.const[cython.double]), body)
    days = cython.cast(cython.pointer(cython.const[int32_t]), body)
    first: cython.Py_ssize_t = start
    number: cython.Py_ssize_t = count
    what: cython.int = kind
    found: list = PyList_New(number)
    for i in range(number):
        at = first + i
        if bits != cython.NULL and not bits[at >> 3] & (1 << (at & 7)):
            value = None
        elif what == 1:
            value = numbers[at]
        elif what == 2:
            value = reals[at]
        elif what == 3:
            value = PyUnicode_DecodeUTF8(
                cython.cast(cython.p_char, body + places[at]), places[at + 1] - places[at], cython.NULL
            )
        elif what == 4:
            value = PyBytes_FromStringAndSize(
                cython.cast(cython.p_char, body + places[at]), places[at + 1] - places[at]
            )
        elif what == 5:
            value = (body[at >> 3] & (1 << (at & 7))) != 0
        elif what == 6:
            value = date_from_days(days[at])
        else:
            value = timestamp_from_micros(numbers[at])
        Py_INCREF(value)
        PyList_SET_ITEM(found, i, value)
    return found
