"""Renderers: rows in, text out, one file per kind of thing.

formats.py      the ordered list of output formats and their renderers
grid.py         table, box, markdown         separated.py   csv, tsv
documents.py    json, jsonl                  lines.py       line (expanded)
batches.py      rows in batches that follow the speed at which they arrive
values.py       values as text               output.py      streams and terminals
inspections.py  renderers for the models of engine.inspect, registered by type
"""
