"""Node operations against a dict: after every step the page is valid, in order and holds what it must.

A node that splits must have room on both sides, whatever its cells and fences: the worst cases are searched for.
"""

from __future__ import annotations

import random
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.btree.image import PageImage

FULL = -1
SIZES = (4096, 8192, 65536)
Cells = dict[bytes, bytes]


def verify(image: PageImage, model: Cells) -> None:
    assert image.problem() == 0
    assert image.cells() == sorted(model.items())
    assert len(image) == len(model)


def put(image: PageImage, model: Cells, key: bytes, value: bytes) -> bool:
    """Insert or update on both; False if the node is full, and then unchanged."""
    index, found = image.search(key)
    assert index == bisect_left(sorted(model), key)
    assert found == (key in model)
    before = bytes(image)
    promised = image.can_update(index, value) if found else image.fits(key, value)
    done = image.update(index, value) if found else image.insert(index, key, value)
    assert (done == 0) == promised
    if done != 0:
        assert done == FULL
        assert bytes(image) == before
        return False
    model[key] = value
    return True


def remove(image: PageImage, model: Cells, key: bytes) -> None:
    index, found = image.search(key)
    assert found == (key in model)
    if found:
        assert image.delete(index) == 0
        del model[key]


bytes_of_few = st.lists(st.sampled_from((0, 1, 0x61, 0xFF)), max_size=9).map(bytes)
steps = st.lists(
    st.tuples(
        st.sampled_from(("put", "put", "put", "delete")),
        bytes_of_few,
        st.sampled_from((0, 1, 3, 40, 300, 1024)),
    ),
    max_size=120,
)


@given(steps, st.sampled_from((b"", b"\x00", b"prefix", b"p" * 400)))
@settings(max_examples=60)
def test_operations_against_a_dict(todo: list[tuple[str, bytes, int]], prefix: bytes) -> None:
    """Keys that are prefixes of each other, under fences that share a prefix of any length."""
    image = PageImage(4096)
    model: Cells = {}
    if prefix:
        assert image.build([], prefix, prefix + b"\xff" * 10) == 0
    for number, (kind, suffix, size) in enumerate(todo):
        if kind == "put":
            put(image, model, prefix + suffix, bytes([number]) * size)
        else:
            remove(image, model, prefix + suffix)
        verify(image, model)


@pytest.mark.parametrize("page_size", SIZES)
def test_a_full_node_stays_valid(page_size: int) -> None:
    """Until nothing fits, many times over: compaction, updates in place, slots and hints of hundreds of cells."""
    rng = random.Random(page_size)
    image = PageImage(page_size)
    model: Cells = {}
    full = 0
    for number in range(4000):
        key = rng.choice(sorted(model)) if model and rng.random() < 0.4 else rng.randbytes(rng.choice((1, 4, 6, 40)))
        if rng.random() < 0.75:
            full += not put(image, model, key, rng.randbytes(rng.randrange(page_size // 60)))
        else:
            remove(image, model, key)
        if number % 20 == 0:
            verify(image, model)
            for wanted in rng.sample(sorted(model), min(10, len(model))):
                assert image.search(wanted) == (sorted(model).index(wanted), True)
    assert full > 20
    verify(image, model)


def test_operations_on_slots_that_are_not_there_are_refused() -> None:
    image = PageImage(4096)
    assert image.insert(0, b"key", b"value") == 0
    before = bytes(image)
    for wrong in (-1, 2, 70_000):
        assert image.insert(wrong, b"other", b"value") != 0
        assert image.update(wrong, b"value") != 0
        assert image.delete(wrong) != 0
        assert image.truncate(wrong, b"z") != 0
    assert image.update(1, b"value") != 0
    assert image.delete(1) != 0
    assert bytes(image) == before
    assert image.build([(b"k" * 2000, b""), (b"l" * 2000, b"")]) != 0, "more than fits"
    assert image.build([], b"a" * 3000, b"b" * 3000) != 0


@pytest.mark.parametrize("seed", range(60))
def test_a_split_has_room_on_both_sides(seed: int) -> None:
    """As the tree splits a leaf: separator, right page, left page; then the cell fits on its side, at latest after more."""
    rng = random.Random(seed)
    size = rng.choice((4096, 8192))
    lower, upper = random_fences(rng, size)
    image = PageImage(size)
    model: Cells = {}
    assert image.build([], lower, upper) == 0
    key = value = b""
    while True:
        key, value = random_key(rng, size, lower, upper), rng.randbytes(random_length(rng, size // 4))
        if key not in model and not image.fits(key, value):
            break
        if key not in model:
            assert put(image, model, key, value)
    for _ in range(40):
        if image.fits(key, value):
            assert put(image, model, key, value)
            verify(image, model)
            return
        lower, upper = image.fences()
        order = sorted(model)
        at = image.split_index(bisect_left(order, key), len(key))
        high = order[at] if at < len(order) else key
        low = order[at - 1] if at > 0 else key
        assert low < high
        separator = shortest_between(low, high)
        right = {k: model[k] for k in order[at:]}
        left = {k: model[k] for k in order[:at]}
        other = PageImage(size)
        assert other.build(sorted(right.items()), separator, upper) == 0, "no room on the right"
        verify(other, right)
        assert image.truncate(at, separator) == 0, "no room on the left"
        verify(image, left)
        assert image.fences() == (lower, separator)
        if key >= separator:
            image, model = other, right
        else:
            model = left
    raise AssertionError("the cell found no room")


def shortest_between(low: bytes, high: bytes) -> bytes:
    shared = 0
    while shared < min(len(low), len(high)) and low[shared] == high[shared]:
        shared += 1
    return high[: shared + 1]


def random_length(rng: random.Random, limit: int) -> int:
    return rng.choice((0, 1, 8, rng.randrange(limit), limit - 1, limit))


def random_fences(rng: random.Random, size: int) -> tuple[bytes, bytes | None]:
    limit = size // 8
    shared = b"p" * rng.choice((0, 0, 3, limit // 2, limit - 1))
    lower = rng.choice((b"", shared, shared + b"\x00" * (limit - len(shared))))
    upper = rng.choice((None, shared + b"\xff", shared + b"\xff" * (limit - len(shared))))
    return lower, upper


def random_key(rng: random.Random, size: int, lower: bytes, upper: bytes | None) -> bytes:
    """A key between the fences; many share long prefixes, so that separators are long."""
    while True:
        base = rng.choice((lower, upper or b"", b"p" * rng.randrange(size // 8)))
        base = base[: rng.choice((len(base), len(base) // 2, 0))]
        key = (base + bytes(rng.choice((0, 0x70, 0xFF)) for _ in range(rng.choice((0, 1, 2, 4)))) + rng.randbytes(2))[
            : size // 8
        ]
        if rng.random() < 0.3:
            key = key.ljust(size // 8, rng.choice((b"\x00", b"p", b"\xff")))
        if key >= lower and (upper is None or key < upper):
            return key
