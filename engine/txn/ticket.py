"""Tickets: a commit that was published and not waited for.

    ticket = txn.commit(wait=False)     others see the commit from here on
    ...                                 more work, more commits; each sync of the log takes all of them with it
    ticket.wait()                       it is durable now, as after an ordinary commit

The log is one sequence, so a ticket that is done says the same of every commit before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.txn.store import Store


class Ticket:
    """A commit on its way to the disk. Any thread may wait for it, several times too.

    lsn: LSN of the commit; None for a transaction that changed nothing.
    """

    __slots__ = ("_end", "_store", "lsn")

    def __init__(self, store: Store, lsn: int | None, end: int) -> None:
        self.lsn = lsn
        self._store = store
        self._end = end

    @property
    def done(self) -> bool:
        """Whether the commit is as durable as `synchronous` demands; False also where that will never be."""
        return self.lsn is None or bool(self._store.is_durable(self._end))

    def wait(self) -> None:
        """Return when the commit is as durable as `synchronous` demands.

        Raises PoisonedError where writing or syncing the log failed before: the commit may be there after reopening, or
        not. InterfaceError where the database was closed without it being durable.
        """
        if not self.done:
            self._store.check_open()
            self._store.wait_for(self._end)

    def __repr__(self) -> str:
        return f"<Ticket LSN {self.lsn}, {'done' if self.done else 'under way'}>"
