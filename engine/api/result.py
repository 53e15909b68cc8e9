"""The Result of a statement, as programs see it; it is made by engine.sql, which knows how rows come about."""

from engine.sql.result import Result

__all__ = ["Result"]
