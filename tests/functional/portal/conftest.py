"""The same alliance as for the authorization server, seen from the portal."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "authorization"))

from consent_fixtures import (
    auth_app,
    browser,
    directory,
    portal,
    portal_app,
    portal_browser,
    world,
)

__all__ = [
    "auth_app",
    "browser",
    "directory",
    "portal",
    "portal_app",
    "portal_browser",
    "world",
]
