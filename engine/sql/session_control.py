"""BEGIN, COMMIT, ROLLBACK and savepoints of a session, and what its transactions do at their ends."""

from __future__ import annotations

from typing import Any

from engine.base.errors import OperationalError
from engine.sql.compile_expr import Runtime
from engine.sql.definitions import words
from engine.sql.result import Result
from engine.sql.session_state import SessionState
from grammar import ast

CONTROL = (ast.Begin, ast.Commit, ast.Rollback, ast.Savepoint, ast.Release)
_ISOLATION = {"REPEATABLE READ": "snapshot"}


class TransactionControl(SessionState):
    """See the module."""

    def control(self, sql: str, node: ast.Statement) -> Result:
        """BEGIN, COMMIT, ROLLBACK and savepoints."""
        if self._given and not isinstance(node, (ast.Savepoint, ast.Release)) and not _to_savepoint(node):
            raise OperationalError("this transaction was begun by the program, which ends it")
        if isinstance(node, ast.Begin):
            if self.in_transaction:
                raise OperationalError("a transaction is open already; use SAVEPOINT inside it")
            isolation = None if node.isolation is None else _ISOLATION.get(node.isolation, node.isolation.lower())
            self.open_txn = self.begin(isolation, bool(node.readonly))
            self._reset()
        elif isinstance(node, ast.Savepoint) and not self.in_transaction:
            self.open_txn = self.begin()
            self._reset()
            self._savepoints.append((node.name.lower(), -1))
        elif not self.in_transaction:
            raise OperationalError(f"{words(node)}: no transaction is open")
        else:
            self.settle()
            self._end_or_mark(node)
        return Result(statement=words(node))

    def _end_or_mark(self, node: ast.Statement) -> None:
        txn = self.open_txn
        if isinstance(node, ast.Savepoint):
            self._savepoints.append((node.name.lower(), txn.savepoint()))
        elif isinstance(node, ast.Release) or _to_savepoint(node):
            self._savepoint(node)
        else:
            if isinstance(node, ast.Commit):
                self.check_deferred(txn)
            self.open_txn = None
            self._reset()
            if isinstance(node, ast.Commit):
                txn.commit()
            else:
                txn.rollback()

    def _savepoint(self, node: Any) -> None:
        """RELEASE name, ROLLBACK TO name."""
        name = node.name if isinstance(node, ast.Release) else node.savepoint
        places = [i for i, (other, _) in enumerate(self._savepoints) if other == name.lower()]
        if not places:
            raise OperationalError(f"no such savepoint: {name}")
        place = places[-1]
        number = self._savepoints[place][1]
        if isinstance(node, ast.Release):
            del self._savepoints[place:]
            if number >= 0:
                self.open_txn.release(number)
            else:  # the savepoint that began the transaction
                self.check_deferred(self.open_txn)
                txn, self.open_txn = self.open_txn, None
                self._reset()
                txn.commit()
            return
        del self._savepoints[place + 1 :]
        self.rowids = {}
        self._schema = None
        if number >= 0:
            self.open_txn.rollback_to(number)
        else:
            self.open_txn.rollback()
            self.open_txn = self.begin()
            self.defined = False

    def _reset(self) -> None:
        self._schema = None
        self.defined = False
        self._savepoints = []
        self.rowids = {}
        self.deferred = {}

    def check_deferred(self, txn: Any) -> None:
        """What FOREIGN KEYs left for the end of the transaction. Raises IntegrityError; the transaction stays open."""
        if self.deferred:
            from engine.sql.foreign_keys import check_deferred

            rt = Runtime()
            rt.begin(txn, self, self.flag)
            check_deferred(self._schema_of(txn), self.deferred, rt)

    def commit_own(self, txn: Any) -> None:
        """End the transaction of a single change before its result is made; only EXPLAIN ANALYZE, which measures it, does."""
        if self.deferred:
            self.check_own(txn)
        txn.commit()

    def check_own(self, txn: Any) -> None:
        """The end of a transaction of one statement."""
        try:
            self.check_deferred(txn)
        finally:
            self.deferred = {}


def _to_savepoint(node: ast.Statement) -> bool:
    return isinstance(node, ast.Rollback) and node.savepoint is not None
