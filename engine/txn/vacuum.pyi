"""File space given back (see vacuum.py)."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.txn.store import Store

@dataclass(frozen=True, slots=True)
class VacuumResult:
    bytes_before: int
    bytes_after: int
    pages_moved: int
    pages_merged: int
    @property
    def bytes_given_back(self) -> int: ...

class Trimmer:
    peaks: list[int]
    def __init__(self, store: Store) -> None: ...
    def after_checkpoint(self, closing: bool) -> None: ...

def file_slots(store: Store) -> int: ...
def cut_file(store: Store, wanted: int = 0) -> None: ...
def take_peak(store: Store) -> int: ...
def vacuum_store(store: Store, progress: Callable[[int, int], None] | None = None) -> VacuumResult: ...
