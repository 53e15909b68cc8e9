"""Every workload on every engine that is installed, tiny, with all answers and contents checked; and lies are found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import anokuro_bench.runner
from anokuro_bench.data import Key, Pair
from anokuro_bench.results import Measurement, Report
from anokuro_bench.runner import Runner, percentiles
from anokuro_bench.settings import DURABILITIES, FACES, READ, BenchmarkError, Settings
from anokuro_bench.stores import STORES, Opening, Session
from anokuro_bench.stores.anokuro import AnokuroTree
from anokuro_bench.stores.leveldb import LevelDb
from anokuro_bench.workloads import NAMES, WORKLOADS

COUNT = 200


def settings(folder: Path, **changed: Any) -> Settings:
    values: dict[str, Any] = {
        "count": COUNT,
        "rounds": 1,
        "threads": 3,
        "directory": str(folder),
        "pool_bytes": 4 << 20,
    }
    return Settings(**{**values, **changed})


@pytest.fixture(scope="module")
def everything(quick_folder: Path) -> Report:
    folder = quick_folder / "everything"
    folder.mkdir()
    report = Runner(settings(folder, faces=tuple(FACES))).run()
    assert list(folder.iterdir()) == []  # nothing is left behind
    return report


def expected_engines(workload: str, face: str) -> set[str]:
    kind = NAMES[workload]
    return {
        store.engine
        for store in STORES
        if store.face == face and not store.problem() and (not kind.engines or store.engine in kind.engines)
    }


@pytest.mark.parametrize(("workload", "face"), [(one.name, face) for one in WORKLOADS for face in one.faces])
def test_every_engine_does_the_same_work(everything: Report, workload: str, face: str) -> None:
    found = [one for one in everything.measurements if (one.workload, one.face) == (workload, face)]
    assert {one.engine for one in found} == expected_engines(workload, face)
    assert "anokuro" in {one.engine for one in found}
    assert len({one.items for one in found}) == 1 and found[0].items > 0
    for one in found:
        check_shape(one)


def check_shape(one: Measurement) -> None:
    kind = NAMES[one.workload]
    assert len(one.rates) == kind.turns and min(one.rates) > 0
    assert one.durability == kind.durability and one.durability in (READ, *DURABILITIES)
    assert one.file_bytes > 0 or not Path("/proc/self/io").exists()
    assert (one.background is not None) == (one.workload in ("readwhilewriting", "readmany2writing"))
    assert bool(one.latency_us) == kind.has_latency
    if one.latency_us:
        assert 0 < one.latency_us["p50"] <= one.latency_us["p99"] <= one.latency_us["p99.9"] <= one.latency_us["max"]
    assert one.written_per_user_byte is None or (kind.writes and one.written_per_user_byte > 0)


def test_a_table_holds_one_face_and_one_class(everything: Report) -> None:
    tables = everything.tables()
    assert len({(face, durability) for face, durability, _ in tables}) == len(tables)
    for face, durability, names in tables:
        classes = {one.durability for one in everything.measurements if one.face == face and one.workload in names}
        assert classes == {durability}


def test_versions_and_ways_are_told(everything: Report) -> None:
    measured = {one.engine for one in everything.measurements}
    assert set(everything.versions) == measured
    assert {name.split(" ")[0] for name in everything.how} == measured
    assert {"date", "cpu", "kernel", "python", "fdatasync"} <= set(everything.machine)


def test_the_class_can_be_chosen(folder: Path) -> None:
    for durability in DURABILITIES:
        report = Runner(settings(folder, durability=durability, workloads=("overwrite", "readrandom"))).run()
        assert {one.durability for one in report.measurements} == {durability, READ}


def test_a_missing_peer_is_reported_and_the_rest_is_measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LevelDb, "module", "no_such_binding_of_leveldb")
    report = Runner(settings(folder, workloads=("readrandom",))).run()
    assert "no_such_binding_of_leveldb" in report.missing["leveldb"] and "anokuro[bench]" in report.missing["leveldb"]
    assert "leveldb" not in {one.engine for one in report.measurements}
    assert "anokuro" in {one.engine for one in report.measurements}


def test_a_run_that_takes_too_long_is_cut_and_still_checked(folder: Path) -> None:
    names = ("readrandom", "fillrandom", "readmany2", "readwhilewriting")
    report = Runner(settings(folder, count=5000, seconds=1e-9, workloads=names, engines=("anokuro",))).run()
    for one in report.measurements:
        # a piece of 1,000 operations is the least that is done, by each thread
        assert one.items == (2000 if one.workload == "readmany2" else 1000), one


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"workloads": ("readrandm",)}, "readrandm"),
        ({"engines": ("oracle",)}, "oracle"),
        ({"workloads": ("readcold",), "engines": ("lmdb",)}, "no engine can run"),
        ({"directory": "/nonexistent/folder"}, "no folder"),
    ],
)
def test_what_cannot_be_run_is_refused(folder: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        Runner(settings(folder, **changed)).run()


@pytest.mark.parametrize("changed", [{"count": 0}, {"seconds": 0}, {"durability": "perhaps"}, {"faces": ("json",)}])
def test_senseless_settings_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BenchmarkError):
        Settings(**changed)


# --- engines that lie ---------------------------------------------------------------------------------------------------


def wrong_value(session: Session) -> None:
    get = session.get
    session.get = lambda key: value[::-1] if (value := get(key)) and key[7] % 16 == 0 else value


def finds_what_is_not_there(session: Session) -> None:
    get = session.get
    session.get = lambda key: get(key) or (b"x" if key[7] % 16 == 0 else None)


def values_in_another_order(session: Session) -> None:
    get_many = session.get_many
    session.get_many = lambda keys: get_many(keys)[::-1]


def shorter_range(session: Session) -> None:
    scan = session.range
    session.range = lambda start, count: scan(start, count)[:-1]


def shorter_scan(session: Session) -> None:
    scan = session.scan
    session.scan = lambda: (pair for pair in scan() if pair[0][7] % 64)


def lost_puts(session: Session) -> None:
    put = session.put
    session.put = lambda key, value: put(key, value) if key[7] % 2 else None


@pytest.mark.parametrize(
    ("lie", "workload"),
    [
        (wrong_value, "readrandom"),
        (wrong_value, "readwhilewriting"),
        (wrong_value, "readcold"),
        (wrong_value, "ycsb-c"),
        (wrong_value, "ycsb-f"),
        (finds_what_is_not_there, "readmissing"),
        (values_in_another_order, "readmany"),
        (values_in_another_order, "readmany2"),
        (values_in_another_order, "readmany2writing"),
        (shorter_range, "seekrandom"),
        (shorter_range, "ycsb-e"),
        (shorter_scan, "readseq"),
        (lost_puts, "fillrandom"),
        (lost_puts, "fillsync"),
        (lost_puts, "fillsyncthreads"),
        (lost_puts, "overwrite"),
        (lost_puts, "readwhilewriting"),
        (lost_puts, "ycsb-a"),
    ],
)
def test_lies_are_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, lie: Callable[[Session], None], workload: str
) -> None:
    class Liar(AnokuroTree):
        def session(self, access: str) -> Session:
            session = super().session(access)
            lie(session)
            return session

    monkeypatch.setattr(anokuro_bench.runner, "stores_of", lambda face, engines: [Liar])
    with pytest.raises(BenchmarkError, match=r"wrong answers|records with hash|does not hold what was loaded"):
        Runner(settings(folder, workloads=(workload,))).run()
    assert list(folder.iterdir()) == []


def test_a_batch_that_loses_a_pair_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Liar(AnokuroTree):
        def put_many(self, pairs: list[Pair]) -> None:
            super().put_many(pairs[1:])

    monkeypatch.setattr(anokuro_bench.runner, "stores_of", lambda face, engines: [Liar])
    for workload, message in (("fillmany", "199 records"), ("readrandom", "does not hold what was loaded")):
        with pytest.raises(BenchmarkError, match=message):
            Runner(settings(folder, workloads=(workload,))).run()


def test_an_error_in_a_thread_ends_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(AnokuroTree):
        def session(self, access: str) -> Session:
            session = super().session(access)
            if access == "fresh":

                def broken(key: Key) -> bytes | None:
                    raise OSError("the disk is gone")

                session.get = broken
            return session

    monkeypatch.setattr(anokuro_bench.runner, "stores_of", lambda face, engines: [Broken])
    with pytest.raises(OSError, match="the disk is gone"):
        Runner(settings(folder, workloads=("readwhilewriting",))).run()


def test_a_store_keeps_what_it_was_given(folder: Path) -> None:
    """What one opening wrote, the next one finds: adapters close what they open."""
    for store in STORES:
        if store.problem():
            continue
        own = folder / f"{store.engine}-{store.face}"
        own.mkdir()
        key: Key = (1 << 40) if store.face == "sql" else b"12345678"
        for durability in DURABILITIES:
            opening = Opening(own, durability, 1 << 20, 1 << 20, single_writes=True)
            opened = store(opening)
            session = opened.session("both")
            session.put(key, durability.encode())
            assert session.get(key) == durability.encode()
            session.close()
            opened.close()
            opened = store(opening)
            session = opened.session("fresh")
            assert session.values([key], session.get_many([key])) == [durability.encode()]
            session.close()
            opened.close()


def test_percentiles() -> None:
    assert percentiles([]) == {}
    assert percentiles([5000]) == {"p50": 5.0, "p99": 5.0, "p99.9": 5.0, "max": 5.0}
    assert percentiles([1000 * n for n in range(1000, 0, -1)]) == {"p50": 500, "p99": 990, "p99.9": 999, "max": 1000}
