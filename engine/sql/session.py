"""A session: statements in, results out; the state of the transaction between them.

The life of a query
    text -> shape (literals become parameters) -> a compiled statement from the cache, or
            parse -> bind -> optimise -> compile
         -> a snapshot (readonly transaction), or the open transaction
         -> Result, which pulls rows through the plan; the snapshot is given back at the last row

    no transaction   a query reads a snapshot of its own; a change is a transaction of its own, run again on conflict
    BEGIN ... COMMIT every statement reads and writes in one transaction; a failing statement is undone alone
    given            a session over a transaction that somebody else ends (Database.begin)

A session is used by one thread at a time; `interrupt` may be called from any.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from engine.base.dataclass import replace
from engine.base.errors import (
    ConflictError,
    DataError,
    Error,
    InterfaceError,
    LimitError,
    NestingError,
    OperationalError,
    ParseError,
    ProgrammingError,
    ReadOnlyError,
)
from engine.catalog.catalog import Catalog, Schema
from engine.catalog.objects import View
from engine.record.types import Value
from engine.sql import system_tables
from engine.sql.as_of import checkpoint_read
from engine.sql.binder import Params
from engine.sql.compile_expr import Runtime, interrupted
from engine.sql.compiled import Compiled, Compiler
from engine.sql.ddl import DEFINITIONS
from engine.sql.definitions import analyse_tables, define_objects, words
from engine.sql.parameters import Parameters, bind_values
from engine.sql.point import run_point
from engine.sql.points import make_many, make_point
from engine.sql.result import Result
from engine.sql.shared import Shared
from grammar import ParseError as GrammarError
from grammar import ast
from grammar.errors import TooDeepError

RETRIES = 200
PLAN_USES = 2000
"""How often a plan is used before it is made anew."""

_CONTROL = (ast.Begin, ast.Commit, ast.Rollback, ast.Savepoint, ast.Release)


def shared_of(store: Any, catalog: Catalog) -> Shared:
    """What the sessions over one catalog share; made with the first of them."""
    found = catalog.attached.get("sql")
    if found is None:
        made = Shared(store)
        made.catalog = catalog
        system_tables.register(made)
        found = catalog.attached.setdefault("sql", made)
    return found  # type: ignore[no-any-return]


class Session:
    """See the module. transaction: run inside this one, which is not the session's to end."""

    def __init__(self, store: Any, catalog: Catalog | None = None, transaction: Any = None):
        self.store = store
        self.catalog = catalog if catalog is not None else Catalog()
        self.shared = shared_of(store, self.catalog)
        self.temporary: dict[str, View] = {}
        self.rowids: dict[int, int] = {}
        self.closed = False
        self.as_of: str | None = None  # the checkpoint that this session reads, in lower case
        self._begin = _beginner(store)
        self.open_txn = transaction
        self._given = transaction is not None
        self._schema: Schema | None = None
        self.defined = False
        self._savepoints: list[tuple[str, int]] = []
        self.deferred: dict[Any, Any] = {}
        self._streaming: weakref.WeakSet[Result] = weakref.WeakSet()
        self.flag: list[Any] = [False, self._interrupted]
        self._current: Any = None

    # -------------------------------------------------------------------------------------------------- state

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self.open_txn is not None and bool(self.open_txn.is_open)

    @property
    def transaction(self) -> Any:
        """The open transaction, or None."""
        return self.open_txn if self.in_transaction else None

    def interrupt(self) -> None:
        """Cancel the running statement, from any thread."""
        self.flag[0] = True

    def _interrupted(self) -> None:
        self.flag[0] = False
        interrupted()

    def schema(self) -> Schema:
        """The schema as the running statement, or else a new snapshot, sees it."""
        if self._current is not None and self._current.is_open:
            return self._schema_of(self._current)
        if self.in_transaction:
            return self._schema_of(self.open_txn)
        with self.begin(readonly=True) as txn:
            return self._schema_of(txn)

    def begin(self, isolation: str | None = None, readonly: bool = False) -> Any:
        """A new transaction of the store, beside the session's own."""
        return self._begin(isolation, readonly)

    def schema_in(self, txn: Any) -> Schema:
        """The schema a transaction sees, which is the one the running statement works in."""
        self._current = txn
        return self._schema_of(txn)

    def _schema_of(self, txn: Any) -> Schema:
        if txn is self.open_txn:
            if self._schema is None:
                self._schema = self._with_temporary(self.catalog.schema(txn, self.defined))
            return self._schema
        return self._with_temporary(self.catalog.schema(txn))

    def _with_temporary(self, schema: Schema) -> Schema:
        if not self.temporary:
            return schema
        return replace(schema, views={**schema.views, **self.temporary}, private=True)

    # ---------------------------------------------------------------------------------------------- statements

    def execute(self, sql: str, params: Parameters = ()) -> Result:
        """Run one statement. Raises ParseError, ProgrammingError, IntegrityError, DataError, ConflictError ..."""
        shared = self.shared
        known = shared.shapes.get(sql) if type(sql) is str else None
        if known is not None:
            result = run_point(self, shared.compiled, known[0], params, known[1])
            if result is not None:
                return result
        self._check(sql)
        self.flag[0] = False
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

    def _give(self, key: Any, compiled: Compiled, literals: tuple[Value, ...]) -> None:
        """Back to the cache; now and then a plan is made anew, because tables have grown since."""
        compiled.uses += 1
        if compiled.uses == 1:
            compiled.point = make_point(compiled, self.shared, len(literals))
        if compiled.uses < PLAN_USES and compiled.what != "EXPLAIN":
            self.shared.give(key, compiled)

    def executemany(self, sql: str, rows: Iterable[Parameters]) -> Result:
        """Run one change for every row of parameters, all in one transaction; rowcount is the sum.

        In a transaction, a failing row undoes all rows of this call.
        """
        self._check(sql)
        self.flag[0] = False
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

    @staticmethod
    def _parse(text: str) -> ast.Statement:
        from grammar.parser import parse

        return parse(text)

    def _parse_original(self, sql: str) -> None:
        """Raises the error of the text as it was written, with its own places."""
        try:
            self._parse(sql)
        except GrammarError as error:
            raise _parse_error(error) from None

    # -------------------------------------------------------------------------------------- queries and changes

    def _run(
        self,
        sql: str,
        text: str,
        found: Compiled | None,
        params: Parameters,
        literals: tuple[Value, ...],
        node: ast.Statement | None = None,
    ) -> Result:
        """Run a query or change, compiled (found) or as a tree (node)."""
        reads = found.change is None if found is not None else _reads(node)
        if self.in_transaction:
            if reads:
                return self._once(self.open_txn, sql, text, found, params, literals, node)
            return self.in_statement(lambda: self._once(self.open_txn, sql, text, found, params, literals, node))
        self.rowids = {}
        if reads:
            txn = self.begin(readonly=True)
            try:
                return self._once(txn, sql, text, found, params, literals, node)
            except BaseException:
                if txn.is_open:
                    txn.rollback()
                raise
        taken = [found]

        def work(txn: Any) -> Result:
            """An attempt; after the first one the compiled statement is the cache's again, and perhaps another's."""
            mine = taken.pop() if taken else self.shared.take(text)
            return self._once(txn, sql, text, mine, params, literals, node)

        return self.retried(work)

    def retried(self, work: Callable[[Any], Result]) -> Result:
        """A change as a transaction of its own, run again as long as others win."""
        for attempt in range(RETRIES):
            txn = self.begin()
            self.rowids = {}
            try:
                with txn:
                    return work(txn)
            except ConflictError:
                if attempt == RETRIES - 1:
                    raise
                if attempt > 2:
                    from random import random  # 5 ms to import, seldom needed

                    time.sleep(random() * min(0.05, 0.0002 * 2 ** min(attempt, 8)))
                self.check_flag()
        raise AssertionError("unreachable")

    def check_flag(self) -> None:
        """Raises StatementInterrupted when the statement was cancelled."""
        if self.flag[0]:
            self._interrupted()

    def in_statement(self, work: Callable[[], Result]) -> Result:
        """A change inside a transaction: undone alone when it fails."""
        if self.open_txn.readonly:
            raise ReadOnlyError("the transaction is read-only")
        savepoint = self.open_txn.savepoint()
        try:
            result = work()
        except BaseException:
            if self.open_txn.is_open:
                self.open_txn.rollback_to(savepoint)
                self.open_txn.release(savepoint)
                self.rowids = {}
                self._schema = None
            raise
        self.open_txn.release(savepoint)
        return result

    def _compiled(
        self,
        txn: Any,
        sql: str,
        text: str,
        found: Compiled | None,
        literals: tuple[Value, ...],
        node: ast.Statement | None,
    ) -> tuple[Compiled, Any, tuple[Value, ...]]:
        """The statement compiled for the transaction's schema; its key in the cache, or None; its literals."""
        schema = self._schema_of(txn)
        if found is not None and found.version == schema.version and not schema.private:
            return found, text, literals
        compiler = Compiler(self.shared, schema, self.begin, literals)
        key = None if schema.private else text
        try:
            made = compiler.compile(text, node if node is not None else self._parse(text))
            if not made.exact or not literals:
                return made, key, literals
            self.shared.keep_literals(text)
            return compiler.compile(sql, self._parse(sql)), None if schema.private else sql, ()
        except Error:
            if not literals:
                raise
        # once more as it was written, so that the error shows its places and values
        return compiler.compile(sql, self._parse(sql)), None, ()

    def _once(
        self,
        txn: Any,
        sql: str,
        text: str,
        found: Compiled | None,
        params: Parameters,
        literals: tuple[Value, ...],
        node: ast.Statement | None,
    ) -> Result:
        """Run in a transaction."""
        self._current = txn
        compiled, key, literals = self._compiled(txn, sql, text, found, literals, node)
        values = compiled.values(params)
        rt = compiled.rt
        rt.begin(txn, self, self.flag)
        try:
            rt.bind(values, literals)
        except DataError:
            if literals:  # the same error, with its place in the text
                Compiler(self.shared, self._schema_of(txn), self.begin).compile(sql, self._parse(sql))
            raise
        if compiled.change is not None:
            count, rows = compiled.change.run()
            rt.end()
            if self.deferred and txn is not self.open_txn:
                self._check_own(txn)
            if key is not None:
                self._give(key, compiled, literals)
            return Result(
                compiled.columns, compiled.kinds, iter(rows) if compiled.columns else None, count, None, compiled.what
            )
        assert compiled.run is not None
        own = txn is not self.open_txn

        def finish(well: bool) -> None:
            if own and txn.is_open:
                txn.rollback()
            rt.end()
            if key is not None and well:
                self._give(key, compiled, literals)

        result = Result(compiled.columns, compiled.kinds, compiled.run(), -1, finish, compiled.what)
        if not result.finished and not own:
            self._streaming.add(result)
        return result

    def _many(self, txn: Any, sql: str, node: ast.Statement, rows: Iterable[Parameters]) -> Result:
        self._current = txn
        found = self.shared.take(sql)
        compiled, key, _ = self._compiled(txn, sql, sql, found, (), node)
        change = compiled.change
        assert change is not None
        rt = compiled.rt
        rt.begin(txn, self, self.flag)
        many = make_many(compiled)
        change.writer.begin()
        if many is not None:
            many.bulk.begin(txn, self.flag)
            many.bulk.add_all(rows, many.values, compiled.params, many.rt)
            total = many.bulk.finish()
        else:
            total = self._each(compiled, txn, rows)
        change.writer.finish()
        rt.end()
        if self.deferred and txn is not self.open_txn:
            self._check_own(txn)
        if key is not None:
            self._give(key, compiled, ())
        return Result(rowcount=total, statement=compiled.what)

    def _each(self, compiled: Compiled, txn: Any, rows: Iterable[Parameters]) -> int:
        """Run a change once for every row of parameters, as a point where it is one."""
        assert compiled.change is not None
        point = make_point(compiled, self.shared, 0) if compiled.point is None else compiled.point
        rt, run = compiled.rt, compiled.change.run
        total = 0
        for params in rows:
            changed = -1 if point is None else point.change_in(txn, params)
            if changed < 0:
                rt.bind(compiled.values(params))
                changed = run()[0]
            total += changed
            self.check_flag()
        return total

    # ------------------------------------------------------------------------------------------ other statements

    def _other(self, sql: str, node: ast.Statement, params: Parameters) -> Result:
        handler = self.shared.handlers.get(type(node))
        if handler is not None:
            result = handler(node, self, tuple(params) if not isinstance(params, Mapping) else (params,))
            assert isinstance(result, Result)
            return result
        if isinstance(node, ast.Explain):
            return self._run(sql, sql, None, params, (), node)
        if isinstance(node, ast.Copy):
            from engine.sql.copying.statement import run_copy

            return run_copy(self, sql, node, params)
        if isinstance(node, ast.CreateTable) and node.query is not None:
            from engine.sql.create_as import create_table_as

            return create_table_as(self, sql, node, params)
        bind_values(_NO_PARAMS, params)
        if isinstance(node, _CONTROL):
            return self._control(sql, node)
        if isinstance(node, DEFINITIONS):
            return define_objects(self, sql, node)
        if isinstance(node, ast.Analyze):
            return analyse_tables(self, sql, node)
        from engine.base.errors import NotSupportedError

        raise NotSupportedError(f"{words(node)} is not supported yet")

    def _control(self, sql: str, node: ast.Statement) -> Result:
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

    def _check_own(self, txn: Any) -> None:
        """The end of a transaction of one statement."""
        try:
            self.check_deferred(txn)
        finally:
            self.deferred = {}

    def schema_changed(self) -> None:
        """The open transaction has changed the schema: it sees a schema of its own from here on."""
        self._schema = None
        self.defined = True

    def settle(self) -> None:
        """Queries still being fetched are computed to their ends before the transaction changes under them."""
        for result in list(self._streaming):
            result.buffer()
        self._streaming.clear()


def _reads(node: ast.Statement | None) -> bool:
    """Whether a statement only reads; EXPLAIN ANALYZE runs what it explains."""
    if isinstance(node, ast.Explain):
        return not node.analyze or isinstance(node.statement, ast.Query)
    return isinstance(node, ast.Query)


_ISOLATION = {"REPEATABLE READ": "snapshot"}


_NO_PARAMS = Params()


def _beginner(store: Any) -> Callable[[str | None, bool], Any]:
    """The function that begins a transaction of a store."""
    begin: Callable[[str | None, bool], Any] | None = getattr(store, "begin", None)
    if begin is not None:
        return begin
    from engine.txn.transaction import Transaction

    return partial(Transaction, store)


def _to_savepoint(node: ast.Statement) -> bool:
    return isinstance(node, ast.Rollback) and node.savepoint is not None


def _parse_error(error: GrammarError) -> ParseError:
    """The grammar's error as one of the engine's."""
    kind = NestingError if isinstance(error, TooDeepError) else ParseError
    return kind(
        error.message, line=error.line, column=error.column, span=error.span, expected=error.expected, hint=error.hint
    )


__all__ = ["Session", "shared_of"]
