"""Statements that care for the whole database: CHECK (also as the table sys.findings), CHECKPOINT, DROP CHECKPOINT and VACUUM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.base.errors import NotSupportedError, OperationalError, ProgrammingError
from engine.record.types import Type
from engine.sql.result import Result
from grammar import ast

if TYPE_CHECKING:
    from engine.api.database import Database
    from engine.sql.shared import Shared

FINDING_COLUMNS = (("finding", Type.TEXT), ("file", Type.TEXT), ("page", Type.INTEGER), ("offset", Type.INTEGER))
VACUUM_COLUMNS = ("bytes_before", "bytes_after", "bytes_given_back", "pages_moved", "pages_merged")


def register_care(shared: Shared, database: Database) -> None:
    """Enter the statements of an open database; entering them twice changes nothing."""
    if ast.Check in shared.handlers:
        return

    def findings(args: tuple[Any, ...], session: Any) -> list[tuple[Any, ...]]:
        found = database.check(lambda what, done, whole: session.check_flag())
        return [(finding.what, finding.file, finding.page, finding.offset) for finding in found]

    def check(node: ast.Statement, session: Any, params: tuple[Any, ...]) -> Result:
        """One row for each finding; none when the database is sound."""
        assert isinstance(node, ast.Check)
        if node.name is not None:
            raise NotSupportedError("CHECK of a single tree is not there yet; CHECK alone checks everything")
        names, types = tuple(name for name, _ in FINDING_COLUMNS), tuple(kind for _, kind in FINDING_COLUMNS)
        return Result(names, types, iter(findings((), session)), statement="CHECK")

    def checkpoint(node: ast.Statement, session: Any, params: tuple[Any, ...]) -> Result:
        if session.in_transaction:
            raise OperationalError("CHECKPOINT cannot run inside a transaction; COMMIT first")
        assert isinstance(node, ast.Checkpoint)
        database.checkpoint(node.name)
        return Result(statement="CHECKPOINT")

    def vacuum(node: ast.Statement, session: Any, params: tuple[Any, ...]) -> Result:
        """One row: bytes of the data file before and after, how many were given back, how many pages were moved and merged."""
        assert isinstance(node, ast.Vacuum)
        if node.name is not None:
            raise NotSupportedError("VACUUM of a single table is not there: the file is one; use VACUUM alone")
        if session.in_transaction:
            raise OperationalError("VACUUM cannot run inside a transaction; COMMIT first")
        done = database.vacuum(lambda at, last: session.check_flag())
        row = (done.bytes_before, done.bytes_after, done.bytes_given_back, done.pages_moved, done.pages_merged)
        return Result(VACUUM_COLUMNS, (Type.INTEGER,) * 5, iter([row]), statement="VACUUM")

    def drop_checkpoint(node: ast.Statement, session: Any, params: tuple[Any, ...]) -> Result:
        assert isinstance(node, ast.DropCheckpoint)
        if session.in_transaction:
            raise OperationalError("DROP CHECKPOINT cannot run inside a transaction; COMMIT first")
        try:
            database.drop_checkpoint(node.name)
        except ProgrammingError:
            if not node.if_exists:
                raise
        return Result(statement="DROP CHECKPOINT")

    shared.register_statement(ast.Check, check)
    shared.register_system_table("findings", FINDING_COLUMNS, findings)
    shared.register_statement(ast.Checkpoint, checkpoint)
    shared.register_statement(ast.DropCheckpoint, drop_checkpoint)
    shared.register_statement(ast.Vacuum, vacuum)
