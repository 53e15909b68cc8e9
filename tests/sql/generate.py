"""Random tables and queries in the language that SQLite and we share.

Intended differences are avoided: integers stay small (we refuse overflow), no arithmetic on text, no bare columns beside
aggregates, LIMIT only under an order that decides.
"""

from __future__ import annotations

import random

TABLES = {"t0": ["a", "b", "c", "s"], "t1": ["k", "a", "d", "s"], "t2": ["x", "y"]}
SCHEMA = [
    "CREATE TABLE t0 (a INTEGER, b INTEGER, c REAL, s TEXT)",
    "CREATE TABLE t1 (k INTEGER PRIMARY KEY, a INTEGER, d REAL, s TEXT)",
    "CREATE TABLE t2 (x INTEGER, y TEXT, PRIMARY KEY (x, y)) WITHOUT ROWID",
]
INDEXES = [
    "CREATE INDEX t0_a ON t0 (a)",
    "CREATE INDEX t0_ba ON t0 (b DESC, a)",
    "CREATE INDEX t1_s ON t1 (s)",
    "CREATE INDEX t1_a ON t1 (a, d)",
    "CREATE INDEX t0_c ON t0 (c)",
    "CREATE INDEX t0_some ON t0 (b, a) WHERE a > 0",
    "CREATE INDEX t0_there ON t0 (a) WHERE a IS NOT NULL AND b < 5",
    "CREATE INDEX t0_sum ON t0 (abs(a), lower(s) DESC)",
    "CREATE UNIQUE INDEX t1_lower ON t1 (lower(s), k) WHERE s <> 'a'",
    "CREATE INDEX t2_len ON t2 (length(y)) WHERE x IN (1, 2, 3) OR x < 0",
]
WORDS = ["", "a", "ab", "abc", "b", "B", "zz", "a%", "a_c", "x y"]


def rows(rng: random.Random, table: str, count: int) -> list[tuple[object, ...]]:
    """Random rows of a table; keys are unique."""

    def integer() -> int | None:
        return None if rng.random() < 0.15 else rng.randint(-5, 10)

    def real() -> float | None:
        return None if rng.random() < 0.15 else rng.choice([rng.randint(-4, 8), rng.randint(-8, 8) / 4]) * 1.0

    def text() -> str | None:
        return None if rng.random() < 0.15 else rng.choice(WORDS)

    if table == "t0":
        return [(integer(), integer(), real(), text()) for _ in range(count)]
    if table == "t1":
        ids = rng.sample(range(-20, 60), count)
        return [(i, integer(), real(), text()) for i in ids]
    pairs = {(rng.randint(-5, 10), rng.choice(WORDS)) for _ in range(count)}
    return list(pairs)


class Generator:
    """Makes queries; each is a text and whether its rows are in a decided order.

    portable: what stricter engines understand alike as well: no division, no literals that are decimals there, columns of
    one type in set operations, no total().
    """

    def __init__(self, rng: random.Random, portable: bool = False):
        self.rng = rng
        self.portable = portable
        self.signs = ("+", "-", "*") if portable else ("+", "-", "*", "/")
        self.real = "1.5e0" if portable else "1.5"
        self.numbers: list[str] = []
        self.texts: list[str] = []
        self.depth = 0

    def pick(self, *options: str) -> str:
        return self.rng.choice(options)

    def number(self, depth: int = 0) -> str:
        """A numeric expression."""
        roll = self.rng.random()
        if depth > 2 or roll < 0.4:
            if self.numbers and self.rng.random() < 0.8:
                return self.rng.choice(self.numbers)
            return self.pick("0", "1", "2", "-3", "5", self.real, "NULL", "7")
        if roll < 0.65:
            return f"({self.number(depth + 1)} {self.pick(*self.signs)} {self.number(depth + 1)})"
        if roll < 0.72:
            return f"(- {self.number(depth + 1)})"
        if roll < 0.79:
            return f"abs({self.number(depth + 1)})"
        if roll < 0.86:
            return (
                f"CASE WHEN {self.condition(depth + 1)} THEN {self.number(depth + 1)} ELSE {self.number(depth + 1)} END"
            )
        if roll < 0.92:
            return f"coalesce({self.number(depth + 1)}, {self.number(depth + 1)})"
        if roll < 0.95:
            return f"nullif({self.number(depth + 1)}, {self.number(depth + 1)})"
        return f"length({self.text()})"

    def text(self) -> str:
        """A text expression."""
        roll = self.rng.random()
        if self.texts and roll < 0.7:
            return self.rng.choice(self.texts)
        if self.texts and roll < 0.8:
            return self.pick(
                f"lower({self.rng.choice(self.texts)})",
                f"substr({self.rng.choice(self.texts)}, {self.rng.randint(-3, 3)}, {self.rng.randint(0, 3)})",
                f"({self.rng.choice(self.texts)} || 'x')",
                f"trim({self.rng.choice(self.texts)})",
            )
        return self.pick("'a'", "'ab'", "''", "'B'", "NULL", "'zz'")

    def condition(self, depth: int = 0) -> str:
        """A condition."""
        roll = self.rng.random()
        if depth < 3 and roll < 0.25:
            glue = self.pick(" AND ", " OR ")
            return "(" + glue.join(self.condition(depth + 1) for _ in range(self.rng.randint(2, 3))) + ")"
        if depth < 3 and roll < 0.32:
            return f"(NOT {self.condition(depth + 1)})"
        if roll < 0.62:
            sign = self.pick("=", "<>", "<", "<=", ">", ">=", "=", "IS", "IS NOT")
            return f"({self.number(depth + 1)} {sign} {self.number(depth + 1)})"
        if roll < 0.72:
            return f"({self.text()} {self.pick('=', '<', '>=', '<>')} {self.text()})"
        if roll < 0.78:
            return f"({self.text()} {self.pick('LIKE', 'NOT LIKE')} {self.pick(chr(39) + 'a%' + chr(39), chr(39) + '_b%' + chr(39), chr(39) + '%' + chr(39))})"
        if roll < 0.84:
            items = ", ".join(self.number(3) for _ in range(self.rng.randint(1, 5)))
            return f"({self.number(depth + 1)} {self.pick('IN', 'NOT IN')} ({items}))"
        if roll < 0.86:
            text, sign, other = self.text(), self.pick("=", "<>", "<", ">="), self.text()
            return f"({text} {sign} {other} COLLATE NOCASE)"
        if roll < 0.9:
            low, high = self.number(3), self.number(3)
            return f"({self.number(depth + 1)} {self.pick('BETWEEN', 'NOT BETWEEN')} {low} AND {high})"
        if roll < 0.95 or self.depth > 1:
            return f"({self.pick(self.number(3), self.text())} {self.pick('IS NULL', 'IS NOT NULL')})"
        return self.subquery_condition()

    def subquery_condition(self) -> str:
        """EXISTS, IN and comparison with a scalar query, perhaps correlated."""
        self.depth += 1
        numbers, texts = self.numbers, self.texts
        kind = self.rng.random()
        operand = self.number(3)
        table = self.rng.choice(list(TABLES))
        alias = f"q{self.depth}{self.rng.randint(0, 99)}"
        own = [f"{alias}.{c}" for c in TABLES[table] if c not in ("s", "y")]
        self.numbers = numbers + own
        self.texts = texts + [f"{alias}.{c}" for c in TABLES[table] if c in ("s", "y")]
        where = self.condition(2)
        item = self.rng.choice(own)
        self.numbers, self.texts = numbers, texts
        self.depth -= 1
        if kind < 0.4:
            return f"{self.pick('', 'NOT ')}EXISTS (SELECT 1 FROM {table} {alias} WHERE {where})"
        if kind < 0.7:
            return f"({operand} {self.pick('IN', 'NOT IN')} (SELECT {item} FROM {table} {alias} WHERE {where}))"
        function = self.pick("max", "min", "count", "sum")
        return f"({operand} {self.pick('<', '=', '>=')} (SELECT {function}({item}) FROM {table} {alias} WHERE {where}))"

    def source(self) -> str:
        """A FROM clause; sets the columns in scope."""
        self.numbers, self.texts = [], []
        count = self.rng.choice([1, 1, 1, 2, 2, 3])
        parts = []
        for i in range(count):
            table = self.rng.choice(list(TABLES))
            alias = f"j{i}"
            item = f"{table} {alias}"
            if self.rng.random() < 0.12:
                item = f"(SELECT * FROM {table}) AS {alias}"
            before = list(self.numbers), list(self.texts)
            self.numbers += [f"{alias}.{c}" for c in TABLES[table] if c not in ("s", "y")]
            self.texts += [f"{alias}.{c}" for c in TABLES[table] if c in ("s", "y")]
            if i == 0:
                parts.append(item)
                continue
            kind = self.pick("JOIN", "LEFT JOIN", "JOIN", "LEFT JOIN", ",", "RIGHT JOIN", "FULL JOIN")
            if kind == ",":
                parts.append(f"CROSS JOIN {item}")
            else:
                old = self.rng.choice(before[0])
                new = self.rng.choice([n for n in self.numbers if n not in before[0]])
                on = f"{old} = {new}" if self.rng.random() < 0.7 else self.condition(2)
                if self.rng.random() < 0.3:
                    on += f" AND {self.condition(2)}"
                parts.append(f"{kind} {item} ON {on}")
        return " ".join(parts)

    def query(self) -> tuple[str, bool]:
        """A query, and whether its order is decided."""
        source = self.source()
        where = f" WHERE {self.condition()}" if self.rng.random() < 0.7 else ""
        roll = self.rng.random()
        if roll < 0.3:
            return self.grouped(source, where)
        if roll > 0.93:
            return self.windowed(source, where)
        kinds = [self.rng.random() < 0.5 for _ in range(self.rng.randint(1, 4))]
        items = [self.number() if kind else self.text() for kind in kinds]
        distinct = "DISTINCT " if roll < 0.45 else ""
        sql = f"SELECT {distinct}{', '.join(f'{item} AS r{i}' for i, item in enumerate(items))} FROM {source}{where}"
        if self.rng.random() < 0.5:
            order = ", ".join(
                f"{i + 1}{self.pick('', ' DESC', ' ASC', ' DESC NULLS LAST', ' NULLS LAST')}" for i in range(len(items))
            )
            sql += f" ORDER BY {order}"
            if self.rng.random() < 0.5:
                sql += f" LIMIT {self.rng.randint(0, 6)}" + self.pick("", f" OFFSET {self.rng.randint(0, 3)}")
            return sql, True
        if self.rng.random() < 0.2:
            other = self.source()
            if not self.portable:
                kinds = [self.rng.random() < 0.5 for _ in kinds]
            more = ", ".join(self.number() if kind else self.text() for kind in kinds)
            sql += f" {self.pick('UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT')} SELECT {more} FROM {other} WHERE {self.condition()}"
        return sql, False

    def windowed(self, source: str, where: str) -> tuple[str, bool]:
        """A query with window functions whose values do not depend on the order of equal rows."""
        calls = []
        for _ in range(self.rng.randint(1, 2)):
            call = self.pick(
                f"sum({self.number(2)})", f"count({self.number(2)})", f"min({self.text()})", f"max({self.number(2)})",
                "rank()", "dense_rank()", "count(*)", f"avg({self.number(2)})",
            )  # fmt: skip
            partition = f"PARTITION BY {self.rng.choice(self.numbers + self.texts)}" if self.rng.random() < 0.6 else ""
            order = f"ORDER BY {self.rng.choice(self.numbers + self.texts)}{self.pick('', ' DESC')}"
            calls.append(f"{call} OVER ({partition} {order})")
        items = [self.rng.choice(self.numbers + self.texts), *calls]
        return f"SELECT {', '.join(items)} FROM {source}{where}", False

    def statement(self) -> tuple[str, bool]:
        """A query, sometimes around another one."""
        if self.rng.random() < 0.9:
            return self.query()
        table = self.rng.choice(["t0", "t1"])
        self.numbers, self.texts = ["a"], ["s"]
        inner = f"SELECT a, s, count(*) AS n FROM {table} WHERE {self.condition(1)} GROUP BY a, s"
        if self.rng.random() < 0.5:
            inner += f" UNION ALL SELECT {self.pick('a', 'k')}, s, 0 FROM t1"
        self.numbers, self.texts = ["w.a", "w.n", "t.b"], ["w.s", "t.s"]
        kind = self.pick("JOIN", "LEFT JOIN")
        body = f"FROM w {kind} t0 t ON w.a = t.a WHERE {self.condition(1)}"
        if self.rng.random() < 0.5:
            return f"WITH w AS ({inner}) SELECT w.a, w.s, w.n, t.b {body}", False
        return (
            f"SELECT w.s, sum(w.n), count(DISTINCT t.b) {body.replace('FROM w', f'FROM ({inner}) AS w', 1)} GROUP BY w.s",
            False,
        )

    def grouped(self, source: str, where: str) -> tuple[str, bool]:
        """A query with aggregates."""
        keys = [self.rng.choice(self.numbers + self.texts) for _ in range(self.rng.randint(0, 2))]
        calls = [
            self.pick(
                "count(*)", f"count({self.number(2)})", f"sum({self.number(2)})", f"min({self.number(2)})",
                f"max({self.text()})", f"avg({self.number(2)})", f"count(DISTINCT {self.number(2)})",
                f"{'sum' if self.portable else 'total'}({self.number(2)})",
            )
            for _ in range(self.rng.randint(1, 3))
        ]  # fmt: skip
        calls = [f"{call} FILTER (WHERE {self.condition(2)})" if self.rng.random() < 0.15 else call for call in calls]
        sql = f"SELECT {', '.join(keys + calls)} FROM {source}{where}"
        if keys:
            sql += f" GROUP BY {', '.join(keys)}"
            if self.rng.random() < 0.4:
                sql += f" HAVING {self.pick('count(*) > 1', 'min(' + self.numbers[0] + ') < 3', 'sum(' + self.numbers[0] + ') IS NOT NULL')}"
        return sql, False
