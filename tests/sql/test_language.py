"""What statements mean: NULL, types, joins, grouping, order, subqueries; a table of small questions and answers."""

from __future__ import annotations

import datetime
import random
from typing import Any

import pytest

from engine.base.errors import DataError, LimitError, ParseError, ProgrammingError
from engine.sql.session import Session

EXPRESSIONS: list[tuple[str, Any]] = [
    ("1 + 2 * 3", 7),
    ("7 / 2", 3),
    ("-7 / 2", -3),
    ("-7 % 3", -1),
    ("7 / 2.0", 3.5),
    ("1 / 0", None),
    ("1 % 0", None),
    ("1.0 / 0", None),
    ("9223372036854775807", 2**63 - 1),
    ("-9223372036854775808", -(2**63)),
    ("1 << 63", -(2**63)),
    ("-1 >> 60", -1),
    ("5 & 3 | 8", 9),
    ("~0", -1),
    ("NULL + 1", None),
    ("NULL = NULL", None),
    ("NULL IS NULL", True),
    ("NULL IS NOT DISTINCT FROM NULL", True),
    ("1 IS DISTINCT FROM NULL", True),
    ("NULL AND 0", False),
    ("NULL AND 1", None),
    ("NULL OR 1", True),
    ("NOT NULL", None),
    ("NULL IS UNKNOWN", True),
    ("0 IS TRUE", False),
    ("2 IS TRUE", True),
    ("1 IN (1, NULL)", True),
    ("2 IN (1, NULL)", None),
    ("2 NOT IN (1, NULL)", None),
    ("NULL IN ()", False),
    ("NULL NOT IN ()", True),
    ("(1, 2) IN ((1, 2), (3, 4))", True),
    ("(1, 2) < (1, 3)", True),
    ("(1, NULL) = (2, NULL)", False),
    ("2 BETWEEN 1 AND 3", True),
    ("NULL BETWEEN 1 AND 3", None),
    ("5 NOT BETWEEN 6 AND NULL", True),
    ("1 = '1'", True),
    ("1 < 'a'", True),
    ("'a' || 1 || NULL", None),
    ("'a' || 1 || 2.5", "a12.5"),
    ("'abc' LIKE 'A_C'", True),
    ("'abc' LIKE '%'", True),
    ("'a%c' LIKE 'a!%c' ESCAPE '!'", True),
    ("'axc' LIKE 'a!%c' ESCAPE '!'", False),
    ("'abc' GLOB 'a*'", True),
    ("'abc' GLOB 'A*'", False),
    ("'a]c' GLOB 'a[]]c'", True),
    ("CASE WHEN NULL THEN 1 ELSE 2 END", 2),
    ("CASE 3 WHEN 1 THEN 'a' WHEN 3 THEN 'b' END", "b"),
    ("CASE 3 WHEN 1 THEN 'a' END", None),
    ("CAST('12' AS INTEGER)", 12),
    ("CAST(12.7 AS INTEGER)", 12),
    ("CAST(-12.7 AS INTEGER)", -12),
    ("CAST(5 AS TEXT)", "5"),
    ("'2013-02-28'::date + 1", datetime.date(2013, 3, 1)),
    ("DATE '2013-03-01' - DATE '2013-02-01'", 28),
    ("DATE '2013-03-01' > '2013-02-28'", True),
    ("TIMESTAMP '2013-03-01 12:30:00' < DATE '2013-03-02'", True),
    ("EXTRACT(hour FROM TIMESTAMP '2013-03-01 12:30:00')", 12),
    ("coalesce(NULL, NULL, 3)", 3),
    ("nullif(3, 3)", None),
    ("abs(-3)", 3),
    ("round(2.5)", 3.0),
    ("round(-2.567, 2)", -2.57),
    ("substr('hello', 2, 3)", "ell"),
    ("substr('hello', -3)", "llo"),
    ("substr('hello', 0, 2)", "h"),
    ("length('äb')", 2),
    ("upper('ä')", "Ä"),
    ("instr('hello', 'l')", 3),
    ("replace('aXbX', 'X', '-')", "a-b-"),
    ("trim('  a ')", "a"),
    ("max(1, 3, 2)", 3),
    ("max(1, NULL)", None),
    ("iif(1 < 2, 'y', 'n')", "y"),
    ("typeof(1.5)", "real"),
    ("X'41' || X'42'", b"AB"),
    ("hex('AB')", "4142"),
    ("EXISTS (SELECT 1 WHERE 1 = 2)", False),
    ("(SELECT 5)", 5),
    ("(SELECT 5 WHERE 1 = 2)", None),
    ("sqrt(-1)", None),
]


@pytest.mark.parametrize(("sql", "expected"), EXPRESSIONS)
def test_expressions(sql: str, expected: Any) -> None:
    from tests.support.fake_store import FakeStore

    session = Session(FakeStore())
    ((found,),) = session.execute(f"SELECT {sql}").fetchall()
    assert found == expected and type(found) is type(expected)
    # once more where nothing is computed beforehand
    session.execute("CREATE TABLE one (x INTEGER)")
    session.execute("INSERT INTO one VALUES (1)")
    ((again,),) = session.execute(f"SELECT {sql} FROM one WHERE x = 1").fetchall()
    assert again == expected


ERRORS: list[tuple[str, type[Exception], str, str]] = [
    ("SELECT 9223372036854775807 + 1", DataError, "integer overflow", ""),
    ("SELECT -(-9223372036854775808)", DataError, "integer overflow", ""),
    ("SELECT nope FROM t", ProgrammingError, "no such column: nope", "nope"),
    ("SELECT nam FROM t", ProgrammingError, "did you mean t.name|did you mean name", "nam"),
    ("SELECT * FROM tt", ProgrammingError, "no such table: tt; did you mean t", "tt"),
    ("SELECT u.id FROM t", ProgrammingError, "no such column: u.id", "u.id"),
    ("SELECT id FROM t a, t b", ProgrammingError, "ambiguous", "id"),
    ("SELECT * FROM t, t", ProgrammingError, "given twice", "t"),
    ("SELECT lenght(name) FROM t", ProgrammingError, "did you mean length", "lenght(name)"),
    ("SELECT abs(1, 2)", ProgrammingError, "abs takes 1 argument, not 2", "abs(1, 2)"),
    ("SELECT abs(name) FROM t", ProgrammingError, "abs needs a number, not TEXT", "abs(name)"),
    ("SELECT name + 1 FROM t", ProgrammingError, r"\+ needs a number or a moment", "name + 1"),
    ("SELECT * FROM t WHERE name", ProgrammingError, "a condition is needed", "name"),
    ("SELECT * FROM t WHERE count(*) > 1", ProgrammingError, "cannot stand in WHERE", "count(*)"),
    ("SELECT sum(count(*)) FROM t", ProgrammingError, "cannot stand inside an aggregate", "count(*)"),
    ("SELECT id, count(*) FROM t", ProgrammingError, "neither grouped nor aggregated", "id"),
    ("SELECT (SELECT 1, 2)", ProgrammingError, "one column, not 2", "(SELECT 1, 2)"),
    ("SELECT 1 ORDER BY 2", ProgrammingError, "no result column 2", "2"),
    ("SELECT 1 UNION SELECT 1, 2", ProgrammingError, "the same number of columns", "SELECT 1, 2"),
    ("SELECT * FROM t WHERE day = 'soon'", ProgrammingError, "'soon' is no DATE", "day = 'soon'"),
    ("INSERT INTO t (id, nme) VALUES (1, 'x')", ProgrammingError, "did you mean name", "nme"),
    ("INSERT INTO t (id) VALUES (1, 2)", ProgrammingError, "2 values for 1 columns", ""),
    ("UPDATE t SET nme = 1", ProgrammingError, "has no column nme", "nme"),
    ("UPDATE sys.tables SET name = 1", ProgrammingError, "cannot be changed", "sys.tables"),
    ("CREATE TABLE t (a INTEGER)", ProgrammingError, "t exists already", "t"),
    ("CREATE TABLE x (a POINT)", ProgrammingError, "unknown type POINT", "POINT"),
    ("CREATE TABLE x (a)", ProgrammingError, "needs a type", "a"),
    ("CREATE TABLE x (a INTEGER, A TEXT)", ProgrammingError, "is there twice", "A TEXT"),
    ("CREATE TABLE x (a INTEGER CHECK (b > 0))", ProgrammingError, "no such column: b", ""),
    ("CREATE TABLE sys.x (a INTEGER)", ProgrammingError, "the engine's own", "sys.x"),
    ("DROP TABLE nope", ProgrammingError, "no such table", "nope"),
    ("DROP VIEW t", ProgrammingError, "is a table, not a view", "t"),
    ("CREATE INDEX i ON t (nme)", ProgrammingError, "did you mean name", "nme"),
    ("SELECT * FROM t WHERE", ParseError, "not complete", ""),
    ("SELECT " + "+".join(["1"] * 1000), LimitError, "a chain of 999 operators", ""),
]


@pytest.mark.parametrize(("sql", "kind", "message", "marked"), ERRORS, ids=[e[0][:40] for e in ERRORS])
def test_errors_say_what_and_where(sql: str, kind: type[Exception], message: str, marked: str) -> None:
    from tests.support.fake_store import FakeStore

    session = Session(FakeStore())
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, day DATE)")
    with pytest.raises(kind, match=message) as caught:
        session.execute(sql).fetchall()
    if marked:
        start, end = caught.value.span  # type: ignore[attr-defined]
        assert sql[start:end] == marked
        assert caught.value.column == start + 1  # type: ignore[attr-defined]


@pytest.fixture
def shop(session: Session) -> Session:
    session.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, boss INTEGER, pay REAL)")
    session.executemany(
        "INSERT INTO people VALUES (?, ?, ?, ?)",
        [(1, "ann", None, 10.0), (2, "bob", 1, 8.0), (3, "cid", 1, None), (4, "dan", 2, 8.0)],
    )
    session.execute("CREATE TABLE orders (person INTEGER, day DATE, total INTEGER)")
    session.executemany(
        "INSERT INTO orders VALUES (?, ?, ?)",
        [(1, "2013-01-01", 5), (1, "2013-01-02", 7), (2, "2013-01-01", 1), (9, "2013-02-01", 3)],
    )
    return session


QUERIES: list[tuple[str, list[tuple[Any, ...]]]] = [
    ("SELECT name FROM people WHERE id = 2", [("bob",)]),
    ("SELECT name FROM people WHERE id > 1 AND id <= 3 ORDER BY id DESC", [("cid",), ("bob",)]),
    ("SELECT name FROM people WHERE id IN (4, 1, 4, 77)", [("dan",), ("ann",)]),
    ("SELECT p.name, b.name FROM people p LEFT JOIN people b ON p.boss = b.id ORDER BY p.id",
     [("ann", None), ("bob", "ann"), ("cid", "ann"), ("dan", "bob")]),
    ("SELECT b.name FROM people p RIGHT JOIN people b ON p.boss = b.id WHERE p.id IS NULL ORDER BY 1",
     [("cid",), ("dan",)]),
    ("SELECT p.id, o.person FROM people p FULL JOIN orders o ON p.id = o.person WHERE p.id IS NULL OR o.person IS NULL"
     " ORDER BY 1 NULLS LAST", [(3, None), (4, None), (None, 9)]),
    ("SELECT id, total FROM people JOIN (SELECT person AS id, total FROM orders) USING (id) ORDER BY 1, 2",
     [(1, 5), (1, 7), (2, 1)]),
    ("SELECT person, sum(total), count(*) FROM orders GROUP BY person ORDER BY 2 DESC", [(1, 12, 2), (9, 3, 1), (2, 1, 1)]),
    ("SELECT person AS who FROM orders GROUP BY who HAVING count(*) > 1", [(1,)]),
    ("SELECT count(*), count(pay), sum(pay), avg(pay), min(name), max(pay) FROM people", [(4, 3, 26.0, 26 / 3, "ann", 10.0)]),
    ("SELECT count(*), sum(total), min(day) FROM orders WHERE total > 100", [(0, None, None)]),
    ("SELECT count(DISTINCT pay), sum(DISTINCT pay) FROM people", [(2, 18.0)]),
    ("SELECT count(*) FILTER (WHERE pay IS NULL) FROM people", [(1,)]),
    ("SELECT group_concat(name, '-' ORDER BY id DESC) FROM people", [("dan-cid-bob-ann",)]),
    ("SELECT DISTINCT pay FROM people ORDER BY pay NULLS LAST", [(8.0,), (10.0,), (None,)]),
    ("SELECT pay FROM people ORDER BY pay", [(None,), (8.0,), (8.0,), (10.0,)]),
    ("SELECT name FROM people ORDER BY pay DESC, length(name), id LIMIT 2 OFFSET 1", [("bob",), ("dan",)]),
    ("SELECT name FROM people ORDER BY -id LIMIT 1", [("dan",)]),
    ("SELECT name FROM people p WHERE EXISTS (SELECT 1 FROM orders o WHERE o.person = p.id) ORDER BY 1", [("ann",), ("bob",)]),
    ("SELECT name, (SELECT sum(total) FROM orders WHERE person = id) FROM people ORDER BY id",
     [("ann", 12), ("bob", 1), ("cid", None), ("dan", None)]),
    ("SELECT boss, (SELECT count(*) FROM orders WHERE person = boss) FROM people GROUP BY boss ORDER BY 1",
     [(None, 0), (1, 2), (2, 1)]),
    ("SELECT name FROM people WHERE id NOT IN (SELECT boss FROM people)", []),
    ("SELECT name FROM people WHERE (id, boss) IN (SELECT 2, 1)", [("bob",)]),
    ("SELECT total FROM orders WHERE day = '2013-01-01' ORDER BY 1", [(1,), (5,)]),
    ("SELECT x.n FROM (SELECT count(*) AS n FROM orders GROUP BY person) x WHERE x.n > 1", [(2,)]),
    ("WITH big AS (SELECT * FROM orders WHERE total > 2) SELECT count(*) FROM big a JOIN big b ON a.person = b.person", [(5,)]),
    ("WITH RECURSIVE up(id, boss) AS (SELECT id, boss FROM people WHERE id = 4 UNION ALL SELECT p.id, p.boss FROM people p"
     " JOIN up ON p.id = up.boss) SELECT id FROM up", [(4,), (2,), (1,)]),
    ("SELECT id FROM people UNION SELECT person FROM orders ORDER BY 1", [(1,), (2,), (3,), (4,), (9,)]),
    ("SELECT person FROM orders EXCEPT ALL SELECT id FROM people", [(1,), (9,)]),
    ("SELECT person FROM orders INTERSECT SELECT id FROM people ORDER BY 1", [(1,), (2,)]),
    ("VALUES (1, 'a'), (2, 'b') ORDER BY 1 DESC", [(2, "b"), (1, "a")]),
    ("SELECT rowid FROM orders WHERE rowid = 2", [(2,)]),
    ("SELECT rowid, id FROM people WHERE rowid = 2", [(2, 2)]),
    ("SELECT * FROM people NATURAL JOIN (SELECT 2 AS id, 8.0 AS pay)", [(2, 8.0, "bob", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), QUERIES, ids=[q[0][:50] for q in QUERIES])
def test_queries(shop: Session, sql: str, expected: list[tuple[Any, ...]]) -> None:
    found = shop.execute(sql).fetchall()
    if "ORDER BY" in sql and "group_concat" not in sql:
        assert found == expected
    else:
        assert sorted(found, key=repr) == sorted(expected, key=repr)


def test_names_and_types_of_results(shop: Session) -> None:
    result = shop.execute("SELECT id, name AS n, pay * 2, count(*) AS c FROM people GROUP BY 1, 2, pay")
    assert result.columns == ("id", "n", "pay * 2", "c")
    assert result.types == ("INTEGER", "TEXT", "REAL", "INTEGER")
    assert shop.execute("SELECT * FROM people p JOIN orders o ON 1 = 1").columns[4:] == ("person", "day", "total")


def test_parameters(shop: Session) -> None:
    assert shop.execute("SELECT ? + ?2 + ?", (1, 2, 3)).fetchall() == [(6,)]
    assert shop.execute("SELECT :a || :b || :a", {"a": "x", "b": "y"}).fetchall() == [("xyx",)]
    assert shop.execute("SELECT total FROM orders WHERE day = ? ORDER BY 1", ("2013-01-01",)).fetchall() == [(1,), (5,)]
    assert shop.execute("SELECT name FROM people WHERE id = ?", ("2",)).fetchall() == [("bob",)]
    assert shop.execute("SELECT name FROM people WHERE id = ?", (2.5,)).fetchall() == []
    assert shop.execute("SELECT name FROM people WHERE id = ?", (None,)).fetchall() == []
    assert shop.execute("SELECT count(*) FROM people WHERE id < ?", (2.5,)).fetchall() == [(2,)]
    for sql, given, message in [
        ("SELECT ?", (), "1 parameter.*0 were given"),
        ("SELECT 1", (1,), "0 parameter"),
        ("SELECT ?", "x", "write \\(value,\\)"),
        ("SELECT ?", {"a": 1}, "by position"),
        ("SELECT :a", (1,), "give a mapping"),
        ("SELECT :a", {"b": 1}, ":a was not given"),
        ("SELECT :a + ?", (1,), "not both"),
    ]:
        with pytest.raises(ProgrammingError, match=message):
            shop.execute(sql, given)
    with pytest.raises(DataError, match="64 bits"):
        shop.execute("SELECT ?", (2**63,))


def test_equal_shapes_share_a_plan_and_not_their_literals(shop: Session) -> None:
    hits = shop.shared.hits
    for number, name in [(1, "ann"), (2, "bob"), (3, "cid")]:
        assert shop.execute(f"SELECT name FROM people WHERE id = {number}").fetchall() == [(name,)]
    assert shop.shared.hits >= hits + 2
    assert shop.execute("SELECT name FROM people WHERE id = '2'").fetchall() == [("bob",)]
    assert shop.execute("SELECT name FROM people WHERE id = 2.5").fetchall() == []


def test_the_cache_notices_definitions(shop: Session) -> None:
    assert shop.execute("SELECT * FROM orders").columns == ("person", "day", "total")
    shop.execute("DROP TABLE orders")
    with pytest.raises(ProgrammingError, match="no such table"):
        shop.execute("SELECT * FROM orders")
    shop.execute("CREATE TABLE orders (a TEXT)")
    assert shop.execute("SELECT * FROM orders").columns == ("a",)


def test_two_results_of_one_statement_at_once(shop: Session) -> None:
    sql = "SELECT a.id FROM people a, people b, people c, people d WHERE a.id <> ? "
    first, second = shop.execute(sql, (1,)), shop.execute(sql, (2,))
    left, right = [], []
    for a, b in zip(first, second, strict=True):
        left.append(a[0])
        right.append(b[0])
    assert set(left) == {2, 3, 4} and set(right) == {1, 3, 4}


def test_explain_shows_access(shop: Session) -> None:
    shop.execute("CREATE INDEX by_name ON people (name)")

    def plan(sql: str) -> str:
        return "\n".join(f"{row[0]}: {row[1]}" for row in shop.execute("EXPLAIN " + sql))

    assert plan("SELECT * FROM people WHERE id = 5") == "key lookup: people; id = 5"
    assert plan("SELECT * FROM people WHERE name = 'x'") == "index by_name range: people; name = 'x'"
    assert "filter pay = 1" in plan("SELECT * FROM people WHERE id > 3 AND pay = 1")
    assert plan("SELECT count(*) FROM people") == "count rows: people"
    assert "sort" not in plan("SELECT * FROM people ORDER BY id DESC")
    assert "order" in plan("SELECT * FROM people ORDER BY name LIMIT 1")
    assert plan("DELETE FROM people WHERE id = 1").startswith("delete: people\n  key lookup")
    assert "hash join" in plan("SELECT * FROM people a JOIN people b ON a.name = b.name")


def test_long_statements(session: Session) -> None:
    session.execute("CREATE TABLE t (a INTEGER)")
    session.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(50)])
    many = ", ".join(map(str, range(0, 20_000, 2)))
    assert session.execute(f"SELECT count(*) FROM t WHERE a IN ({many})").fetchall() == [(25,)]
    conditions = " AND ".join(f"a <> {i}" for i in range(100, 3000))
    assert session.execute(f"SELECT count(*) FROM t WHERE {conditions}").fetchall() == [(50,)]
    joins = ", ".join(f"t t{i}" for i in range(30))
    chain = " AND ".join(f"t{i}.a = t{i + 1}.a" for i in range(29))
    assert session.execute(f"SELECT count(*) FROM {joins} WHERE {chain} AND t0.a < 3").fetchall() == [(3,)]


@pytest.mark.parametrize(
    "order", ["a", "a DESC", "a NULLS LAST, b DESC", "b, a DESC NULLS FIRST", "c, a", "a + 0 DESC, b"]
)
def test_first_rows_of_an_order(order: str) -> None:
    from tests.support.fake_store import FakeStore

    session = Session(FakeStore())
    session.execute("CREATE TABLE t (a INTEGER, b TEXT, c REAL, n INTEGER PRIMARY KEY)")
    rng = random.Random(5)
    session.executemany(
        "INSERT INTO t VALUES (?, ?, ?, ?)",
        [(rng.choice([None, *range(40)]), rng.choice("xyz"), rng.choice([None, 1.5, 2.5]), n) for n in range(3000)],
    )
    everything = session.execute(f"SELECT n FROM t ORDER BY {order}, n").fetchall()
    for limit, offset in [(0, 0), (1, 0), (10, 3), (700, 5), (5000, 0), (3, 2999), (-1, 2990)]:
        found = session.execute(f"SELECT n FROM t ORDER BY {order}, n LIMIT ? OFFSET ?", (limit, offset)).fetchall()
        assert found == everything[offset:][: limit if limit >= 0 else None]


def test_correlated_subqueries_are_not_quadratic() -> None:
    from tests.support.fake_store import FakeStore

    session = Session(FakeStore())
    session.execute("CREATE TABLE a (x INTEGER, y INTEGER)")
    session.execute("CREATE TABLE b (x INTEGER, y INTEGER)")
    session.executemany("INSERT INTO a VALUES (?, ?)", [(i, i % 7) for i in range(3000)])
    session.executemany("INSERT INTO b VALUES (?, ?)", [(i * 2 if i % 5 else None, i % 7) for i in range(3000)])
    sql = "SELECT count(*) FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.x = a.x AND b.y > 1 AND b.y <> a.y)"
    assert any("hash lookup" in row[0] for row in session.execute("EXPLAIN " + sql))
    b = {(i * 2 if i % 5 else None): i % 7 for i in range(3000)}
    expected = sum(1 for i in range(3000) if b.get(i) is not None and b[i] > 1 and b[i] != i % 7)
    assert session.execute(sql).fetchall() == [(expected,)]
    sql = "SELECT sum((SELECT count(*) FROM b WHERE b.y = a.y)) FROM a"
    per = [sum(1 for i in range(3000) if i % 7 == y) for y in range(7)]
    assert session.execute(sql).fetchall() == [(sum(n * n for n in per),)]


def test_not_as_the_right_operand_of_a_tighter_operator() -> None:
    """NOT takes all that binds tighter than it, also where it stands behind an operator that does."""
    import sqlite3

    from tests.support.fake_store import FakeStore

    rng = random.Random(7)
    theirs, ours = sqlite3.connect(":memory:"), Session(FakeStore())
    operators = ["+", "-", "*", "=", "<>", "<", ">=", "AND", "OR", "IN (1, 2) =", "BETWEEN 1 AND", "+ -"]
    for _ in range(400):
        sql = rng.choice(["", "NOT ", "- NOT "]) + str(rng.randint(0, 5))
        for _ in range(rng.randint(1, 4)):
            sql += f" {rng.choice(operators)} {rng.choice(['', 'NOT ', 'NOT NOT ', '- '])}{rng.randint(0, 5)}"
        expected = theirs.execute(f"SELECT {sql}").fetchall()[0][0]
        found = ours.execute(f"SELECT {sql}").fetchall()[0][0]
        assert found == expected, f"{sql} gives {found}, to SQLite {expected}"
