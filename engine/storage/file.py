"""The narrow interface through which every byte of a database is read and written.

          Database, Log, BufferPool ...
       C: file_read/_write/_sync/...   Python: FileSystem.open, rename, sync_dir, lock ...
    ------------------------------- file.py -------------------------------
      file_os.py        POSIX: pread, pwrite, fdatasync, flock
      file_memory.py    memory, for ":memory:" and for tests; no GIL either
      file_callback.py  files whose operations are Python methods
        file_recording.py   writes down every operation, for crash enumeration
        file_faulty.py      fails the k-th operation, or seeded ones

Hot paths use the C calls of file.pxd without the GIL on a `file_t`, which a `File` owns; everything rare (names,
directories, locks) is Python. An implementation of a file is one `file_ops_t` of five functions.

Invariants
- C calls return -errno, never raise, may be made by any number of threads at once and take no lock the caller can
  hold; a `with gil` implementation is allowed, so callers hold no mutex that a thread could want under the GIL.
- EINTR and short transfers end here: a read is shorter than asked only at the end of the file, a write is whole or an error.
- Nothing here remembers what is durable: that is `sync` for a file's bytes and `sync_dir` for a directory's names.
- A `File` outlives all use of its `file_t`: whoever calls `close` (or drops the last reference) sees to that.
"""

import errno
import os

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize

from engine.base.errors import InterfaceError, LockedError, OperationalError, ReadOnlyError


def io_error(code, operation, path, cause=None):
    """The exception for a failed call: OperationalError, or ReadOnlyError for a read-only file system.

    `code` is an errno, of either sign; `cause` is the original exception where there is one and becomes (or, with no
    OSError given, an OSError made from the code becomes) `__cause__`.
    """
    number = abs(int(code))
    kind = ReadOnlyError if number == errno.EROFS else OperationalError
    found = kind(f"cannot {operation} {path}: {os.strerror(number)}")
    found.__cause__ = cause if cause is not None else OSError(number, os.strerror(number), path)
    return found


class File:
    """One open file. Made by `FileSystem.open`; a context manager; closed when garbage-collected.

    path: as given to open. readonly, closed: flags. failure: the Python exception behind the last error code of an
    implementation written in Python, else None.
    """

    def ptr(self):
        return cython.address(self.c)

    def check_open(self):
        if self.closed:
            raise InterfaceError(f"the file {self.path} is closed")
        return 0

    def check_writable(self):
        self.check_open()
        if self.readonly:
            raise ReadOnlyError(f"the file {self.path} is open for reading only")
        return 0

    def pread(self, n, offset):
        """Up to `n` bytes from byte `offset`; fewer only at the end of the file. Raises OperationalError."""
        self.check_open()
        if n < 0 or offset < 0:
            raise InterfaceError("pread: length and offset must not be negative")
        length: cython.size_t = n
        start: uint64_t = offset
        out = PyBytes_FromStringAndSize(cython.NULL, length)
        buffer: cython.p_char = PyBytes_AS_STRING(out)
        with cython.nogil:
            got: int64_t = file_read(cython.address(self.c), buffer, length, start)
        if got < 0:
            raise io_error(got, "read", self.path, self.failure)
        return out if cython.cast(cython.size_t, got) == length else out[:got]

    def pwrite(self, data, offset):
        """Write all of `data` (bytes-like) at byte `offset`; returns its length. Raises OperationalError, ReadOnlyError."""
        self.check_writable()
        if offset < 0:
            raise InterfaceError("pwrite: the offset must not be negative")
        whole: bytes = bytes(data)
        length: cython.size_t = len(whole)
        start: uint64_t = offset
        buffer: cython.p_char = PyBytes_AS_STRING(whole)
        with cython.nogil:
            done: int64_t = file_write(cython.address(self.c), buffer, length, start)
        if done < 0:
            raise io_error(done, "write", self.path, self.failure)
        return done

    def sync(self):
        """Make the file's bytes and size durable. Raises OperationalError; then nothing is known and it is not retried."""
        self.check_open()
        with cython.nogil:
            code: cython.int = file_sync(cython.address(self.c))
        if code < 0:
            raise io_error(code, "sync", self.path, self.failure)

    def truncate(self, size):
        """Cut the file, or extend it with zeros, to `size` bytes. Raises OperationalError, ReadOnlyError."""
        self.check_writable()
        if size < 0:
            raise InterfaceError("truncate: the size must not be negative")
        length: uint64_t = size
        with cython.nogil:
            code: cython.int = file_truncate(cython.address(self.c), length)
        if code < 0:
            raise io_error(code, "truncate", self.path, self.failure)

    def reserve(self, size):
        """Ask for room up to `size` bytes, zeros behind what the file holds, into which writing is cheap; whether it is there.

        An implementation may refuse (this one does), and nothing has changed then. A reserved file is not truncated below
        what is still to be written.
        """
        return False

    def allocate(self, size):
        """Have the file be `size` bytes long, zeros behind what it holds, its blocks allocated; whether it is now.

        A write into them changes no size, so a sync after it has less to write. An implementation may refuse (this one does).
        """
        return False

    def size(self):
        """Bytes in the file. Raises OperationalError."""
        self.check_open()
        with cython.nogil:
            found: int64_t = file_size(cython.address(self.c))
        if found < 0:
            raise io_error(found, "measure", self.path, self.failure)
        return found

    def close(self):
        """Give the file back, with every lock taken through it. Closing twice is allowed."""
        self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return f"<{type(self).__name__} {self.path!r}{' closed' if self.closed else ''}>"


class FileLock:
    """A lock that `FileSystem.lock` took; `close` releases it, and so does the end of the process."""

    def __init__(self, release):
        self._release = release

    def close(self):
        """Release the lock; releasing twice is allowed."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class FileSystem:
    """Names, directories and locks. Every method raises OperationalError (its `__cause__` holds the errno) on failure."""

    def open(self, path, *, create=False, readonly=False, exclusive=False, follow=True):
        """Open the regular file `path`, for reading and writing unless `readonly`.

        create: make it, empty and readable by its owner only, where it is missing; a symbolic link in its place is
        refused. exclusive: with create, refuse a file that exists. follow=False: refuse a symbolic link without create.
        Raises ReadOnlyError where only reading is permitted.
        """
        raise NotImplementedError

    def exists(self, path):
        """Whether the path names a file or a directory."""
        raise NotImplementedError

    def is_dir(self, path):
        """Whether the path names a directory."""
        raise NotImplementedError

    def is_link(self, path):
        """Whether the path names a symbolic link."""
        raise NotImplementedError

    def real_path(self, path):
        """The path without symbolic links: what belongs to a file (its log) is found beside its real name."""
        raise NotImplementedError

    def size(self, path):
        """Bytes in the regular file `path`."""
        raise NotImplementedError

    def listdir(self, path):
        """Names in the directory, sorted."""
        raise NotImplementedError

    def mkdir(self, path):
        """Make a directory that only its owner can use."""
        raise NotImplementedError

    def rename(self, old, new):
        """Rename a file or directory; an existing file `new` is replaced at one stroke."""
        raise NotImplementedError

    def unlink(self, path):
        """Remove the name of a file."""
        raise NotImplementedError

    def rmdir(self, path):
        """Remove an empty directory."""
        raise NotImplementedError

    def sync_dir(self, path):
        """Make the names in a directory durable: files created, renamed and removed in it."""
        raise NotImplementedError

    def lock(self, path_or_file, shared=False):
        """Lock a file, by path or through an open `File`, against other processes and other handles of this one.

        Returns a FileLock; the lock ends when that, or the File it was taken through, is closed (a lock by path needs
        its FileLock kept). Never waits: raises LockedError, with the holder's process id where it is known.
        """
        raise NotImplementedError

    def pin(self, file, number):
        """Say, to whoever asks with `pins`, that this open `File` needs what `number` (below 2^60) stands for.

        Any number of files may pin a number, a file pins a number once. Permission to read the file is enough. Returns a
        FileLock; the pin ends when that or the File is closed, and with the process. Never waits and nothing refuses
        it, except where the system knows no such locks: there it is `lock(file, shared=True)` until the File is closed.
        """
        raise NotImplementedError

    def pins(self, file):
        """The numbers that other `File`s, of this or any process, have pinned in the same file: a set."""
        raise NotImplementedError


def locked_error(path, holder=None):
    """The LockedError for `path`; `holder` is a process id or None."""
    who = f"process {holder}" if holder else "another process or handle"
    return LockedError(f"{path} is in use by {who}; close it there first")
