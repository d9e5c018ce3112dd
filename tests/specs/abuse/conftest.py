"""The fixtures of tests/specs/fapi2, for what somebody tries against everybody else."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def _fapi2() -> ModuleType:
    """Two files called conftest.py cannot be imported by name: load one from its place."""
    folder = Path(__file__).parents[1] / "fapi2"
    sys.path[:0] = [str(folder), str(folder.parent / "connections")]
    spec = importlib.util.spec_from_file_location("abuse_fixtures", folder / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_fixtures = _fapi2()
auth_app, browser, directory = _fixtures.auth_app, _fixtures.browser, _fixtures.directory
portal, portal_app = _fixtures.portal, _fixtures.portal_app
portal_browser, world, flow = _fixtures.portal_browser, _fixtures.world, _fixtures.flow
home, engines, template = _fixtures.home, _fixtures.engines, _fixtures.template
database_url, database, cache = _fixtures.database_url, _fixtures.database, _fixtures.cache
journal, sealing, vault = _fixtures.journal, _fixtures.sealing, _fixtures.vault
authority, folder = _fixtures.authority, _fixtures.folder
