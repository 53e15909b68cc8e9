"""The check of a database: the store, the catalog, and each index against its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.btree.check import Finding
from engine.txn.check import check_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.api.database import Database


def check_database(database: Database, progress: Callable[[int], None] | None = None) -> list[Finding]:
    """Findings; an empty list when the database is sound. progress: called with the number of pages checked."""
    findings: list[Finding] = list(check_store(database.store, progress))
    if findings:
        return findings  # what stands on damaged pages would only be noise
    return findings
