"""Definitions come back as they were stored, are cached by version, and damage is noticed."""

from __future__ import annotations

import datetime

import pytest

from engine.base.errors import CorruptionError, ProgrammingError
from engine.catalog.catalog import CATALOG_TREE, Catalog
from engine.catalog.objects import Check, Column, ForeignKey, Index, IndexColumn, KeyKind, Table, View
from engine.record import keys, rows
from engine.record.types import Type
from tests.support.fake_store import FakeStore


def sample(tree: int) -> Table:
    columns = (
        Column("Id", Type.INTEGER, "BIGINT", True),
        Column("b", Type.BLOB, "BLOB", False, "X'00'", b"\x00\xff"),
        Column("d", Type.DATE, "DATE", False, None, datetime.date(2013, 1, 1)),
        Column("t", Type.TIMESTAMP, "TIMESTAMP", False, None, datetime.datetime(2013, 1, 1, 5, 0, 0, 7)),
    )
    foreign = ForeignKey((1,), "other", ("x",), "CASCADE")
    key = (IndexColumn(0), IndexColumn(2, True))
    return Table("Sample", tree, columns, KeyKind.COLUMNS, key, (), (Check(None, "Id > 0"),), (foreign,), "CREATE ...")


def test_round_trip_and_cache() -> None:
    store, catalog = FakeStore(), Catalog()
    with store.begin() as txn:
        table = sample(txn.create_tree())
        index = Index("I", "sample", txn.create_tree(), (IndexColumn(1, True, False),), True, "c", "CREATE INDEX")
        catalog.put_table(txn, table)
        catalog.put_index(txn, index)
        catalog.put_view(txn, View("V", "SELECT 1", ("x",)))
        assert catalog.schema(txn, changed=True).private
    with store.begin(readonly=True) as txn:
        schema = catalog.schema(txn)
        assert schema.version == 3 and not schema.private
        assert schema.tables["sample"] == table.with_indexes((index,))
        assert schema.indexes["i"] == index and schema.views["v"].columns == ("x",)
        assert catalog.schema(txn) is schema
        assert schema.has("SAMPLE") and schema.has("v") and not schema.has("nope")
    with store.begin() as txn:
        catalog.remove(txn, "view", "v")
        with pytest.raises(ProgrammingError, match="no such view"):
            catalog.remove(txn, "view", "v")
    with store.begin(readonly=True) as txn:
        assert catalog.schema(txn).views == {}


def test_named_trees() -> None:
    store, catalog = FakeStore(), Catalog()
    with store.begin() as txn:
        assert catalog.named_tree(txn, "Events") is None
        tree = catalog.named_tree(txn, "Events", create=True)
        assert catalog.named_tree(txn, "Events", create=True) == tree
        assert catalog.named_tree(txn, "events") is None
        assert [(t.name, t.tree) for t in catalog.named_trees(txn)] == [("Events", tree)]
        assert catalog.schema(txn).version == 0


@pytest.mark.parametrize(
    "damage",
    [
        (keys.encode(("table", "t")), rows.encode_row(("t", 20, "{"))),
        (keys.encode(("table", "t")), rows.encode_row(("t", 20, "{}"))),
        (keys.encode(("table", "t")), rows.encode_row(("t", 20))),
        (keys.encode(("table", "t")), b"\xff\xff\xff"),
        (keys.encode(("cookie",)), rows.encode_row(("x",))),
        (b"\x99", b""),
    ],
)
def test_damage(damage: tuple[bytes, bytes]) -> None:
    store = FakeStore()
    with store.begin() as txn:
        txn.put(CATALOG_TREE, *damage)
    with store.begin(readonly=True) as txn, pytest.raises(CorruptionError):
        Catalog().schema(txn)
