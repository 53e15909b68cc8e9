"""Files in memory, without the GIL: what ":memory:" databases use, and the crash tests by the thousand.

A MemoryFileSystem maps normalised absolute paths to MemoryNodes (or to None for a directory); a MemoryNode is the
bytes, which live on after `unlink` for as long as a file is open on them, as POSIX has it. Readers of one file share a
lock, a writer has it alone, because growing may move the bytes. A file has no holes here: all of it is allocated.
Everything is "durable" at once; what a crash would lose is the business of engine/storage/file_recording.py.
"""

import errno
import os
import posixpath

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython.cimports.libc.errno import EFBIG, ENOMEM
from cython.cimports.libc.stdlib import free, realloc
from cython.cimports.libc.string import memcpy, memset

from engine.base.errors import InterfaceError
from engine.storage.file import FileLock, FileSystem, io_error, locked_error

# Sizes beyond this are refused with EFBIG, as a real file system would, instead of wrapping around.
_SIZE_MAX = cython.declare(uint64_t, 1 << 46)


def memory_resize(node, size):
    """Make the file `size` bytes long; what is new reads as zeros. The caller holds the lock exclusively."""
    if size > _SIZE_MAX:
        return -EFBIG
    if size > node.capacity:
        # Half as much again: the cost of moving stays proportional to the bytes written.
        wanted: uint64_t = max(size, node.capacity + (node.capacity >> 1), 4096)
        moved = cython.cast(cython.pointer(uint8_t), realloc(node.data, wanted))
        if moved == cython.NULL:
            return -ENOMEM
        node.data = moved
        node.capacity = wanted
    if size > node.size:
        memset(node.data + node.size, 0, size - node.size)
    node.size = size
    return 0


def memory_read(f, buf, n, offset):
    node = cython.cast(cython.pointer(memory_node_t), f.self)
    count: uint64_t = 0
    pthread_rwlock_rdlock(cython.address(node.lock))
    if offset < node.size:
        count = min(cython.cast(uint64_t, n), node.size - offset)
        memcpy(buf, node.data + offset, count)
    pthread_rwlock_unlock(cython.address(node.lock))
    return count


def memory_write(f, buf, n, offset):
    node = cython.cast(cython.pointer(memory_node_t), f.self)
    if offset > _SIZE_MAX or n > _SIZE_MAX:
        return -EFBIG
    if n == 0:
        return 0
    code: cython.int = 0
    pthread_rwlock_wrlock(cython.address(node.lock))
    if offset + n > node.size:
        code = memory_resize(node, offset + n)
    if code == 0:
        memcpy(node.data + offset, buf, n)
    pthread_rwlock_unlock(cython.address(node.lock))
    return code if code < 0 else cython.cast(int64_t, n)


def memory_sync(f):
    return 0


def memory_truncate(f, size):
    node = cython.cast(cython.pointer(memory_node_t), f.self)
    pthread_rwlock_wrlock(cython.address(node.lock))
    code: cython.int = memory_resize(node, size)
    pthread_rwlock_unlock(cython.address(node.lock))
    return code


def memory_size(f):
    node = cython.cast(cython.pointer(memory_node_t), f.self)
    pthread_rwlock_rdlock(cython.address(node.lock))
    size: uint64_t = node.size
    pthread_rwlock_unlock(cython.address(node.lock))
    return size


MEMORY_OPS.read = memory_read
MEMORY_OPS.write = memory_write
MEMORY_OPS.sync = memory_sync
MEMORY_OPS.truncate = memory_truncate
MEMORY_OPS.size = memory_size


class MemoryNode:
    """The bytes of one file and the locks on it (`holders`: one entry, "shared" or "exclusive", per lock held).

    pinned: (file's id, number) for each pin.
    """

    def __cinit__(self, initial: bytes = b""):
        if pthread_rwlock_init(cython.address(self.node.lock), cython.NULL) != 0:
            raise MemoryError
        self.holders = []
        self.pinned = []
        if initial:
            length: uint64_t = len(initial)
            if memory_resize(cython.address(self.node), length) != 0:
                raise MemoryError
            memcpy(self.node.data, PyBytes_AS_STRING(initial), length)

    def __dealloc__(self):
        free(self.node.data)
        pthread_rwlock_destroy(cython.address(self.node.lock))

    def content(self):
        # The copy is made under the GIL: no writer can need the GIL while it holds the lock.
        pthread_rwlock_rdlock(cython.address(self.node.lock))
        out = PyBytes_FromStringAndSize(cython.cast(cython.p_char, self.node.data), self.node.size)
        pthread_rwlock_unlock(cython.address(self.node.lock))
        return out

    def length(self):
        pthread_rwlock_rdlock(cython.address(self.node.lock))
        size: uint64_t = self.node.size
        pthread_rwlock_unlock(cython.address(self.node.lock))
        return size


class MemoryFile(File):
    """A file open on a MemoryNode."""

    def __cinit__(self, path, node: MemoryNode, readonly):
        self.path = path
        self.node = node
        self.readonly = readonly
        self.locks = []
        self.c.ops = cython.address(MEMORY_OPS)
        self.c.self = cython.address(node.node)
        self.c.fd = -1

    def close(self):
        self.closed = True
        locks, self.locks = self.locks, []
        for lock in locks:
            lock.close()


def _lock_node(node: MemoryNode, path, shared):
    """Take a lock on a node, or raise LockedError."""
    holders = node.holders
    if holders and not (shared and all(kind == "shared" for kind in holders)):
        raise locked_error(path, os.getpid())
    holders.append("shared" if shared else "exclusive")
    return FileLock(lambda: holders.remove("shared" if shared else "exclusive"))


class MemoryFileSystem(FileSystem):
    """A tree of files and directories in memory; a relative path starts at the root.

    contents: what it begins with, path -> bytes, or None for a directory (parents are made as needed).
    """

    def __init__(self, contents=None):
        self._entries = {"/": None}
        for path, data in (contents or {}).items():
            full = self._full(path)
            self._make_parents(full)
            self._entries[full] = None if data is None else MemoryNode(data)

    def contents(self):
        """A copy of everything: absolute path -> bytes, or None for a directory; the root is left out."""
        return {
            path: None if node is None else cython.cast(MemoryNode, node).content()
            for path, node in sorted(self._entries.items())
            if path != "/"
        }

    def open(self, path, *, create=False, readonly=False, exclusive=False, follow=True):
        full = self._full(path)
        if full in self._entries:
            if create and exclusive:
                self._fail(errno.EEXIST, "create", path)
            node = self._entries[full]
            if node is None:
                self._fail(errno.EISDIR, "open", path)
        elif create:
            self._require_dir(posixpath.dirname(full), "create", path)
            node = self._entries[full] = MemoryNode()
        else:
            self._fail(errno.ENOENT, "open", path)
        return MemoryFile(path, node, readonly)

    def exists(self, path):
        return self._full(path) in self._entries

    def is_dir(self, path):
        return self._entries.get(self._full(path), self) is None

    def is_link(self, path):
        return False

    def real_path(self, path):
        return path

    def size(self, path):
        return cython.cast(MemoryNode, self._file(path, "measure")).length()

    def listdir(self, path):
        full = self._full(path)
        self._require_dir(full, "list", path)
        return sorted(posixpath.basename(name) for name in self._children(full))

    def mkdir(self, path):
        full = self._full(path)
        if full in self._entries:
            self._fail(errno.EEXIST, "create directory", path)
        self._require_dir(posixpath.dirname(full), "create directory", path)
        self._entries[full] = None

    def rename(self, old, new):
        source, target = self._full(old), self._full(new)
        if source not in self._entries:
            self._fail(errno.ENOENT, "rename", old)
        self._require_dir(posixpath.dirname(target), "rename", old)
        if source == target:
            return
        if (target + "/").startswith(source + "/") or source == "/":
            self._fail(errno.EINVAL, "rename", old)
        if target in self._entries:
            self._check_replaceable(source, target, old)
        moved = [name for name in self._entries if name == source or name.startswith(source + "/")]
        for name in moved:
            self._entries[target + name[len(source) :]] = self._entries.pop(name)

    def unlink(self, path):
        self._file(path, "remove")
        del self._entries[self._full(path)]

    def rmdir(self, path):
        full = self._full(path)
        self._require_dir(full, "remove directory", path)
        if self._children(full) or full == "/":
            self._fail(errno.ENOTEMPTY, "remove directory", path)
        del self._entries[full]

    def sync_dir(self, path):
        self._require_dir(self._full(path), "sync directory", path)

    def lock(self, path_or_file, shared=False):
        if isinstance(path_or_file, MemoryFile):
            file = cython.cast(MemoryFile, path_or_file)
            if file.closed:
                raise InterfaceError(f"the file {file.path} is closed")
            found = _lock_node(file.node, file.path, shared)
            file.locks.append(found)
            return found
        return _lock_node(self._file(path_or_file, "lock"), path_or_file, shared)

    def pin(self, file, number):
        held = cython.cast(MemoryFile, file)
        if held.closed:
            raise InterfaceError(f"the file {held.path} is closed")
        pinned, entry = held.node.pinned, (id(file), number)
        pinned.append(entry)
        found = FileLock(lambda: pinned.remove(entry))
        held.locks.append(found)
        return found

    def pins(self, file):
        return {number for owner, number in cython.cast(MemoryFile, file).node.pinned if owner != id(file)}

    @staticmethod
    def _full(path):
        if "\0" in path:
            raise InterfaceError("a file name cannot contain a NUL character")
        return posixpath.normpath(posixpath.join("/", path))

    @staticmethod
    def _fail(number, operation, path):
        raise io_error(number, operation, path)

    def _file(self, path, operation):
        node = self._entries.get(self._full(path), self)
        if node is None:
            self._fail(errno.EISDIR, operation, path)
        if node is self:
            self._fail(errno.ENOENT, operation, path)
        return node

    def _require_dir(self, full, operation, path):
        node = self._entries.get(full, self)
        if node is not None:
            self._fail(errno.ENOENT if node is self else errno.ENOTDIR, operation, path)

    def _children(self, full):
        return [name for name in self._entries if name != "/" and posixpath.dirname(name) == full]

    def _check_replaceable(self, source, target, old):
        """POSIX's rules for renaming over something: file over file, directory over empty directory."""
        if self._entries[target] is None:
            if self._entries[source] is not None:
                self._fail(errno.EISDIR, "rename", old)
            if self._children(target):
                self._fail(errno.ENOTEMPTY, "rename", old)
        elif self._entries[source] is None:
            self._fail(errno.ENOTDIR, "rename", old)

    def _make_parents(self, full):
        parent = posixpath.dirname(full)
        while parent not in self._entries:
            self._entries[parent] = None
            parent = posixpath.dirname(parent)
