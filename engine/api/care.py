"""Statements that care for the whole database: CHECK and CHECKPOINT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.base.errors import NotSupportedError, OperationalError
from engine.record.types import Type
from engine.sql.result import Result
from grammar import ast

if TYPE_CHECKING:
    from engine.api.database import Database
    from engine.sql.shared import Shared

FINDING_COLUMNS = ("finding", "file", "page", "offset")


def register_care(shared: Shared, database: Database) -> None:
    """Enter the statements of an open database; entering them twice changes nothing."""
    if ast.Check in shared.handlers:
        return

    def check(node: ast.Statement, session: Any, params: tuple[Any, ...]) -> Result:
        """One row for each finding; none when the database is sound."""
        assert isinstance(node, ast.Check)
        if node.name is not None:
            raise NotSupportedError("CHECK of a single tree is not there yet; CHECK alone checks everything")
        rows = [(finding.what, finding.file, finding.page, finding.offset) for finding in database.check()]
        return Result(
            FINDING_COLUMNS, (Type.TEXT, Type.TEXT, Type.INTEGER, Type.INTEGER), iter(rows), statement="CHECK"
        )

    def checkpoint(node: ast.Statement, session: Any, params: tuple[Any, ...]) -> Result:
        if session.in_transaction:
            raise OperationalError("CHECKPOINT cannot run inside a transaction; COMMIT first")
        database.checkpoint()
        return Result(statement="CHECKPOINT")

    shared.register_statement(ast.Check, check)
    shared.register_statement(ast.Checkpoint, checkpoint)
