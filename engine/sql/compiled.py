"""Statements ready to run: parsed, bound, optimised and compiled once, run often.

A compiled statement belongs to whoever took it out of the cache, until it is given back: its closures share one Runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.base.dataclass import replace
from engine.catalog.catalog import Schema
from engine.record.types import Type, Value
from engine.sql.binder import Binder, Params
from engine.sql.compile_expr import Row, Runtime
from engine.sql.execute import compile_plan
from engine.sql.optimise import Estimates, optimise
from engine.sql.parameters import bind_values
from engine.sql.plan import Plan
from engine.sql.shared import Shared
from grammar import ast

if TYPE_CHECKING:
    from engine.sql.change import Change
    from engine.sql.profile import Span


class Compiled:
    """A query or change ready to run against one version of the schema."""

    __slots__ = (
        "change",
        "columns",
        "exact",
        "kinds",
        "params",
        "plan",
        "point",
        "rt",
        "run",
        "uses",
        "version",
        "what",
    )

    def __init__(self, version: int, what: str, params: Params, rt: Runtime, plan: Plan):
        self.version = version
        self.what = what
        self.params = params
        self.rt = rt
        self.plan = plan
        self.columns: tuple[str, ...] = ()
        self.kinds: tuple[Type, ...] = ()
        self.run: Callable[[], Iterator[Row]] | None = None
        self.change: Change | None = None
        self.exact = False
        self.uses = 0
        self.point: Any = None  # the statement as engine.sql.point runs it, where it is one of those

    def values(self, given: Sequence[Any] | Mapping[str, Any]) -> Sequence[Value]:
        """The parameters in the order of their slots. Raises ProgrammingError when they do not fit the statement."""
        return bind_values(self.params, given)


class Compiler:
    """Compiles statements against one schema.

    begin: begins a transaction to count rows in. literals: those of the statement at hand; the plan holds for others as
    well, but what is chosen in it is chosen for these.
    """

    def __init__(self, shared: Shared, schema: Schema, begin: Callable[..., Any], literals: tuple[Value, ...] = ()):
        self.shared = shared
        self.schema = schema
        self.span: Span | None = None  # of EXPLAIN ANALYZE: since the schema was asked for
        self.estimates = Estimates(
            lambda table: shared.table_rows(table, begin), schema.statistics, literals, shared.gear
        )

    def binder(self, text: str) -> Binder:
        """A binder for a statement's text."""
        made = Binder(text, self.schema, self.shared.system_tables, lambda plan: optimise(plan, self.estimates))
        made.frames, made.functions = self.shared.frames, self.shared.functions
        return made

    def compile(self, text: str, node: ast.Statement) -> Compiled:
        """A query, change or EXPLAIN ready to run."""
        binder = self.binder(text)
        rt = Runtime()
        rt.forced = self.shared.gear == "column"
        made = self._compile(text, node, binder, rt)
        made.exact = binder.exact
        return made

    def _compile(self, text: str, node: ast.Statement, binder: Binder, rt: Runtime) -> Compiled:
        if isinstance(node, ast.Query):
            plan = binder.optimise(binder.query(node))
            made = Compiled(self.schema.version, "SELECT", binder.params, rt, plan)
            made.columns = tuple(column.name for column in plan.columns)
            made.kinds = tuple(column.type for column in plan.columns)
            made.run = compile_plan(plan, rt)
            return made
        if isinstance(node, ast.Explain):
            return self._explain(text, node, binder, rt)
        return self._change(node, binder, rt)

    def _change(self, node: ast.Statement, binder: Binder, rt: Runtime) -> Compiled:
        from engine.sql.change import compile_insert  # a session that changes nothing loads none of it
        from engine.sql.change_rows import compile_delete, compile_update

        if isinstance(node, ast.Insert):
            change = compile_insert(binder, node, rt)
        elif isinstance(node, ast.Update):
            change = compile_update(binder, node, rt)
        elif isinstance(node, ast.Delete):
            change = compile_delete(binder, node, rt)
        else:
            raise binder.unsupported(node, type(node).__name__)
        made = Compiled(self.schema.version, change.what, binder.params, rt, change.plan)
        made.change = change
        if change.columns is not None:
            made.columns = tuple(column.name for column in change.columns)
            made.kinds = tuple(column.type for column in change.columns)
        return made

    def _explain(self, text: str, node: ast.Explain, binder: Binder, rt: Runtime) -> Compiled:
        """EXPLAIN: the plan as rows, without running it."""
        if node.analyze:
            return self._explain_analyze(text, node, binder, rt)
        from engine.sql.explain import explain, lines

        inner = self.compile(text, node.statement)
        rows = list(lines(explain(inner.plan, self.estimates)))
        if inner.change is not None:
            target = inner.change.table.name
            rows = [(inner.what.lower(), target, rows[0][2], "row"), *(("  " + row[0], *row[1:]) for row in rows)]
        made = Compiled(self.schema.version, "EXPLAIN", inner.params, rt, inner.plan)
        made.columns = ("operation", "detail", "rows", "gear")
        made.kinds = (Type.TEXT, Type.TEXT, Type.INTEGER, Type.TEXT)
        made.run = lambda: iter(rows)
        return made

    def _explain_analyze(self, text: str, node: ast.Explain, binder: Binder, rt: Runtime) -> Compiled:
        """EXPLAIN ANALYZE: the statement is run, a change changes; the plan as rows with what each node did.

        So is planning, and the commit of a change that is a transaction of its own: together the rows tell all that was done.
        """
        from engine.sql.explain import MEASURED_COLUMNS, PlanNode, explain, measured_lines
        from engine.sql.profile import Profile, Span

        profile = rt.profile = Profile()
        inner = self._compile(text, node.statement, binder, rt)
        planning = (self.span or Span()).end()

        def rows_of(root: PlanNode, *more: PlanNode) -> list[Row]:
            planned = PlanNode("planning", "", 0, (), planning, "")
            return [row for one in (root, planned, *more) for row in measured_lines(one)]

        def run() -> Iterator[Row]:
            profile.begin()
            assert inner.run is not None
            for _ in inner.run():
                pass
            return iter(rows_of(explain(inner.plan, self.estimates, profile)))

        def change() -> tuple[int, list[Row]]:
            profile.begin()
            assert inner.change is not None
            span = Span()
            count, _ = inner.change.run()
            whole = span.end(count)
            source = explain(inner.plan, self.estimates, profile)
            root = PlanNode(inner.what.lower(), inner.change.table.name, source.rows, (source,), whole)
            if rt.txn is rt.session.open_txn:
                return count, rows_of(root)
            span = Span()
            rt.session.commit_own(rt.txn)
            return count, rows_of(root, PlanNode("commit", "", 0, (), span.end(), ""))

        made = Compiled(self.schema.version, "EXPLAIN", inner.params, rt, inner.plan)
        made.columns, made.kinds = (tuple(part) for part in zip(*MEASURED_COLUMNS, strict=True))
        if inner.change is None:
            made.run = run
        else:
            made.change = replace(inner.change, run=change)
        return made
