"""What all tests share: the flights data, and databases that are checked when they close."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from build_support.compile import Job, target_in
from build_support.extensions import CHECKED, ORDINARY, ROOT, THREADS, module_sources

FULL_DATA = ROOT.parent / "shared" / "data" / "nycflights13"
SAMPLE_DATA = ROOT / "examples" / "data"
FULL_FLIGHTS = 336_776
SAMPLE_FLIGHTS = 37_914
CHECKED_BUILD = os.environ.get("ANOKURO_CHECKED_BUILD") == "1"
TSAN_BUILD = os.environ.get("ANOKURO_TSAN_BUILD") == "1"  # one of the checked builds

# No deadline: how long an example takes is a matter of the machine. The blob repeats a failure exactly.
hypothesis.settings.register_profile("anokuro", deadline=None, print_blob=True)
hypothesis.settings.load_profile("anokuro")


@dataclass(frozen=True)
class FlightsData:
    """A folder with airlines.csv, airports.csv and planes.csv, the file of flights, and how many those are."""

    folder: Path
    flights: Path
    rows: int


def pytest_report_header() -> str | None:
    """Name the compiled modules that are not made from the sources as they are now: their tests test the past."""
    variant = THREADS if TSAN_BUILD else CHECKED if CHECKED_BUILD else ORDINARY
    work = ROOT / "build" / variant.name
    jobs = [Job(name, path, target_in(ROOT, name), ROOT, work, variant) for name, path in module_sources().items()]
    stale = [job.name for job in jobs if not job.is_fresh()]
    return f"NOT COMPILED FROM THE PRESENT SOURCES: {', '.join(stale)}" if stale else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, in the checked build, what is marked as having no place there."""
    if CHECKED_BUILD:
        left_out = [item for item in items if item.get_closest_marker("ordinary_only")]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if not item.get_closest_marker("ordinary_only")]


@pytest.fixture(scope="session")
def flights_data() -> FlightsData:
    """The full data where it is there, the sample that ships with the project elsewhere (and in the checked build)."""
    if (FULL_DATA / "flights.csv.zip").exists() and not CHECKED_BUILD:
        return FlightsData(FULL_DATA, FULL_DATA / "flights.csv.zip", FULL_FLIGHTS)
    return FlightsData(SAMPLE_DATA, SAMPLE_DATA / "flights.csv.gz", SAMPLE_FLIGHTS)


@pytest.fixture(scope="session")
def data_dir(flights_data: FlightsData) -> Path:
    """The folder of the flights data, full or sample."""
    return flights_data.folder


@pytest.fixture(scope="session")
def full_flights_data(flights_data: FlightsData) -> FlightsData:
    """The full data; the test is skipped where it is not there."""
    if flights_data.rows != FULL_FLIGHTS:
        pytest.skip("the full flights data is not there")
    return flights_data


OpenDatabase = Callable[..., Any]


@pytest.fixture
def open_db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenDatabase]:
    """`open_db(path=tmp_path / "test.ank", **options)`: engine.open, and a full check when the database closes.

    A test whose database is damaged on purpose opens it with engine.open instead.
    """
    import engine

    opened: list[Any] = []
    close = engine.Database.close

    def checked_close(self: Any) -> None:
        if any(self is db for db in opened):
            opened[:] = [db for db in opened if db is not self]
            try:
                findings = self.check()
            finally:
                close(self)
            assert findings == [], f"the database was not clean when it was closed: {findings}"
        else:
            close(self)

    def open_database(path: str | os.PathLike[str] | None = None, **options: Any) -> Any:
        db = engine.open(os.fspath(path) if path is not None else str(tmp_path / "test.ank"), **options)
        opened.append(db)
        return db

    monkeypatch.setattr(engine.Database, "close", checked_close)
    yield open_database
    for db in list(opened):
        db.close()
