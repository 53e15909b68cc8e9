"""Columns as text, for whoever writes results to files: see engine.record.text."""

from engine.record.text import TextLines, supports

__all__ = ["TextLines", "supports"]
