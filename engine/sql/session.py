"""A session: statements in, results out; the state of the transaction between them.

The life of a query
    text -> shape (literals become parameters) -> a compiled statement from the cache, or
            parse -> bind -> optimise -> compile
         -> a snapshot (readonly transaction), or the open transaction
         -> Result, which pulls rows through the plan; the snapshot is given back at the last row

    no transaction   a query reads a snapshot of its own; a change is a transaction of its own, run again on conflict
    BEGIN ... COMMIT every statement reads and writes in one transaction; a failing statement is undone alone
    given            a session over a transaction that somebody else ends (Database.begin)

    session_state.py    what is kept between statements        session_run.py    queries and changes
    session_control.py  BEGIN, COMMIT, savepoints              session.py        the statement's text; all other statements

A session is used by one thread at a time; `interrupt` may be called from any.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping

from engine.base.errors import InterfaceError, LimitError, NestingError, NotSupportedError, ParseError, ProgrammingError
from engine.sql.as_of import checkpoint_read
from engine.sql.binder import Params
from engine.sql.ddl import DEFINITIONS
from engine.sql.definitions import analyse_tables, define_objects, words
from engine.sql.parameters import Parameters, bind_values
from engine.sql.point import run_point
from engine.sql.result import Result
from engine.sql.session_control import CONTROL
from engine.sql.session_run import StatementRunner
from engine.sql.session_state import shared_of
from grammar import ParseError as GrammarError
from grammar import ast
from grammar.errors import TooDeepError

_NO_PARAMS = Params()


class Session(StatementRunner):
    """See the module."""

    def execute(self, sql: str, params: Parameters = ()) -> Result:
        """Run one statement. Raises ParseError, ProgrammingError, IntegrityError, DataError, ConflictError ..."""
        shared = self.shared
        known = shared.shapes.get(sql) if type(sql) is str else None
        if known is not None:
            result = run_point(self, shared.compiled, known[0], params, known[1])
            if result is not None:
                return result
        self._check(sql)
        self._begin_statement()
        text, literals = shared.shape(sql)
        try:
            if known is None:
                result = run_point(self, shared.compiled, text, params, literals)
                if result is not None:
                    return result
            found = shared.take(text)
            if found is not None:
                return self._run(sql, text, found, params, literals)
            node = self._parse(text) if literals else self._parse(sql)
            checkpoint = checkpoint_read(sql, node)
            if checkpoint is not None and checkpoint != self.as_of:
                return self._at_checkpoint(checkpoint, sql, params)
            if isinstance(node, (ast.Query, ast.Insert, ast.Update, ast.Delete)):
                return self._run(sql, text, None, params, literals, node)
            return self._other(sql, node, params)
        except GrammarError as error:
            if literals:
                self._parse_original(sql)
            raise _parse_error(error) from None
        except RecursionError:
            raise LimitError("the statement is nested too deeply") from None

    def _at_checkpoint(self, name: str, sql: str, params: Parameters) -> Result:
        """Run a query in a session of a retained checkpoint, which stays open as long as the result lives."""
        if self.shared.at_checkpoint is None:
            raise ProgrammingError("this reads one checkpoint already, and cannot read another")
        session, let_go = self.shared.at_checkpoint(name)
        try:
            session.flag = self.flag
            result: Result = session.execute(sql, params)
        except BaseException:
            let_go()
            raise
        weakref.finalize(result, let_go)
        return result

    def executemany(self, sql: str, rows: Iterable[Parameters]) -> Result:
        """Run one change for every row of parameters, all in one transaction; rowcount is the sum.

        In a transaction, a failing row undoes all rows of this call.
        """
        self._check(sql)
        self._begin_statement()
        try:
            node = self._parse(sql)
        except GrammarError as error:
            raise _parse_error(error) from None
        if not isinstance(node, (ast.Insert, ast.Update, ast.Delete)):
            raise ProgrammingError("executemany takes INSERT, UPDATE and DELETE")
        checkpoint_read(sql, node)
        if self.in_transaction:
            return self.in_statement(lambda: self._many(self.open_txn, sql, node, rows))
        txn = self.begin()
        self.rowids = {}
        with txn:
            return self._many(txn, sql, node, rows)

    def close(self) -> None:
        """Roll back what is open."""
        if self.closed:
            return
        self.closed = True
        for result in list(self._streaming):
            result.close()
        if self.in_transaction and not self._given:
            self.open_txn.rollback()
        self.open_txn = None

    def _check(self, sql: object) -> None:
        if self.closed:
            raise InterfaceError("the session is closed")
        if not isinstance(sql, str):
            raise InterfaceError(f"a statement is a str, not {type(sql).__name__}")
        if len(sql) > self.shared.statement_length:
            raise LimitError(f"a statement has at most {self.shared.statement_length:,} characters")
        if self._given and not self.in_transaction:
            raise InterfaceError("the transaction has ended")

    def _parse_original(self, sql: str) -> None:
        """Raises the error of the text as it was written, with its own places."""
        try:
            self._parse(sql)
        except GrammarError as error:
            raise _parse_error(error) from None

    def _other(self, sql: str, node: ast.Statement, params: Parameters) -> Result:
        handler = self.shared.handlers.get(type(node))
        if handler is not None:
            result = handler(node, self, tuple(params) if not isinstance(params, Mapping) else (params,))
            assert isinstance(result, Result)
            return result
        if isinstance(node, ast.Explain):
            if isinstance(node.statement, ast.Copy):
                from engine.sql.copying.explain_copy import explain_copy

                return explain_copy(self, sql, node, node.statement, params)
            return self._run(sql, sql, None, params, (), node)
        if isinstance(node, ast.Copy):
            from engine.sql.copying.statement import run_copy

            return run_copy(self, sql, node, params)
        if isinstance(node, ast.CreateTable) and node.query is not None:
            from engine.sql.create_as import create_table_as

            return create_table_as(self, sql, node, params)
        bind_values(_NO_PARAMS, params)
        if isinstance(node, CONTROL):
            return self.control(sql, node)
        if isinstance(node, DEFINITIONS):
            return define_objects(self, sql, node)
        if isinstance(node, ast.Analyze):
            return analyse_tables(self, sql, node)
        raise NotSupportedError(f"{words(node)} is not supported yet")


def _parse_error(error: GrammarError) -> ParseError:
    """The grammar's error as one of the engine's."""
    kind = NestingError if isinstance(error, TooDeepError) else ParseError
    return kind(
        error.message, line=error.line, column=error.column, span=error.span, expected=error.expected, hint=error.hint
    )


__all__ = ["Session", "shared_of"]
