"""What a run found, as it is kept in a JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from anokuro_bench.settings import BenchmarkError

FORMAT = 1


@dataclass
class Measurement:
    """One workload on one engine.

    rates: units a second, by round. latency_us: p50, p99, p99.9 and max of an operation. cpu_seconds: median of the rounds, all
    threads. file_bytes: what the files occupy after closing. written_per_user_byte: what the process gave the disk, until
    the database was closed, for a byte of key or value. background: operations a second of the thread beside.
    """

    workload: str
    face: str
    durability: str
    unit: str
    engine: str
    items: int
    rates: list[float]
    cpu_seconds: float
    file_bytes: int
    written_per_user_byte: float | None = None
    latency_us: dict[str, float] = field(default_factory=dict)
    background: float | None = None

    @property
    def rate(self) -> float:
        """Median of the rounds."""
        return median(self.rates)

    @property
    def cpu_each(self) -> float:
        """CPU seconds of one item, all threads together."""
        return self.cpu_seconds / self.items

    @property
    def spread(self) -> float:
        """(highest - lowest) / median of the rounds."""
        return (max(self.rates) - min(self.rates)) / self.rate


@dataclass
class Report:
    """A whole run. missing: engine -> why it was not measured. versions: engine -> version. how: engine -> how it was used."""

    machine: dict[str, str]
    settings: dict[str, Any]
    versions: dict[str, str]
    how: dict[str, str]
    missing: dict[str, str]
    measurements: list[Measurement]

    def find(self, workload: str, engine: str, face: str = "kv") -> Measurement | None:
        """The measurement of a workload on an engine."""
        for found in self.measurements:
            if (found.workload, found.engine, found.face) == (workload, engine, face):
                return found
        return None

    def tables(self) -> list[tuple[str, str, list[str]]]:
        """(face, durability, names of workloads): what may stand in one table."""
        found: dict[tuple[str, str], list[str]] = {}
        for one in self.measurements:
            names = found.setdefault((one.face, one.durability), [])
            if one.workload not in names:
                names.append(one.workload)
        return [(face, durability, names) for (face, durability), names in found.items()]

    def engines(self, face: str) -> list[str]:
        """Engines measured through a face, in their order."""
        return list(dict.fromkeys(one.engine for one in self.measurements if one.face == face))

    def save(self, path: Path) -> None:
        """Write the JSON file."""
        path.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Report:
    """Read a JSON file. Raises BenchmarkError where it is none of ours, OSError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found.pop("format") != FORMAT:
            raise BenchmarkError(f"{path}: written by another version", "run the benchmark again with --json")
        return Report(**{**found, "measurements": [Measurement(**one) for one in found["measurements"]]})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchmarkError(f"{path}: not a file that anokuro bench --json wrote") from error


def ratio(above: Measurement, below: Measurement) -> tuple[float, float, float]:
    """Median, lowest and highest of the ratios round by round: what slowed one round slowed both."""
    ratios = [one / other for one, other in zip(above.rates, below.rates, strict=False)]
    return median(ratios), min(ratios), max(ratios)
