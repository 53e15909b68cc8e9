"""Completion as tables: | is the cursor; what must be offered first, in this order; what must not be offered. More of them in completion.txt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anokuro_cli.complete.candidates import complete, match
from anokuro_cli.schema import Column, Index, Schema, Table

TABLES = {
    "flights": {"id": "INTEGER", "carrier": "TEXT", "dep_delay": "INTEGER", "dest": "TEXT", "tailnum": "TEXT"},
    "airlines": {"carrier": "TEXT", "name": "TEXT"},
    "planes": {"tailnum": "TEXT", "year": "INTEGER", "type": "TEXT", "odd name": "TEXT"},
}

SYSTEM = tuple(
    Table(f"sys.{name}", "system table", "", tuple(map(Column, columns.split())))
    for name, columns in {"tables": "name kind sql", "wal": "start_lsn end_lsn"}.items()
)


def schema() -> Schema:
    tables = tuple(
        Table(name, "table", "", tuple(Column(column, kind) for column, kind in columns.items()))
        for name, columns in TABLES.items()
    )
    return Schema(
        tables,
        SYSTEM,
        (Index("by_dest", "flights"),),
        ("abs", "count", "date_trunc"),
        {table.name: table for table in (*tables, *SYSTEM)},
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
    ("SELECT * FROM flights JOIN airlines USING (|", "carrier", "planes id name"),
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


# ---- completion.txt: a line is a text with the cursor, then := and all candidates, or :> and the first of them


def table() -> list[tuple[str, str, list[str]]]:
    found = []
    for line in (Path(__file__).with_name("completion.txt")).read_text("utf-8").splitlines():
        match = re.fullmatch(r"(.*?)\s+:([=>])(?: (.*))?", line)
        if match is not None and not line.startswith("#"):
            names = re.split(r"  +", match[3] or "")
            found.append((match[1], match[2], [name for name in names if name]))
    return found


TABLE = table()


@pytest.mark.parametrize(("text", "how", "wanted"), TABLE, ids=[row[0] for row in TABLE])
def test_completion_table(text: str, how: str, wanted: list[str]) -> None:
    candidates, start = complete(text.replace("|", "", 1), text.index("|"), schema())
    offered = [candidate.text for candidate in candidates]
    assert (offered if how == "=" else offered[: len(wanted)]) == wanted
    assert 0 <= start <= text.index("|")


@pytest.mark.parametrize("text", [row[0] for row in TABLE])
def test_every_prefix_of_the_table_answers(text: str) -> None:
    test_every_prefix_of_every_case_answers(text)


def test_there_are_about_two_hundred() -> None:
    assert len(CASES) + len(TABLE) + len(COMMAND_CASES) >= 200


def test_foreign_keys_come_first_in_join_conditions() -> None:
    sql = "CREATE TABLE a (x INTEGER REFERENCES b, n TEXT, y INTEGER, z TEXT, FOREIGN KEY (y, z) REFERENCES c (p, q))"
    tables = (
        Table("a", "table", sql, tuple(map(Column, "xnyz"))),
        Table("b", "table", "", (Column("id", key=True), Column("n"))),
        Table("c", "table", "", (Column("p"), Column("q"))),
    )
    made = Schema(tables, by_name={table.name: table for table in tables})

    def offered(text: str) -> list[str]:
        return [candidate.text for candidate in complete(text, len(text), made)[0]]

    assert offered("SELECT * FROM a JOIN b ON ")[:2] == ["a.x = b.id", "a.n = b.n"]
    assert offered("SELECT * FROM b JOIN a t ON ")[0] == "t.x = b.id"
    assert offered("SELECT * FROM a JOIN c k ON ")[0] == "a.y = k.p AND a.z = k.q"


# ---- dot commands

COMMAND_CASES = [
    (".tab|", ".tables"),
    (".mo|", ".mode"),
    (".mode j|", "json jsonl"),
    (".mode |", "table box markdown csv tsv json jsonl line insert html"),
    (".headers |", "on off"),
    (".schema pl|", "planes"),
    ("\\d fl|", "flights"),
    ("\\dt|", "\\dt"),
    ("\\tim|", "\\timing"),
    (".help .ta|", ".tables"),
    (".chart h|", "hist"),
    (".eqp |", "on off analyze"),
    (".parameter u|", "unset"),
    (".nonsense |", ""),
]


@pytest.mark.parametrize(("text", "wanted"), COMMAND_CASES)
def test_command_completion(text: str, wanted: str) -> None:
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document

    from anokuro_cli.repl.completer import ShellCompleter

    class Cache:
        def get(self) -> Schema:
            return schema()

    whole = text.replace("|", "", 1)
    document = Document(whole, text.index("|"))
    found = ShellCompleter(Cache()).get_completions(document, CompleteEvent(completion_requested=True))  # type: ignore[arg-type]
    offered = [candidate.text for candidate in found]
    assert offered[: len(wanted.split())] == wanted.split()
    assert wanted or not offered
