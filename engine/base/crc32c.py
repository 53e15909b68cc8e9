"""CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), the checksum of pages and log records.

The processor's instruction is used where it has one (SSE4.2, ARMv8 CRC), chosen at run time; tables of eight bytes a step
("slicing by 8", Kounavis and Berry 2005) elsewhere. Long input runs through three independent instruction streams

    | block A | block B | block C |      crc(ABC) = shift(shift(a) ^ b) ^ c

where `shift` appends a block of zero bytes to a register. A register is linear over GF(2), so shift is four table look-ups,
and the tables follow from the images of the 32 single bits. All tables are computed when the module is imported.
"""

import cython
from cython.cimports.engine.base.crc32c_hw import hw_supported, hw_update, hw_update3

POLYNOMIAL = 0x82F63B78


def _fill_byte_tables():
    for value in range(256):
        crc: cython.uint = value
        for _ in range(8):
            crc = (crc >> 1) ^ (cython.cast(cython.uint, 0x82F63B78) if crc & 1 else 0)
        byte_table[0][value] = crc
    for step in range(1, 8):
        for value in range(256):
            previous: cython.uint = byte_table[step - 1][value]
            byte_table[step][value] = (previous >> 8) ^ byte_table[0][previous & 0xFF]


def _fill_shift(shift, zeros):
    bit: cython.int
    place: cython.int
    value: cython.int
    crc: cython.uint
    image: cython.uint[32]
    for bit in range(32):
        crc = cython.cast(cython.uint, 1) << bit
        for _ in range(zeros):
            crc = (crc >> 8) ^ byte_table[0][crc & 0xFF]
        image[bit] = crc
    for place in range(4):
        for value in range(256):
            crc = 0
            for bit in range(8):
                if value >> bit & 1:
                    crc ^= image[8 * place + bit]
            shift.by_byte[place][value] = crc


def _shifted(shift, crc):
    return (
        shift.by_byte[0][crc & 0xFF]
        ^ shift.by_byte[1][crc >> 8 & 0xFF]
        ^ shift.by_byte[2][crc >> 16 & 0xFF]
        ^ shift.by_byte[3][crc >> 24]
    )


def _software(crc, p, n):
    while n >= 8:
        crc ^= p[0] | p[1] << 8 | p[2] << 16 | cython.cast(cython.uint, p[3]) << 24
        crc = (
            byte_table[7][crc & 0xFF]
            ^ byte_table[6][crc >> 8 & 0xFF]
            ^ byte_table[5][crc >> 16 & 0xFF]
            ^ byte_table[4][crc >> 24]
            ^ byte_table[3][p[4]]
            ^ byte_table[2][p[5]]
            ^ byte_table[1][p[6]]
            ^ byte_table[0][p[7]]
        )
        p += 8
        n -= 8
    while n > 0:
        crc = (crc >> 8) ^ byte_table[0][(crc ^ p[0]) & 0xFF]
        p += 1
        n -= 1
    return crc


def _hardware(crc, p, n):
    stream: cython.uint[3]
    while n >= 3 * LONG_BLOCK:
        stream[0], stream[1], stream[2] = crc, 0, 0
        hw_update3(stream, p, LONG_BLOCK)
        crc = _shifted(cython.address(long_shift), stream[0]) ^ stream[1]
        crc = _shifted(cython.address(long_shift), crc) ^ stream[2]
        p += 3 * LONG_BLOCK
        n -= 3 * LONG_BLOCK
    while n >= 3 * SHORT_BLOCK:
        stream[0], stream[1], stream[2] = crc, 0, 0
        hw_update3(stream, p, SHORT_BLOCK)
        crc = _shifted(cython.address(short_shift), stream[0]) ^ stream[1]
        crc = _shifted(cython.address(short_shift), crc) ^ stream[2]
        p += 3 * SHORT_BLOCK
        n -= 3 * SHORT_BLOCK
    return hw_update(crc, p, n)


def crc32c(seed, data, length):
    p = cython.cast(cython.pointer(cython.const[cython.uchar]), data)
    if use_hardware:
        return ~_hardware(~seed, p, length)
    return ~_software(~seed, p, length)


def checksum(data, seed: int = 0) -> int:
    """CRC-32C of a bytes-like object, continuing from `seed`: checksum(b, checksum(a)) == checksum(a + b)."""
    view: cython.const[cython.uchar][::1] = memoryview(data).cast("B") if len(data) else b"\0"
    length: cython.size_t = len(data) and view.shape[0]
    start: cython.uint = seed
    return crc32c(start, cython.address(view[0]), length)


def checksum_software(data, seed: int = 0) -> int:
    """As `checksum`, always by table; tests hold the two together."""
    view: cython.const[cython.uchar][::1] = memoryview(data).cast("B") if len(data) else b"\0"
    length: cython.size_t = len(data) and view.shape[0]
    start: cython.uint = seed
    return ~_software(~start, cython.address(view[0]), length) & 0xFFFFFFFF


def hardware() -> bool:
    """Whether this processor's CRC-32C instruction is in use."""
    return bool(use_hardware)


_fill_byte_tables()
_fill_shift(cython.address(long_shift), LONG_BLOCK)
_fill_shift(cython.address(short_shift), SHORT_BLOCK)
use_hardware = hw_supported()
