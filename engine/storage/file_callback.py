"""Files written in Python: `CallbackFile` turns the C operations into method calls that take the GIL.

    engine, without the GIL -> file_write(f, ...) -> callback_write: takes the GIL -> self.on_write(data, offset)
                            <- -errno               <- exception, remembered in `failure`

A subclass may behave as a system call does: `on_read` may return less than was asked, `on_write` may take less than
it was given, and any method may raise InterruptedError; the loops that make transfers whole stand here, as they do in
file_os.py for real system calls. Any other exception ends the operation with its errno (EIO where it has none).
"""

import errno

import cython
from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython.cimports.libc.string import memcpy


def callback_read(f, buf, n, offset):
    file = cython.cast(CallbackFile, f.self)
    done: cython.size_t = 0
    while done < n:
        try:
            data: bytes = file.on_read(n - done, offset + done)
            got: cython.size_t = len(data)
            if got == 0:
                break
            if got > n - done:
                raise ValueError(f"on_read returned {got} bytes where {n - done} were asked")
            memcpy(cython.cast(cython.p_char, buf) + done, PyBytes_AS_STRING(data), got)
            done += got
        except InterruptedError:
            continue
        except BaseException as error:  # nothing may leave a trampoline
            return -file.remember(error)
    return cython.cast(int64_t, done)


def callback_write(f, buf, n, offset):
    file = cython.cast(CallbackFile, f.self)
    data: bytes = PyBytes_FromStringAndSize(cython.cast(cython.p_char, buf), n)
    done: cython.size_t = 0
    while done < n:
        try:
            put: cython.size_t = file.on_write(data[done:], offset + done)
            if put == 0 or put > n - done:
                raise ValueError(f"on_write took {put} of {n - done} bytes")
            done += put
        except InterruptedError:
            continue
        except BaseException as error:  # nothing may leave a trampoline
            return -file.remember(error)
    return cython.cast(int64_t, done)


def callback_sync(f):
    file = cython.cast(CallbackFile, f.self)
    while True:
        try:
            file.on_sync()
            return 0
        except InterruptedError:
            continue
        except BaseException as error:  # nothing may leave a trampoline
            return -file.remember(error)


def callback_truncate(f, size):
    file = cython.cast(CallbackFile, f.self)
    while True:
        try:
            file.on_truncate(size)
            return 0
        except InterruptedError:
            continue
        except BaseException as error:  # nothing may leave a trampoline
            return -file.remember(error)


def callback_size(f):
    file = cython.cast(CallbackFile, f.self)
    try:
        return file.on_size()
    except BaseException as error:  # nothing may leave a trampoline
        return -file.remember(error)


CALLBACK_OPS.read = callback_read
CALLBACK_OPS.write = callback_write
CALLBACK_OPS.sync = callback_sync
CALLBACK_OPS.truncate = callback_truncate
CALLBACK_OPS.size = callback_size


def errno_of(error):
    """The errno an exception stands for: its own, or that of the exception which caused it; EIO where there is none."""
    while error is not None:
        number = getattr(error, "errno", None)
        if isinstance(number, int) and number > 0:
            return number
        error = error.__cause__
    return errno.EIO


class CallbackFile(File):
    """Base of files written in Python; subclasses define on_read, on_write, on_sync, on_truncate, on_size (and close)."""

    def __cinit__(self, path, readonly=False, *_args, **_options):
        self.path = path
        self.readonly = readonly
        self.c.ops = cython.address(CALLBACK_OPS)
        # Not a counted reference: the struct lives inside the object.
        self.c.self = cython.cast(cython.p_void, self)
        self.c.fd = -1

    def remember(self, error):
        # its traceback would keep alive whatever the callers up the stack hold: scans, and with them snapshots
        self.failure = error.with_traceback(None)
        return errno_of(error)

    def on_read(self, n, offset):
        """At most `n` bytes (never more) from byte `offset`; b"" at the end of the file."""
        raise NotImplementedError

    def on_write(self, data, offset):
        """Write `data` or its beginning at byte `offset`; the number of bytes taken, at least 1."""
        raise NotImplementedError

    def on_sync(self):
        """Make the file durable."""
        raise NotImplementedError

    def on_truncate(self, size):
        """Cut or extend the file."""
        raise NotImplementedError

    def on_size(self):
        """Bytes in the file."""
        raise NotImplementedError
