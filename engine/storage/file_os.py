"""Files of the operating system (POSIX): pread, pwrite, fdatasync, flock.

Security: a file is created with O_EXCL and O_NOFOLLOW, mode 0600, a directory with mode 0700; an existing database
may be reached through a symbolic link, what is created never. Only regular files are opened (a FIFO would hang, a device is no database).

Writing into a reserved file (`reserve`) is a copy into a shared mapping of it: the operating system has the bytes then,
as after pwrite, at a sixth of the price for small pieces. Its blocks are allocated before, so the copy cannot lack room.
What lies ahead is written with zeros first, 128 KiB at a time: the system takes memory for all of that at once. Touched
page by page, 16 MiB took 13.5 ms (and one touch of them 2 ms), so 4 ms (0.2 ms).

Locks are flock(2) locks on the file itself: they belong to the open file description, so a second handle in the same
process meets them as well, a symbolic link leads to the same lock, nothing is left behind by a killed process, and
/proc/locks names the holder.

Pins are locks on single bytes far behind the end of the file (F_OFD_SETLK), where no data is. They, too, belong to the
open file description and go with it; shared ones exclude nobody and need no permission to write, and F_OFD_GETLK finds them.
"""

import contextlib
import errno
import fcntl
import os
import stat
import struct
from functools import partial

import cython
from cython.cimports.libc.errno import EINTR, EIO
from cython.cimports.libc.errno import errno as c_errno
from cython.cimports.libc.string import memcpy

from engine.base.errors import InterfaceError, OperationalError, ReadOnlyError
from engine.storage.file import FileLock, FileSystem, io_error, locked_error

# Linux transfers at most this much in one call; asking for more only makes short transfers.
_CALL_MAX = cython.declare(cython.size_t, 0x7FFFF000)
_PAGE = 4096  # of memory, or a divisor

# Attempts at "open it, or else create it" while another process creates and removes the same name.
_CREATE_ATTEMPTS = 16

# No byte of a file is behind this one.
_ALL = cython.declare(uint64_t, 0x7FFFFFFFFFFFFFFF)

# Pin `number` is a lock on the byte at PIN_BASE + number.
PIN_BASE = 1 << 62
PIN_ROOM = 1 << 60

# struct flock: type, whence, start, length, process.
_FLOCK = struct.Struct("@hhqqi4x")


def os_read(f, buf, n, offset):
    done: cython.size_t = 0
    while done < n:
        part: cython.size_t = min(n - done, _CALL_MAX)
        got: cython.Py_ssize_t = pread(
            f.fd, cython.cast(cython.p_char, buf) + done, part, cython.cast(cython.longlong, offset + done)
        )
        if got < 0:
            if c_errno == EINTR:
                continue
            return -c_errno
        if got == 0:
            break
        done += got
    return cython.cast(int64_t, done)


def os_write(f, buf, n, offset):
    if f.map != cython.NULL and offset + n <= f.map_size:
        if offset + n > f.map_ready:
            _make_ready(f, offset + n)
        memcpy(f.map + offset, buf, n)
        return cython.cast(int64_t, n)
    f.map_ready = f.map_size  # what is written past the mapping must not be met by zeros
    done: cython.size_t = 0
    while done < n:
        part: cython.size_t = min(n - done, _CALL_MAX)
        put: cython.Py_ssize_t = pwrite(
            f.fd,
            cython.cast(cython.pointer(cython.const[cython.char]), buf) + done,
            part,
            cython.cast(cython.longlong, offset + done),
        )
        if put < 0:
            if c_errno == EINTR:
                continue
            return -c_errno
        if put == 0:  # no error and no progress: never loop for ever
            return -EIO
        done += put
    return cython.cast(int64_t, done)


def _make_ready(f, end):
    """Give the mapping its memory up to `end` and some way beyond, where the file has never been written."""
    while f.map_ready < end:
        done = ank_write_zeros(
            f.fd, cython.cast(cython.longlong, f.map_ready), cython.cast(cython.longlong, f.map_size)
        )
        if done == 0:  # then the system takes memory page by page
            f.map_ready = f.map_size
        f.map_ready += done


def os_sync(f):
    # EINTR means that the wait ended early, not that the write-back failed; any real error is final.
    while ank_fdatasync(f.fd) != 0:
        if c_errno != EINTR:
            return -c_errno
    return 0


def os_unmap(f):
    if f.map != cython.NULL:
        ank_unmap(f.map, f.map_size)
        f.map = cython.NULL


def os_write_back(f, offset, n):
    if f.map != cython.NULL and offset + n <= f.map_size:
        ank_write_back(f.fd, f.map, cython.cast(cython.longlong, offset), n)


def os_begin_write(f, offset, n):
    if f.fd >= 0 and offset + n <= f.fd_end:
        ank_begin_write(f.fd, cython.cast(cython.longlong, offset), n)


def os_truncate(f, size):
    if size < f.map_size:
        os_unmap(f)  # touching what is behind the end would be a SIGBUS
    while ftruncate(f.fd, cython.cast(cython.longlong, size)) != 0:
        if c_errno != EINTR:
            return -c_errno
    return 0


def os_size(f):
    size: cython.longlong = ank_fd_size(f.fd)
    return size if size >= 0 else -c_errno


OS_OPS.read = os_read
OS_OPS.write = os_write
OS_OPS.sync = os_sync
OS_OPS.truncate = os_truncate
OS_OPS.size = os_size


class OsFile(File):
    """A regular file of the operating system; owns its descriptor."""

    def __cinit__(self, path, fd, readonly):
        self.path = path
        self.readonly = readonly
        self.c.ops = cython.address(OS_OPS)
        self.c.fd = fd
        self.c.fd_end = _ALL

    def fileno(self):
        """The descriptor, -1 once closed."""
        return self.c.fd

    def reserve(self, size):
        self.check_writable()
        length: uint64_t = size
        held: uint64_t = self.size()
        if self.c.map != cython.NULL or held > length:
            return False
        # The page in which the file ends is read now, when an error is an error.
        self.pread(1, max(held, 1) - 1)
        with cython.nogil:
            found: cython.p_char = ank_map_reserved(self.c.fd, length)
        if found == cython.NULL:
            if cython.cast(uint64_t, self.size()) != held:
                self.truncate(held)
            return False
        self.c.map_size = length
        self.c.map_ready = (held + _PAGE - 1) // _PAGE * _PAGE
        self.c.map = found
        return True

    def allocate(self, size):
        self.check_writable()
        length: uint64_t = size
        held: uint64_t = self.size()
        if held > length:
            return False
        with cython.nogil:
            failed = ank_allocate(self.c.fd, length)  # by the system alone: no file system's emulation writes zeros
        if failed and cython.cast(uint64_t, self.size()) != held:
            self.truncate(held)
        return failed == 0

    def close(self):
        fd: cython.int = self.c.fd
        self.closed = True
        os_unmap(cython.address(self.c))
        self.c.fd = -1
        if fd >= 0:
            with cython.nogil:
                close_fd(fd)  # the descriptor is gone whatever it returns (Linux); data errors are sync's business

    def __dealloc__(self):
        os_unmap(cython.address(self.c))
        if self.c.fd >= 0:
            close_fd(self.c.fd)


def _open_descriptor(path, create, readonly, exclusive, follow):
    """Open `path` as `FileSystem.open` says; OSError as the system raises it."""
    mode = os.O_RDONLY if readonly else os.O_RDWR
    flags = mode | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow and not create else os.O_NOFOLLOW)
    creating = mode | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL
    if not create:
        return os.open(path, flags)
    if exclusive:
        return os.open(path, creating, 0o600)
    for _ in range(_CREATE_ATTEMPTS):
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, flags)
        with contextlib.suppress(FileExistsError):
            return os.open(path, creating, 0o600)
    raise OSError(errno.EEXIST, "somebody else creates and removes it all the time", path)


def _require_regular(fd, path):
    mode = os.fstat(fd).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", path)


def _open_error(error, path, readonly):
    """The typed error for a failed open."""
    if not readonly and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and os.access(path, os.R_OK):
        found = ReadOnlyError(f"{path} cannot be opened for writing ({error.strerror}); open it with readonly=True")
    elif error.errno == errno.EISDIR:
        found = OperationalError(f"{path} is a directory, not a database file")
    elif error.errno == errno.ELOOP:
        found = OperationalError(f"cannot open {path}: a symbolic link is in its place; remove it")
    elif error.errno == errno.EINVAL:
        found = OperationalError(f"cannot open {path}: {error.strerror}")
    else:
        return io_error(error.errno or errno.EIO, "open", path, error)
    found.__cause__ = error
    return found


def lock_holder(fd):
    """Process id of a holder of the flock on the file behind `fd`, or None where the system does not tell."""
    about = os.fstat(fd)
    wanted = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    try:
        with open("/proc/locks", encoding="ascii", errors="replace") as table:
            rows = [line.split() for line in table]
    except OSError:
        return None
    for row in rows:  # "1: FLOCK ADVISORY WRITE 812 08:01:1234 0 EOF"; "1: -> FLOCK ..." is a waiter
        if len(row) >= 6 and row[1] == "FLOCK" and row[5] == wanted and row[4].isdigit() and int(row[4]) > 0:
            return int(row[4])
    return None


def _has_pins(fd):
    """Whether the system, and the file system that the file is on, know locks of open file descriptions."""
    if not hasattr(fcntl, "F_OFD_SETLK"):
        return False
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, PIN_BASE, 1, 0))
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            return False
        raise io_error(error.errno or errno.EIO, "look at the locks of", "the file", error) from error
    return True


class OsFileSystem(FileSystem):
    """The file system of the operating system. Stateless: all instances are alike."""

    def open(self, path, *, create=False, readonly=False, exclusive=False, follow=True):
        path = os.fspath(path)
        if "\0" in path:
            raise InterfaceError("a file name cannot contain a NUL character")
        fd = -1
        try:
            fd = _open_descriptor(path, create, readonly, exclusive, follow)
            _require_regular(fd, path)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
            raise _open_error(error, path, readonly) from error
        return OsFile(path, fd, readonly)

    def exists(self, path):
        return os.path.exists(path)

    def is_dir(self, path):
        return os.path.isdir(path)

    def is_link(self, path):
        return os.path.islink(path)

    def real_path(self, path):
        return os.path.realpath(path)

    def size(self, path):
        def measure():
            found = os.stat(path)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            return found.st_size

        return self._call("measure", path, measure)

    def listdir(self, path):
        return sorted(self._call("list", path, lambda: os.listdir(path)))

    def mkdir(self, path):
        self._call("create directory", path, lambda: os.mkdir(path, 0o700))

    def rename(self, old, new):
        self._call("rename", old, lambda: os.replace(old, new))

    def unlink(self, path):
        self._call("remove", path, lambda: os.unlink(path))

    def rmdir(self, path):
        self._call("remove directory", path, lambda: os.rmdir(path))

    def sync_dir(self, path):
        def sync():
            fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

        self._call("sync directory", path, sync)

    def lock(self, path_or_file, shared=False):
        if isinstance(path_or_file, OsFile):
            held = path_or_file
            if held.closed:
                raise InterfaceError(f"the file {held.path} is closed")
        else:
            held = self.open(path_or_file, readonly=True)
        fd = held.fileno()
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            found = (
                locked_error(held.path, lock_holder(fd))
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES)
                else io_error(error.errno or errno.EIO, "lock", held.path)
            )
            if held is not path_or_file:
                held.close()
            raise found from error
        if held is not path_or_file:
            return FileLock(held.close)
        return FileLock(lambda: None if held.closed else fcntl.flock(held.fileno(), fcntl.LOCK_UN))

    def pin(self, file, number):
        if file.closed:
            raise InterfaceError(f"the file {file.path} is closed")

        def change(kind):
            wanted = _FLOCK.pack(kind, os.SEEK_SET, PIN_BASE + number, 1, 0)
            self._call("lock", file.path, lambda: fcntl.fcntl(file.fileno(), fcntl.F_OFD_SETLK, wanted))

        if not _has_pins(file.fileno()):
            self.lock(file, shared=True)
            return FileLock(lambda: None)  # other pins of this file need the same lock: it ends with the file
        change(fcntl.F_RDLCK)
        return FileLock(lambda: None if file.closed else change(fcntl.F_UNLCK))

    def pins(self, file):
        found = set()
        if not _has_pins(file.fileno()):
            return found
        ranges = [(0, PIN_ROOM)]
        while ranges:  # the system tells one lock of a range at a time, not always the first
            start, stop = ranges.pop()
            if start >= stop:
                continue
            asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, PIN_BASE + start, stop - start, 0)
            raw = self._call(
                "look at the locks of", file.path, partial(fcntl.fcntl, file.fileno(), fcntl.F_OFD_GETLK, asked)
            )
            kind, _, at, length, _ = _FLOCK.unpack(raw)
            if kind == fcntl.F_UNLCK:
                continue
            first = max(at - PIN_BASE, start)
            last = min(at - PIN_BASE + length, stop) if length else stop
            found.update(range(first, min(last, first + 64)))
            ranges += [(start, first), (last, stop)]
        return found

    @staticmethod
    def _call(operation, path, action):
        try:
            return action()
        except OSError as error:
            raise io_error(error.errno or errno.EIO, operation, path, error) from error
