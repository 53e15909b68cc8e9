"""A file system that passes everything on to another one: the base of the recording and the faulty twin.

Every operation runs through `perform(name, path, action)`, by which a subclass sees, orders, delays or refuses it.
The twin's lock makes "what was written down" and "what happened" the same sequence for any number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from engine.storage.file import File, FileLock, FileSystem
from engine.storage.file_callback import CallbackFile

T = TypeVar("T")


class WrapperFile(CallbackFile):
    """A file of a WrapperFileSystem: `inner` is the file underneath."""

    def __init__(self, path: str, readonly: bool, inner: File, system: WrapperFileSystem) -> None:
        self.inner = inner
        self.system = system

    def on_read(self, n: int, offset: int) -> bytes:
        return self.system.perform("read", self.path, lambda: self.inner.pread(n, offset))

    def on_write(self, data: bytes, offset: int) -> int:
        return self.system.perform("write", self.path, lambda: self.inner.pwrite(data, offset))

    def on_sync(self) -> None:
        self.system.perform("sync", self.path, self.inner.sync)

    def on_truncate(self, size: int) -> None:
        self.system.perform("truncate", self.path, lambda: self.inner.truncate(size))

    def on_size(self) -> int:
        return self.inner.size()

    def close(self) -> None:
        super().close()
        self.inner.close()


class WrapperFileSystem(FileSystem):
    """Passes everything on to `inner`."""

    def __init__(self, inner: FileSystem) -> None:
        self.inner = inner
        self.mutex = threading.RLock()

    def perform(self, name: str, path: str, action: Callable[[], T]) -> T:
        """Run one operation. Names: open, create, read, write, sync, truncate, rename, unlink, mkdir, rmdir, sync_dir."""
        with self.mutex:
            return action()

    def wrap(self, path: str, readonly: bool, inner: File) -> WrapperFile:
        """The file handed to the user for one opened underneath."""
        return WrapperFile(path, readonly, inner, self)

    def open(
        self, path: str, *, create: bool = False, readonly: bool = False, exclusive: bool = False, follow: bool = True
    ) -> File:
        path = os.fspath(path)

        def action() -> File:
            opened = self.inner.open(path, create=create, readonly=readonly, exclusive=exclusive, follow=follow)
            return self.wrap(path, readonly, opened)

        with self.mutex:
            return self.perform("create" if create and not self.inner.exists(path) else "open", path, action)

    def exists(self, path: str) -> bool:
        return self.inner.exists(path)

    def is_dir(self, path: str) -> bool:
        return self.inner.is_dir(path)

    def is_link(self, path: str) -> bool:
        return self.inner.is_link(path)

    def real_path(self, path: str) -> str:
        return self.inner.real_path(path)

    def size(self, path: str) -> int:
        return self.inner.size(path)

    def listdir(self, path: str) -> list[str]:
        return self.inner.listdir(path)

    def mkdir(self, path: str) -> None:
        self.perform("mkdir", path, lambda: self.inner.mkdir(path))

    def rename(self, old: str, new: str) -> None:
        self.perform("rename", old, lambda: self.inner.rename(old, new))

    def unlink(self, path: str) -> None:
        self.perform("unlink", path, lambda: self.inner.unlink(path))

    def rmdir(self, path: str) -> None:
        self.perform("rmdir", path, lambda: self.inner.rmdir(path))

    def sync_dir(self, path: str) -> None:
        self.perform("sync_dir", path, lambda: self.inner.sync_dir(path))

    def lock(self, path_or_file: str | File, shared: bool = False) -> FileLock:
        if isinstance(path_or_file, WrapperFile):
            return self.inner.lock(path_or_file.inner, shared)
        return self.inner.lock(path_or_file, shared)

    def pin(self, file: File, number: int) -> FileLock:
        return self.inner.pin(file.inner if isinstance(file, WrapperFile) else file, number)

    def pins(self, file: File) -> set[int]:
        return self.inner.pins(file.inner if isinstance(file, WrapperFile) else file)
