"""A disk that can be held up: threads then wait for pages, and whoever looks sees who waits for whom."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from engine.storage.file_os import OsFileSystem
from engine.storage.file_wrapper import WrapperFileSystem

T = TypeVar("T")


class HeldDisk(WrapperFileSystem):
    """The files of the operating system. Between `hold` and `release`, reads of `path` do not end, for `seconds` at the most."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__(OsFileSystem())
        self._path = path
        self._seconds = seconds
        self._free = threading.Event()
        self._free.set()

    def hold(self) -> None:
        """From now on reads wait."""
        self._free.clear()

    def release(self) -> None:
        """They go on."""
        self._free.set()

    def perform(self, name: str, path: str, action: Callable[[], T]) -> T:
        """What WrapperFileSystem does with each operation."""
        if name == "read" and path == self._path:
            self._free.wait(self._seconds)
        return action()
