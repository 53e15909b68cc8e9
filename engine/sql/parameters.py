"""The parameters of one execution, as given by the caller, in the order of the statement's slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.base.errors import ProgrammingError
from engine.record.types import INTEGER_MAX, INTEGER_MIN, Value, normalise
from engine.sql.binder import Params

Parameters = Sequence[Any] | Mapping[str, Any]
_EXACT = frozenset((str, bytes, bool, type(None)))


def bind_values(params: Params, given: Parameters) -> Sequence[Value]:
    """The values of all slots. Raises ProgrammingError when they do not fit the statement, DataError for what no column can hold."""
    if type(given) is tuple and not params.names and len(given) == params.count:
        for value in given:
            kind = type(value)
            if kind not in _EXACT and (kind is not int or not INTEGER_MIN <= value <= INTEGER_MAX):
                return [normalise(value) for value in given]
        return given
    if params.names:
        if params.count:
            raise ProgrammingError("a statement has parameters by position or by name, not both")
        return _named(params, given)
    if isinstance(given, Mapping):
        if params.count or given:
            raise ProgrammingError(f"the statement has {params.count} parameters by position; give a sequence")
        return ()
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        given = _sequence(given)
    if len(given) != params.count:
        raise ProgrammingError(f"the statement has {params.count} parameter(s), and {len(given)} were given")
    return [normalise(value) for value in given]


def _sequence(given: Any) -> Sequence[Any]:
    if isinstance(given, (str, bytes)):
        raise ProgrammingError("parameters are a sequence or a mapping; for one parameter write (value,)")
    try:
        return list(given)
    except TypeError:
        raise ProgrammingError(f"parameters are a sequence or a mapping, not {type(given).__name__}") from None


def _named(params: Params, given: Any) -> Sequence[Value]:
    if not isinstance(given, Mapping):
        raise ProgrammingError(f"the statement has named parameters ({', '.join(params.names)}); give a mapping")
    values = []
    for name in params.names:
        if name in given:
            values.append(normalise(given[name]))
        else:
            raise ProgrammingError(f"the parameter :{name} was not given")
    return values
