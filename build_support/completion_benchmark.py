"""How long completion takes: python -m build_support.completion_benchmark [--tables 1000] [--columns 20]

Every cursor position of some statements over a schema of many tables, as the prompt's thread computes it; the schema is read already, as it is at the prompt
after its first use. What counts is that 95 of 100 positions take less than 20 ms.
"""

from __future__ import annotations

import argparse
import time

from anokuro_cli.complete.candidates import complete
from anokuro_cli.schema import Column, Schema, Table

STATEMENTS = (
    "SELECT t.column_3, count(*) FROM table_17 t JOIN table_18 u ON t.column_1 = u.column_1 WHERE t.column_5 > 3 GROUP BY 1 ORDER BY 2 DESC",
    "WITH a AS (SELECT column_1 AS x FROM table_9), b AS (SELECT * FROM a) SELECT b.x FROM b, table_500 WHERE x IN (SELECT column_2 FROM table_7)",
    "INSERT INTO table_20 (column_1, column_2) SELECT column_3, column_4 FROM table_21 ON CONFLICT (column_1) DO UPDATE SET column_2 = excluded.column_2",
    "UPDATE table_3 SET column_4 = 5 WHERE column_2 = 'x' AND EXISTS (SELECT 1 FROM table_4 WHERE table_4.column_1 = table_3.column_1)",
    "CREATE INDEX i ON table_999 (column_1, column_19 DESC) WHERE column_3 IS NOT NULL",
)


def schema(tables: int, columns: int) -> Schema:
    """table_0 ... each with column_0 ..."""
    inner = tuple(Column(f"column_{number}", "INTEGER") for number in range(columns))
    made = tuple(Table(f"table_{number}", "table", "", inner) for number in range(tables))
    return Schema(made, by_name={table.name: table for table in made})


def main() -> None:
    """Measures and prints percentiles."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--columns", type=int, default=20)
    chosen = parser.parse_args()
    known = schema(chosen.tables, chosen.columns)
    found: list[tuple[float, str]] = []
    for statement in STATEMENTS:
        for offset in range(len(statement) + 1):
            for text in (statement, statement[:offset]):
                began = time.perf_counter()
                complete(text, offset, known)
                found.append(((time.perf_counter() - began) * 1000, text[:offset]))
    found.sort()
    print(f"{len(found)} positions, {chosen.tables} tables of {chosen.columns} columns, milliseconds:")
    for share in (50, 95, 99, 100):
        milliseconds, text = found[min(len(found) * share // 100, len(found) - 1)]
        print(f"  {share:3} of 100 within {milliseconds:6.1f}   ... {text[-50:]}|")


if __name__ == "__main__":
    main()
