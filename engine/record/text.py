"""Columns as lines of text, CSV, TSV or JSON: the buffers of Arrow arrays are read where they lie, no Python object stands for a value.

    Arrow arrays  -->  TextLines  -->  before[0] field before[1] field ... end        a row
    (one a column)                     csv   1,"x, y",2013-01-31           before: nothing, then commas
                                       json  {"id":1,"name":"x"}           before: {"id": and ,"name":   end: } and a line feed

The loop runs without the GIL. What only Python spells well (a REAL that no short decimal is, a text with characters that
need escapes) is handed to `spell`, one value at a time. The fast way for a REAL: the least number of decimals, up to 9, for
which an integer below 10**15 divided by that power of ten is the number; such a decimal is the shortest that reads back, and
the only one so short, since doubles tell decimals of 15 digits apart (IEEE 754).
"""

import cython

from engine.base.errors import InternalError

DAY_MICROS = cython.declare(cython.longlong, 86_400_000_000)
EXACT = cython.declare(cython.double, 1e15)
FIELD_ROOM = cython.declare(cython.size_t, 48)  # the longest number or moment, with its quotes

STYLES = {"csv": STYLE_CSV, "tsv": STYLE_TSV, "json": STYLE_JSON}
KINDS = {
    "int64": 1, "double": 2, "string": 3, "binary": 4, "bool": 5, "date32[day]": 6, "timestamp[us]": 7, "null": 0,
}  # fmt: skip


def supports(types):
    """Whether columns of these Arrow types can be written."""
    return all(str(kind) in KINDS for kind in types)


def put_digits(value, width, out):
    """Write decimal digits, at least `width` of them; how many."""
    digits: cython.uchar[20]
    count: cython.size_t = 0
    while value or count == 0:
        digits[count] = cython.cast(cython.uchar, 48 + value % 10)
        value = value // 10
        count += 1
    size: cython.size_t = count
    while size < cython.cast(cython.size_t, width):
        size += 1
    i: cython.size_t
    for i in range(size):
        out[size - 1 - i] = digits[i] if i < count else 48
    return size


def put_integer(value, out):
    """Write an integer; how many bytes."""
    if value < 0:
        out[0] = 45
        return 1 + put_digits(~cython.cast(uint64_t, value) + 1, 1, out + 1)
    return put_digits(cython.cast(uint64_t, value), 1, out)


def put_real(value, out):
    """Write a REAL as Python's repr does; how many bytes, 0 where this is not the way to do it."""
    size: cython.size_t = 0
    if value == 0.0:
        if 1.0 / value < 0:
            out[0] = 45
            size = 1
        out[size] = 48
        out[size + 1] = 46
        out[size + 2] = 48
        return size + 3
    magnitude: cython.double = fabs(value)
    if not (magnitude >= 1e-4 and magnitude < EXACT):
        return 0
    power: cython.double = 1.0
    scale: uint64_t = 1
    places: cython.int
    for places in range(10):
        whole: cython.double = rint(magnitude * power)
        if whole >= EXACT:
            return 0
        if whole / power == magnitude:
            number: uint64_t = cython.cast(uint64_t, whole)
            if value < 0:
                out[0] = 45
                size = 1
            size += put_digits(number // scale, 1, out + size)
            out[size] = 46
            return size + 1 + put_digits(number % scale, places if places > 0 else 1, out + size + 1)
        power *= 10.0
        scale *= 10
    return 0


def put_date(days, out):
    """Write a date, 2013-01-31; how many bytes."""
    year: cython.int = 0
    month: cython.int = 0
    day: cython.int = 0
    civil_from_days(days, cython.address(year), cython.address(month), cython.address(day))
    size: cython.size_t = put_digits(cython.cast(uint64_t, year), 4, out)
    out[size] = 45
    put_digits(cython.cast(uint64_t, month), 2, out + size + 1)
    out[size + 3] = 45
    put_digits(cython.cast(uint64_t, day), 2, out + size + 4)
    return size + 6


def put_timestamp(micros, mark, out):
    """Write a moment, 2013-01-31 10:00:00, with six decimals where it has any; mark: what stands before the hour."""
    days: int64_t = micros // DAY_MICROS
    rest: int64_t = micros - days * DAY_MICROS
    if rest < 0:  # C's division cuts towards zero
        days -= 1
        rest += DAY_MICROS
    size: cython.size_t = put_date(days, out)
    seconds: uint64_t = cython.cast(uint64_t, rest // 1_000_000)
    part: uint64_t = cython.cast(uint64_t, rest % 1_000_000)
    out[size] = mark
    put_digits(seconds // 3600, 2, out + size + 1)
    out[size + 3] = 58
    put_digits(seconds // 60 % 60, 2, out + size + 4)
    out[size + 6] = 58
    put_digits(seconds % 60, 2, out + size + 7)
    size += 9
    if part:
        out[size] = 46
        size += 1 + put_digits(part, 6, out + size + 1)
    return size


def address_of(buffer):
    return cython.NULL if buffer is None else cython.cast(cython.p_uchar, cython.cast(cython.size_t, buffer.address))


class TextLines:
    """Makes text of batches of columns.

    style: "csv", "tsv" or "json" decides how values are spelled and what is escaped. before: what stands before the value of each
    column. end: what stands behind a row. null: NULL's text. spell: the text of a value that Python has to spell, as it is to
    stand there. delimiter, quote, quote_null: of csv; without a quote, texts that need one are handed to `spell`; with
    quote_null a text equal to `null` is put in quotes.
    """

    def __cinit__(self, style, before, end, null, spell, delimiter=",", quote='"', quote_null=False):
        self.held = [bytes(text) for text in before]
        self.count = len(self.held)
        self.columns = cython.cast(
            cython.pointer(text_column_t), calloc(max(self.count, 1), cython.sizeof(text_column_t))
        )
        if self.columns == cython.NULL:
            raise MemoryError

    def __init__(self, style, before, end, null, spell, delimiter=",", quote='"', quote_null=False):
        self.style = STYLES[style]
        self.spell = spell
        self.texts = (bytes(end), bytes(null))
        ending: bytes = self.texts[0]
        nothing: bytes = self.texts[1]
        self.end = cython.cast(cython.p_uchar, PyBytes_AS_STRING(ending))
        self.end_len = PyBytes_GET_SIZE(ending)
        self.null = cython.cast(cython.p_uchar, PyBytes_AS_STRING(nothing))
        self.null_len = PyBytes_GET_SIZE(nothing)
        self.delimiter = ord(delimiter)
        self.quotes = bool(quote) and self.style == STYLE_CSV
        self.quote = ord(quote) if quote else 0
        self.quotes_null = quote_null
        self.moment = 84 if self.style == STYLE_JSON else 32
        memset(self.special, 0, 256)
        for code in self._special(style, delimiter, quote):
            self.special[code] = 1
        for i in range(self.count):
            text: bytes = self.held[i]
            self.columns[i].before = cython.cast(cython.p_uchar, PyBytes_AS_STRING(text))
            self.columns[i].before_len = PyBytes_GET_SIZE(text)

    @staticmethod
    def _special(style, delimiter, quote):
        if style == "csv":
            return (delimiter + quote + "\r\n").encode()
        if style == "tsv":
            return b"\\\t\r\n"
        return bytes([*range(0x20), 0x22, 0x5C, *range(0x7F, 0x100)])

    def __dealloc__(self):
        free(self.columns)
        free(self.out)

    def text(self, arrays, rows):
        """The lines of `rows` rows, one array a column. Raises InternalError for an array of another type than `supports` allows."""
        self.take(arrays)
        self.used = 0
        total: int64_t = rows
        at: int64_t = 0
        first: cython.int = 0
        code: cython.int = 0
        while at < total:
            with cython.nogil:
                while at < total:
                    code = self.row(at, cython.address(first))
                    if code != 0:
                        break
                    at += 1
                    first = 0
            if code == NEEDS_PYTHON:
                self.put_python(cython.address(self.columns[first]), at)
                first += 1
            elif code != 0:
                raise MemoryError
        return PyBytes_FromStringAndSize(cython.cast(cython.p_char, self.out), self.used) if self.used else b""

    def take(self, arrays):
        """Look where the arrays' buffers lie."""
        if len(arrays) != self.count:
            raise InternalError(f"{len(arrays)} arrays for {self.count} columns")
        del self.held[self.count :]
        for i in range(self.count):
            array = arrays[i]
            kind = KINDS.get(str(array.type))
            if kind is None:
                raise InternalError(f"no text for an array of type {array.type}")
            buffers = array.buffers()
            self.held.append(buffers)
            c = cython.address(self.columns[i])
            c.kind = kind
            c.offset = array.offset
            c.valid = address_of(buffers[0])
            c.offsets = cython.cast(
                cython.pointer(cython.const[int32_t]), address_of(buffers[1] if len(buffers) == 3 else None)
            )
            c.data = address_of(buffers[-1])
            if kind != 0 and c.data == cython.NULL:
                c.data = cython.cast(cython.pointer(cython.const[uint8_t]), b"")  # texts of no bytes at all
        return 0

    def reserve(self, size):
        """Room for so many further bytes, `out` not NULL from here on; -1 where there is no memory."""
        if self.out != cython.NULL and self.used + size <= self.room:
            return 0
        room: cython.size_t = max(2 * self.room, self.used + size, 1 << 16)
        grown = cython.cast(cython.p_uchar, realloc(self.out, room))
        if grown == cython.NULL:
            return -1
        self.out = grown
        self.room = room
        return 0

    def put(self, text, size):
        """Write bytes as they are; -1 without memory."""
        if self.reserve(size) != 0:
            return -1
        if size > 0:  # memcpy takes no NULL, not even of no bytes
            memcpy(self.out + self.used, text, size)
            self.used += size
        return 0

    def row(self, at, first):
        """Write a row from the field first[0] on; 0, -1 without memory, or NEEDS_PYTHON with first[0] the field that does."""
        i: cython.int
        code: cython.int
        for i in range(first[0], self.count):
            c = cython.address(self.columns[i])
            if self.put(c.before, c.before_len) != 0 or self.reserve(FIELD_ROOM) != 0:
                return -1
            code = self.field(c, at + c.offset)
            if code != 0:
                first[0] = i
                return code
        return self.put(self.end, self.end_len)

    def field(self, c, at):
        """Write one value; there is room for a number."""
        size: cython.size_t
        if c.kind == 0 or (c.valid != cython.NULL and not c.valid[at >> 3] & (1 << (at & 7))):
            return self.put(self.null, self.null_len)
        if c.kind == 3:
            return self.text_field(
                c.data + c.offsets[at], cython.cast(cython.size_t, c.offsets[at + 1] - c.offsets[at])
            )
        if c.kind == 4:
            return self.blob(c.data + c.offsets[at], cython.cast(cython.size_t, c.offsets[at + 1] - c.offsets[at]))
        out = self.out + self.used
        if c.kind == 1:
            self.used += put_integer(cython.cast(cython.pointer(cython.const[int64_t]), c.data)[at], out)
        elif c.kind == 2:
            size = put_real(cython.cast(cython.pointer(cython.const[cython.double]), c.data)[at], out)
            if size == 0:
                return NEEDS_PYTHON
            self.used += size
        elif c.kind == 5:
            if c.data[at >> 3] & (1 << (at & 7)):
                memcpy(out, b"true", 4)
                self.used += 4
            else:
                memcpy(out, b"false", 5)
                self.used += 5
        else:
            size = 0
            if self.style == STYLE_JSON:
                out[0] = 34
                size = 1
            if c.kind == 6:
                size += put_date(cython.cast(cython.pointer(cython.const[int32_t]), c.data)[at], out + size)
            else:
                size += put_timestamp(
                    cython.cast(cython.pointer(cython.const[int64_t]), c.data)[at], self.moment, out + size
                )
            if self.style == STYLE_JSON:
                out[size] = 34
                size += 1
            self.used += size
        return 0

    def text_field(self, text, size):
        """Write a text, in quotes or with escapes where it needs them. Where it is empty, it may be NULL."""
        care: cython.uchar = 0
        nothing: cython.uchar = 0
        if size == 0:
            text = cython.address(nothing)
        i: cython.size_t
        for i in range(size):
            care |= self.special[text[i]]
        if self.style == STYLE_CSV:
            if not self.quotes_null:
                care |= size == 0
            elif size == self.null_len:
                care |= memcmp(text, self.null, size) == 0
        if care:
            return self.quoted(text, size)
        if self.reserve(size + 2) != 0:
            return -1
        if self.style == STYLE_JSON:
            self.out[self.used] = 34
            memcpy(self.out + self.used + 1, text, size)
            self.out[self.used + 1 + size] = 34
            self.used += size + 2
        else:
            memcpy(self.out + self.used, text, size)
            self.used += size
        return 0

    def quoted(self, text, size):
        """Write a text that needs care."""
        if self.style == STYLE_JSON or (self.style == STYLE_CSV and not self.quotes):
            return NEEDS_PYTHON
        if self.reserve(2 * size + 2) != 0:
            return -1
        out = self.out + self.used
        i: cython.size_t
        used: cython.size_t = 0
        code: cython.uchar
        if self.style == STYLE_CSV:
            out[0] = self.quote
            used = 1
            for i in range(size):
                code = text[i]
                if code == self.quote:
                    out[used] = code
                    used += 1
                out[used] = code
                used += 1
            out[used] = self.quote
            used += 1
        else:
            for i in range(size):
                code = text[i]
                if self.special[code]:
                    out[used] = 92
                    used += 1
                    code = 116 if code == 9 else 110 if code == 10 else 114 if code == 13 else code
                out[used] = code
                used += 1
        self.used += used
        return 0

    def blob(self, data, size):
        """Write a BLOB: x'00ff', in JSON a string of digits."""
        if self.reserve(2 * size + 3) != 0:
            return -1
        out = self.out + self.used
        digits: cython.p_char = b"0123456789abcdef"
        used: cython.size_t = 1
        mark: cython.uchar = 34 if self.style == STYLE_JSON else 39
        if self.style != STYLE_JSON:
            out[0] = 120
            used = 2
        out[used - 1] = mark
        i: cython.size_t
        for i in range(size):
            out[used] = cython.cast(cython.uchar, digits[data[i] >> 4])
            out[used + 1] = cython.cast(cython.uchar, digits[data[i] & 15])
            used += 2
        out[used] = mark
        self.used += used + 1
        return 0

    def put_python(self, c, at):
        """Write a value as `spell` has it."""
        at += c.offset
        value: object
        if c.kind == 2:
            value = cython.cast(cython.pointer(cython.const[cython.double]), c.data)[at]
        else:
            start = cython.cast(cython.pointer(cython.const[cython.char]), c.data) + c.offsets[at]
            value = start[: c.offsets[at + 1] - c.offsets[at]].decode("utf-8", "surrogateescape")
        text: bytes = self.spell(value).encode("utf-8", "surrogateescape")
        if self.put(cython.cast(cython.p_uchar, PyBytes_AS_STRING(text)), PyBytes_GET_SIZE(text)) != 0:
            raise MemoryError
        return 0
