"""What people type who come from other shells: the names of their output modes, and statements that are something else here."""

from __future__ import annotations

MODES = {
    "expanded": "line",
    "vertical": "line",
    "md": "markdown",
    "tabs": "tsv",
    "list": "tsv",
    "unaligned": "tsv",
    "column": "table",
    "columns": "table",
    "aligned": "table",
    "psql": "table",
    "quote": "insert",
    "jsonlines": "jsonl",
}

_STATEMENTS = {
    "SHOW": "\\dt lists tables, \\d TABLE describes one, .tables sys.* lists what can be asked about the database",
    "DESCRIBE": "\\d TABLE describes a table",
    "DESC": "\\d TABLE describes a table",
    "USE": ".open FILE opens another database",
    "ATTACH": "a database is one file: .open FILE opens another, .import and COPY bring data in",
    "DETACH": "a database is one file: .open FILE opens another",
    "PRAGMA": ".tables sys.* lists what can be asked about the database; what can be set is set when it is opened (--help)",
    "TRUNCATE": "DELETE FROM TABLE deletes all rows, and frees whole pages to do so",
    "MERGE": "INSERT ... ON CONFLICT (KEY) DO UPDATE SET ... changes the rows that are there",
    "SOURCE": ".read FILE runs a script",
    "LOAD": ".read FILE runs a script, .import FILE TABLE brings data in",
    "GRANT": "there are no users; who may read or write the file may read or write all of it",
    "REVOKE": "there are no users; who may read or write the file may read or write all of it",
    "HELP": ".help lists the commands",
    "QUIT": ".quit or Ctrl-D leaves",
    "EXIT": ".quit or Ctrl-D leaves",
}


def statement_hint(sql: str) -> str | None:
    """What to type instead of a statement that only others have."""
    words = sql.split(None, 1)
    return _STATEMENTS.get(words[0].rstrip(";").upper()) if words else None
