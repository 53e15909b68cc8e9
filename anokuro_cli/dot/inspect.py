"""Looking inside: pages, trees, the pool, latches, the log.

Each command is an inspection under another name; the model and its rendering are those of `anokuro inspect`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anokuro_cli.dot.registry import command

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


def _inspect(session: Session, kind: str, words: list[str]) -> bool:
    from anokuro_cli.inspecting import inspect_live

    return inspect_live(session, kind, words)


@command(".page N [@LSN]", "Show a page: header, slots, cells; as it was at an LSN.", least=1, most=2)
def page(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "page", words)


@command(".diff N LSN LSN", "Show what changed in a page between two LSNs.", least=3, most=3)
def diff(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "diff", words)


@command(".history-page N", "Show the log records that changed a page.", least=1, most=1)
def history_page(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "history-page", words)


@command(".history-row TABLE KEY", "Show what was done to a row.", completes="table", least=2, most=2)
def history_row(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "history-row", words)


@command(".tree [TABLE] [KEY]", "Show a tree's shape, or the way to a key.", completes="table", most=2)
def tree(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "tree", words)


@command(".file", "Show the map of the data file.")
def file(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "file", words)


@command(".pool", "Show the buffer pool's frames.")
def pool(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "pool", words)


@command(".latches", "Show holders and waiters of page latches.")
def latches(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "latches", words)


@command(".wal [LSN] [page N] [txn N]", "Show the records of the log.", most=None)
def wal(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "wal", words)


@command(".slot N", "Show what lies in a slot of the file.", least=1, most=1)
def slot(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "slot", words)


@command(".snapshots", "Show live snapshots and what they keep.")
def snapshots(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "snapshots", words)


@command(".memtable", "Show what is written and not yet in a page.")
def memtable(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "memtable", words)


@command(".txns", "Show transactions: who reads, who writes, what was committed just now.")
def txns(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "txns", words)


@command(".layout [STRUCT]", "Show a struct's fields, offsets and sizes.", most=1)
def layout(session: Session, words: list[str]) -> bool | None:
    return _inspect(session, "layout", words)


@command(".check", "Check checksums and structure of everything.")
def check(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.checking import check_session

    return check_session(session) == 0
