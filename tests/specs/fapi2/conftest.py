"""The alliance of tests/functional/authorization, on real PostgreSQL and Valkey."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "functional" / "authorization"))
sys.path.insert(0, str(Path(__file__).parents[2] / "functional" / "gateway"))

from consent_fixtures import auth_app, browser, directory, portal, portal_app, portal_browser, world
from consent_world import Browser, World
from fapi_support import Flow


def _fixtures_of(name: str, place: str) -> ModuleType:
    """Two files called conftest.py cannot be imported by name: load one from its place."""
    path = Path(__file__).parents[2] / "functional" / place / "conftest.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_engines, _gateway = _fixtures_of("fapi2_engines", "."), _fixtures_of("fapi2_gateway", "gateway")
home, engines, template = _engines.home, _engines.engines, _engines.template
database_url, database, cache = _engines.database_url, _engines.database, _engines.cache
journal, sealing, vault = _engines.journal, _engines.sealing, _engines.vault
authority, folder = _engines.authority, _engines.folder
lab, gateway = _gateway.lab, _gateway.gateway

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
