"""CRC-32C against the published vectors of RFC 3720 (appendix B.4), a bitwise model, and its own two implementations."""

from __future__ import annotations

import random

import pytest

from engine.base import crc32c

VECTORS = [
    (b"", 0x00000000),
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
]


def bitwise(data: bytes, seed: int = 0) -> int:
    crc = ~seed & 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return ~crc & 0xFFFFFFFF


@pytest.mark.parametrize(("data", "expected"), VECTORS)
def test_published_vectors(data: bytes, expected: int) -> None:
    assert crc32c.checksum(data) == expected
    assert crc32c.checksum_software(data) == expected
    assert bitwise(data) == expected


def test_every_length_near_a_block_border() -> None:
    seed = 20261122
    data = random.Random(seed).randbytes(20000)
    lengths = [*range(70), *range(380, 390), *range(760, 775), *range(4076, 4090), 8188, 8192, 12240, 16380, 20000]
    for length in lengths:
        part = data[3 : 3 + length]
        assert crc32c.checksum(part) == crc32c.checksum_software(part), f"length {length}, seed {seed}"
    assert crc32c.checksum(data[:5000]) == bitwise(data[:5000])


def test_continues_from_a_seed() -> None:
    data = random.Random(7).randbytes(9000)
    whole = crc32c.checksum(data)
    for cut in (0, 1, 7, 8, 40, 4080, 8999, 9000):
        assert crc32c.checksum(data[cut:], crc32c.checksum(data[:cut])) == whole
        assert crc32c.checksum_software(data[cut:], crc32c.checksum_software(data[:cut])) == whole
    assert crc32c.checksum(b"x", 0xFFFFFFFF) == bitwise(b"x", 0xFFFFFFFF)


def test_accepts_any_buffer_and_refuses_what_is_none() -> None:
    assert crc32c.checksum(bytearray(b"123456789")) == 0xE3069283
    assert crc32c.checksum(memoryview(b"0123456789")[1:]) == 0xE3069283
    with pytest.raises(TypeError):
        crc32c.checksum("123456789")  # type: ignore[arg-type]
