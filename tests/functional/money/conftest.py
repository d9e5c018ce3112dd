"""Fixtures of the money tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from money_world import World, found_alliance
from object_store import object_store

from weir.metering.lake.lake import Lake
from weir.store.database import Database


@pytest.fixture
async def world(database: Database, folder: Path) -> World:
    return await found_alliance(database, folder)


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    """An object store that speaks S3."""
    with object_store() as url:
        yield url


# One worker of pytest runs all of the object store's tests, so that one store is started.
IN_STORE = pytest.param("object store", marks=pytest.mark.xdist_group("object store"))


@pytest.fixture(params=["folder", IN_STORE])
def stored(request: pytest.FixtureRequest, world: World) -> World:
    """The same world with its lake in a folder, and in an object store."""
    if request.param == "object store":
        url: str = request.getfixturevalue("store_url")
        world.lake = Lake(url.replace("records/lake", f"records/{world.operator}"))
    return world
