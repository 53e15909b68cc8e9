"""The two gears mean the same: random expressions and queries in both, values and errors alike."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import engine
from engine.base.errors import Error
from engine.sql.columns import boundary, change
from engine.sql.session import Session
from tests.sql.generate import SCHEMA, TABLES, Generator
from tests.sql.generate import rows as random_rows

pytest.importorskip("pyarrow")
COLUMNS = {
    "i": "INTEGER",
    "j": "INTEGER",
    "r": "REAL",
    "s": "REAL",
    "t": "TEXT",
    "u": "TEXT",
    "b": "BOOLEAN",
    "d": "DATE",
    "m": "TIMESTAMP",
    "x": "BLOB",
}
POOLS: dict[str, list[Any]] = {
    "INTEGER": [0, 1, -1, 2, 3, 7, 10, -128, 2**31, 2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63)],
    "REAL": [0.0, -0.0, 1.0, -1.5, 2.5, 0.1, 1e300, -1e300, float("inf"), float("-inf"), 2.0**53, 5e-324, 3.0],
    "TEXT": ["", "a", "A", "abc", "ABC", "a%c", "b_", "x\ny", "ü", "Ü", "straße", "K", "ſ", "𝄞", " a ", "12", "1.5", "2024-02-29", "\0", "zzz"],
    "BOOLEAN": [True, False],
    "DATE": [datetime.date(1, 1, 1), datetime.date(9999, 12, 31), datetime.date(1969, 12, 31), datetime.date(2024, 2, 29), datetime.date(2013, 6, 1)],
    "TIMESTAMP": [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999), datetime.datetime(1969, 12, 31, 23, 59, 59, 1), datetime.datetime(2024, 2, 29, 12, 30)],
    "BLOB": [b"", b"\0", b"abc", b"\xff\xfe"],
}  # fmt: skip
SMALL = {"INTEGER": [0, 1, 2, 3, 5, -4], "REAL": [0.0, 0.5, -1.25, 3.0], "TEXT": ["a", "b", "abc", ""]}


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    db = engine.open(":memory:")
    rng = random.Random(7)
    for table, pools in (("t", POOLS), ("w", {**POOLS, **SMALL})):
        db.execute(
            f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {', '.join(f'{c} {k}' for c, k in COLUMNS.items())})"
        )
        db.executemany(
            f"INSERT INTO {table} VALUES (?{', ?' * len(COLUMNS)})",
            [
                (n, *(None if rng.random() < 0.2 else rng.choice(pools[k]) for k in COLUMNS.values()))
                for n in range(120)
            ],
        )
    yield db
    db.close()


class Expressions:
    """Random expressions as SQL, of a wanted type or of any."""

    def __init__(self, rng: random.Random):
        self.rng = rng

    def literal(self, kind: str) -> str:
        value = self.rng.choice(POOLS[kind])
        if value == float("inf") or value == float("-inf") or isinstance(value, bytes) or value == -(2**63):
            return "NULL"
        if isinstance(value, str):
            return "'" + value.replace("'", "''").replace("\0", "") + "'"
        if isinstance(value, (datetime.datetime, datetime.date)):
            return f"{kind} '{value}'" if value.year > 999 else "NULL"
        return str(value)

    def column(self, kind: str) -> str:
        return self.rng.choice([c for c, k in COLUMNS.items() if k == kind])

    def of(self, kind: str, depth: int) -> str:
        rng = self.rng
        if depth <= 0 or rng.random() < 0.15:
            return self.column(kind) if rng.random() < 0.8 else self.literal(kind)
        make = rng.choice(self.forms(kind))
        return f"({make(depth - 1)})"

    def forms(self, kind: str) -> list[Callable[[int], str]]:
        of, pick = self.of, self.rng.choice
        common: list[Callable[[int], str]] = [
            lambda n: f"CASE WHEN {of('BOOLEAN', n)} THEN {of(kind, n)} ELSE {of(kind, n)} END",
            lambda n: f"coalesce({of(kind, n)}, {of(kind, n)})",
            lambda n: f"nullif({of(kind, n)}, {of(kind, n)})",
        ]
        number = lambda n: of(pick(["INTEGER", "REAL"]), n)  # noqa: E731
        if kind == "INTEGER":
            return [
                *common,
                *(lambda n, sign=sign: f"{of('INTEGER', n)} {sign} {of('INTEGER', n)}" for sign in "+-*/%&|"),
                lambda n: f"-{of('INTEGER', n)}", lambda n: f"abs({of('INTEGER', n)})", lambda n: f"length({of('TEXT', n)})",
                lambda n: f"CAST({of(pick(['REAL', 'BOOLEAN', 'INTEGER']), n)} AS INTEGER)", lambda n: f"sign({number(n)})",
                lambda n: f"extract({pick(['year', 'month', 'day', 'hour', 'doy', 'week', 'quarter', 'dow'])} FROM {of(pick(['DATE', 'TIMESTAMP']), n)})",
                lambda n: f"{of('INTEGER', n)} << {of('INTEGER', 0)}", lambda n: f"instr({of('TEXT', n)}, {of('TEXT', n)})",
            ]  # fmt: skip
        if kind == "REAL":
            return [
                *common,
                *(lambda n, sign=sign: f"{of('REAL', n)} {sign} {number(n)}" for sign in "+-*/%"),
                lambda n: f"-{of('REAL', n)}", lambda n: f"abs({of('REAL', n)})", lambda n: f"sqrt({number(n)})",
                lambda n: f"{pick(['floor', 'ceil', 'trunc', 'round'])}({of('REAL', n)})", lambda n: f"CAST({number(n)} AS REAL)",
            ]  # fmt: skip
        if kind == "TEXT":
            return [
                *common,
                lambda n: f"{of('TEXT', n)} || {of(pick(['TEXT', 'INTEGER']), n)}", lambda n: f"{pick(['lower', 'upper', 'trim', 'ltrim', 'rtrim', 'reverse'])}({of('TEXT', n)})",
                lambda n: f"substr({of('TEXT', n)}, {pick([1, 2, 0, -1, 5])}, {pick([0, 1, 2, 100])})", lambda n: f"CAST({of(pick(['INTEGER', 'BOOLEAN', 'DATE', 'REAL']), n)} AS TEXT)",
                lambda n: f"replace({of('TEXT', n)}, 'a', {of('TEXT', n)})", lambda n: f"substr({of('TEXT', n)}, {of('INTEGER', 0)})",
            ]  # fmt: skip
        if kind == "BOOLEAN":

            def same(n: int) -> str:
                k = pick(list(POOLS))
                return f"{of(k, n)} {pick(['=', '<>', '<', '<=', '>', '>='])} {of(k, n)}"

            return [
                *common[:2],
                same, same, lambda n: f"{number(n)} {pick(['=', '<', '>=', '<>'])} {number(n)}",
                lambda n: f"{of('BOOLEAN', n)} {pick(['AND', 'OR'])} {of('BOOLEAN', n)}", lambda n: f"NOT {of('BOOLEAN', n)}",
                lambda n: f"{of(pick(list(POOLS)), n)} IS {pick(['', 'NOT '])}NULL",
                lambda n: (lambda k: f"{of(k, n)} IS {pick(['', 'NOT '])}DISTINCT FROM {of(k, n)}")(pick(list(POOLS))),
                lambda n: f"{of('BOOLEAN', n)} IS {pick(['', 'NOT '])}{pick(['TRUE', 'FALSE', 'UNKNOWN'])}",
                lambda n: (lambda k: f"{of(k, n)} {pick(['', 'NOT '])}IN ({', '.join(self.literal(k) for _ in range(3))})")(pick(list(POOLS))),
                lambda n: f"{of('INTEGER', n)} {pick(['', 'NOT '])}IN (1, 2.0, {of('INTEGER', n)})",
                lambda n: f"{of('TEXT', n)} {pick(['LIKE', 'NOT LIKE', 'GLOB'])} {pick([repr(p) for p in ('a%', '%b%', '_', 'A_c', '%', '', 'k', '*a*', 's%')])}",
                lambda n: f"{number(n)} BETWEEN {number(n)} AND {number(n)}",
                lambda n: f"{of('DATE', n)} {pick(['<', '=', '>='])} {of('TIMESTAMP', n)}",
            ]  # fmt: skip
        if kind == "DATE":
            return [
                *common,
                lambda n: f"date({of(pick(['TIMESTAMP', 'DATE']), n)})",
                lambda n: f"{of('DATE', n)} + {pick([1, -40, 365])}",
            ]
        if kind == "TIMESTAMP":
            return [*common, lambda n: f"date_trunc('{pick(['year', 'month', 'day', 'hour'])}', {of(pick(['TIMESTAMP', 'DATE']), n)})", lambda n: f"CAST({of('DATE', n)} AS TIMESTAMP)"]  # fmt: skip
        return common


def outcome(db: Any, gear: str, sql: str, params: tuple[Any, ...] = ()) -> Any:
    """What a query gives in a gear: rows, with 0.0 for -0.0 and types, or the kind of its error."""
    db.session.shared.set_gear(gear)
    try:
        found = db.execute(sql, params).fetchall()
    except Error as error:
        return type(error).__name__
    finally:
        db.session.shared.set_gear("auto")
    return [tuple((type(v).__name__, v + 0.0 if isinstance(v, float) else v) for v in row) for row in found]


@pytest.mark.parametrize("seed", range(6))
def test_expressions_mean_the_same(database: Any, seed: int) -> None:
    rng = random.Random(seed)
    expressions = Expressions(rng)
    boundary.REFUSED.clear()
    count = 100
    for _ in range(count):
        sql = f"SELECT id, {expressions.of(rng.choice(list(POOLS)), rng.randint(1, 4))} FROM {rng.choice('twww')} ORDER BY id"
        assert outcome(database, "column", sql) == outcome(database, "row", sql), f"seed {seed}: {sql}"
    assert len(boundary.REFUSED) < 0.6 * count, "hardly anything ran in columns"


def test_conditions_and_parameters_mean_the_same(database: Any) -> None:
    rng = random.Random(11)
    expressions = Expressions(rng)
    for _ in range(150):
        kind = rng.choice(list(POOLS))
        value = None if rng.random() < 0.1 else rng.choice(POOLS[rng.choice([kind, kind, "INTEGER", "TEXT"])])
        sql = f"SELECT id FROM w WHERE {expressions.of(kind, 1)} {rng.choice(['=', '<', '>=', '<>'])} ? AND {expressions.of('BOOLEAN', 2)} ORDER BY id"
        assert outcome(database, "column", sql, (value,)) == outcome(database, "row", sql, (value,)), f"{sql} {value!r}"


def changed(db: Any, gear: str, sql: str, table: str) -> Any:
    """What a change does in a gear, and is then undone: how many rows, and what the table holds; or its error."""
    db.session.shared.set_gear(gear)
    db.execute("BEGIN")
    try:
        count = db.execute(sql).rowcount
        return count, outcome(db, "row", f"SELECT * FROM {table} ORDER BY id")
    except Error as error:
        return type(error).__name__, str(error)
    finally:
        db.execute("ROLLBACK")
        db.session.shared.set_gear("auto")


@pytest.mark.parametrize("seed", range(4))
def test_changes_mean_the_same(database: Any, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """UPDATE and DELETE, with batches of a few rows, so that what columns have no form for comes in the middle."""
    monkeypatch.setattr(change, "BATCH", 17)
    rng = random.Random(seed)
    expressions = Expressions(rng)
    boundary.REFUSED.clear()
    count, errors = 60, 0
    for _ in range(count):
        table = rng.choice("tww")
        sets = [
            f"{c} = {expressions.of(COLUMNS[c], rng.randint(0, 3))}"
            for c in rng.sample(list(COLUMNS), rng.randint(1, 2))
        ]
        what = f"DELETE FROM {table}" if rng.random() < 0.3 else f"UPDATE {table} SET {', '.join(sets)}"
        sql = f"{what} WHERE {expressions.of('BOOLEAN', 2)}"
        ours, theirs = changed(database, "column", sql, table), changed(database, "row", sql, table)
        assert ours == theirs, f"seed {seed}: {sql}"
        errors += isinstance(theirs[0], str)
    assert len(boundary.REFUSED) < 0.6 * count, "hardly anything ran in columns"
    assert errors < 0.5 * count


AGGREGATES = (
    "count(*)",
    "count({0})",
    "sum({1})",
    "avg({1})",
    "min({0})",
    "max({0})",
    "count(DISTINCT {0})",
    "total({1})",
)


def near(one: Any, other: Any) -> bool:
    """Whether outcomes differ in the last digits of REALs alone, which are added in another order."""
    if isinstance(one, str) or isinstance(other, str) or len(one) != len(other):
        return bool(one == other)
    pairs = [(a, b) for row, twin in zip(one, other, strict=True) for a, b in zip(row, twin, strict=True)]
    return all(a == b or (a[0] == b[0] == "float" and a[1] == pytest.approx(b[1], rel=1e-12)) for a, b in pairs)


def test_groups_mean_the_same(database: Any) -> None:
    rng = random.Random(5)
    expressions = Expressions(rng)
    for _ in range(150):
        table = rng.choice("tw")
        keys = [rng.choice(list(COLUMNS)) for _ in range(rng.randint(0, 2))]
        number = rng.choice(["i", "j", "b"] + (["r", "s", "r * 2"] if table == "w" else []))
        calls = [rng.choice(AGGREGATES).format(rng.choice(list(COLUMNS)), number) for _ in range(3)]
        calls = [c + (f" FILTER (WHERE {expressions.of('BOOLEAN', 1)})" if rng.random() < 0.3 else "") for c in calls]
        sql = f"SELECT {', '.join([*keys, *calls])} FROM {table}"
        if keys:
            sql += f" GROUP BY {', '.join(keys)} HAVING count(*) > {rng.choice([0, 1, 3])} ORDER BY {', '.join(keys)}"
        ours, theirs = outcome(database, "column", sql), outcome(database, "row", sql)
        assert near(ours, theirs), f"{sql}\n{ours}\n{theirs}"


WINDOWS = (
    "row_number() OVER (PARTITION BY {0} ORDER BY {1}, id)", "rank() OVER (PARTITION BY {0} ORDER BY {1} DESC)", "dense_rank() OVER (ORDER BY {0}, {1})",
    "lag({1}) OVER (PARTITION BY {0} ORDER BY id)", "lead({1}, 2) OVER (ORDER BY {0}, id)", "first_value({1}) OVER (PARTITION BY {0} ORDER BY id)",
    "last_value({1}) OVER (PARTITION BY {0} ORDER BY {1}, id ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING)", "count({1}) OVER (PARTITION BY {0} ORDER BY {1})",
    "sum(i) OVER (PARTITION BY {0} ORDER BY id)", "avg(j) OVER (PARTITION BY {0} ORDER BY {1} ROWS 3 PRECEDING)", "max({1}) OVER (PARTITION BY {0})",
    "percent_rank() OVER (PARTITION BY {0} ORDER BY {1})", "cume_dist() OVER (ORDER BY {1})", "sum(i) OVER (ORDER BY id ROWS BETWEEN 2 FOLLOWING AND 4 FOLLOWING)",
    "lag({1}, 1, {1}) OVER (ORDER BY id)",
)  # fmt: skip


def test_windows_mean_the_same(database: Any) -> None:
    rng = random.Random(3)
    for _ in range(120):
        a, b = rng.sample(list(COLUMNS), 2)
        window = rng.choice(WINDOWS).format(a, b)
        sql = f"SELECT id, {window} FROM {rng.choice('tw')} ORDER BY id"
        assert outcome(database, "column", sql) == outcome(database, "row", sql), sql


JOINS = (
    "SELECT a.id, b.id FROM t a JOIN w b ON a.{0} = b.{0}", "SELECT a.id, b.id FROM w a LEFT JOIN w b ON a.{0} = b.{0} AND a.id < b.id",
    "SELECT a.id, b.id FROM w a FULL JOIN t b ON a.{0} = b.{0} AND a.{1} = b.{1}", "SELECT a.id FROM t a WHERE EXISTS (SELECT 1 FROM w b WHERE b.{0} = a.{0})",
    "SELECT a.id FROM w a WHERE NOT EXISTS (SELECT 1 FROM w b WHERE b.{0} = a.{0} AND b.{1} > a.{1})", "SELECT a.id FROM t a WHERE a.{0} IN (SELECT {0} FROM w WHERE id < 40)",
    "SELECT a.id FROM t a WHERE a.{0} NOT IN (SELECT {0} FROM w WHERE {0} IS NOT NULL AND id < 9)", "SELECT a.id, (SELECT max(b.{1}) FROM w b WHERE b.{0} = a.{0}) FROM w a",
    "SELECT a.id, (SELECT count(*) FROM w b WHERE b.{0} = a.{0}) FROM t a", "SELECT a.id FROM w a WHERE a.id > (SELECT avg(b.id) FROM w b WHERE b.{0} = a.{0})",
    "SELECT {0} FROM t UNION SELECT {0} FROM w", "SELECT {0}, {1} FROM t INTERSECT SELECT {0}, {1} FROM w", "SELECT {0} FROM w EXCEPT SELECT {0} FROM t",
    "SELECT {0} FROM t UNION ALL SELECT {0} FROM w", "SELECT DISTINCT {0}, {1} FROM w", "SELECT a.id, b.id FROM t a JOIN w b ON a.i = b.r",
    "SELECT count(*) FROM w a RIGHT JOIN t b ON a.{0} = b.{0}", "SELECT a.id, count(b.id) FROM w a LEFT JOIN t b ON b.{0} = a.{0} AND b.id > 50 GROUP BY a.id",
)  # fmt: skip


def test_joins_and_sets_mean_the_same(database: Any) -> None:
    rng = random.Random(1)
    for query in JOINS * 8:
        sql = query.format(*rng.sample(list(COLUMNS), 2))
        ours, theirs = outcome(database, "column", sql), outcome(database, "row", sql)
        if isinstance(ours, list):
            ours, theirs = sorted(ours, key=repr), sorted(theirs, key=repr)
        assert ours == theirs, sql


@pytest.mark.parametrize("limit", ["", " LIMIT 7", " LIMIT 100", " LIMIT 3 OFFSET 5"])
def test_orders_mean_the_same(database: Any, limit: str) -> None:
    rng = random.Random(2)
    for _ in range(30):
        keys = [
            f"{rng.choice(list(COLUMNS))} {rng.choice(['', 'DESC'])} {rng.choice(['', 'NULLS FIRST', 'NULLS LAST'])}"
            for _ in range(rng.randint(1, 3))
        ]
        sql = f"SELECT id, {', '.join(COLUMNS)} FROM {rng.choice('tw')} ORDER BY {', '.join(keys)}{limit}"
        assert outcome(database, "column", sql) == outcome(database, "row", sql), sql


@pytest.mark.parametrize("seed", range(4))
def test_whole_queries_mean_the_same(seed: int) -> None:
    rng = random.Random(seed)
    with engine.open(":memory:") as db:
        for statement in SCHEMA:
            db.execute(statement)
        for table, columns in TABLES.items():
            db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", random_rows(rng, table, 25))
        for _ in range(60):
            sql, ordered = Generator(rng).query()
            ours, theirs = outcome(db, "column", sql), outcome(db, "row", sql)
            if isinstance(ours, list) and not ordered:
                ours, theirs = sorted(ours, key=repr), sorted(theirs, key=repr)
            assert near(ours, theirs), f"seed {seed}: {sql}"


def test_large_results_run_in_columns_by_themselves_and_leave_as_arrow() -> None:
    pa = pytest.importorskip("pyarrow")
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE n (id INTEGER PRIMARY KEY, v INTEGER, t TEXT)")
        db.executemany(
            "INSERT INTO n VALUES (?, ?, ?)", [(i, i % 7, None if i % 5 == 0 else f"t{i % 50}") for i in range(60_000)]
        )
        plan = db.execute("EXPLAIN SELECT v, count(*) FROM n GROUP BY v").fetchall()
        assert {row[-1] for row in plan} == {"column"}
        assert {row[-1] for row in db.execute("EXPLAIN SELECT * FROM n WHERE id = 7")} == {"row"}
        found = db.execute("SELECT id, v * 2 AS d, t FROM n WHERE v > 2").to_arrow()
        assert found.schema == pa.schema([("id", pa.int64()), ("d", pa.int64()), ("t", pa.string())])
        expected = [(i, i % 7 * 2, None if i % 5 == 0 else f"t{i % 50}") for i in range(60_000) if i % 7 > 2]
        assert list(zip(*(column.to_pylist() for column in found.columns), strict=True)) == expected
        result = db.execute("SELECT id, v * 2 AS d, t FROM n WHERE v > 2")
        assert [result.fetchone(), *result.fetchmany(3)] == expected[:4]
        assert result.to_arrow().num_rows == len(expected) - 4
        assert db.execute("SELECT id FROM n WHERE v = 99").to_arrow().num_rows == 0


def test_an_error_behind_the_first_batches_is_the_row_gears() -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE n (id INTEGER PRIMARY KEY, v INTEGER)")
        db.executemany("INSERT INTO n VALUES (?, ?)", [(i, 2**62 if i == 9_000 else 1) for i in range(12_000)])
        sql = "SELECT id, CASE WHEN id = 9000 THEN 0 ELSE v * 4 END FROM n"
        db.session.shared.set_gear("column")
        assert db.execute(sql).fetchall() == [(i, 0 if i == 9_000 else 4) for i in range(12_000)]
        assert db.execute(sql).to_arrow().num_rows == 12_000
        with pytest.raises(engine.DataError, match="overflow"):
            db.execute("SELECT v * 4 FROM n").fetchall()
        with pytest.raises(engine.DataError, match="overflow"):
            db.execute("SELECT sum(v * 1) FROM n, (VALUES (1), (2), (3)) GROUP BY v > 5").fetchall()


def test_a_transaction_sees_its_own_writes_in_columns() -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE n (id INTEGER PRIMARY KEY, v INTEGER)")
        db.executemany("INSERT INTO n VALUES (?, ?)", [(i, 1) for i in range(5_000)])
        db.session.shared.set_gear("column")
        with db.begin() as txn:
            txn.execute("DELETE FROM n WHERE id < 1000")
            txn.execute("UPDATE n SET v = 2 WHERE id >= 4000")
            txn.execute("INSERT INTO n VALUES (9000, 7)")
            assert txn.execute("SELECT count(*), sum(v), max(id) FROM n WHERE v > 0").fetchall() == [(4001, 5007, 9000)]
            assert txn.execute("SELECT id FROM n ORDER BY v DESC, id LIMIT 2").fetchall() == [(9000,), (4000,)]
        assert db.execute("SELECT count(*) FROM n WHERE v = 2").fetchall() == [(1000,)]


def test_added_columns_keys_ranges_and_long_values_in_columns() -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE k (a TEXT, b INTEGER, v TEXT, PRIMARY KEY (a, b DESC))")
        rows = [(f"k{i % 13}\0x" if i % 3 else "", i, "long" * (5000 if i % 97 == 0 else 1)) for i in range(700)]
        db.executemany("INSERT INTO k VALUES (?, ?, ?)", rows)
        db.execute("ALTER TABLE k ADD COLUMN w INTEGER DEFAULT 5")
        db.execute("INSERT INTO k VALUES ('new', 1, 'n', NULL)")
        for sql in (
            "SELECT a, b, v, w FROM k WHERE length(v) > 0 ORDER BY a, b", "SELECT a, b FROM k WHERE a > 'k1' AND a <= 'k5' AND w = 5",
            "SELECT b, w FROM k WHERE a = '' AND b BETWEEN 30 AND 300 ORDER BY b DESC", "SELECT sum(w), count(w), count(*) FROM k",
            "SELECT max(length(v)), min(a) FROM k GROUP BY w ORDER BY 1",
        ):  # fmt: skip
            assert outcome(db, "column", sql) == outcome(db, "row", sql), sql


def test_without_pyarrow_the_row_gear_does_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.sql.columns import choose

    monkeypatch.setattr(choose.arrow, "available", lambda: False)
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE n (id INTEGER PRIMARY KEY, v INTEGER)")
        db.executemany("INSERT INTO n VALUES (?, ?)", [(i, i % 3) for i in range(4_000)])
        assert {row[-1] for row in db.execute("EXPLAIN SELECT v, count(*) FROM n GROUP BY v")} == {"row"}
        assert db.execute("SELECT v, count(*) FROM n GROUP BY v ORDER BY v").fetchall() == [
            (0, 1334),
            (1, 1333),
            (2, 1333),
        ]


def test_parameters_read_by_a_comparison_fail_alike() -> None:
    from tests.support.fake_store import FakeStore

    session = Session(FakeStore())
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE)")
    for gear in ("row", "column"):
        session.shared.set_gear(gear)
        with pytest.raises(engine.ProgrammingError, match="is no DATE"):
            session.execute("SELECT * FROM t WHERE day = 'soon'")
