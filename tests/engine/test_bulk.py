"""Bulk build, and many writes at once: whatever comes in, the tree holds it and keeps its rules."""

from __future__ import annotations

import random

import pytest

import engine
from engine.base.errors import ConflictError

Pairs = dict[bytes, bytes]


def keys_of(style: str, rnd: random.Random, page_size: int) -> bytes:
    """One key of a kind that is hard on prefix truncation and fences."""
    longest = page_size // 8
    stems = [b"a" * (longest - 20), b"ab" * (longest // 3), b"", b"\xff" * (longest // 2)]
    match style:
        case "random":
            return rnd.randbytes(8)
        case "shared prefix":
            return rnd.choice(stems) + rnd.randbytes(rnd.randrange(0, 16))
        case "one is the beginning of the next":
            return b"a" * rnd.randrange(0, longest + 1)
        case "sequence":
            return rnd.randrange(100_000).to_bytes(4, "big")
        case _:
            return rnd.choice(stems[2:]) + b"\xff" * rnd.randrange(20) + rnd.randbytes(1)


STYLES = ("random", "shared prefix", "one is the beginning of the next", "sequence", "highest bytes")


def make_pairs(style: str, rnd: random.Random, page_size: int) -> Pairs:
    count = rnd.choice([1, 15, 16, 17, 100, 1000, 3000])
    sizes = [0, 1, 10, 100, page_size // 4, page_size // 4 + 1, page_size * 3] if count < 1500 else [0, 5, 100]
    return {keys_of(style, rnd, page_size): rnd.randbytes(rnd.choice(sizes)) for _ in range(count)}


def same(db: engine.Database, kv: engine.Tree, model: Pairs) -> None:
    assert list(kv.scan()) == sorted(model.items())
    assert list(kv.scan(reverse=True)) == sorted(model.items(), reverse=True)
    assert len(kv) == len(model)
    assert db.check() == []


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("page_size", [4096, 8192, 65536])
def test_load_change_load(style: str, page_size: int) -> None:
    seed = f"{style} {page_size}"
    rnd = random.Random(seed)
    for _ in range(4):
        model = make_pairs(style, rnd, page_size)
        with engine.open(":memory:", page_size=page_size, pool_bytes=rnd.choice([1 << 20, 1 << 25])) as db:
            kv = db.tree("t")
            stale = [(key, b"stale") for key in rnd.sample(sorted(model), len(model) // 4)]
            assert kv.put_many(iter(stale + list(model.items()))) == len(model), seed
            same(db, kv, model)
            for _ in range(200):
                key = keys_of(style, rnd, page_size)
                if rnd.random() < 0.5:
                    model[key] = rnd.randbytes(rnd.randrange(300))
                    kv.put(key, model[key])
                else:
                    assert kv.delete(key) == (model.pop(key, None) is not None), seed
            more = make_pairs(style, rnd, page_size)
            assert kv.put_many(more.items()) == len(more), seed
            model.update(more)
            same(db, kv, model)


def test_loaded_pages_are_nearly_full(tmp_path) -> None:
    with engine.open(tmp_path / "a.ank") as db:
        kv = db.tree("t")
        kv.put_many((number.to_bytes(8, "big"), bytes(100)) for number in range(20_000))
        found = db.inspect.tree("t")
        assert found.summary.items == 20_000
        assert found.summary.leaf_pages <= 20_000 * (8 + 100 + 10) / (8192 * 14 / 16)


def test_a_load_survives_a_crash_and_a_copy(tmp_path) -> None:
    pairs = [(number.to_bytes(8, "big"), number.to_bytes(8, "little") * 10) for number in range(5000)]
    db = engine.open(tmp_path / "a.ank", checkpoint_bytes=0)
    db.tree("t").put_many(pairs)
    db.backup(tmp_path / "b.ank")
    for name in ("a.ank", "b.ank"):
        if name == "a.ank":
            db.close()
        with engine.open(tmp_path / name) as again:
            assert list(again.tree("t").scan()) == pairs
            assert again.check() == []


def test_equal_keys_the_last_counts() -> None:
    with engine.open(":memory:") as db:
        kv = db.tree("t")
        assert kv.put_many((b"%03d" % (number % 50), b"%d" % number) for number in range(1000)) == 50
        assert list(kv.scan()) == [(b"%03d" % number, b"%d" % (950 + number)) for number in range(50)]


def test_bad_pairs_leave_nothing_behind() -> None:
    with engine.open(":memory:") as db:
        kv = db.tree("t")
        for bad in ([(b"a", b"b"), (b"a", "text")], [(b"a", b"b"), b"a"], [(b"a", b"b"), (b"k" * 5000, b"")], [5]):
            with pytest.raises((engine.InterfaceError, engine.LimitError)):
                kv.put_many(bad)
        assert kv.put_many([]) == 0
        assert list(kv) == []
        assert db.execute("SELECT count(*) FROM sys.trees WHERE name = 't'").fetchone() == (0,)


def test_open_transactions_learn_of_a_load() -> None:
    with engine.open(":memory:") as db:
        kv = db.tree("t")
        kv.put(b"a", b"1")
        txn = db.begin()
        assert txn.tree("t").get(b"a") == b"1"
        txn.tree("t").put(b"z", b"1")
        kv.put_many([(b"%03d" % number, b"") for number in range(100)] + [(b"a", b"2")])
        with pytest.raises(ConflictError):
            txn.commit()


@pytest.mark.parametrize("page_size", [4096, 65536])
@pytest.mark.parametrize("pool_bytes", [1 << 20, 1 << 25])
def test_many_gets_at_once(page_size: int, pool_bytes: int) -> None:
    rnd = random.Random(page_size)
    with engine.open(":memory:", page_size=page_size, pool_bytes=pool_bytes) as db:
        kv = db.tree("t")
        sizes = (0, 5, 100, page_size // 2)
        model = {rnd.randbytes(rnd.choice((3, 8, 20))): rnd.randbytes(rnd.choice(sizes)) for _ in range(3000)}
        kv.put_many(model.items())
        known = sorted(model)
        odd = [b"", b"\xff" * 30, b"x" * page_size, rnd.randbytes(8)]
        wanted = [rnd.choice(known) if rnd.random() < 0.8 else rnd.choice(odd) for _ in range(1000)]
        for count in (0, 1, 15, 16, 17, 1000):
            assert kv.get_many(wanted[:count]) == [model.get(key) for key in wanted[:count]]
        assert kv.get_many(iter(known)) == [model[key] for key in known]
        with pytest.raises(engine.InterfaceError):
            kv.get_many([b"a", "text"])  # type: ignore[list-item]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("count", [255, 256, 3000])
def test_writes_to_several_trees_in_one_commit(style: str, count: int) -> None:
    """Sorted by tree and key, however many begin alike; of several writes of a key the last counts."""
    rnd = random.Random(f"{style} {count}")
    with engine.open() as db:
        models: dict[str, Pairs] = {name: {} for name in ("a", "b", "c")}
        for _ in range(2):
            with db.begin() as txn:
                for _ in range(count):
                    name, key = rnd.choice("abc"), keys_of(style, rnd, 8192)
                    if rnd.random() < 0.2:
                        txn.tree(name).delete(key)
                        models[name].pop(key, None)
                    else:
                        models[name][key] = rnd.randbytes(rnd.choice([0, 10, 100]))
                        txn.tree(name).put(key, models[name][key])
        for name, model in models.items():
            same(db, db.tree(name), model)
