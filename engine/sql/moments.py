"""Moments moved by texts, as SQLite's date functions do it: '+1 month', 'start of year', 'weekday 1'; and as numbers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Any

from engine.base.errors import DataError
from engine.record.types import describe

_EPOCH = datetime.datetime(1970, 1, 1)
_STEP = re.compile(r"([+-]?\d+(?:\.\d+)?)\s+(second|minute|hour|day|month|year)s?\Z")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_STARTS = {
    "day": {"hour": 0, "minute": 0, "second": 0, "microsecond": 0},
    "month": {"day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0},
    "year": {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0},
}


def moved(moment: datetime.datetime, changes: Iterable[Any]) -> datetime.datetime:
    """The moment after all changes, one after the other. Raises DataError for what is no change, or leads out of the years 1 to 9999."""
    for change in changes:
        try:
            moment = _moved(moment, str(change).strip().lower())
        except (OverflowError, ValueError):
            raise DataError(f"{describe(change)} leads out of the years 1 to 9999") from None
    return moment


def _moved(moment: datetime.datetime, change: str) -> datetime.datetime:
    found = _STEP.match(change)
    if found is not None:
        amount, unit = found[1], found[2]
        if unit in _SECONDS:
            return moment + datetime.timedelta(seconds=float(amount) * _SECONDS[unit])
        if "." not in amount:
            return _by_months(moment, int(amount) * (12 if unit == "year" else 1))
    elif change.startswith("start of ") and change[9:] in _STARTS:
        return moment.replace(**_STARTS[change[9:]])  # type: ignore[arg-type]
    elif re.fullmatch("weekday [0-6]", change):
        return moment + datetime.timedelta(days=(int(change[-1]) - moment.isoweekday()) % 7)
    raise DataError(
        f"{describe(change)} moves no date; it is like '+1 day', '-2 months', 'start of year' or 'weekday 1'"
    )


def _by_months(moment: datetime.datetime, months: int) -> datetime.datetime:
    """So many months later; a day that the month has not becomes one of the next month, as in SQLite."""
    number = moment.year * 12 + moment.month - 1 + months
    year, month = number // 12, number % 12 + 1
    if not 1 <= year <= 9999:
        raise OverflowError
    from calendar import monthrange  # 1 ms, seldom needed

    last = monthrange(year, month)[1]
    extra = max(0, moment.day - last)
    return moment.replace(year=year, month=month, day=moment.day - extra) + datetime.timedelta(days=extra)


def unix_seconds(moment: datetime.datetime) -> int:
    """Whole seconds since 1970-01-01."""
    return (moment - _EPOCH) // datetime.timedelta(seconds=1)


def julian_day(moment: datetime.datetime) -> float:
    """Days since noon of 24 November 4714 BC."""
    return 2440587.5 + (moment - _EPOCH) / datetime.timedelta(days=1)
