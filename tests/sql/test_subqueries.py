"""Correlated subqueries: random ones give what SQLite gives, and none of the usual forms reads a table once a row."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.sql.session import Session
from tests.sql.generate import Generator
from tests.sql.oracle import comparable, make_data, ours, sqlite
from tests.support.fake_store import FakeStore

FORMS = [
    "SELECT count(*) FROM t0 o WHERE EXISTS (SELECT 1 FROM t1 i JOIN t2 j ON j.x = i.a WHERE i.k = o.a AND {c})",
    "SELECT count(*) FROM t0 o WHERE EXISTS (SELECT 1 FROM t2 j LEFT JOIN t1 i ON j.x = i.a AND i.k = o.b WHERE j.x > o.a)",
    "SELECT count(*) FROM t0 o WHERE o.a IN (SELECT i.a FROM t1 i WHERE i.d > o.c)",
    "SELECT count(*) FROM t0 o WHERE o.a NOT IN (SELECT i.a FROM t1 i WHERE i.d > o.c)",
    "SELECT count(*) FROM t0 o WHERE NOT (o.a IN (SELECT i.a FROM t1 i WHERE i.d > o.c))",
    "SELECT count(*) FROM t0 o WHERE o.s IN (SELECT j.y FROM t2 j WHERE j.x = o.b) AND o.a IN (SELECT i.k FROM t1 i WHERE i.a >= o.b)",
    "SELECT a, (SELECT count(*) FROM t1 i WHERE i.a = o.a), (SELECT max(d) FROM t1 i WHERE i.a = o.a AND i.k <> o.b) FROM t0 o",
    "SELECT a FROM t0 o WHERE c > (SELECT avg(i.c) FROM t0 i WHERE i.b = o.b)",
    "SELECT a FROM t0 o WHERE EXISTS (SELECT 1 FROM (SELECT a, count(*) AS n FROM t1 GROUP BY a) g WHERE g.a = o.b AND g.n > 1)",
    "SELECT a FROM t0 o WHERE EXISTS (SELECT 1 FROM (SELECT a, row_number() OVER (ORDER BY k) AS n FROM t1) g WHERE g.n = o.b)",
    "SELECT a FROM t0 o WHERE EXISTS (SELECT k FROM t1 UNION SELECT x FROM t2 WHERE x = o.a EXCEPT SELECT 3)",
    "SELECT a FROM t0 o WHERE b = (SELECT i.a FROM t1 i WHERE i.k > o.a ORDER BY i.k LIMIT 1)",
    "SELECT a FROM t0 o WHERE EXISTS (SELECT 1 FROM t1 i WHERE i.a = o.a AND EXISTS (SELECT 1 FROM t2 j WHERE j.x = i.k AND j.x > o.b))",
    "SELECT a FROM t0 o WHERE (a, b) IN (SELECT i.a, i.k FROM t1 i WHERE i.s = o.s)",
    "SELECT a FROM t0 o WHERE a IN (SELECT k FROM t1 WHERE k IN (SELECT x FROM t2 WHERE x IN (SELECT b FROM t0 p WHERE p.a = o.a)))",
    "WITH m AS (SELECT a, sum(d) AS s FROM t1 GROUP BY a) SELECT a FROM t0 o WHERE c < (SELECT max(s) FROM m WHERE m.a <> o.a)",
]


@pytest.mark.parametrize("seed", range(6))
def test_correlated_queries_agree_with_sqlite(seed: int) -> None:
    rng = random.Random(seed)
    data = make_data(rng)
    theirs, session = sqlite(data), ours(data, rng if seed % 2 == 0 else None)
    for form in FORMS:
        generator = Generator(rng)
        generator.numbers, generator.texts, generator.depth = ["i.a", "j.x", "o.b"], ["o.s", "i.s"], 2
        sql = form.replace("{c}", generator.condition(2))
        expected = comparable(theirs(sql) or [], False)
        assert comparable(session.execute(sql).fetchall(), False) == expected, f"seed {seed}: {sql}"


class Counting(FakeStore):
    """A store that counts the pairs its scans give."""

    pairs = 0

    def begin(self, isolation: str | None = None, readonly: bool = False) -> Any:
        txn = super().begin(isolation, readonly)
        scan = txn.scan

        def counted(*args: Any, **more: Any) -> Any:
            for pair in scan(*args, **more):
                self.pairs += 1
                yield pair

        txn.scan = counted  # type: ignore[method-assign]
        return txn


LINEAR = [
    "SELECT count(*) FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k)",
    "SELECT count(*) FROM o WHERE NOT EXISTS (SELECT 1 FROM i WHERE i.k = o.k AND i.v > o.v)",
    "SELECT count(*) FROM o WHERE o.v > (SELECT avg(i.v) FROM i WHERE i.k = o.k)",
    "SELECT count(*) FROM o WHERE o.k IN (SELECT i.k FROM i WHERE i.v > o.v)",
    "SELECT count(*) FROM o WHERE o.v NOT IN (SELECT i.v FROM i WHERE i.k = o.k AND i.v IS NOT NULL)",
    "SELECT count(*) FROM o WHERE EXISTS (SELECT 1 FROM i JOIN i AS j ON j.v = i.v WHERE i.k = o.k)",
    "SELECT count(*) FROM o WHERE EXISTS (SELECT 1 FROM (SELECT k, row_number() OVER (ORDER BY v) AS n FROM i) AS r WHERE r.k = o.k AND r.n > 5)",
    "SELECT count(*) FROM o WHERE EXISTS (SELECT 1 FROM i LEFT JOIN o AS p ON p.v = i.v WHERE i.k = o.k)",
]


@pytest.mark.parametrize("sql", LINEAR)
def test_no_table_is_read_once_a_row(sql: str) -> None:
    store = Counting()
    session = Session(store)
    session.execute("CREATE TABLE o (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER)")
    session.execute("CREATE TABLE i (id INTEGER PRIMARY KEY, k INTEGER, v INTEGER)")
    for table in "oi":
        session.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", [(n, n * 7 % 150, n * 3 % 90) for n in range(300)])
    store.pairs = 0
    session.execute(sql).fetchall()
    assert store.pairs <= 10 * 300, store.pairs  # the planner counts rows as well
