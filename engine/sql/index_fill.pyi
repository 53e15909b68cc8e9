from typing import Any

from engine.catalog.objects import Index, Table
from engine.sql.index_entries import IndexEntries

def fill_index(txn: Any, table: Table, index: Index, entries: IndexEntries, flag: list[Any]) -> bool: ...
