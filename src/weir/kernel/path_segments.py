"""Foreign identifiers as segments of outward paths."""

from __future__ import annotations

from urllib.parse import quote


def segment(value: str) -> str:
    """Return a value as one segment of a path: percent-encoded whole, its dots too.

    A segment of dots would be removed on its way, and the one before it too (RFC 3986 section
    5.2.4).
    """
    return quote(value, safe="").replace(".", "%2E")
