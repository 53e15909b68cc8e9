"""Completion: what kind of thing fits, from the grammar; which names there are, from the scope and the schema.

place.py       text and cursor -> Place: keywords, kinds of names, qualifier, sources in scope; a pure function, no database
scope.py       the sources (tables, aliases, CTEs, subqueries) that a place can see
sources.py     the columns of a source
joins.py       join conditions, from foreign keys and equal names
candidates.py  Place and Schema -> candidates, ranked
"""
