"""Fixtures of the money tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from money_world import World, found_alliance

from weir.store.database import Database


@pytest.fixture
async def world(database: Database, folder: Path) -> World:
    return await found_alliance(database, folder)
