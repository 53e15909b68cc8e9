"""Window functions: random windows give what SQLite gives; frames against their definition; errors; work that stays linear."""

from __future__ import annotations

import datetime
import math
import random
import sqlite3
from typing import Any

import pytest

from engine.base.errors import DataError, ProgrammingError
from engine.sql import aggregates, moving
from engine.sql.session import Session
from tests.support.fake_store import FakeStore

SCHEMA = "CREATE TABLE t (id INTEGER PRIMARY KEY, g TEXT, h INTEGER, v INTEGER, r REAL, s TEXT)"
ROW_FUNCTIONS = [
    "row_number()", "ntile(3)", "lag(v)", "lead(s, 2)", "lag(v, 1, -7)", "lead(r, 0)", "lag(id, h)",
]  # fmt: skip
PEER_FUNCTIONS = ["rank()", "dense_rank()", "percent_rank()", "cume_dist()"]
FRAME_FUNCTIONS = [
    "sum(v)", "count(*)", "count(v)", "avg(r)", "min(s)", "max(v)", "total(r)", "sum(r)", "first_value(v)", "last_value(s)",
    "nth_value(r, 2)", "group_concat(s, '-')", "max(r)", "min(v + h)", "sum(v) FILTER (WHERE h > 1)",
    "count(*) FILTER (WHERE v IS NULL)", "group_concat(v)",
]  # fmt: skip


def make(rng: random.Random, count: int) -> tuple[sqlite3.Connection, Session]:
    """The same rows in both."""
    theirs, ours = sqlite3.connect(":memory:"), Session(FakeStore())

    def maybe(value: Any) -> Any:
        return None if rng.random() < 0.15 else value

    rows = [
        (
            i, maybe(rng.choice("abc")), rng.randint(0, 3), maybe(rng.randint(-6, 9)), maybe(rng.randint(-40, 40) / 8),
            maybe(rng.choice(["x", "yy", "B", "z"])),
        )
        for i in range(count)
    ]  # fmt: skip
    for database in (theirs, ours):
        database.execute(SCHEMA)
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", rows)
    return theirs, ours


def bound(rng: random.Random, unit: str, side: str) -> str:
    offset = rng.choice(["0", "1", "2", "5"]) if unit != "RANGE" else rng.choice(["0", "1", "2.5", "4"])
    return rng.choice(["UNBOUNDED " + side, "CURRENT ROW", f"{offset} PRECEDING", f"{offset} FOLLOWING"])


PLACES = ["UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING", "UNBOUNDED FOLLOWING"]


def place(text: str) -> int:
    return PLACES.index(text) if text in PLACES else 1 if text.endswith("PRECEDING") else 3


def frame(rng: random.Random, unit: str) -> str:
    while True:
        start, end = bound(rng, unit, "PRECEDING"), bound(rng, unit, "FOLLOWING")
        if place(start) <= place(end):
            break
    exclude = rng.choice(["", "", " EXCLUDE NO OTHERS", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"])
    return f"{unit} BETWEEN {start} AND {end}{exclude}"


def call(rng: random.Random) -> str:
    """A call whose value does not depend on how peers happen to be ordered."""
    partition = rng.choice(["", "PARTITION BY g ", "PARTITION BY h, g ", "PARTITION BY v % 2 "])
    turn = rng.choice(["", " DESC", " NULLS LAST", " DESC NULLS FIRST"])
    kind = rng.random()
    if kind < 0.2:
        return f"{rng.choice(ROW_FUNCTIONS)} OVER ({partition}ORDER BY {rng.choice('vrs')}{turn}, id)"
    if kind < 0.35:
        return f"{rng.choice(PEER_FUNCTIONS)} OVER ({partition}ORDER BY {rng.choice('vrsh')}{turn})"
    function = rng.choice(FRAME_FUNCTIONS)
    if kind < 0.5:
        return f"{function} OVER ({partition}ORDER BY {rng.choice('vrs')}{turn}, id)"
    unit = rng.choice(["ROWS", "RANGE", "GROUPS"])
    if unit == "ROWS":
        return f"{function} OVER ({partition}ORDER BY {rng.choice('vrs')}{turn}, id {frame(rng, unit)})"
    ordered = function.startswith(("first", "last", "nth", "group"))  # look at the order among peers
    if ordered:
        return f"{function} OVER ({partition}ORDER BY id{turn} {frame(rng, unit)})"
    return f"{function} OVER ({partition}ORDER BY {rng.choice('vrh')}{turn} {frame(rng, unit)})"


def plain(value: Any) -> Any:
    return float(f"{value:.12g}") if isinstance(value, float) else value


@pytest.mark.parametrize("seed", range(12))
def test_windows_agree_with_sqlite(seed: int) -> None:
    rng = random.Random(seed)
    theirs, ours = make(rng, rng.choice([0, 1, 7, 25, 40]))
    for _ in range(60):
        calls = ", ".join(call(rng) for _ in range(rng.randint(1, 3)))
        where = rng.choice(["", " WHERE h < 3", " WHERE v IS NOT NULL"])
        sql = f"SELECT id, {calls} FROM t{where} ORDER BY id"
        expected = [tuple(plain(v) for v in row) for row in theirs.execute(sql).fetchall()]
        found = [tuple(plain(v) for v in row) for row in ours.execute(sql).fetchall()]
        assert found == expected, f"seed {seed}: {sql}"


SHARED = [
    "SELECT g, sum(v), rank() OVER (ORDER BY count(*), g), sum(sum(v)) OVER (ORDER BY g) FROM t GROUP BY g ORDER BY g",
    "SELECT id, sum(v) OVER w, avg(v) OVER (w ROWS 1 PRECEDING) FROM t WINDOW w AS (PARTITION BY g ORDER BY id) ORDER BY id",
    "SELECT * FROM (SELECT id, g, row_number() OVER (PARTITION BY g ORDER BY v, id) AS n FROM t) WHERE n <= 2 ORDER BY id",
    "SELECT * FROM (SELECT id, g, sum(v) OVER (PARTITION BY g) AS n FROM t) WHERE g = 'a' AND n > 0 ORDER BY id",
    "SELECT id FROM t ORDER BY row_number() OVER (ORDER BY v DESC, id), id LIMIT 5",
    "SELECT DISTINCT rank() OVER (ORDER BY h) AS n FROM t ORDER BY n",
    "SELECT id, (SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY id) AS n FROM t AS i WHERE i.h = o.h)) FROM t AS o ORDER BY id",
    "SELECT h, count(*) OVER () FROM t GROUP BY h HAVING count(*) > 2 ORDER BY h",
    "WITH w AS (SELECT id, lag(id) OVER (ORDER BY id) AS before FROM t) SELECT count(*), count(before) FROM w",
    "SELECT id, CASE WHEN v > avg(v) OVER () THEN 1 ELSE 0 END FROM t ORDER BY id",
]


@pytest.mark.parametrize("sql", SHARED)
def test_statements_around_windows(sql: str) -> None:
    theirs, ours = make(random.Random(5), 30)
    assert [tuple(map(plain, row)) for row in ours.execute(sql)] == [
        tuple(map(plain, row)) for row in theirs.execute(sql)
    ]


def test_aggregates_that_sqlite_has_not(session: Session) -> None:
    """Over every frame the value is what the aggregate gives for these rows outside of windows."""
    rng = random.Random(9)
    values = [
        None if rng.random() < 0.2 else rng.choice([rng.randint(-9, 9), rng.random() * 10 ** rng.randint(-8, 8)])
        for _ in range(60)
    ]
    for make_state in {entry[4] for entry in aggregates.AGGREGATES.values()}:
        state = moving.moving(make_state, values, 1)
        start = end = 0
        for row in range(len(values)):
            low, high = max(0, row - rng.choice([7, 7, 8])), row + 1
            low = max(low, start)
            for i in range(end, high):
                state.add(0, i)
            for i in range(start, low):
                state.drop(0, i)
            start, end = low, high
            plain_state = make_state()
            for value in values[low:high]:
                if value is not None:
                    plain_state.step(value)
            found, expected = state.result(), plain_state.result()
            if isinstance(expected, float):
                assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12), make_state
            else:
                assert found == expected, make_state


def test_sums_of_reals_lose_nothing_when_rows_leave(session: Session) -> None:
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL)")
    session.executemany("INSERT INTO t VALUES (?, ?)", enumerate([1e300, 1.0, 0.1, 0.2, 1e-300]))
    found = session.execute("SELECT sum(r) OVER (ORDER BY id ROWS 1 PRECEDING) FROM t").fetchall()
    assert found == [(1e300,), (1e300,), (1.1,), (0.1 + 0.2,), (0.2,)]


def test_moments_move_by_days(session: Session) -> None:
    session.execute("CREATE TABLE t (day DATE, n INTEGER)")
    days = [datetime.date(2013, 1, d) for d in (1, 2, 4, 9)] + [datetime.date.max]
    session.executemany("INSERT INTO t VALUES (?, 1)", [(day,) for day in days])
    sql = "SELECT sum(n) OVER (ORDER BY day RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING) FROM t ORDER BY day"
    assert [row[0] for row in session.execute(sql)] == [2, 2, 2, 1, 1]


@pytest.mark.parametrize(
    ("expression", "kind", "message"),
    [
        ("sum(v) OVER nope", ProgrammingError, "no such window: nope"),
        ("rank()", ProgrammingError, "rank needs a window"),
        ("abs(v) OVER ()", ProgrammingError, "abs is neither an aggregate nor a window function"),
        ("nope(v) OVER ()", ProgrammingError, "no such window function: nope"),
        ("sum(DISTINCT v) OVER ()", ProgrammingError, "DISTINCT is not supported in a window function"),
        ("rank() FILTER (WHERE v > 1) OVER (ORDER BY v)", ProgrammingError, "FILTER needs an aggregate function"),
        ("sum(rank() OVER ()) OVER ()", ProgrammingError, "cannot stand inside a window function"),
        ("sum(rank() OVER (ORDER BY v))", ProgrammingError, "cannot stand inside an aggregate function"),
        ("ntile(0) OVER (ORDER BY v)", DataError, "ntile needs a whole number of 1 or more, not 0"),
        ("nth_value(v, -1) OVER (ORDER BY v)", DataError, "nth_value needs a whole number of 1 or more"),
        ("lag() OVER (ORDER BY v)", ProgrammingError, "lag takes 1 to 3 arguments, not 0"),
        ("sum(v) OVER (ORDER BY v ROWS -1 PRECEDING)", DataError, "cannot be negative"),
        ("sum(v) OVER (ORDER BY v ROWS 1.5 PRECEDING)", DataError, "ROWS needs a whole number"),
        ("sum(v) OVER (ORDER BY v ROWS v PRECEDING)", ProgrammingError, "no such column: v"),
        ("sum(v) OVER (ORDER BY v, id RANGE 1 PRECEDING)", ProgrammingError, "exactly one expression in ORDER BY"),
        (
            "sum(v) OVER (ORDER BY g RANGE 1 PRECEDING)",
            ProgrammingError,
            "needs numbers or moments in ORDER BY, not TEXT",
        ),
        ("sum(v) OVER (GROUPS 1 PRECEDING)", ProgrammingError, "GROUPS needs an ORDER BY"),
        ("sum(v) OVER (ROWS 1 FOLLOWING)", ProgrammingError, "a frame cannot go from FOLLOWING to CURRENT ROW"),
        ("sum(v) OVER (ROWS UNBOUNDED FOLLOWING)", ProgrammingError, "a frame cannot go from UNBOUNDED FOLLOWING"),
        ("sum(v) OVER (w PARTITION BY g)", ProgrammingError, "cannot have PARTITION BY"),
        ("sum(v) OVER (w ORDER BY g)", ProgrammingError, "has an ORDER BY already"),
        ("sum(v) OVER (f ROWS 1 PRECEDING)", ProgrammingError, "has a frame and cannot be extended"),
    ],
)
def test_errors(expression: str, kind: type[Exception], message: str) -> None:
    _, ours = make(random.Random(1), 5)
    with pytest.raises(kind, match=message.replace("(", "\\(").replace(")", "\\)")):
        ours.execute(
            f"SELECT {expression} FROM t WINDOW w AS (ORDER BY v), f AS (ORDER BY v ROWS 1 PRECEDING)"
        ).fetchall()


@pytest.mark.parametrize(
    "clause", ["WHERE rank() OVER () > 1", "GROUP BY rank() OVER ()", "GROUP BY h HAVING rank() OVER () > 1"]
)
def test_windows_stand_only_in_results_and_order(clause: str) -> None:
    _, ours = make(random.Random(1), 5)
    with pytest.raises(ProgrammingError, match="a window function cannot stand in"):
        ours.execute(f"SELECT count(*) FROM t {clause}")


def test_explain_shows_the_window() -> None:
    _, ours = make(random.Random(1), 5)
    sql = (
        "EXPLAIN SELECT sum(v) OVER (PARTITION BY g ORDER BY id DESC ROWS 2 PRECEDING), rank() OVER (ORDER BY v) FROM t"
    )
    details = [row[1] for row in ours.execute(sql) if row[0].strip() == "window"]
    assert details == [
        "order by v; rank()",
        "partition by g; order by id desc; sum(v) ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
    ]


def test_the_usual_frames_take_each_row_in_and_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0

    class Counting(moving.MovingSum):
        def add(self, part: int, row: int) -> None:
            nonlocal steps
            steps += 1
            super().add(part, row)

        def drop(self, part: int, row: int) -> None:
            nonlocal steps
            steps += 1
            super().drop(part, row)

    monkeypatch.setitem(moving.MOVING, aggregates.Sum, Counting)
    _, ours = make(random.Random(1), 2000)
    ours.shared.set_gear("row")
    for bounds in (
        "", "ROWS 100 PRECEDING", "ROWS BETWEEN 500 PRECEDING AND 500 FOLLOWING", "RANGE BETWEEN 300 PRECEDING AND 10 FOLLOWING",
        "GROUPS BETWEEN 5 PRECEDING AND UNBOUNDED FOLLOWING", "ROWS BETWEEN 900 PRECEDING AND 900 FOLLOWING EXCLUDE TIES",
    ):  # fmt: skip
        steps = 0
        ours.execute(f"SELECT sum(v) OVER (ORDER BY id {bounds}) FROM t").fetchall()
        assert 2000 <= steps <= 6 * 2000, bounds
