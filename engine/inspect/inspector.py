"""The inspections of one database: what `live` and `offline` give."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from engine.base.dataclass import replace
from engine.base.errors import ProgrammingError
from engine.catalog.catalog import Catalog
from engine.inspect.damage import Damage, find_damage
from engine.inspect.decode import Origin, decode_meta, decode_page, header_of
from engine.inspect.diff import DiffModel, diff_model
from engine.inspect.file import FileModel, file_model
from engine.inspect.file_source import FileSource
from engine.inspect.history import PageHistoryModel, RowHistoryModel, page_history, row_history
from engine.inspect.latches import LatchesModel, latches_model
from engine.inspect.layout import LayoutModel, layout_model
from engine.inspect.live_source import LiveSource
from engine.inspect.memtable import MemtableModel, TransactionsModel, memtable_model, transactions_model
from engine.inspect.page import PageModel
from engine.inspect.past import batch_note, state_at
from engine.inspect.pool import PoolModel, pool_model
from engine.inspect.snapshots import SnapshotsModel, snapshots_model
from engine.inspect.source import Source, read_page
from engine.inspect.top import Top
from engine.inspect.trace import TraceModel
from engine.inspect.tree import TreeModel, TreesModel, tree_model, trees_model
from engine.inspect.wal import WalModel, wal_model
from engine.txn.store import Store


class Inspector:
    """Inspections that need only images and the log. Every method gives a model (see engine.inspect.model)."""

    source: Source

    def page(self, page: int, lsn: int | None = None) -> PageModel:
        """The newest image of a page, decoded, or the page as it was at an LSN.

        Raises ProgrammingError where there is none, HistoryError where log and checkpoints do not reach that LSN.
        """
        if lsn is not None:
            return self._page_at(page, lsn)
        found = read_page(self.source, page, self.source.owners())
        if found is None:
            last = max((ref.page for ref in self.source.refs()), default=0)
            if last == 0:
                why = "; ".join(self.source.problems) or "it is empty"
                raise ProgrammingError(f"no page can be found in {self.source.path}: {why}")
            why = f"page {page} does not exist or is free; pages in use lie in 1 to {last}"
            if self.source.problems:
                why += f". But {self.source.problems[0]}: the log may know more of it, HISTORY PAGE {page} tells"
            raise ProgrammingError(why)
        return found

    def _page_at(self, page: int, lsn: int) -> PageModel:
        state = state_at(self.source, page, lsn)
        if state.image is None:
            raise ProgrammingError(
                f"at LSN {lsn} page {page} did not exist, or its id was free; HISTORY PAGE {page} says more"
            )
        owner = self.source.owners().of(header_of(state.image)["tree_id"])
        origin = Origin("log", state.slot, None, page, (), str(owner), owner.decode)
        made = decode_page(state.image, origin)
        batch = batch_note(self.source, state, lsn)
        return replace(made, at_lsn=lsn, base_lsn=state.base_lsn, replayed=state.records, batch=batch)

    def diff(self, page: int, low: int, high: int) -> DiffModel:
        """What happened to a page between two LSNs."""
        return diff_model(self.source, page, low, high)

    def page_history(self, page: int) -> PageHistoryModel:
        """The records that changed a page, newest first."""
        return page_history(self.source, page)

    def row_history(self, name: str | int, key: Any) -> RowHistoryModel:
        """What the log tells of a row of a table, an entry of an index, or a key of a tree, newest first."""
        return row_history(self.source, name, key)

    def slot(self, slot: int) -> PageModel:
        """The image in a slot of the file: a page, a block of the page table, or (0 and 1) a meta slot."""
        last = -(-self.source.file_size() // self.source.page_size) - 1
        if not 0 <= slot <= last:
            raise ProgrammingError(f"the file has slots 0 to {last}")
        data = self.source.slot_bytes(slot).ljust(self.source.page_size, b"\0")
        if slot < 2:
            counts = self.source.metas()[:1]
            return decode_meta(data, slot, "the meta slot that counts" if counts and counts[0][0] == slot else "")
        owner = self.source.owners().of(header_of(data)["tree_id"])
        return decode_page(data, Origin("slot", slot, None, None, (), str(owner), owner.decode))

    def tree(self, name: str | int | None = None, key: Any = None) -> TreeModel | TreesModel:
        """The shape of a tree (a table, an index, a named tree, a tree id), and the path of a key; or all trees."""
        return trees_model(self.source) if name is None else tree_model(self.source, name, key)

    def file(self) -> FileModel:
        """The space map of the data file."""
        return file_model(self.source)

    def wal(self, from_lsn: int | None = None, page: int | None = None, txn: int | None = None) -> WalModel:
        """The log's records, from an LSN on, of a page, of a transaction."""
        return wal_model(self.source, from_lsn, page, txn)

    def layout(self, struct: str | None = None) -> LayoutModel:
        """The fields of one struct, or of all."""
        return layout_model(struct)


class LiveInspector(Inspector):
    """All inspections of an open database."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self.source: LiveSource = LiveSource(store, catalog)

    def wal(self, from_lsn: int | None = None, page: int | None = None, txn: int | None = None) -> WalModel:
        """The log's records; what still waits in memory is handed to the file first."""
        return wal_model(self.source, from_lsn, page, txn, self.source.hand_out_log())

    def pool(self) -> PoolModel:
        """Frames, clock hand and counters of the buffer pool."""
        return pool_model(self.source)

    def latches(self) -> LatchesModel:
        """Holders of and waiters for page latches."""
        return latches_model(self.source)

    def memtable(self) -> MemtableModel:
        """What is written and not yet in a page: skip lists, their levels, their entries."""
        return memtable_model(self.source)

    def transactions(self) -> TransactionsModel:
        """Who reads and writes, and what was committed just now."""
        return transactions_model(self.source)

    def top(self) -> Top:
        """Looks at counters again and again, for rates; see engine.inspect.top."""
        return Top(self.source)

    def last_trace(self) -> TraceModel | None:
        """What the last TRACE of this database saw; None where there was none."""
        found = self.source.catalog.attached.get("trace")
        return found if isinstance(found, TraceModel) else None

    def snapshots(self) -> SnapshotsModel:
        """Live snapshots and the versions they keep."""
        return snapshots_model(self.source)


class OfflineInspector(Inspector):
    """Inspections of files alone; a context manager. Nothing is locked, changed or believed."""

    def __init__(self, source: FileSource) -> None:
        self.source: FileSource = source

    def damage(self) -> list[Damage]:
        """Everything that is wrong with the files."""
        return find_damage(self.source)

    def close(self) -> None:
        """Close the file."""
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
