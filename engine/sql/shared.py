"""What the sessions of one open database share: the catalog's cache, compiled statements, system tables, handlers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from engine.catalog.catalog import Catalog
from engine.catalog.objects import Table
from engine.record.types import Type
from engine.sql.plan import SystemTable
from grammar import ast
from grammar.shape import shape

Provider = Callable[[tuple[Any, ...], Any], Iterable[tuple[Any, ...]]]
CACHED_STATEMENTS = 512
CACHED_INSTANCES = 8
REMEMBERED_SHAPES = 2048
REMEMBERED_LENGTH = 2000
LARGE_TABLE = 1000.0
SIZE_USES = 256
STATEMENT_MAX = 10_000_000
"""The longest statement, in characters, where the store says nothing."""


class Shared:
    """See the module. `compiled` maps a statement's text to instances ready to run; whoever runs one takes it out.

    frames, functions: what the program has added (engine.sql.extensions), by name in lower case.
    shapes: by the text of a statement, its shape and literals, as far as they are remembered.
    at_checkpoint: gives a session at a retained checkpoint, and what ends its use; None where there is nothing of the kind.
    """

    def __init__(self, store: Any):
        self.store = store
        self.catalog = Catalog()
        self.system_tables: dict[str, SystemTable] = {}
        self.frames: dict[str, SystemTable] = {}
        self.functions: dict[str, Any] = {}
        self.handlers: dict[type[ast.Statement], Callable[[ast.Statement, Any, tuple[Any, ...]], Any]] = {}
        self.compiled: OrderedDict[Any, list[Any]] = OrderedDict()
        self.shapes: dict[str, tuple[str, tuple[Any, ...]]] = {}
        self._exact: set[str] = set()
        self.last_rowids: dict[int, int] = {}
        self.known_rowids: dict[int, tuple[int, int]] = {}  # tree -> (LSN of a state, its greatest row id)
        self.at_checkpoint: Callable[[str], tuple[Any, Callable[[], object]]] | None = None
        self.hits = 0
        self.misses = 0
        self._sizes: dict[int, list[float]] = {}
        self.gear = "auto"
        options = getattr(store, "options", None)
        self.statement_length: int = getattr(options, "statement_length", STATEMENT_MAX)
        self.query_memory: int = getattr(options, "query_memory", 1 << 30)

    def register_system_table(
        self,
        name: str,
        columns: Iterable[tuple[str, Type]],
        provider: Provider,
        least: int = 0,
        most: int | None = None,
    ) -> None:
        """Make sys.<name> a table whose rows `provider(args, session)` gives; with arguments, a table function."""
        pairs = list(columns)
        names, types = tuple(n for n, _ in pairs), tuple(t for _, t in pairs)
        self.system_tables[name.lower()] = SystemTable(
            name, names, types, provider, least, least if most is None else most
        )
        self.compiled.clear()

    def register_statement(
        self, kind: type[ast.Statement], handler: Callable[[ast.Statement, Any, tuple[Any, ...]], Any]
    ) -> None:
        """Have `handler(node, session, params)` carry out statements of a class (inspections, CHECKPOINT ...)."""
        self.handlers[kind] = handler

    def set_gear(self, gear: str) -> None:
        """Have every statement run in one gear ("row", "column") as far as it has a form there, or chosen ("auto"). For tests."""
        if gear not in ("auto", "row", "column"):
            raise ValueError("auto, row or column")
        self.gear = gear
        self.compiled.clear()

    def shape(self, sql: str) -> tuple[str, tuple[Any, ...]]:
        """The shape of a statement and its literals; remembered, because programs repeat their statements."""
        found = self.shapes.get(sql)
        if found is None:
            found = shape(sql)
            if found[0] in self._exact:
                found = (sql, ())
            if len(sql) <= REMEMBERED_LENGTH:
                if len(self.shapes) >= REMEMBERED_SHAPES:
                    self.shapes.clear()
                self.shapes[sql] = found
        return found

    def keep_literals(self, text: str) -> None:
        """Statements of this shape are compiled as they are written from now on, because their plans depend on literals."""
        if len(self._exact) >= REMEMBERED_SHAPES:
            self._exact.clear()
        self._exact.add(text)
        self.shapes.clear()

    def take(self, key: Any) -> Any:
        """A compiled instance of a statement, or None."""
        instances = self.compiled.get(key)
        if instances:
            try:
                found = instances.pop()
            except IndexError:  # another thread was quicker
                self.misses += 1
                return None
            self.hits += 1
            return found
        self.misses += 1
        return None

    def give(self, key: Any, instance: Any) -> None:
        """Put an instance back for others."""
        instances = self.compiled.get(key)
        if instances is None:
            instances = self.compiled.setdefault(key, [])
            while len(self.compiled) > CACHED_STATEMENTS:
                try:
                    self.compiled.popitem(last=False)
                except KeyError:
                    break
        if len(instances) < CACHED_INSTANCES:
            instances.append(instance)

    def table_rows(self, table: Table, begin: Callable[..., Any]) -> float:
        """About how many rows a table has, at least 1: looked up now and then, in a snapshot that nobody conflicts with."""
        known = self._sizes.get(table.tree)
        if known is not None and known[1] > 0:
            known[1] -= 1
            return known[0]
        with begin(readonly=True) as txn:
            rows: float = max(txn.estimate(table.tree), 1.0)
        self._sizes[table.tree] = [rows, SIZE_USES if rows >= LARGE_TABLE else 4]
        return rows

    def known_size(self, table: Table) -> float:
        """How many rows a table had when they were last counted; 0 where they never were."""
        return self._sizes.get(table.tree, (0.0,))[0]

    def forget_sizes(self) -> None:
        """Count anew."""
        self._sizes.clear()
