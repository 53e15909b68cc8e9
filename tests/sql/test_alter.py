"""ALTER TABLE: what depends on the thing follows or the statement is refused; a refused one leaves nothing behind."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

from engine.base.errors import DatabaseError, IntegrityError, ProgrammingError
from engine.sql.session import Session
from tests.sql.test_changes import check_indexes

NewSession = Callable[[], Session]
CREATE = [
    "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE)",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER CHECK (age > 0), code TEXT REFERENCES p (code),"
    " UNIQUE (name, age), CONSTRAINT old CHECK (t.age < 200))",
    "CREATE INDEX t_age ON t (age DESC)",
    "CREATE INDEX t_low ON t (lower(name)) WHERE age > 10",
    "INSERT INTO p VALUES (1, 'x'), (2, 'y')",
    "INSERT INTO t VALUES (1, 'Ann', 30, 'x'), (2, 'bob', 5, NULL), (3, 'cy', NULL, 'y')",
    "CREATE VIEW v AS SELECT id, name AS n, age + 1 FROM t WHERE t.age > 1",
    "CREATE VIEW w AS SELECT * FROM p",
]


@pytest.fixture
def db(session: Session) -> Session:
    for sql in CREATE:
        session.execute(sql)
    return session


def sql_of(session: Session, name: str) -> str:
    return str(session.execute("SELECT sql FROM sys.tables WHERE name = ?", (name,)).fetchall()[0][0])


def reopened(session: Session, name: str) -> None:
    """The definition kept in the catalog makes the same table."""
    before = session.schema().tables[name]
    other = Session(type(session.store)()) if hasattr(session.store, "commits") else None
    if other is None:
        return
    if before.foreign_keys:
        other.execute(session.schema().tables[before.foreign_keys[0].table.lower()].sql)
    other.execute(before.sql)
    again = other.schema().tables[name]
    assert [(c.name, c.type, c.not_null, c.default) for c in again.columns] == [
        (c.name, c.type, c.not_null, c.default) for c in before.columns
    ]
    assert again.primary_key == before.primary_key and again.foreign_keys == before.foreign_keys
    assert {c.sql for c in again.checks} == {c.sql for c in before.checks}


def test_rename_table(db: Session) -> None:
    db.execute("ALTER TABLE t RENAME TO people")
    assert db.execute("SELECT name FROM people ORDER BY id").fetchall() == [("Ann",), ("bob",), ("cy",)]
    assert db.execute("SELECT * FROM v ORDER BY id").fetchall() == [(1, "Ann", 31), (2, "bob", 6)]
    assert db.execute("SELECT * FROM v").columns == ("id", "n", "age + 1")
    with pytest.raises(ProgrammingError, match=r"no such table: t"):
        db.execute("SELECT * FROM t")
    with pytest.raises(IntegrityError, match="CHECK constraint failed"):
        db.execute("INSERT INTO people VALUES (9, 'z', 300, NULL)")
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        db.execute("INSERT INTO people VALUES (9, 'z', 3, 'nope')")
    names = [row[0] for row in db.execute("SELECT name FROM sys.indexes WHERE table_name = 'people' ORDER BY name")]
    assert names == ["t_age", "t_low", "t_name_age_key"]
    check_indexes(db)
    reopened(db, "people")
    db.execute("ALTER TABLE p RENAME TO parents")
    with pytest.raises(IntegrityError, match="REFERENCES parents"):
        db.execute("DELETE FROM parents")
    assert db.execute("SELECT count(*) FROM w").fetchall() == [(2,)]
    reopened(db, "people")
    db.execute("ALTER TABLE people RENAME TO People")
    assert "People" in sql_of(db, "People")


def test_rename_column(db: Session) -> None:
    with pytest.raises(ProgrammingError, match="the view v names the column age; drop the view v first"):
        db.execute("ALTER TABLE t RENAME age TO years")
    db.execute("DROP VIEW v")
    db.execute("ALTER TABLE t RENAME COLUMN age TO years")
    db.execute("ALTER TABLE p RENAME code TO label")
    assert db.execute("SELECT years FROM t ORDER BY id").fetchall() == [(30,), (5,), (None,)]
    assert db.execute("SELECT label FROM w ORDER BY id").fetchall() == [("x",), ("y",)]
    with pytest.raises(IntegrityError, match="CHECK constraint failed: old"):
        db.execute("UPDATE t SET years = 500")
    with pytest.raises(IntegrityError, match=r"REFERENCES p \(label\)"):
        db.execute("UPDATE t SET code = 'zzz'")
    assert db.execute("SELECT columns FROM sys.indexes WHERE name = 't_age'").fetchall() == [("years DESC",)]
    db.execute("INSERT INTO t VALUES (4, 'Di', 44, 'x')")
    check_indexes(db)
    reopened(db, "t")
    with pytest.raises(ProgrammingError, match="has a column NAME already"):
        db.execute("ALTER TABLE t RENAME years TO NAME")
    with pytest.raises(ProgrammingError, match="has no column yeers; did you mean years"):
        db.execute("ALTER TABLE t RENAME yeers TO y")


def test_add_column(db: Session) -> None:
    db.execute("ALTER TABLE t ADD COLUMN size REAL NOT NULL DEFAULT 1.5 CHECK (size > 1)")
    db.execute("ALTER TABLE t ADD day DATE DEFAULT CURRENT_DATE")
    db.execute("ALTER TABLE t ADD COLUMN IF NOT EXISTS day TEXT")
    db.execute("ALTER TABLE t ADD note TEXT UNIQUE")
    assert db.execute("SELECT size, note FROM t").fetchall() == [(1.5, None)] * 3
    ((day,),) = db.execute("SELECT DISTINCT day FROM t").fetchall()
    assert isinstance(day, datetime.date)
    db.execute("UPDATE t SET size = 2 WHERE id = 1")
    db.execute("INSERT INTO t (id, name, note) VALUES (7, 'g', 'once')")
    assert db.execute("SELECT id, size FROM t ORDER BY id").fetchall() == [(1, 2.0), (2, 1.5), (3, 1.5), (7, 1.5)]
    with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: t\.note"):
        db.execute("INSERT INTO t (name, note) VALUES ('h', 'once')")
    with pytest.raises(IntegrityError, match="CHECK"):
        db.execute("UPDATE t SET size = 0")
    db.execute("CREATE INDEX t_size ON t (size)")
    assert db.execute("SELECT count(*) FROM t WHERE size = 1.5").fetchall() == [(3,)]
    check_indexes(db)
    reopened(db, "t")


def test_drop_column(db: Session) -> None:
    db.execute("DROP VIEW v")
    db.execute("ALTER TABLE t ADD extra TEXT DEFAULT 'e'")
    db.execute("ALTER TABLE t ADD last INTEGER DEFAULT 7")
    db.execute("ALTER TABLE t DROP COLUMN extra")
    db.execute("ALTER TABLE t DROP COLUMN IF EXISTS nothing")
    assert db.execute("SELECT * FROM t ORDER BY id").fetchall() == [
        (1, "Ann", 30, "x", 7), (2, "bob", 5, None, 7), (3, "cy", None, "y", 7),
    ]  # fmt: skip
    db.execute("INSERT INTO t (name) VALUES ('new')")
    assert db.execute("SELECT id, last FROM t WHERE name = 'new'").fetchall() == [(4, 7)]
    check_indexes(db)
    reopened(db, "t")
    db.execute("CREATE TABLE k (a INTEGER, b TEXT, c REAL, PRIMARY KEY (c, b))")
    db.execute("INSERT INTO k VALUES (1, 'x', 1.5)")
    db.execute("ALTER TABLE k DROP a")
    assert db.execute("SELECT * FROM k WHERE c = 1.5 AND b = 'x'").fetchall() == [("x", 1.5)]


def test_add_constraint(db: Session) -> None:
    db.execute("ALTER TABLE t ADD CONSTRAINT short CHECK (length(name) < 10)")
    db.execute("ALTER TABLE t ADD UNIQUE (code)")
    db.execute("ALTER TABLE t ADD boss INTEGER")
    db.execute("ALTER TABLE t ADD FOREIGN KEY (boss) REFERENCES t (id) ON DELETE SET NULL")
    db.execute("UPDATE t SET boss = 1 WHERE id = 2")
    for sql in (
        "UPDATE t SET name = 'much too long a name'", "UPDATE t SET code = 'x'", "UPDATE t SET boss = 77",
        "ALTER TABLE t ADD CHECK (id < 3)", "ALTER TABLE t ADD UNIQUE (boss, age)",
    ):  # fmt: skip
        if sql.endswith("(boss, age)"):
            db.execute("UPDATE t SET boss = 1, age = NULL")
            db.execute(sql)  # NULLs do not collide
        else:
            with pytest.raises(IntegrityError):
                db.execute(sql)
    db.execute("DELETE FROM t WHERE id = 1")
    assert db.execute("SELECT DISTINCT boss FROM t").fetchall() == [(None,)]
    check_indexes(db)
    reopened(db, "t")


REFUSED = [
    ("ALTER TABLE t ADD n INTEGER NOT NULL", "is NOT NULL and needs a DEFAULT"),
    ("ALTER TABLE t ADD n INTEGER PRIMARY KEY", "a primary key cannot be added"),
    ("ALTER TABLE t ADD PRIMARY KEY (name)", "a primary key cannot be added"),
    ("ALTER TABLE t ADD name TEXT", "has a column name already"),
    ("ALTER TABLE t ADD n", "needs a type"),
    ("ALTER TABLE t ADD n INTEGER DEFAULT 'x'", "the default of n"),
    ("ALTER TABLE t ADD n INTEGER DEFAULT 0 CHECK (n > 0)", "CHECK constraint failed: n > 0"),
    ("ALTER TABLE t ADD n TEXT DEFAULT 'q' REFERENCES p (code)", "FOREIGN KEY constraint failed"),
    ("ALTER TABLE t ADD n TEXT DEFAULT 'q' UNIQUE", "the table holds equal rows"),
    ("ALTER TABLE t ADD CONSTRAINT c CHECK (age > 20)", "CHECK constraint failed: c"),
    ("ALTER TABLE t DROP id", "part of the primary key"),
    ("ALTER TABLE t DROP name", "uses it"),
    ("ALTER TABLE t DROP age", "uses it"),
    ("ALTER TABLE t DROP code", "a FOREIGN KEY uses it"),
    ("ALTER TABLE p DROP code", "a UNIQUE constraint uses it"),
    ("ALTER TABLE t RENAME TO p", "p exists already"),
    ("ALTER TABLE t RENAME TO v", "v exists already"),
    ("ALTER TABLE nope RENAME TO q", "no such table: nope"),
    ("ALTER TABLE v RENAME TO q", "v is a view"),
    ("DROP TABLE p", "the table t refers to p"),
]


@pytest.mark.parametrize(("sql", "message"), REFUSED)
def test_refused_alterations_change_nothing(db: Session, sql: str, message: str) -> None:
    before = (db.schema().version, sql_of(db, "t"), db.execute("SELECT * FROM t").fetchall())
    with pytest.raises(DatabaseError, match=message):
        db.execute(sql)
    assert (db.schema().version, sql_of(db, "t"), db.execute("SELECT * FROM t").fetchall()) == before
    check_indexes(db)


def test_alterations_are_part_of_transactions(new_session: NewSession) -> None:
    one, two = new_session(), new_session()
    one.execute("CREATE TABLE t (a INTEGER)")
    one.execute("INSERT INTO t VALUES (1)")
    one.execute("BEGIN")
    one.execute("ALTER TABLE t ADD b INTEGER DEFAULT 5")
    one.execute("ALTER TABLE t DROP a")
    one.execute("ALTER TABLE t RENAME TO u")
    assert one.execute("SELECT * FROM u").fetchall() == [(5,)]
    assert two.execute("SELECT * FROM t").fetchall() == [(1,)]
    one.execute("ROLLBACK")
    assert one.execute("SELECT * FROM t").fetchall() == two.execute("SELECT * FROM t").fetchall() == [(1,)]
    one.execute("BEGIN")
    one.execute("ALTER TABLE t ADD b INTEGER DEFAULT 5")
    one.execute("COMMIT")
    assert two.execute("SELECT * FROM t").fetchall() == [(1, 5)]
    assert one.execute("ALTER TABLE IF EXISTS nope RENAME TO x").rowcount == -1


def test_a_view_of_all_columns_stops_what_would_break_it(db: Session) -> None:
    db.execute("CREATE VIEW a AS SELECT * FROM p")
    db.execute("CREATE VIEW b AS SELECT code FROM a")
    with pytest.raises(ProgrammingError, match="the view b names the column code"):
        db.execute("ALTER TABLE p RENAME code TO c")
    db.execute("DROP VIEW b")
    db.execute("CREATE VIEW c (one, two) AS SELECT * FROM p")
    with pytest.raises(ProgrammingError, match="the view c would not work after extra is added"):
        db.execute("ALTER TABLE p ADD extra INTEGER")
        db.execute("SELECT * FROM c")
