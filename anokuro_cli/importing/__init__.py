"""Import of CSV and TSV files, also inside .zip and .gz.

source.py     opens the file, twice: rows, and how far it has been read
infer.py      first pass: what type each column has
convert.py    second pass: batches of text rows -> batches of typed rows
run.py        one transaction around it all: create, insert, report
arguments.py  what was asked for, from the command line or .import
"""
