"""Dates and timestamps as numbers: days, and microseconds, since 1970-01-01 in the proleptic Gregorian calendar.

The conversions are Howard Hinnant's ("chrono-compatible low-level date algorithms"), in years that begin in March,
so that the leap day is the last of its year.
"""

import cython
from cython.cimports.cpython.datetime import (
    PyDateTime_DATE_GET_HOUR,
    PyDateTime_DATE_GET_MICROSECOND,
    PyDateTime_DATE_GET_MINUTE,
    PyDateTime_DATE_GET_SECOND,
    PyDateTime_GET_DAY,
    PyDateTime_GET_MONTH,
    PyDateTime_GET_YEAR,
    date_new,
    datetime_new,
    import_datetime,
)

from engine.base.errors import CorruptionError

import_datetime()

DAY_MICROS = cython.declare(cython.longlong, 86_400_000_000)
FIRST_DAY = cython.declare(cython.longlong, -719162)  # 0001-01-01
LAST_DAY = cython.declare(cython.longlong, 2932896)  # 9999-12-31


def days_from_civil(year, month, day):
    shifted: int64_t = year - (1 if month <= 2 else 0)
    era: int64_t = (shifted if shifted >= 0 else shifted - 399) // 400
    year_of_era: int64_t = shifted - era * 400
    day_of_year: int64_t = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era: int64_t = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146097 + day_of_era - 719468


def civil_from_days(days, year, month, day):
    shifted: int64_t = days + 719468
    era: int64_t = (shifted if shifted >= 0 else shifted - 146096) // 146097
    day_of_era: int64_t = shifted - era * 146097
    year_of_era: int64_t = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year: int64_t = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month: int64_t = (5 * day_of_year + 2) // 153
    day[0] = cython.cast(cython.int, day_of_year - (153 * march_month + 2) // 5 + 1)
    month[0] = cython.cast(cython.int, march_month + 3 if march_month < 10 else march_month - 9)
    year[0] = cython.cast(cython.int, year_of_era + era * 400 + (1 if month[0] <= 2 else 0))


def days_of(value):
    return days_from_civil(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value), PyDateTime_GET_DAY(value))


def micros_of(value):
    seconds: int64_t = (
        PyDateTime_DATE_GET_HOUR(value) * 3600
        + PyDateTime_DATE_GET_MINUTE(value) * 60
        + PyDateTime_DATE_GET_SECOND(value)
    )
    return days_of(value) * DAY_MICROS + seconds * 1_000_000 + PyDateTime_DATE_GET_MICROSECOND(value)


def date_from_days(days):
    year: cython.int = 0
    month: cython.int = 0
    day: cython.int = 0
    if days < FIRST_DAY or days > LAST_DAY:
        raise CorruptionError(f"a stored DATE lies {days} days from 1970, beyond the years 1 to 9999")
    civil_from_days(days, cython.address(year), cython.address(month), cython.address(day))
    return date_new(year, month, day)


def timestamp_from_micros(micros):
    year: cython.int = 0
    month: cython.int = 0
    day: cython.int = 0
    days: int64_t = micros // DAY_MICROS
    rest: int64_t = micros - days * DAY_MICROS
    if rest < 0:
        days -= 1
        rest += DAY_MICROS
    if days < FIRST_DAY or days > LAST_DAY:
        raise CorruptionError(f"a stored TIMESTAMP lies {days} days from 1970, beyond the years 1 to 9999")
    civil_from_days(days, cython.address(year), cython.address(month), cython.address(day))
    seconds: cython.int = cython.cast(cython.int, rest // 1_000_000)
    return datetime_new(
        year,
        month,
        day,
        seconds // 3600,
        seconds // 60 % 60,
        seconds % 60,
        cython.cast(cython.int, rest % 1_000_000),
        None,
    )


def days_since_epoch(value) -> int:
    """Days from 1970-01-01 to a date."""
    return days_of(value)


def micros_since_epoch(value) -> int:
    """Microseconds from 1970-01-01 00:00 to a naive datetime."""
    return micros_of(value)


def date_at(days: int):
    """The date `days` after 1970-01-01. Raises CorruptionError outside the years 1 to 9999."""
    return date_from_days(days)


def timestamp_at(micros: int):
    """The naive datetime `micros` after 1970-01-01 00:00. Raises CorruptionError outside the years 1 to 9999."""
    return timestamp_from_micros(micros)
