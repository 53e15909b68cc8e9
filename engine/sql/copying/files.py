"""Files of COPY: opened for reading, or written under a temporary name and renamed when they are complete.

The temporary file is made beside the target with a name nobody can know beforehand, and must not exist (O_EXCL), so
nothing planted there is followed; the rename replaces the name itself: where that is a symbolic link, the link, and not
what it points to.
"""

from __future__ import annotations

import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from engine.base.errors import OperationalError


def shown(text: str, most: int = 200) -> str:
    """A text of foreign origin in a message: what is not printable is escaped."""
    text = text if len(text) <= most else text[: most - 3] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def open_input(path: str) -> IO[bytes]:
    """The bytes of a file. Raises OperationalError; a directory or device is refused."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OperationalError(f"cannot read {shown(path)}: it is no ordinary file")
        return io.FileIO(handle, "rb", closefd=True)
    except (OSError, ValueError) as error:
        raise failed("read", path, error) from None


def failed(what: str, path: str, error: Exception) -> OperationalError:
    """The error for a file that cannot be read or written."""
    reason = getattr(error, "strerror", None) or str(error)
    return OperationalError(f"cannot {what} {shown(path)}: {shown(reason)}")


@contextmanager
def open_output(path: str) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the name `path` when the block ends well, and is gone when it does not."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            raise OperationalError(f"cannot write {shown(path)}: it is a directory")
        folder = os.path.dirname(path) or "."
        handle, name = tempfile.mkstemp(".part", ".copy-", folder)
    except (OSError, ValueError) as error:
        raise failed("write", path, error) from None
    try:
        with os.fdopen(handle, "wb", 1 << 20) as file:
            yield file
            file.flush()
            os.chmod(name, _mode(path))
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise failed("write", path, error) from None
        raise


def _mode(path: str) -> int:
    """The permissions of the file that is replaced, or those of a new file."""
    try:
        found = os.lstat(path)
        if stat.S_ISREG(found.st_mode):
            return stat.S_IMODE(found.st_mode)
    except OSError:
        pass
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
