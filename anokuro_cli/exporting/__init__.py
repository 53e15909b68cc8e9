"""Export: rows, tables and whole databases to files.

arguments.py  what was asked for, from the command line or .export
run.py        a query to a file, written beside it first, and whole or not at all
columnar.py   Parquet and Arrow, through pyarrow
dump.py       a database as the SQL that makes it again
copy.py       backup and restore: files of the database itself
"""
