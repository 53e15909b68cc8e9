"""Makes examples/data from the full nycflights13 data: all airlines, airports and planes, six weeks of flights.

    python examples/make_sample.py FOLDER      the folder holds airlines.csv, ..., flights.csv.zip

The result is the same, byte for byte, every time.
"""

import gzip
import io
import shutil
import sys
import zipfile
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
MONTHS = ("1", "7")
LAST_DAY = 21


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    source = Path(sys.argv[1])
    DATA.mkdir(exist_ok=True)
    for name in ("airlines.csv", "airports.csv", "planes.csv"):
        shutil.copyfile(source / name, DATA / name)
    with zipfile.ZipFile(source / "flights.csv.zip") as archive:
        lines = archive.read("flights.csv").splitlines(keepends=True)
    chosen = io.BytesIO()
    chosen.write(lines[0])
    for line in lines[1:]:
        _, month, day, _ = line.split(b",", 3)
        if month.decode() in MONTHS and int(day) <= LAST_DAY:
            chosen.write(line)
    # no name and no time in the header, so that the same rows give the same file
    (DATA / "flights.csv.gz").write_bytes(gzip.compress(chosen.getvalue(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
