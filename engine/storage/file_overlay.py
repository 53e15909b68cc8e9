"""A read-only file with room behind its end, in memory.

    0                          base                              what recovery under a read-only handle writes out
    +--------------------------+ - - - - - - - - - - - - - +     when the pool is smaller than what the log changes
    | the file, never written  |  memory, gone at the end  |
    +--------------------------+ - - - - - - - - - - - - - +

A page image lies wholly on one side of `base`, a multiple of the page size; writes before it are refused.
"""

import cython
from cython.cimports.libc.errno import EROFS

from engine.storage.file_memory import MemoryFileSystem


def overlay_read(f, buf, n, offset):
    o = cython.cast(cython.pointer(overlay_t), f.self)
    if offset < o.base:
        return file_read(o.under, buf, n, offset)
    return file_read(o.above, buf, n, offset - o.base)


def overlay_write(f, buf, n, offset):
    o = cython.cast(cython.pointer(overlay_t), f.self)
    if offset < o.base:
        return -EROFS
    return file_write(o.above, buf, n, offset - o.base)


def overlay_sync(f):
    return 0


def overlay_truncate(f, size):
    return -EROFS


def overlay_size(f):
    o = cython.cast(cython.pointer(overlay_t), f.self)
    size = file_size(o.above)
    if size <= 0:
        return file_size(o.under)
    return cython.cast(int64_t, o.base) + size


OVERLAY_OPS.read = overlay_read
OVERLAY_OPS.write = overlay_write
OVERLAY_OPS.sync = overlay_sync
OVERLAY_OPS.truncate = overlay_truncate
OVERLAY_OPS.size = overlay_size


class OverlayFile(File):
    """`under` with room in memory from byte `base` on; closing it closes `under`. Its Python face is read-only."""

    def __cinit__(self, under: File, base):
        self.under = under
        self.above = MemoryFileSystem().open("/room", create=True)
        self.path = under.path
        self.readonly = True
        self.overlay.under = self.under.ptr()
        self.overlay.above = self.above.ptr()
        self.overlay.base = base
        self.c.ops = cython.address(OVERLAY_OPS)
        self.c.self = cython.address(self.overlay)
        self.c.fd = self.under.c.fd
        self.c.fd_end = min(self.under.c.fd_end, self.overlay.base)

    def close(self):
        self.closed = True
        self.c.fd = -1
        self.under.close()
        self.above.close()
