"""Export, dump, backup and restore: what leaves comes back."""

from __future__ import annotations

import gzip
import os
import subprocess
from pathlib import Path

import pytest

import engine
from tests.shell.test_script import RUNNER, anokuro

SCHEMA = """
CREATE TABLE zoo (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE animal (zoo INTEGER REFERENCES zoo (id), born DATE, seen TIMESTAMP, weight REAL, tame BOOLEAN, raw BLOB, "odd name" TEXT);
CREATE INDEX by_weight ON animal (weight);
CREATE VIEW heavy AS SELECT * FROM animal WHERE weight > 100;
CREATE VIEW a_view AS SELECT * FROM heavy;
INSERT INTO zoo VALUES (1, 'Berlin'), (2, 'O''Zoo;');
INSERT INTO animal VALUES (1, DATE '2020-01-31', TIMESTAMP '2020-01-31 10:00:00.5', 1.0, TRUE, X'00ff', 'a "b"
c'), (2, NULL, NULL, 1e300, FALSE, NULL, '');
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.ank"
    assert anokuro(str(path), stdin=SCHEMA).returncode == 0
    return path


def rows(path: Path, table: str = "animal") -> list[tuple[object, ...]]:
    with engine.open(path, readonly=True) as db:
        return list(db.execute(f"SELECT * FROM {table}"))


def test_a_dump_makes_the_database_again(shop: Path, tmp_path: Path) -> None:
    dumped = anokuro(str(shop), ".dump").stdout
    copy = tmp_path / "copy.ank"
    done = anokuro(str(copy), stdin=dumped)
    assert (done.returncode, done.stderr) == (0, "")
    assert anokuro(str(copy), ".dump").stdout == dumped
    assert rows(copy) == rows(shop) and rows(copy, "a_view") == rows(shop, "a_view")
    assert "CREATE VIEW" not in anokuro(str(shop), ".dump zoo").stdout
    assert "no such table: zo" in anokuro(str(shop), ".dump zo").stderr


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv", "a.tsv.gz"])
def test_an_export_is_imported_again(shop: Path, tmp_path: Path, name: str) -> None:
    query = "SELECT zoo, born, seen, weight, tame FROM animal"
    done = anokuro("export", str(shop), str(tmp_path / name), query)
    assert (done.returncode, done.stdout) == (0, "") and "exported 2 rows" in done.stderr
    done = anokuro("import", str(tmp_path / "new.ank"), str(tmp_path / name), "--table", "t", "--create")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "new.ank", "t") == [row[:5] for row in rows(shop)]


def test_insert_statements_are_run_again(shop: Path, tmp_path: Path) -> None:
    assert anokuro("export", str(shop), str(tmp_path / "a.sql"), "animal").returncode == 0
    anokuro(str(shop), "-c", "DELETE FROM animal WHERE TRUE", "-f", str(tmp_path / "a.sql"))
    assert rows(shop)[1][3] == 1e300 and len(rows(shop)) == 2


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_columnar_files(shop: Path, tmp_path: Path, name: str) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.ipc
    import pyarrow.parquet

    path = tmp_path / name
    assert anokuro("export", str(shop), str(path), "animal").returncode == 0
    table = pyarrow.parquet.read_table(path) if name.endswith("parquet") else pyarrow.ipc.open_file(path).read_all()
    assert [tuple(row.values()) for row in table.to_pylist()] == rows(shop)


def test_standard_output_and_formats(shop: Path) -> None:
    done = anokuro("export", str(shop), "-", "SELECT 1 AS a", "--format", "json")
    assert (done.returncode, done.stdout, done.stderr) == (0, '[{"a":1}]\n', "")
    assert "did you mean json?" in anokuro("export", str(shop), "-", "zoo", "--format", "jsno").stderr
    assert "no such table: zo" in anokuro("export", str(shop), "-", "zo", "--format", "csv").stderr


@pytest.mark.parametrize("device", ["/dev/stdout", "/dev/fd/1"])
def test_a_device_is_written_to_and_stays_what_it_is(shop: Path, tmp_path: Path, device: str) -> None:
    """Writing beside it and renaming would put a file in its place."""
    before = os.lstat(device).st_mode
    out = tmp_path / "out"
    with out.open("w") as stream:
        command = [*RUNNER, "export", str(shop), device, "zoo", "--format", "csv", "-q"]
        assert subprocess.run(command, stdout=stream).returncode == 0
    assert os.lstat(device).st_mode == before
    assert out.read_text() == "id,name\n1,Berlin\n2,O'Zoo;\n"


def test_a_failing_export_leaves_what_was_there(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    link = tmp_path / "link.csv"
    link.symlink_to(target)
    assert anokuro("export", str(shop), str(link), "SELECT abs(-9223372036854775807 - zoo) FROM animal").returncode == 1
    assert target.read_text() == "old" and sorted(path.suffix for path in tmp_path.glob("*out*")) == [".csv"]
    assert anokuro("export", str(shop), str(link), "zoo").returncode == 0
    assert link.is_symlink() and target.read_text().startswith("id,name\n")


def test_gzip_says_nothing_of_when_and_where(shop: Path, tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        anokuro("export", str(shop), str(tmp_path / name), "zoo")
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).startswith(b"id,name\n")


def test_backup_and_restore(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.ank"
    assert anokuro("backup", str(shop), str(copy)).returncode == 0
    assert "exists" in anokuro("backup", str(shop), str(copy)).stderr
    anokuro(str(shop), "-c", "INSERT INTO zoo VALUES (3, 'new')")
    refused = anokuro(str(shop), "-c", f".restore {copy}")
    assert refused.returncode == 1 and "--yes does it" in refused.stderr
    assert len(rows(shop, "zoo")) == 3
    done = anokuro(str(shop), "--yes", "-c", f".restore {copy}", "-c", "INSERT INTO zoo VALUES (4, 'after')")
    assert done.returncode == 0, done.stderr
    assert [row[0] for row in rows(shop, "zoo")] == [1, 2, 4]
    assert anokuro("check", str(shop)).returncode == 0
    assert not list(tmp_path.glob("*restoring*"))


def test_a_damaged_backup_replaces_nothing(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.ank"
    anokuro("backup", str(shop), str(copy))
    data = bytearray(copy.read_bytes())
    for place in range(3 * 8192, len(data), 512):
        data[place] ^= 0xFF
    copy.write_bytes(data)
    done = anokuro(str(shop), "--yes", "-c", f".restore {copy}")
    assert done.returncode in (1, 3) and "Traceback" not in done.stderr
    assert len(rows(shop, "zoo")) == 2


@pytest.mark.parametrize(
    ("script", "hint"),
    [
        ("BEGIN; INSERT INTO zoo VALUES (9, 'x');\n.backup b.ank\n", "a transaction is open"),
        ("BEGIN; INSERT INTO zoo VALUES (9, 'x');\n.restore b.ank\n", "a transaction is open"),
        (".restore missing.ank\n", "no such file"),
        (".restore shop.ank\n", "from itself"),
        (".open :memory:\n.restore shop.ank\n", "in memory"),
    ],
)
def test_refusals(shop: Path, script: str, hint: str) -> None:
    done = anokuro("shop.ank", "--yes", stdin=script, cwd=shop.parent)
    assert done.returncode == 1 and hint in done.stderr


def test_completion_scripts_and_man_page(tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        text = anokuro("config", "--completion", shell).stdout
        assert "readonly" in text and "backup" in text
    (tmp_path / "c.bash").write_text(anokuro("config", "--completion", "bash").stdout)
    probe = "source c.bash; COMP_WORDS=(anokuro --read); COMP_CWORD=1; _anokuro; echo ${COMPREPLY[@]}"
    done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("--readonly\n", "")
    page = anokuro("config", "--man").stdout
    assert page.startswith(".TH ANOKURO 1") and ".B \\&.backup FILE" in page
