"""Keys whose byte order is the order of the values they stand for.

A key of a table with a row id (declared INTEGER PRIMARY KEY, or hidden) is that row id alone: 8 bytes, big-endian,
sign bit flipped. Every other key is a sequence of items, each a tag and a body:

    tag   value        body
    01    NULL         -                           where NULL comes first (the default)
    10    BOOLEAN      1 byte, 0 or 1
    20    INTEGER      8 bytes big-endian, sign bit flipped
    30    REAL         8 bytes big-endian; positive: sign bit flipped, negative: all bits flipped
    40    DATE         4 bytes big-endian, days since 1970-01-01, sign bit flipped
    48    TIMESTAMP    8 bytes big-endian, microseconds since 1970-01-01, sign bit flipped
    50    TEXT         UTF-8, each 00 written 00 FF; then 00 01
    60    BLOB         as TEXT
    7F    NULL         -                           where NULL comes last

A descending item is the same with every bit flipped, so its tag is 80 or more and a key says by itself how to read it.

    (-2, 'a', NULL)          20 7F FF FF FF FF FF FF FE | 50 61 00 01 | 01
    ('a' descending)         AF 9E FF FE

Invariants
- No item is a prefix of another one, so comparing keys with memcmp compares values one by one.
- Tags lie in 01 .. FE: the keys that begin with the items of `p` are exactly those in [p, p + FF).
- -0.0 is encoded as 0.0 (they are equal); every NaN as the one above infinity.
- Decoding trusts nothing: bytes that no encoder writes raise CorruptionError.
"""

import datetime

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cython.cimports.cpython.datetime import import_datetime
from cython.cimports.cpython.mem import PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cython.cimports.cpython.unicode import PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from cython.cimports.engine.record.moments import (
    date_from_days,
    days_of,
    micros_of,
    timestamp_from_micros,
)
from cython.cimports.libc.string import memcpy

from engine.base.errors import CorruptionError, DataError

import_datetime()

SIGN = cython.declare(cython.ulonglong, 1 << 63)


def buffer_reserve(buffer: cython.pointer(buffer_t), more: cython.size_t):
    """Make room for `more` bytes behind what is there."""
    if buffer.length + more <= buffer.capacity:
        return 0
    capacity: cython.size_t = 2 * (buffer.length + more)
    grown = cython.cast(cython.p_uchar, PyMem_Realloc(buffer.data, capacity))
    if grown == cython.NULL:
        raise MemoryError
    buffer.data = grown
    buffer.capacity = capacity
    return 0


def write_big(out, value, count):
    i: cython.int
    for i in range(count):
        out[i] = cython.cast(cython.uchar, (value >> (8 * (count - 1 - i))) & 0xFF)


def read_big(data, count, mask):
    value: uint64_t = 0
    i: cython.int
    for i in range(count):
        value = (value << 8) | cython.cast(uint64_t, data[i] ^ mask)
    return value


def rowid_bytes(rowid):
    raw: cython.uchar[8]
    write_big(raw, cython.cast(uint64_t, rowid) ^ SIGN, 8)
    return PyBytes_FromStringAndSize(cython.cast(cython.p_char, raw), 8)


def rowid_value(data):
    return cython.cast(int64_t, read_big(data, 8, 0) ^ SIGN)


def encode_rowid(rowid: int) -> bytes:
    """The key of a row id."""
    return rowid_bytes(rowid)


def decode_rowid(key: bytes) -> int:
    """The row id of a key. Raises CorruptionError unless it has 8 bytes."""
    if PyBytes_GET_SIZE(key) != 8:
        raise CorruptionError(f"a row id key has 8 bytes, this one {len(key)}")
    return rowid_value(cython.cast(cython.p_uchar, PyBytes_AS_STRING(key)))


@cython.cfunc
@cython.exceptval(-1)
def put_number(buffer: cython.pointer(buffer_t), tag: cython.uchar, value: uint64_t, count: cython.int) -> cython.int:
    buffer_reserve(buffer, 9)
    buffer.data[buffer.length] = tag
    write_big(buffer.data + buffer.length + 1, value, count)
    buffer.length += 1 + count
    return 0


@cython.cfunc
@cython.exceptval(-1)
def put_bytes(
    buffer: cython.pointer(buffer_t), tag: cython.uchar, data: cython.p_uchar, n: cython.size_t
) -> cython.int:
    buffer_reserve(buffer, 2 * n + 3)
    out: cython.p_uchar = buffer.data + buffer.length
    at: cython.size_t = 1
    i: cython.size_t
    out[0] = tag
    for i in range(n):
        out[at] = data[i]
        at += 1
        if data[i] == 0:
            out[at] = 0xFF
            at += 1
    out[at] = 0
    out[at + 1] = 1
    buffer.length += at + 2
    return 0


@cython.cfunc
@cython.exceptval(-1)
def put_real(buffer: cython.pointer(buffer_t), value: cython.double) -> cython.int:
    bits: uint64_t
    if value != value:
        bits = 0x7FF8000000000000
    else:
        value = value + 0.0  # -0.0 becomes 0.0
        memcpy(cython.address(bits), cython.address(value), 8)
    bits = ~bits if bits & SIGN else bits ^ SIGN
    return put_number(buffer, 0x30, bits, 8)


def put_item(buffer, value, descending, nulls_last):
    start: cython.size_t = buffer.length
    n: cython.Py_ssize_t = 0
    kind = type(value)
    number: int64_t
    if value is None:
        buffer_reserve(buffer, 1)
        buffer.data[buffer.length] = 0x7F if nulls_last != descending else 0x01
        buffer.length += 1
    elif kind is int:
        try:
            number = value
        except OverflowError:
            raise DataError(f"the integer {value} does not fit into 64 bits") from None
        put_number(buffer, 0x20, cython.cast(uint64_t, number) ^ SIGN, 8)
    elif kind is str:
        text = PyUnicode_AsUTF8AndSize(value, cython.address(n))
        put_bytes(buffer, 0x50, cython.cast(cython.p_uchar, text), n)
    elif kind is float:
        put_real(buffer, value)
    elif kind is bool:
        put_number(buffer, 0x10, 1 if value else 0, 1)
    elif kind is datetime.datetime:
        put_number(buffer, 0x48, cython.cast(uint64_t, micros_of(value)) ^ SIGN, 8)
    elif kind is datetime.date:
        put_number(buffer, 0x40, cython.cast(uint64_t, days_of(value) + (cython.cast(int64_t, 1) << 31)), 4)
    elif kind is bytes:
        put_bytes(buffer, 0x60, cython.cast(cython.p_uchar, PyBytes_AS_STRING(value)), PyBytes_GET_SIZE(value))
    else:
        raise DataError(f"a value of Python type {kind.__name__} cannot be part of a key")
    if descending:
        i: cython.size_t
        for i in range(start, buffer.length):
            buffer.data[i] = ~buffer.data[i]
    return 0


@cython.cclass
class KeyCodec:
    """Encodes tuples of a fixed number of items, each ascending or descending, NULL first or last.

    descending, nulls_last: one flag an item. nulls_last speaks of the order in which keys are read: by default NULL is
    the smallest value, first where ascending and last where descending.
    """

    def __init__(self, descending, nulls_last=None):
        self.descending = tuple(map(bool, descending))
        self.count = len(self.descending)
        self.nulls_last = self.descending if nulls_last is None else tuple(map(bool, nulls_last))
        if len(self.nulls_last) != self.count:
            raise ValueError("one flag for each item is needed")
        self._flags = list(zip(self.descending, self.nulls_last, strict=True))

    def encode(self, values):
        """The key of `values`, which may be fewer than the codec's items: a prefix.

        Raises DataError for an integer beyond 64 bits or a value of a foreign type.
        """
        buffer: buffer_t
        i: cython.Py_ssize_t = 0
        if len(values) > self.count:
            raise ValueError(f"{len(values)} values for a key of {self.count}")
        buffer.data = cython.cast(cython.p_uchar, PyMem_Malloc(64))
        if buffer.data == cython.NULL:
            raise MemoryError
        buffer.capacity = 64
        buffer.length = 0
        try:
            for value in values:
                flags = cython.cast(tuple, self._flags[i])
                put_item(cython.address(buffer), value, flags[0], flags[1])
                i += 1
            return PyBytes_FromStringAndSize(cython.cast(cython.p_char, buffer.data), buffer.length)
        finally:
            PyMem_Free(buffer.data)

    def __reduce__(self):
        return KeyCodec, (self.descending, self.nulls_last)


_ASCENDING = {n: KeyCodec([False] * n) for n in range(17)}


def encode(values, descending=None, nulls_last=None) -> bytes:
    """The key of a tuple; see KeyCodec for the flags (default: all ascending)."""
    if descending is None and nulls_last is None and len(values) <= 16:
        return cython.cast(KeyCodec, _ASCENDING[len(values)]).encode(values)
    flags = [False] * len(values) if descending is None else descending
    return KeyCodec(flags, nulls_last).encode(values)


def unescape(data, length, start, mask, out):
    """Copy an escaped string to `out` (at least length - start bytes); the position behind it, or -1.

    The copied length is returned through the first byte's distance: callers measure it with `escaped_length`.
    """
    at: cython.size_t = start
    to: cython.size_t = 0
    byte: cython.uchar
    while at < length:
        byte = data[at] ^ mask
        if byte == 0:
            if at + 1 >= length:
                return -1
            byte = data[at + 1] ^ mask
            if byte == 1:
                return at + 2
            if byte != 0xFF:
                return -1
            byte = 0
            at += 1
        out[to] = byte
        to += 1
        at += 1
    return -1


@cython.cfunc
def take_string(
    data: cython.pointer(cython.const[uint8_t]),
    length: cython.size_t,
    position: cython.p_size_t,
    mask: cython.uchar,
    text: cython.bint,
):
    room: cython.size_t = length - position[0] + 1
    out = cython.cast(cython.p_uchar, PyMem_Malloc(room))
    if out == cython.NULL:
        raise MemoryError
    try:
        end: cython.long = unescape(data, length, position[0], mask, out)
        if end < 0:
            raise CorruptionError("a key holds a string without its end")
        # every escaped zero took two bytes, the terminator two more
        size: cython.size_t = end - position[0] - 2
        i: cython.size_t = position[0]
        while i + 2 < cython.cast(cython.size_t, end):
            if (data[i] ^ mask) == 0:
                size -= 1
                i += 1
            i += 1
        position[0] = end
        if not text:
            return PyBytes_FromStringAndSize(cython.cast(cython.p_char, out), size)
        try:
            return PyUnicode_DecodeUTF8(cython.cast(cython.p_char, out), size, cython.NULL)
        except UnicodeDecodeError:
            raise CorruptionError("a key holds text that is not UTF-8") from None
    finally:
        PyMem_Free(out)


def take_item(data, length, position):
    at: cython.size_t = position[0]
    if at >= length:
        raise CorruptionError("a key ends early")
    tag: cython.uchar = data[at]
    mask: cython.uchar = 0xFF if tag & 0x80 else 0
    bits: uint64_t
    number: cython.double
    tag = tag ^ mask
    size: cython.int = 0
    if tag == 0x20 or tag == 0x30 or tag == 0x48:
        size = 8
    elif tag == 0x40:
        size = 4
    elif tag == 0x10:
        size = 1
    elif tag != 0x01 and tag != 0x7F and tag != 0x50 and tag != 0x60:
        raise CorruptionError(f"a key holds the unknown tag {data[at]:02X}")
    if at + 1 + size > length:
        raise CorruptionError("a key ends early")
    position[0] = at + 1 + size
    bits = read_big(data + at + 1, size, mask)
    if tag == 0x01 or tag == 0x7F:
        return None
    if tag == 0x50 or tag == 0x60:
        return take_string(data, length, position, mask, tag == 0x50)
    if tag == 0x20:
        return cython.cast(int64_t, bits ^ SIGN)
    if tag == 0x30:
        bits = bits ^ SIGN if bits & SIGN else ~bits
        memcpy(cython.address(number), cython.address(bits), 8)
        return number
    if tag == 0x10:
        if bits > 1:
            raise CorruptionError("a key holds a BOOLEAN that is neither 0 nor 1")
        return bits == 1
    if tag == 0x40:
        return date_from_days(cython.cast(int64_t, bits) - (cython.cast(int64_t, 1) << 31))
    return timestamp_from_micros(cython.cast(int64_t, bits ^ SIGN))


def decode(key: bytes) -> tuple:
    """The values of a key made of items. Raises CorruptionError on bytes that no encoder writes."""
    values = []
    length: cython.size_t = PyBytes_GET_SIZE(key)
    position: cython.size_t = 0
    while position < length:
        values.append(take_item(cython.cast(cython.p_uchar, PyBytes_AS_STRING(key)), length, cython.address(position)))
    return tuple(values)


def items_length(key: bytes, count: int) -> int:
    """The length in bytes of a key's first `count` items. Raises CorruptionError as `decode`."""
    length: cython.size_t = PyBytes_GET_SIZE(key)
    position: cython.size_t = 0
    _i: cython.int
    for _i in range(count):
        take_item(cython.cast(cython.p_uchar, PyBytes_AS_STRING(key)), length, cython.address(position))
    return position


def prefix_end(prefix: bytes) -> bytes:
    """The exclusive end of the range of keys that begin with the items of `prefix`."""
    return prefix + b"\xff"
