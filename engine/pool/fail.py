"""From the integer results of code without the GIL to typed exceptions."""

import errno
import os

from cython.cimports.engine.base.codes import (
    ERR_BUSY,
    ERR_CLOSED,
    ERR_CONFLICT,
    ERR_CORRUPT,
    ERR_FULL,
    ERR_INTERNAL,
    ERR_LIMIT,
    ERR_LOG,
    ERR_MEMORY,
    ERR_NO_PAGE,
    ERR_POISONED,
    ERR_POOL_FULL,
    ERR_RESTART,
)
from cython.cimports.engine.base.thread import thread_self

from engine.base.errors import (
    ConflictError,
    CorruptionError,
    InterfaceError,
    InternalError,
    LimitError,
    OperationalError,
    PoisonedError,
)
from engine.storage.page import PROBLEMS as PAGE_PROBLEMS

PROBLEMS = dict(PAGE_PROBLEMS)
PROBLEMS[100] = "the file ends before the page does"
PROBLEMS[101] = "the tree is deeper than any tree can be"
PROBLEMS[102] = "the page is not the child its parent expects (level or tree differ)"
PROBLEMS[103] = "no slot of the page covers a key that its fences promise"
PROBLEMS[106] = "the page is newer than the state it belongs to"
PROBLEMS[104] = "the pages of a long value do not add up to its length"


def error_of(code, path):
    """The exception that a negative result stands for; `path` names the data file."""
    if code == ERR_CORRUPT:
        t = thread_self()
        problem = PROBLEMS.get(int(t.failed_problem), "the page is damaged")
        return CorruptionError(
            f"damaged page: {problem}; run a check, restore a backup, or recover what can be read",
            file=path,
            page=int(t.failed_page),
            offset=int(t.failed_offset) or None,
        )
    if code == ERR_NO_PAGE:
        return CorruptionError("a page refers to a page id that is free", file=path)
    if code == ERR_LOG:
        t = thread_self()
        return CorruptionError(
            "a log record does not fit the page it changes", file=path, page=int(t.failed_page), offset=None
        )
    if code == ERR_POISONED:
        return PoisonedError("an earlier write or sync of the log failed; close the database and open it again")
    if code == ERR_POOL_FULL:
        return OperationalError("every page of the buffer pool is in use; open the database with a larger pool_bytes")
    if code == ERR_MEMORY:
        return OperationalError("out of memory")
    if code == ERR_CONFLICT:
        return ConflictError("another transaction committed first; run the transaction again")
    if code == ERR_LIMIT:
        return LimitError("a documented limit was met")
    if code == ERR_BUSY:
        return OperationalError(
            "a transaction of this thread has outgrown memtable_bytes and keeps all other writers waiting; "
            "commit it or roll it back first"
        )
    if code == ERR_CLOSED:
        return InterfaceError("the database is closed")
    if code in (ERR_INTERNAL, ERR_RESTART, ERR_FULL):
        return InternalError(f"an invariant of the engine does not hold (code {code}); please report it")
    if -1000 < code < 0:
        number = int(-code)
        name = errno.errorcode.get(number, str(number))
        failure = OperationalError(f"input/output on {path} failed: {os.strerror(number)} ({name})")
        failure.__cause__ = OSError(number, os.strerror(number), path)
        return failure
    return InternalError(f"unknown result {code}")


def check(code, path):
    """Raise what a negative result stands for."""
    if code < 0:
        raise error_of(code, path)
    return 0
