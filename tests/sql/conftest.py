"""Sessions for the tests of this folder: over the plain store, and over the engine itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.sql.session import Session
from tests.support.fake_store import FakeStore


@pytest.fixture(params=["plain", "engine"])
def new_session(request: pytest.FixtureRequest) -> Iterator[Callable[[], Session]]:
    """A function that opens another session over the same store."""
    if request.param == "plain":
        store = FakeStore()
        first = Session(store)
        yield lambda: Session(store, first.catalog)
        return
    import engine

    database: Any = engine.open(":memory:")
    try:
        yield database.new_session
    finally:
        database.close()


@pytest.fixture
def session(new_session: Callable[[], Session]) -> Session:
    """One session."""
    return new_session()
