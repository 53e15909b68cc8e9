"""The whole run: templates, rounds in turns, the pass for latencies.

Loading is done once for each engine; the closed files are the template. Workloads that only read open it; those that write
open a copy, so every round begins with the same state.
"""

from __future__ import annotations

import gc
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median

from anokuro_bench.data import Data, Key
from anokuro_bench.machine import describe, occupied_bytes, written_bytes
from anokuro_bench.measure import Run, check_content, run_in_turns, run_workload, warm_up
from anokuro_bench.results import Measurement, Report
from anokuro_bench.settings import READ, UNSYNCED, BenchmarkError, Settings
from anokuro_bench.stores import Opening, Store, stores_of
from anokuro_bench.truth import Truth, hash_content
from anokuro_bench.workloads import Role, Workload, workloads_named

Notify = Callable[[str, int, int], None]
"""Told what begins, and how many of how many steps are done."""

StoreClass = type[Store]


class Work:
    """One workload through one face: its operations, the truth about it, and what was measured so far."""

    def __init__(self, workload: Workload, data: Data, stores: list[StoreClass], durability: str) -> None:
        self.workload, self.data = workload, data
        self.stores = [store for store in stores if not workload.engines or store.engine in workload.engines]
        self.durability = (durability or workload.durability) if workload.durability != READ else READ
        self.runs: dict[StoreClass, list[Run]] = {store: [] for store in self.stores}
        self.files: dict[StoreClass, int] = {}
        self.written: dict[StoreClass, list[float]] = {store: [] for store in self.stores}
        self.clocked: dict[StoreClass, Run] = {}
        self.roles: list[Role] = []
        self.truth: Truth | None = None

    def prepare(self, order: list[Key]) -> None:
        """Make the operations."""
        self.roles = self.workload.roles(self.data)
        self.truth = Truth(self.workload, self.data, self.roles, order)
        gc.collect()

    def release(self) -> None:
        """The operations take much memory."""
        self.roles, self.truth = [], None

    def measurements(self) -> list[Measurement]:
        """What was found, an entry for each engine."""
        found = []
        for store in self.stores:
            runs, written = self.runs[store], self.written[store]
            clocked = [self.clocked[store]] if store in self.clocked else runs
            latency = percentiles([one for run in clocked for one in run.latencies_ns])
            background = [run.background for run in runs if run.background is not None]
            found.append(
                Measurement(
                    workload=self.workload.name,
                    face=self.data.face,
                    durability=self.durability,
                    unit=self.workload.unit,
                    engine=store.engine,
                    items=runs[0].items,
                    rates=[run.rate for run in runs],
                    cpu_seconds=median(run.cpu_seconds for run in runs),
                    file_bytes=self.files[store],
                    written_per_user_byte=median(written) if written else None,
                    latency_us=latency,
                    background=median(background) if background else None,
                )
            )
        return found


def percentiles(latencies_ns: list[int]) -> dict[str, float]:
    """p50, p99, p99.9 and the longest, in microseconds; the nearest rank."""
    if not latencies_ns:
        return {}
    ordered = sorted(latencies_ns)
    ranks = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    return {name: ordered[max(0, math.ceil(share * len(ordered)) - 1)] / 1000 for name, share in ranks.items()}


def _copy(template: Path, folder: Path) -> None:
    """A copy that is on the disk already: writing it out does not become a delay of what is measured on it."""
    shutil.copytree(template, folder)
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


class Runner:
    """Runs what the settings ask for, in a folder that is removed afterwards."""

    def __init__(self, settings: Settings, notify: Notify = lambda text, done, total: None) -> None:
        self.settings, self._notify = settings, notify
        self._done = self._total = 0
        self._folder = Path()
        self._templates: dict[StoreClass, Path] = {}
        self.missing: dict[str, str] = {}

    def run(self) -> Report:
        """Raises BenchmarkError: nothing to measure, or a wrong answer."""
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="anokuro-bench-", dir=self.settings.directory or None))
        except OSError as error:
            raise BenchmarkError(f"no folder for the databases: {error}", "choose another --directory") from error
        try:
            machine = describe(self._folder)
            return self._run_all(machine)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run_all(self, machine: dict[str, str]) -> Report:
        by_face = {face: self._stores(face) for face in self.settings.faces}
        wanted = workloads_named(self.settings.workloads)
        works = {
            face: [
                work
                for workload in wanted
                if face in workload.faces
                and (work := Work(workload, Data(self.settings, face), stores, self.settings.durability)).stores
            ]
            for face, stores in by_face.items()
        }
        rounds = self.settings.rounds
        self._total = sum(
            len(work.stores) * (rounds * work.workload.turns + 1) for some in works.values() for work in some
        )
        if not self._total:
            raise BenchmarkError("no engine can run any of these workloads this way", "anokuro bench --list")
        measurements: list[Measurement] = []
        for face, some in works.items():
            data = Data(self.settings, face)
            for work in some:
                work.data = data  # records are made once
            measurements += self._face(data, some)
        used = {store: None for some in works.values() for work in some for store in work.stores}
        return Report(
            machine=machine,
            settings=asdict(self.settings),
            versions={store.engine: store.version() for store in used},
            how={f"{store.engine} ({store.face})": store.how for store in used},
            missing=self.missing,
            measurements=measurements,
        )

    def _stores(self, face: str) -> list[StoreClass]:
        found = []
        for store in stores_of(face, self.settings.engines):
            problem = store.problem()
            if problem:
                self.missing[store.engine] = problem
            else:
                found.append(store)
        return found

    def _face(self, data: Data, works: list[Work]) -> list[Measurement]:
        order = sorted(data.keys)
        groups: dict[str, list[Work]] = {}
        for work in works:
            groups.setdefault(work.workload.group or work.workload.name, []).append(work)
        for group in groups.values():
            for work in group:
                self._notify(f"{work.workload.name}: preparing", self._done, self._total)
                work.prepare(order)
            for turn in range(self.settings.rounds * max(work.workload.turns for work in group)):
                for work in group:
                    if work.workload.alternates:
                        self._measure_together(work, turn)
                        continue
                    first = turn % len(work.stores)  # nobody is always the first
                    for store in work.stores[first:] + work.stores[:first]:
                        self._step(work, store, f"round {turn + 1}")
            for work in group:
                for store in work.stores:
                    self._step(work, store, "latencies")
                work.release()
        for path in self._templates.values():
            shutil.rmtree(path, ignore_errors=True)
        self._templates.clear()
        return [found for work in works for found in work.measurements()]

    def _step(self, work: Work, store: StoreClass, what: str) -> None:
        self._notify(f"{work.workload.name}: {store.title}, {what}", self._done, self._total)
        self._done += 1
        if what != "latencies":
            self._measure(work, store)
        elif work.workload.has_latency and not work.workload.alternates:
            work.clocked[store] = self._open_and_run(work, store, clocked=True)[0]

    def _measure(self, work: Work, store: StoreClass) -> None:
        run, file_bytes, written = self._open_and_run(work, store, clocked=False)
        work.runs[store].append(run)
        work.files[store] = file_bytes
        if run.user_bytes and written:
            work.written[store].append(written / run.user_bytes)

    def _measure_together(self, work: Work, turn: int) -> None:
        """All stores of a workload that begins empty and alternates."""
        workload, truth, opened = work.workload, work.truth, dict[StoreClass, Store]()
        assert truth is not None and not workload.loaded
        self._notify(f"{workload.name}: in turns, {turn + 1}", self._done, self._total)
        self._done += len(work.stores)
        folders = {store: self._folder / f"run-{store.engine}" for store in work.stores}
        try:
            for store, folder in folders.items():
                folder.mkdir()
                opened[store] = store(self._opening(work, folder))
            runs = run_in_turns(workload, list(opened.values()), work.roles, truth, self.settings.seconds)
            for store, run in zip(work.stores, runs, strict=True):
                check_content(workload, opened[store], truth, run.done)
                before = written_bytes()
                opened.pop(store).close()
                run.written_bytes += written_bytes() - before
                work.runs[store].append(run)
                work.files[store] = occupied_bytes(folders[store])
                if run.written_bytes:
                    work.written[store].append(run.written_bytes / run.user_bytes)
        finally:
            for left in opened.values():
                left.close()
        for folder in folders.values():
            shutil.rmtree(folder)

    def _open_and_run(self, work: Work, store: StoreClass, clocked: bool) -> tuple[Run, int, int]:
        """The run, what the files occupy, and how many bytes went to the disk."""
        workload, truth = work.workload, work.truth
        assert truth is not None
        template = self._template(work.data, store) if workload.loaded else None
        folder = self._folder / "run"
        if template is None:
            folder.mkdir()
        elif workload.writes:
            _copy(template, folder)
        else:
            folder = template
        before = written_bytes()
        opened = store(self._opening(work, folder))
        try:
            warm_up(workload, opened, work.roles)
            run = run_workload(workload, opened, work.roles, truth, self.settings.seconds, clocked)
            if workload.writes:
                check_content(workload, opened, truth, run.done)
        finally:
            opened.close()
        written, file_bytes = written_bytes() - before, occupied_bytes(folder)
        if folder != template:
            shutil.rmtree(folder)
        return run, file_bytes, written

    def _opening(self, work: Work, folder: Path) -> Opening:
        workload, settings = work.workload, self.settings
        return Opening(
            folder=folder,
            durability=work.durability if workload.writes else UNSYNCED,
            cache_bytes=settings.cold_bytes if workload.cold else settings.pool_bytes,
            data_bytes=settings.data_bytes,
            single_writes=workload.writes and not workload.bulk,
            bounded=workload.cold,
        )

    def _template(self, data: Data, store: StoreClass) -> Path:
        """The files of a loaded store; made when first asked for, and checked."""
        if store not in self._templates:
            self._notify(f"loading {store.title}", self._done, self._total)
            folder = self._folder / f"{store.engine}-{store.face}"
            folder.mkdir()
            settings = self.settings
            opened = store(Opening(folder, UNSYNCED, settings.pool_bytes, settings.data_bytes))
            try:
                opened.put_many(data.pairs)
                opened.settle()
                session = opened.session("read")
                found = hash_content(session.scan())
                session.close()
            finally:
                opened.close()
            if found != hash_content(sorted(data.pairs)):
                raise BenchmarkError(f"{store.title} {store.version()} does not hold what was loaded")
            self._templates[store] = folder
        return self._templates[store]
