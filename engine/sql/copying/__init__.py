"""COPY: files into tables, and queries into files.

    COPY t FROM 'f'    options -> source (CSV, JSON lines, Parquet, Arrow) -> typed Arrow arrays -> load -> pages
    COPY q TO 'f'      options -> batches of the query's result -> target -> a temporary file -> renamed when complete

statement.py  the statement itself: what is asked for, in which transaction
options.py    the options, and what the file's name says
files.py      opening, and writing under a temporary name
csv_source.py, other_sources.py   files as batches of arrays, each exactly of its column's type
typed.py      arrays and texts as arrays of a column's type, without loss, or refused
load.py       batches into a table and its indexes
target.py     batches into files

A file is read in batches, so memory does not grow with it. What INSERT would refuse is refused, with the place in the file;
then nothing of the file is in the table.
"""
