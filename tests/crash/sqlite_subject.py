"""SQLite as a subject of crash enumeration, through APSW: the harness is calibrated on a database whose promises are known.

    SQLite -- VFS calls --> Vfs, VfsFile (here) --> the file layer the harness records

The VFS does what SQLite's own for Unix does: a journal's or log's directory is synced with the file's first sync, files
are created as asked, deletions sync the directory when SQLite says so. `locking_mode=EXCLUSIVE` keeps the index of the
WAL in memory, so that no shared memory is needed.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from engine.storage.file import FileSystem
from tests.crash.harness import REOPEN, Session, Subject

PATH = "/db.sqlite"
CHECKPOINT = "checkpoint"
SYNCS_NAME = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
NAMES = itertools.count()


class VfsFile:
    """One open file as SQLite sees it."""

    def __init__(self, fs: FileSystem, path: str, flags: int) -> None:
        self.fs = fs
        self.path = path
        self.delete_on_close = bool(flags & apsw.SQLITE_OPEN_DELETEONCLOSE)
        # Whether the file was there already or not: who made it may have been killed before he synced its name.
        self.name_owed = bool(flags & SYNCS_NAME and flags & apsw.SQLITE_OPEN_CREATE)
        self.file = fs.open(
            path, create=bool(flags & apsw.SQLITE_OPEN_CREATE), readonly=bool(flags & apsw.SQLITE_OPEN_READONLY)
        )

    def xRead(self, amount: int, offset: int) -> bytes:
        return self.file.pread(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.file.pwrite(bytes(data), offset)

    def xTruncate(self, size: int) -> None:
        self.file.truncate(size)

    def xSync(self, flags: int) -> None:
        self.file.sync()
        if self.name_owed:
            self.fs.sync_dir(posixpath.dirname(self.path))
            self.name_owed = False

    def xFileSize(self) -> int:
        return self.file.size()

    def xClose(self) -> None:
        self.file.close()
        if self.delete_on_close:
            self.fs.unlink(self.path)

    def xSectorSize(self) -> int:
        return 512

    def xDeviceCharacteristics(self) -> int:
        return int(apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE)  # as SQLite's own VFS says of any disk

    def xLock(self, level: int) -> None:
        pass

    def xUnlock(self, level: int) -> None:
        pass

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, operation: int, pointer: int) -> bool:
        return False


class Vfs(apsw.VFS):
    """A VFS on one of our file systems; everything else (time, randomness) is that of the default VFS."""

    def __init__(self, fs: FileSystem) -> None:
        self.fs = fs
        self.name = f"recorded-{next(NAMES)}"
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> VfsFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:
            path = f"/temporary-{next(NAMES)}"
        flags[1] = flags[0]
        return VfsFile(self.fs, path, flags[0])

    def xFullPathname(self, name: str) -> str:
        return posixpath.join("/", name)

    def xDelete(self, name: str, syncdir: bool) -> None:
        if not self.fs.exists(name):
            raise apsw.IOError("no such file")
        self.fs.unlink(name)
        if syncdir:
            self.fs.sync_dir(posixpath.dirname(name))

    def xAccess(self, name: str, flags: int) -> bool:
        return self.fs.exists(name)


State = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class SqliteSubject(Subject):
    """A step is a transaction: a tuple of (key, value), value None to delete."""

    journal: str
    synchronous: str

    def open(self, fs: FileSystem) -> Session:
        return SqliteSession(self, fs)

    def model(self, steps: Sequence[object]) -> list[Hashable]:
        rows: dict[str, bytes] = {}
        states: list[Hashable] = [()]
        for step in steps:
            if isinstance(step, tuple):
                for key, value in step:
                    if value is None:
                        rows.pop(key, None)
                    else:
                        rows[key] = value
            states.append(tuple(sorted(rows.items())))
        return states


class SqliteSession(Session):
    """An open connection, and the VFS that it alone uses."""

    def __init__(self, subject: SqliteSubject, fs: FileSystem) -> None:
        self.vfs = Vfs(fs)
        self.db = apsw.Connection(PATH, vfs=self.vfs.name)
        self.db.execute("pragma page_size = 1024")
        self.db.execute("pragma locking_mode = exclusive")
        self.db.execute(f"pragma synchronous = {subject.synchronous}")
        mode = self.db.execute(f"pragma journal_mode = {subject.journal}").fetchall()[0][0]
        assert mode == subject.journal, f"SQLite chose journal_mode {mode}"
        self.db.execute("pragma wal_autocheckpoint = 12")
        self.db.execute("create table if not exists items (key text primary key, value blob) without rowid")

    def apply(self, step: object) -> None:
        assert step != REOPEN
        if step == CHECKPOINT:
            self.db.execute("pragma wal_checkpoint(truncate)")
            return
        assert isinstance(step, tuple)
        with self.db:
            for key, value in step:
                if value is None:
                    self.db.execute("delete from items where key = ?", (key,))
                else:
                    self.db.execute("insert or replace into items values (?, ?)", (key, value))

    def state(self) -> State:
        return tuple(self.db.execute("select key, value from items order by key").fetchall())

    def check(self) -> Sequence[object]:
        found = self.db.execute("pragma integrity_check").fetchall()
        return [] if found == [("ok",)] else found

    def close(self) -> None:
        self.db.close()
        self.vfs.unregister()
