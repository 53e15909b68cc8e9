"""The operations themselves: the same for every engine and seed, distributed as they should be."""

from __future__ import annotations

from collections import Counter

import pytest

from anokuro_bench.data import Data
from anokuro_bench.settings import KV, SQL, Settings
from anokuro_bench.stores.model import Model
from anokuro_bench.truth import Truth, hash_content
from anokuro_bench.workloads import NAMES, WORKLOADS, workloads_named
from anokuro_bench.workloads.mixed import GET, MODIFY, PUT, SCAN, Ycsb

SIZES = Settings(count=2000, threads=4)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_operations_depend_on_the_seed_alone(workload: type) -> None:
    def operations(seed: int) -> list[object]:
        return [role.chunks for role in workload().roles(Data(Settings(count=500, threads=2, seed=seed), KV))]

    assert operations(1) == operations(1)
    assert operations(1) != operations(2) or workload.name == "readseq"


def test_keys_and_values() -> None:
    data = Data(SIZES, KV)
    assert len(set(data.keys)) == len(set(data.missing)) == SIZES.count
    assert not set(data.keys) & set(data.missing)
    assert {len(key) for key in data.keys} == {8} and {len(value) for _, value in data.pairs} == {100}
    assert data.keys != sorted(data.keys)
    assert [int.from_bytes(key, "big") for key in data.keys] == Data(SIZES, SQL).keys
    assert len(set(b"".join(value for _, value in data.pairs[:100]))) == 256  # random, so it does not compress


def test_keys_of_operations_are_objects_of_their_own() -> None:
    for face in (KV, SQL):
        data = Data(Settings(count=500), face)
        for drawn in (data.uniform("t", 300), data.zipfian("t", 300)):
            assert set(drawn) <= set(data.keys)
            assert len({id(key) for key in drawn}) == 300 and not {id(key) for key in drawn} & set(map(id, data.keys))


def test_zipfian_and_uniform() -> None:
    data = Data(SIZES, KV)
    zipfian, uniform = Counter(data.zipfian("t", 20_000)), Counter(data.uniform("t", 20_000))
    share = 1 / sum(1 / rank**0.99 for rank in range(1, SIZES.count + 1))  # of the likeliest key
    assert zipfian[data.keys[0]] == pytest.approx(20_000 * share, rel=0.15)
    assert max(uniform.values()) < 40 and len(uniform) > 1900
    ranks = Counter(data.zipfian_ranks("t", 20_000))
    assert ranks[0] == pytest.approx(20_000 * share, rel=0.15) and max(ranks) < SIZES.count


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("ycsb-")])
def test_ycsb_shares(name: str) -> None:
    workload, data = NAMES[name](), Data(Settings(count=20_000), KV)
    assert isinstance(workload, Ycsb)
    (role,) = workload.roles(data)
    operations = [operation for chunk in role.chunks for operation in chunk]
    known = set(data.keys)
    counted: Counter[str] = Counter()
    for kind, key, argument in operations:
        if kind == PUT:
            counted["update" if key in known else "insert"] += 1
            known.add(key)
        else:
            assert key in known  # never of a record that is not there yet
            counted[{GET: "read", SCAN: "scan", MODIFY: "modify"}[kind]] += 1
        assert kind != SCAN or 1 <= argument <= 100
    assert set(counted) == set(workload.shares)
    for kind, share in workload.shares.items():
        assert counted[kind] / len(operations) == pytest.approx(share / 100, abs=0.04)


def test_latest_prefers_what_was_inserted_last() -> None:
    (role,) = NAMES["ycsb-d"]().roles(Data(Settings(count=20_000), KV))
    known, distances = list(Data(Settings(count=20_000), KV).keys), []
    for kind, key, _ in (operation for chunk in role.chunks for operation in chunk):
        if kind == PUT:
            known.append(key)
        elif key in known[-10:]:
            distances.append(known[::-1].index(key))
    assert len(distances) > 500 and Counter(distances).most_common(1)[0][0] == 0


@pytest.mark.parametrize("name", ["readwhilewriting", "readmany2writing"])
def test_a_writer_beside_readers_writes_what_they_do_not_read(name: str) -> None:
    *readers, writer = NAMES[name]().roles(Data(SIZES, KV))
    assert writer.background and not any(role.background for role in readers)
    written = {key for chunk in writer.chunks for key, _ in chunk}
    asked: set[bytes] = set()
    for role in readers:
        for chunk in role.chunks:
            for operation in chunk:
                asked.update([operation] if isinstance(operation, bytes) else operation)
    assert written and asked and not written & asked


def test_threads_write_different_keys() -> None:
    roles = NAMES["fillsyncthreads"]().roles(Data(SIZES, KV))
    assert len(roles) == SIZES.threads
    keys = [key for role in roles for chunk in role.chunks for key, _ in chunk]
    assert len(keys) == len(set(keys))


def test_the_content_of_a_run_that_was_cut() -> None:
    data, workload = Data(SIZES, KV), NAMES["fillrandom"]()
    roles = workload.roles(data)
    truth = Truth(workload, data, roles, sorted(data.keys))
    assert truth.content((2,)) == hash_content(sorted(data.pairs))
    assert truth.content((1,)) == hash_content(sorted(data.pairs[:1000]))
    assert truth.content((0,)) == (0, 0)


def test_the_content_after_a_writer_that_began_anew() -> None:
    data, workload = Data(SIZES, KV), NAMES["readwhilewriting"]()
    roles = workload.roles(data)
    truth, chunks = Truth(workload, data, roles, sorted(data.keys)), roles[-1].chunks
    for turns in (1, len(chunks), len(chunks) + 1, 3 * len(chunks) - 1):
        expected = dict(data.pairs)
        for at in range(turns):
            expected.update(chunks[at % len(chunks)])
        assert truth.content((7, turns)) == hash_content(sorted(expected.items()))


def test_the_model_keeps_its_order() -> None:
    model = Model([(b"b", b"1"), (b"d", b"2")], [b"b", b"d"])
    session = model.session()
    session.put(b"c", b"3")
    session.put(b"b", b"4")
    assert list(session.scan()) == [(b"b", b"4"), (b"c", b"3"), (b"d", b"2")]
    assert session.range(b"bb", 5) == [(b"c", b"3"), (b"d", b"2")]


def test_names_of_workloads() -> None:
    assert [one.name for one in workloads_named(("fill*",))] == [name for name in NAMES if name.startswith("fill")]
    assert len(workloads_named(("ycsb",))) == 6
    assert [one.name for one in workloads_named(("readseq", "readrandom"))] == ["readrandom", "readseq"]
    assert len(workloads_named(())) == len(WORKLOADS) == len(NAMES)
