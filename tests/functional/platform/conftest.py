"""One platform for all tests of this folder: engines, roles, a bank, an alliance; no mocks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from platform_world import World, booted, opened

from weir_demo.boot import Boot


@pytest.fixture(scope="session")
def running() -> Iterator[Boot]:
    """Started outside the event loop, from the main thread, as `weir up` does."""
    with booted() as boot:
        yield boot


@pytest.fixture(scope="session")
async def platform(running: Boot) -> AsyncIterator[World]:
    async with opened(running) as world:
        yield world
