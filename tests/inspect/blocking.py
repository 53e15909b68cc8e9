"""A file system in which reads of the data file can be made to wait, so that threads stand still inside the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from engine.storage.file import FileSystem
from engine.storage.file_wrapper import WrapperFileSystem

T = TypeVar("T")


class BlockingFileSystem(WrapperFileSystem):
    """While `blocked`, reads of paths that end in `suffix` wait for `go`; `arrived` counts them."""

    def __init__(self, inner: FileSystem, suffix: str) -> None:
        super().__init__(inner)
        self.suffix = suffix
        self.blocked = False
        self.go = threading.Event()
        self.arrived = threading.Semaphore(0)

    def perform(self, name: str, path: str, action: Callable[[], T]) -> T:
        if self.blocked and name == "read" and path.endswith(self.suffix):
            self.arrived.release()
            assert self.go.wait(60), "nobody let the reader go on"
        return action()
