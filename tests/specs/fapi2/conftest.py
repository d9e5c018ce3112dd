"""The alliance of tests/functional/authorization, on real PostgreSQL and Valkey."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "functional" / "authorization"))

from consent_fixtures import auth_app, browser, directory, portal, portal_app, portal_browser, world
from consent_world import Browser, World
from fapi_support import Flow

# Two files called conftest.py cannot be imported by name, so the fixtures of the engines are
# loaded from their place.
_spec = importlib.util.spec_from_file_location(
    "fapi2_engines", Path(__file__).parents[2] / "functional" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_engines = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _engines
_spec.loader.exec_module(_engines)

home, engines, template = _engines.home, _engines.engines, _engines.template
database_url, database, cache = _engines.database_url, _engines.database, _engines.cache
journal, sealing, vault = _engines.journal, _engines.sealing, _engines.vault
authority, folder = _engines.authority, _engines.folder

__all__ = [
    "auth_app",
    "browser",
    "directory",
    "portal",
    "portal_app",
    "portal_browser",
    "world",
]


@pytest.fixture
async def flow(world: World, browser: Browser, portal_browser: Browser) -> Flow:
    """A client, and a customer who can sign in and has two accounts."""
    claimed = await portal_browser.claim(await world.enrol("RB-000001", "acc-1", "acc-2"), "lihua")
    assert claimed.status_code == 303, claimed.text
    return Flow(world, browser, "lihua")
