"""One Chromium for all browser tests of a process, and one running alliance for it to look at.

Chromium is Debian's own package: `make test` installs it where it may. It knows no name but those
under localhost, and every page that `visit` opens is watched: a console error, an exception in a
script, or a request that leaves the platform fails the test. `make check` runs all of it again
where there is no route to anywhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from launch import launched
from playwright.async_api import Browser
from visits import Visit

from demo_process import Demo


@pytest.fixture(scope="session")
async def chromium(demo: Demo) -> AsyncIterator[Browser]:
    async with launched(demo) as browser:
        yield browser


@pytest.fixture
async def visit(chromium: Browser, demo: Demo) -> AsyncIterator[Visit]:
    """Opens watched pages at the demo, and says at the end what went wrong on them."""
    visit = Visit(chromium, demo)
    yield visit
    await visit.close()
    assert visit.complaints == []
