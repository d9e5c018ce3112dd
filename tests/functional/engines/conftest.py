"""Homes under a short path that the engine user can reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_support import engines_of

from places import short_folder
from weir.store.engines import Home


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of this test alone."""
    with short_folder() as folder:
        yield folder


@pytest.fixture
def make_home(place: Path) -> Iterator[Callable[[str], Home]]:
    """Makes homes whose lock is held; at the end no engine of theirs runs."""
    homes: list[Home] = []

    def make(name: str = "h") -> Home:
        home = Home.open(place / name, create=True)
        home.acquire()
        homes.append(home)
        return home

    yield make
    for home in homes:
        home.acquire()
        for engine in engines_of(home):
            engine.stop()
        home.release()


@pytest.fixture
def home(make_home: Callable[[str], Home]) -> Home:
    return make_home("h")
