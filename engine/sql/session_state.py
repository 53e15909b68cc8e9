"""The state of a session between its statements: the open transaction, the schema as it is seen, the flag of cancellation."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from engine.base.dataclass import replace
from engine.catalog.catalog import Catalog, Schema
from engine.catalog.objects import View
from engine.sql import system_tables
from engine.sql.compile_expr import interrupted
from engine.sql.phases import Phases, rows_to_read
from engine.sql.plan import Plan
from engine.sql.result import Result
from engine.sql.shared import Shared


def shared_of(store: Any, catalog: Catalog) -> Shared:
    """What the sessions over one catalog share; made with the first of them."""
    found = catalog.attached.get("sql")
    if found is None:
        made = Shared(store)
        made.catalog = catalog
        system_tables.register(made)
        found = catalog.attached.setdefault("sql", made)
    return found  # type: ignore[no-any-return]


class SessionState:
    """See the module. transaction: the session is over this one, which is not its to end."""

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
        # cancelled, what is called then, rows read by scans (or entered into an index), how many there will be (0: see `plan`)
        self.flag: list[Any] = [False, self._interrupted, 0, 0]
        self.phases: Phases | None = None
        self.plan: Plan | None = None
        self._current: Any = None

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

    def progress(self) -> tuple[int, int]:
        """Rows the running statement's scans have read, and how many they will have read in the end, 0 where nobody knows.

        May be called from any thread; roughly true.
        """
        plan, expected = self.plan, self.flag[3]
        if not expected and plan is not None:
            expected = round(rows_to_read(plan, self.shared))
        return self.flag[2], expected

    def time_phases(self, wanted: bool = True) -> Phases:
        """From now on it is counted how long parsing and planning take, or it is no more; gives where that is counted."""
        counted = Phases()
        self.phases = counted if wanted else None
        return counted

    def _begin_statement(self) -> None:
        self.plan = None
        self.flag[0], self.flag[2], self.flag[3] = False, 0, 0

    def _interrupted(self) -> None:
        self.flag[0] = False
        interrupted()

    def check_flag(self) -> None:
        """Raises StatementInterrupted when the statement was cancelled."""
        if self.flag[0]:
            self._interrupted()

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

    def schema_changed(self) -> None:
        """The open transaction has changed the schema: it sees a schema of its own from here on."""
        self._schema = None
        self.defined = True

    def settle(self) -> None:
        """Queries still being fetched are computed to their ends before the transaction changes under them."""
        for result in list(self._streaming):
            result.buffer()
        self._streaming.clear()


def _beginner(store: Any) -> Callable[[str | None, bool], Any]:
    """The function that begins a transaction of a store."""
    begin: Callable[[str | None, bool], Any] | None = getattr(store, "begin", None)
    if begin is not None:
        return begin
    from engine.txn.transaction import Transaction

    return partial(Transaction, store)
