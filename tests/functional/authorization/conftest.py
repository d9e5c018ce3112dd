"""Fixtures of this folder; the portal's tests use the same ones."""

from __future__ import annotations

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
