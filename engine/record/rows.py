"""Rows as bytes: a count, one tag a field, then the fields' bodies in the same order, nothing between them.

    +-------+-----+-----+-- -+-------+--------+--------+-- -+
    | count | tag | tag | .. | tag   | body   | body   | .. |
    +-------+-----+-----+-- -+-------+--------+--------+-- -+

    count   1 byte below 128; else 2 bytes, little-endian, with 8000 added: (count & 7F) | 80, count >> 7

    tag      value       body
    00       NULL        -
    01..08   INTEGER     tag bytes, little-endian two's complement, as few as hold the value
    09, 0A   INTEGER     - (0 and 1)
    0C, 0D   BOOLEAN     - (FALSE and TRUE)
    0E       REAL        8 bytes, IEEE 754, little-endian
    10       DATE        4 bytes, days since 1970-01-01, signed
    11       TIMESTAMP   8 bytes, microseconds since 1970-01-01, signed
    14       TEXT        length (4 bytes), then UTF-8                      128 bytes and more
    15       BLOB        length (4 bytes), then the bytes                  64 bytes and more
    40..7F   BLOB        tag - 40 bytes
    80..FF   TEXT        tag - 80 bytes of UTF-8

    (7, NULL, 'ab', 1.5)     04 | 01 00 82 0E | 07 | 61 62 | 00 00 00 00 00 00 F8 3F

Field i is column i of the table. A column that is kept in the key has the tag 00 here and is read from the key. A row
written before columns were added has fewer fields; the missing ones read as the columns' defaults. One pass over the
tags, without looking at most bodies, finds any column: that is what scans that need few columns live on.

Decoding trusts nothing: bytes that no encoder writes raise CorruptionError.
"""

import datetime

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cython.cimports.cpython.mem import PyMem_Free, PyMem_Malloc
from cython.cimports.cpython.ref import Py_INCREF
from cython.cimports.cpython.tuple import PyTuple_New, PyTuple_SET_ITEM
from cython.cimports.cpython.unicode import PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from cython.cimports.engine.record.keys import buffer_reserve, rowid_value, take_item
from cython.cimports.engine.record.moments import date_from_days, days_of, micros_of, timestamp_from_micros
from cython.cimports.libc.string import memcpy

from engine.base.errors import CorruptionError, DataError, IntegrityError
from engine.record.types import Type, convert

MAX_COLUMNS = 16383


def row_fields(data, length, out, limit):
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
    i: cython.size_t
    tag: cython.uchar
    size: uint32_t
    if body > length:
        return -1
    for i in range(count):
        tag = data[at + i]
        if tag >= 0x80:
            size = tag - 0x80
        elif tag <= 8:
            size = tag
        elif tag == 0x0E or tag == 0x11:
            size = 8
        elif tag >= 0x40:
            size = tag - 0x40
        elif tag == 0x10:
            size = 4
        elif tag == 0x14 or tag == 0x15:
            if body + 4 > length:
                return -1
            memcpy(cython.address(size), data + body, 4)
            body += 4
        elif tag == 0x0B or tag == 0x0F or tag > 0x15 or tag == 0x12 or tag == 0x13:
            return -1
        else:
            size = 0
        if size > length - body:
            return -1
        if cython.cast(cython.long, i) < limit:
            out[i].tag = tag
            out[i].offset = cython.cast(uint32_t, body)
            out[i].size = size
        body += size
    return count if body == length else -1


def field_integer(body, size):
    value: uint64_t = 0
    memcpy(cython.address(value), body, size)
    shift: cython.int = 64 - 8 * cython.cast(cython.int, size)
    return cython.cast(int64_t, value << shift) >> shift


def field_value(data, field):
    body = data + field.offset
    number: cython.double
    tag: cython.uchar = field.tag
    if tag >= 0x80 or tag == 0x14:
        try:
            return PyUnicode_DecodeUTF8(cython.cast(cython.p_char, body), field.size, cython.NULL)
        except UnicodeDecodeError:
            raise CorruptionError("a row holds text that is not UTF-8") from None
    if tag == 0:
        return None
    if tag <= 8:
        return field_integer(body, field.size)
    if tag == 0x0E:
        memcpy(cython.address(number), body, 8)
        return number
    if tag == 0x09:
        return 0
    if tag == 0x0A:
        return 1
    if tag == 0x11:
        return timestamp_from_micros(field_integer(body, 8))
    if tag == 0x10:
        return date_from_days(field_integer(body, 4))
    if tag == 0x0C:
        return False
    if tag == 0x0D:
        return True
    return PyBytes_FromStringAndSize(cython.cast(cython.p_char, body), field.size)


@cython.cfunc
@cython.exceptval(-1)
def put_long(
    buffer: cython.pointer(buffer_t), data: cython.p_char, size: cython.Py_ssize_t, short: cython.int
) -> cython.int:
    """Append a string's body, with its length before it when it is not in the tag."""
    length: uint32_t
    if size > 0x7FFFFFFF:
        raise DataError("a value is longer than 2 GiB")
    buffer_reserve(buffer, size + 4)
    if size >= short:
        length = cython.cast(uint32_t, size)
        memcpy(buffer.data + buffer.length, cython.address(length), 4)
        buffer.length += 4
    memcpy(buffer.data + buffer.length, data, size)
    buffer.length += size
    return 0


@cython.cfunc
@cython.exceptval(-1)
def put_fixed(buffer: cython.pointer(buffer_t), number: int64_t, size: cython.int) -> cython.int:
    buffer_reserve(buffer, 8)
    memcpy(buffer.data + buffer.length, cython.address(number), size)
    buffer.length += size
    return 0


@cython.cfunc
@cython.exceptval(-1)
def put_value(buffer: cython.pointer(buffer_t), value, kind: cython.int) -> cython.int:
    """Append the body of a value whose type is known to be `kind`; its tag."""
    number: int64_t
    real: cython.double
    size: cython.Py_ssize_t = 0
    bytes_needed: cython.int
    magnitude: uint64_t
    if kind == 1:
        number = value
        if number == 0 or number == 1:
            return 9 + cython.cast(cython.int, number)
        magnitude = cython.cast(uint64_t, number if number >= 0 else ~number)
        bytes_needed = 1
        while bytes_needed < 8 and magnitude >> (8 * bytes_needed - 1):
            bytes_needed += 1
        put_fixed(buffer, number, bytes_needed)
        return bytes_needed
    if kind == 3:
        text = PyUnicode_AsUTF8AndSize(value, cython.address(size))
        put_long(buffer, cython.cast(cython.p_char, text), size, 128)
        return 0x80 + cython.cast(cython.int, size) if size < 128 else 0x14
    if kind == 2:
        real = value
        memcpy(cython.address(number), cython.address(real), 8)
        put_fixed(buffer, number, 8)
        return 0x0E
    if kind == 5:
        return 0x0D if value else 0x0C
    if kind == 7:
        put_fixed(buffer, micros_of(value), 8)
        return 0x11
    if kind == 6:
        put_fixed(buffer, days_of(value), 4)
        return 0x10
    put_long(buffer, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), 64)
    size = PyBytes_GET_SIZE(value)
    return 0x40 + cython.cast(cython.int, size) if size < 64 else 0x15


@cython.cfunc
@cython.exceptval(-1)
def kind_of(value) -> cython.int:
    """The number of the type of an exact Python value; 0 for NULL, 8 for anything else."""
    kind = type(value)
    if value is None:
        return 0
    if kind is int:
        return 1
    if kind is str:
        return 3
    if kind is float:
        return 2
    if kind is bool:
        return 5
    if kind is datetime.datetime:
        return 7
    if kind is datetime.date:
        return 6
    if kind is bytes:
        return 4
    return 8


@cython.cfunc
@cython.exceptval(-1)
def is_sound(value, kind: cython.int) -> cython.int:
    """Whether a value of the right Python type can be stored as it is; `convert` says what is wrong with others."""
    _number: int64_t
    size: cython.Py_ssize_t = 0
    try:
        if kind == 1:
            _number = value
        elif kind == 2:
            return value == value
        elif kind == 3:
            PyUnicode_AsUTF8AndSize(value, cython.address(size))
    except (OverflowError, UnicodeEncodeError):
        return 0
    return 1


@cython.cclass
class RowEncoder:
    """Checks and encodes the rows of one table.

    names, types: of the columns. not_null: a flag a column. stored: a flag a column; a column that is kept in the key
    is not stored. One thread at a time may use an encoder.
    """

    def __cinit__(self):
        self.buffer.data = self.tags.data = cython.NULL
        self.buffer.capacity = self.tags.capacity = 0

    def __init__(self, names, types, not_null=None, stored=None):
        self.names = tuple(names)
        self.types = tuple(types)
        self.count = len(self.names)
        if self.count > MAX_COLUMNS:
            raise DataError(f"a table has at most {MAX_COLUMNS} columns")
        self.not_null = tuple(not_null or [False] * self.count)
        self.stored = tuple(stored or [True] * self.count)
        if not len(self.types) == len(self.not_null) == len(self.stored) == self.count:
            raise ValueError("as many types and flags as names are needed")
        self._types = [int(kind) for kind in self.types]
        self._not_null = bytes(bool(flag) for flag in self.not_null)
        self._stored = bytes(bool(flag) for flag in self.stored)

    def __dealloc__(self):
        PyMem_Free(self.buffer.data)
        PyMem_Free(self.tags.data)

    def encode(self, values):
        """The bytes of a row.

        Raises DataError for a value that is not of its column's type and cannot be converted without loss,
        IntegrityError for NULL in a NOT NULL column.
        """
        i: cython.Py_ssize_t
        kind: cython.int
        tag: cython.int
        header: cython.size_t = 1 if self.count < 128 else 2
        if len(values) != self.count:
            raise ValueError(f"{len(values)} values for {self.count} columns")
        buffer = cython.address(self.buffer)
        buffer.length = 0
        buffer_reserve(buffer, header + self.count + 64)
        if header == 1:
            buffer.data[0] = self.count
        else:
            buffer.data[0] = (self.count & 0x7F) | 0x80
            buffer.data[1] = self.count >> 7
        buffer.length = header + self.count
        for i in range(self.count):
            value = values[i]
            if value is None:
                if self._not_null[i]:
                    raise IntegrityError(f"NOT NULL constraint failed: {self.names[i]}")
                buffer.data[header + i] = 0
                continue
            kind = kind_of(value)
            if kind != cython.cast(cython.int, self._types[i]) or (kind == 2 and value != value):
                value = convert(value, self.types[i], self.names[i])
                kind = kind_of(value)
                if kind == 0:
                    if self._not_null[i]:
                        raise IntegrityError(f"NOT NULL constraint failed: {self.names[i]}")
                    buffer.data[header + i] = 0
                    continue
            if not self._stored[i]:
                buffer.data[header + i] = 0
                continue
            try:
                tag = put_value(buffer, value, kind)
            except OverflowError:
                raise DataError(f"the integer {value} for column {self.names[i]} does not fit into 64 bits") from None
            except UnicodeEncodeError:
                raise DataError(f"the text for column {self.names[i]} has a lone surrogate") from None
            buffer.data[header + i] = cython.cast(cython.uchar, tag)
        return PyBytes_FromStringAndSize(cython.cast(cython.p_char, buffer.data), buffer.length)

    def check(self, values):
        """The row with every value converted to its column's type, as a tuple; errors as `encode`."""
        i: cython.Py_ssize_t
        kind: cython.int
        wanted: cython.int
        changed = None
        if len(values) != self.count:
            raise ValueError(f"{len(values)} values for {self.count} columns")
        for i in range(self.count):
            value = values[i]
            kind = kind_of(value)
            wanted = self._types[i]
            if kind != 0 and (kind != wanted or not is_sound(value, kind)):
                read = convert(value, self.types[i], self.names[i])
                if changed is None:
                    changed = list(values)
                changed[i] = value = read
            if value is None and self._not_null[i]:
                raise IntegrityError(f"NOT NULL constraint failed: {self.names[i]}")
        return tuple(values) if changed is None else tuple(changed)

    def __reduce__(self):
        return RowEncoder, (self.names, self.types, self.not_null, self.stored)


@cython.cclass
class RowDecoder:
    """Reads chosen columns of a table's rows.

    columns: the wanted columns, in the order of the result. width: number of columns of the table.
    rowid_column: the column that is the row id itself, or -1. key_columns: the columns kept in the key, in its order
    (of a table keyed by its primary key). defaults: the columns' values in rows written before they were added.
    One thread at a time may use a decoder.
    """

    def __cinit__(self):
        self._columns = self._key_slots = cython.NULL
        self._fields = cython.NULL

    def __init__(self, columns, width, rowid_column=-1, key_columns=(), defaults=None):
        i: cython.Py_ssize_t
        self.columns = tuple(columns)
        self.width = width
        self.rowid_column = rowid_column
        self.key_columns = tuple(key_columns)
        self.defaults = tuple(defaults) if defaults is not None else (None,) * self.width
        if len(self.defaults) != self.width or not all(0 <= c < self.width for c in self.columns):
            raise ValueError("columns beyond the table")
        n: cython.Py_ssize_t = len(self.columns)
        self._columns = cython.cast(cython.p_int, PyMem_Malloc((n + 1) * cython.sizeof(cython.int)))
        self._key_slots = cython.cast(
            cython.p_int, PyMem_Malloc((len(self.key_columns) + 1) * cython.sizeof(cython.int))
        )
        self.needed = 0
        self.key_last = -1
        for i in range(n):
            column = self.columns[i]
            self._columns[i] = column
            if column == rowid_column:
                self._columns[i] = -1
            elif column in self.key_columns:
                self._columns[i] = -2
            else:
                self.needed = max(self.needed, column + 1)
        for i, column in enumerate(self.key_columns):
            self._key_slots[i] = self.columns.index(column) if column in self.columns else -1
            if column in self.columns:
                self.key_last = i
        self.fields_capacity = max(1, self.needed)
        self._fields = cython.cast(cython.pointer(field_t), PyMem_Malloc(self.fields_capacity * cython.sizeof(field_t)))
        if self._columns == cython.NULL or self._key_slots == cython.NULL or self._fields == cython.NULL:
            raise MemoryError
        if len(set(self.columns)) != n:
            raise ValueError("a column is wanted twice")

    def __dealloc__(self):
        PyMem_Free(self._columns)
        PyMem_Free(self._key_slots)
        PyMem_Free(self._fields)

    def decode_key(self, key, row):
        """Fill in the columns that are kept in the key."""
        position: cython.size_t = 0
        i: cython.int
        data = cython.cast(cython.p_uchar, PyBytes_AS_STRING(key))
        for i in range(self.key_last + 1):
            value = take_item(data, PyBytes_GET_SIZE(key), cython.address(position))
            if self._key_slots[i] >= 0:
                Py_INCREF(value)
                PyTuple_SET_ITEM(row, self._key_slots[i], value)
        return 0

    def decode(self, key, value):
        """The wanted columns of a row. Raises CorruptionError on bytes that no encoder writes."""
        count: cython.long = 0
        i: cython.Py_ssize_t
        column: cython.int
        n: cython.Py_ssize_t = len(self.columns)
        data = cython.cast(cython.p_uchar, PyBytes_AS_STRING(value))
        if self.needed:
            count = row_fields(data, PyBytes_GET_SIZE(value), self._fields, self.needed)
            if count < 0:
                raise CorruptionError("a row cannot be decoded")
        row: tuple = PyTuple_New(n)
        for i in range(n):
            column = self._columns[i]
            if column >= 0:
                if column < count:
                    item = field_value(data, cython.address(self._fields[column]))
                else:
                    item = self.defaults[column]
            elif column == -1:
                if PyBytes_GET_SIZE(key) != 8:
                    raise CorruptionError(f"a row id key has 8 bytes, this one {len(key)}")
                item = rowid_value(cython.cast(cython.p_uchar, PyBytes_AS_STRING(key)))
            else:
                continue
            Py_INCREF(item)
            PyTuple_SET_ITEM(row, i, item)
        if self.key_last >= 0:
            self.decode_key(key, row)
        return row

    def rows(self, pairs, flag=None):
        """The wanted columns of each (key, value) of `pairs`.

        flag: a list; when flag[0] is true the loop calls flag[1](), and to flag[2] it adds how many rows it has read.
        """
        ticks: cython.uint = 0
        for pair in pairs:
            ticks += 1  # noqa: SIM113 - a C counter
            if ticks & 0xFF == 0 and flag is not None:
                flag[2] += 0x100
                if flag[0]:
                    flag[1]()
            yield self.decode(cython.cast(bytes, pair[0]), cython.cast(bytes, pair[1]))

    def rows_with_keys(self, pairs, flag=None):
        """As `rows`, but each as (key, row)."""
        ticks: cython.uint = 0
        for pair in pairs:
            ticks += 1  # noqa: SIM113 - a C counter
            if ticks & 0xFF == 0 and flag is not None:
                flag[2] += 0x100
                if flag[0]:
                    flag[1]()
            yield pair[0], self.decode(cython.cast(bytes, pair[0]), cython.cast(bytes, pair[1]))

    def __reduce__(self):
        return RowDecoder, (self.columns, self.width, self.rowid_column, self.key_columns, self.defaults)


def encode_row(values) -> bytes:
    """The bytes of a row whose values stand for themselves, without a table's types."""
    kinds = [Type(kind_of(value)) for value in values]
    return RowEncoder([str(i) for i in range(len(kinds))], kinds).encode(values)


def decode_row(value: bytes) -> tuple:
    """All fields of a stored row, without its table: what an inspector shows."""
    data = cython.cast(cython.p_uchar, PyBytes_AS_STRING(value))
    count: cython.long = row_fields(data, PyBytes_GET_SIZE(value), cython.NULL, 0)
    if count < 0:
        raise CorruptionError("a row cannot be decoded")
    fields = cython.cast(cython.pointer(field_t), PyMem_Malloc((count + 1) * cython.sizeof(field_t)))
    if fields == cython.NULL:
        raise MemoryError
    try:
        row_fields(data, PyBytes_GET_SIZE(value), fields, count)
        return tuple([field_value(data, cython.address(fields[i])) for i in range(count)])
    finally:
        PyMem_Free(fields)
