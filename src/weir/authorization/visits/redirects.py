"""Addresses to send a customer back to, and their parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

# RFC 8252 section 7.3: a native application listens on whichever port is free at the moment.
_LOOPBACK = re.compile(
    r"http://(127\.0\.0\.1|\[::1\])(?::([1-9][0-9]{0,4}))?((?:[/?][!-~]*)?)", re.ASCII
)


def is_registered(uri: str, registered: Collection[str]) -> bool:
    """Whether an address is registered, by exact comparison (RFC 9700 section 2.1).

    The port of a loopback address is free (RFC 8252 section 7.3).
    """
    if uri in registered:
        return True
    asked = _LOOPBACK.fullmatch(uri)
    if asked is None or int(asked[2] or 80) > 65_535:
        return False
    known = (_LOOPBACK.fullmatch(each) for each in registered)
    return any(each is not None and (each[1], each[3]) == (asked[1], asked[3]) for each in known)


def with_parameters(uri: str, parameters: Mapping[str, str | None]) -> str:
    """Return the address with parameters added; its own query is kept (RFC 6749 section 4.1.2)."""
    parts = urlsplit(uri)
    added = urlencode({name: value for name, value in parameters.items() if value is not None})
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))


def origin(uri: str) -> str:
    """Return scheme, host and port, by which a page names its form's target."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
