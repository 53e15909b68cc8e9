"""Completion as a table: | is the cursor; what must be offered first, in this order; what must not be offered."""

from __future__ import annotations

import pytest

from anokuro_cli.complete.candidates import complete, match
from anokuro_cli.schema import Column, Index, Schema, Table

TABLES = {
    "flights": {"id": "INTEGER", "carrier": "TEXT", "dep_delay": "INTEGER", "dest": "TEXT", "tailnum": "TEXT"},
    "airlines": {"carrier": "TEXT", "name": "TEXT"},
    "planes": {"tailnum": "TEXT", "year": "INTEGER", "type": "TEXT", "odd name": "TEXT"},
}


def schema() -> Schema:
    tables = tuple(
        Table(name, "table", "", tuple(Column(column, kind) for column, kind in columns.items()))
        for name, columns in TABLES.items()
    )
    return Schema(
        tables,
        (Index("by_dest", "flights"),),
        ("abs", "count", "date_trunc"),
        {table.name: table for table in tables},
    )


CASES = [
    # text, offered first, never offered
    ("SEL|", "SELECT", "flights"),
    ("sel|", "select", ""),
    ("|", "ALTER", "flights carrier"),
    ("SELECT * FROM |", "flights airlines planes", "carrier by_dest"),
    ("SELECT * FROM fl|", "flights", "planes"),
    ("SELECT * FROM flights WHERE |", "id carrier dep_delay dest tailnum", "name year"),
    ("SELECT * FROM flights WHERE dep|", "dep_delay", "year"),
    ("SELECT | FROM flights", "id carrier dep_delay dest tailnum", "year"),
    ("SELECT dep| FROM flights", "dep_delay", ""),
    ("SELECT f.| FROM flights f", "id carrier dep_delay dest tailnum", "flights SELECT"),
    ("SELECT f.de| FROM flights AS f", "dep_delay dest", "id"),
    ("SELECT flights.| FROM flights", "id carrier", "name"),
    ("SELECT p.| FROM flights f JOIN planes p ON f.tailnum = p.tailnum", 'tailnum year type "odd name"', "id"),
    ("SELECT g.| FROM flights f", "", "id carrier flights"),
    ("SELECT * FROM flights f JOIN planes p ON f.|", "id carrier dep_delay dest tailnum", "year"),
    ("SELECT * FROM flights f JOIN planes p ON f.tailnum = p.|", "tailnum year", "id"),
    ("SELECT * FROM flights JOIN |", "flights airlines planes", "carrier"),
    ("SELECT * FROM flights f, |", "flights airlines planes", "carrier"),
    ("SELECT * FROM flights f, planes p WHERE ye|", "year", "dest"),
    ("SELECT * FROM flights JOIN airlines USING (|", "id carrier", "planes"),
    ("SELECT * FROM flights ORDER BY d|", "dep_delay dest", "year"),
    ("SELECT * FROM flights GROUP BY c|", "carrier", "year"),
    ("SELECT * FROM flights G|", "GROUP", "id"),
    ("SELECT * FROM flights WHERE id IN (SELECT | FROM planes)", "tailnum year type", ""),
    ("SELECT * FROM flights f WHERE EXISTS (SELECT 1 FROM planes p WHERE p.tailnum = f.|)", "id carrier", "year"),
    ("SELECT * FROM flights WHERE id IN (SELECT year FROM planes) AND d|", "dep_delay dest", "year"),
    ("SELECT x.| FROM (SELECT carrier c, count(*) AS n FROM flights GROUP BY 1) x", "c n", "carrier"),
    ("SELECT x.| FROM (SELECT * FROM airlines) AS x", "carrier name", "id"),
    ("SELECT x.| FROM (SELECT f.*, 1 AS one FROM flights f) x", "id carrier dep_delay dest tailnum one", ""),
    ("WITH late AS (SELECT dest, dep_delay AS d FROM flights) SELECT l.| FROM late l", "dest d", "id"),
    ("WITH late AS (SELECT dest FROM flights) SELECT * FROM la|", "late", ""),
    ("WITH late (a, b) AS (SELECT 1, 2) SELECT | FROM late", "a b", "dest"),
    ("WITH a AS (SELECT 1 AS x), b AS (SELECT * FROM a) SELECT b.| FROM b", "x", ""),
    ("SELECT name FROM airlines UNION SELECT | FROM planes", "tailnum year", "name"),
    ("INSERT INTO |", "flights airlines planes", "carrier"),
    ("INSERT INTO airlines (|", "carrier name", "dest"),
    ("INSERT INTO airlines (carrier, n|", "name", ""),
    ("UPDATE |", "flights airlines planes", ""),
    ("UPDATE planes SET |", "tailnum year type", "dest"),
    ("UPDATE planes SET year = 1 WHERE t|", "tailnum type", "dest"),
    ("DELETE FROM planes WHERE y|", "year", "dest"),
    ("CREATE INDEX i ON planes (|", "tailnum year type", "dest"),
    ("DROP TABLE |", "flights airlines planes", ""),
    ("DROP INDEX |", "by_dest", "flights"),
    ("CREATE TABLE t (a I|", "INTEGER", "flights"),
    ("SELECT ab| FROM flights", "abs", ""),
    ("SELECT 1; SELECT n| FROM airlines", "name", "dest"),
    ("SELECT n| FROM airlines; SELECT dest FROM flights", "name", "dest"),
    ("SELECT odd| FROM planes", '"odd name"', ""),
    ("SELECT 'fl|", "", "flights SELECT"),
    ("SELECT 1 -- fl|", "", "flights"),
    ("SELECT * FROM flights WHERE dest = 'x' A|", "AND", ""),
    ("BEGIN T|", "TRANSACTION", ""),
    ("SELECT dd| FROM flights", "dep_delay", ""),
]


@pytest.mark.parametrize(("text", "first", "never"), CASES, ids=[case[0] for case in CASES])
def test_completion(text: str, first: str, never: str) -> None:
    offset = text.index("|")
    candidates, start = complete(text.replace("|", "", 1), offset, schema())
    offered = [candidate.text for candidate in candidates]
    wanted = first.replace('"odd name"', '"odd\0name"').split()
    wanted = [name.replace("\0", " ") for name in wanted]
    assert offered[: len(wanted)] == wanted
    assert not set(never.split()) & set(offered)
    if not first:
        assert offered == []
    assert 0 <= start <= offset


@pytest.mark.parametrize("text", [case[0] for case in CASES])
def test_every_prefix_of_every_case_answers(text: str) -> None:
    """No position in any half-typed statement is an error."""
    whole = text.replace("|", "", 1)
    for offset in range(len(whole) + 1):
        complete(whole, offset, schema())
        complete(whole[:offset], offset, schema())


def test_match() -> None:
    assert [match(name, "de") for name in ("dep_delay", "sched_dep", "dest", "abode", "due")] == [0, 1, 0, None, 2]
