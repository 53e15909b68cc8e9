"""What a program adds to the language of an open database: frames as tables, Python functions as SQL functions.

Both belong to the open database, not to its file: they are gone with it, and nothing stored can use them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from engine.base.errors import Error, InterfaceError, NotSupportedError, OperationalError, ProgrammingError
from engine.record.types import Type, normalise, type_named
from engine.sql import functions
from engine.sql.aggregates import Aggregator
from engine.sql.columns import arrow
from engine.sql.declaration import Function
from engine.sql.plan import SystemTable
from engine.sql.shared import Shared
from grammar.tokens import RESERVED

ARGUMENTS_MAX = 100
PORTION = 8192
_ARROW_KINDS: list[tuple[str, Type]] = [
    ("is_boolean", Type.BOOLEAN), ("is_integer", Type.INTEGER), ("is_floating", Type.REAL), ("is_decimal", Type.REAL),
    ("is_date", Type.DATE), ("is_timestamp", Type.TIMESTAMP), ("is_binary", Type.BLOB), ("is_large_binary", Type.BLOB),
    ("is_fixed_size_binary", Type.BLOB), ("is_binary_view", Type.BLOB), ("is_string", Type.TEXT),
    ("is_large_string", Type.TEXT), ("is_string_view", Type.TEXT), ("is_time", Type.TEXT), ("is_null", Type.TEXT),
]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ frames


def register_frame(shared: Shared, name: str, frame: Any) -> None:
    """Make a frame (pandas, Polars, pyarrow Table, RecordBatch or reader) a table that queries can read by this name.

    Its values are taken over now, converted without loss. A stored table of the same name goes before it. Raises
    NotSupportedError for what is no frame or has columns of types that there are not, DataError for values.
    """
    if not isinstance(name, str) or not name:
        raise InterfaceError("the name of a frame is a text, not empty")
    if not arrow.available():
        raise NotSupportedError("register needs pyarrow: pip install pyarrow")
    arrow.load()
    table = _arrow_table(frame)
    kinds = [_kind_of(column.type, title) for column, title in zip(table.columns, table.column_names, strict=True)]
    if len({title.lower() for title in table.column_names}) < len(kinds):
        raise ProgrammingError(f"two columns of {name} have the same name")
    batches = [_typed(batch, kinds) for batch in table.to_batches(PORTION)]

    def rows(args: tuple[Any, ...], session: Any) -> Iterator[tuple[Any, ...]]:
        for arrays in batches:
            yield from zip(*map(arrow.python_values, arrays), strict=True)

    shared.frames[name.lower()] = SystemTable(name, tuple(table.column_names), tuple(kinds), rows)
    shared.compiled.clear()


def unregister_frame(shared: Shared, name: str) -> None:
    """Forget a registered frame. Raises ProgrammingError where there is none."""
    if shared.frames.pop(name.lower(), None) is None:
        raise ProgrammingError(f"no frame is registered as {name}")
    shared.compiled.clear()


def _arrow_table(frame: Any) -> Any:
    pa = arrow.pa
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    if isinstance(frame, pa.RecordBatchReader):
        return frame.read_all()
    module = type(frame).__module__.split(".")[0]
    if module == "pandas" and hasattr(frame, "columns"):
        try:
            return pa.Table.from_pandas(frame, preserve_index=False)
        except pa.ArrowException as error:
            raise NotSupportedError(f"this frame cannot be read as a table: {error}") from None
    if module == "polars":
        if hasattr(frame, "collect"):
            frame = frame.collect()
        if hasattr(frame, "to_arrow") and hasattr(frame, "columns"):
            return frame.to_arrow()
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.table(frame)
    raise NotSupportedError(f"a {type(frame).__name__} is no frame of pandas, Polars or pyarrow")


def _kind_of(kind: Any, title: str) -> Type:
    if arrow.pa.types.is_dictionary(kind):
        kind = kind.value_type
    for test, found in _ARROW_KINDS:
        if getattr(arrow.pa.types, test, lambda _: False)(kind):
            return found
    raise NotSupportedError(f"column {title}: there is no type for Arrow's {kind}")


def _typed(batch: Any, kinds: list[Type]) -> list[Any]:
    from engine.base.errors import DataError
    from engine.sql.copying.typed import RefusedError, from_arrow

    arrays = []
    for array, kind, title in zip(batch.columns, kinds, batch.schema.names, strict=True):
        try:
            arrays.append(from_arrow(array, kind))
        except RefusedError as error:
            raise DataError(f"column {title}, row {error.row + 1} of its portion: {error.reason}") from None
    return arrays


# --------------------------------------------------------------------------------------------------------- functions


def create_function(
    shared: Shared, name: str, body: Any, arguments: int = -1, result: str | None = None, deterministic: bool = False
) -> None:
    """Make a Python function, or a class with `step` and `result` (or `finalize`), an SQL function of this name.

    body None removes it. arguments: how many it takes, -1: any number. result: the name of its type, None: any.
    deterministic: the same arguments always give the same. A scalar function is called with None for NULL; rows whose
    first argument is NULL do not reach an aggregate. Raises ProgrammingError for the name of a function there is already.
    """
    low = name.lower() if isinstance(name, str) else ""
    if not low.isidentifier() or low.upper() in RESERVED:
        raise InterfaceError("the name of a function is a plain name: letters, digits and _")
    if low in functions.names() or functions.find(low, 1, False) is not None or low in ("if", "cast"):
        raise ProgrammingError(f"there is a function {name} already, which cannot be replaced")
    if not -1 <= arguments <= ARGUMENTS_MAX:
        raise InterfaceError(f"a function takes 0 to {ARGUMENTS_MAX} arguments, or -1: any number")
    if body is None:
        if shared.functions.pop(low, None) is None:
            raise ProgrammingError(f"no such function: {name}")
    elif not callable(body):
        raise InterfaceError("a function is something that can be called, or a class with step and result")
    else:
        least, most = (0, ARGUMENTS_MAX) if arguments < 0 else (arguments, arguments)
        kind = Type.ANY if result is None else type_named(result)
        aggregate = inspect.isclass(body) and hasattr(body, "step")
        make = _aggregate(low, body, kind) if aggregate else _scalar(low, body, kind)
        shared.functions[low] = Function(
            low, least, most, ("any",), kind, make, True, aggregate, None, deterministic and not aggregate
        )
    shared.compiled.clear()


def _checked(name: str, kind: Type, call: Callable[..., Any], *args: Any) -> Any:
    """What a Python function gives, as a value of the language."""
    from engine.record.types import convert

    try:
        value = normalise(call(*args))
        return value if kind is Type.ANY else convert(value, kind)
    except Error as error:
        raise type(error)(f"the function {name}: {error}") from error
    except Exception as error:
        raise OperationalError(f"the function {name} raised {type(error).__name__}: {error}") from error


def _scalar(name: str, body: Callable[..., Any], kind: Type) -> Callable[..., Any]:
    return lambda *args: _checked(name, kind, body, *args)


def _aggregate(name: str, body: Any, kind: Type) -> Callable[[], Aggregator]:
    finish = "result" if hasattr(body, "result") else "finalize"
    if not hasattr(body, finish):
        raise InterfaceError("an aggregate is a class with step(...) and result()")

    class Given(Aggregator):
        """A program's aggregate."""

        __slots__ = ("made",)

        def __init__(self) -> None:
            self.made = _called(name, body)

        def step(self, *values: Any) -> None:
            _called(name, self.made.step, *values)

        def result(self) -> Any:
            return _checked(name, kind, getattr(self.made, finish))

    return Given


def _called(name: str, call: Callable[..., Any], *args: Any) -> Any:
    try:
        return call(*args)
    except Error:
        raise
    except Exception as error:
        raise OperationalError(f"the function {name} raised {type(error).__name__}: {error}") from error
