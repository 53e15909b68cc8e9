"""How a session runs queries and changes: compiled or taken from the cache, in a transaction of their own or the open one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from engine.base.errors import ConflictError, DataError, Error, ReadOnlyError
from engine.record.types import Value
from engine.sql.compiled import Compiled, Compiler
from engine.sql.parameters import Parameters
from engine.sql.points import make_many, make_point
from engine.sql.result import Result
from engine.sql.session_control import TransactionControl
from grammar import ast

RETRIES = 200
PLAN_USES = 2000
"""How often a plan is used before it is made anew."""


class StatementRunner(TransactionControl):
    """See the module."""

    def _parse(self, text: str) -> ast.Statement:
        return _parse(text) if self.phases is None else self.phases.parsing(lambda: _parse(text))

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
        span = span_of(node)
        schema = self._schema_of(txn)
        if found is not None and found.version == schema.version and not schema.private:
            return found, text, literals
        compiler = Compiler(self.shared, schema, self.begin, literals)
        compiler.span = span
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
        if self.phases is None:
            compiled, key, literals = self._compiled(txn, sql, text, found, literals, node)
        else:
            compile_it = partial(self._compiled, txn, sql, text, found, literals, node)
            compiled, key, literals = self.phases.planning(compile_it)
        self.plan = compiled.plan
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
                self.check_own(txn)
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
            self.check_own(txn)
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

    def _give(self, key: Any, compiled: Compiled, literals: tuple[Value, ...]) -> None:
        """Back to the cache; now and then a plan is made anew, because tables have grown since."""
        compiled.uses += 1
        if compiled.uses == 1:
            compiled.point = make_point(compiled, self.shared, len(literals))
        if compiled.uses < PLAN_USES and compiled.what != "EXPLAIN":
            self.shared.give(key, compiled)


def span_of(node: ast.Statement | None) -> Any:
    """The beginning of what EXPLAIN ANALYZE measures; None for any other statement."""
    if not isinstance(node, ast.Explain):
        return None
    from engine.sql.profile import Span

    return Span()


def _parse(text: str) -> ast.Statement:
    from grammar.parser import parse  # what was seen before needs no parser

    return parse(text)


def _reads(node: ast.Statement | None) -> bool:
    """Whether a statement only reads; EXPLAIN ANALYZE runs what it explains."""
    if isinstance(node, ast.Explain):
        return not node.analyze or isinstance(node.statement, ast.Query)
    return isinstance(node, ast.Query)
