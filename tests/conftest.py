"""What holds for all tests: property tests are never judged by how fast the machine is."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("weir", deadline=None)
settings.load_profile("weir")
