"""Where a customer may be sent back to, and with what."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

# RFC 8252 section 7.3: a native application listens on whichever port is free at the moment.
_LOOPBACK = re.compile(
    r"http://(127\.0\.0\.1|\[::1\])(?::([1-9][0-9]{0,4}))?((?:[/?][!-~]*)?)", re.ASCII
)


def is_registered(uri: str, registered: Collection[str]) -> bool:
    """Exact comparison (RFC 9700 section 2.1), but for the port of a loopback address."""
    if uri in registered:
        return True
    asked = _LOOPBACK.fullmatch(uri)
    if asked is None or int(asked[2] or 80) > 65_535:
        return False
    known = (_LOOPBACK.fullmatch(each) for each in registered)
    return any(each is not None and (each[1], each[3]) == (asked[1], asked[3]) for each in known)


def with_parameters(uri: str, parameters: Mapping[str, str | None]) -> str:
    """The address to send the customer to; its own query is kept (RFC 6749 section 4.1.2)."""
    parts = urlsplit(uri)
    added = urlencode({name: value for name, value in parameters.items() if value is not None})
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query))


def origin(uri: str) -> str:
    """Scheme, host and port: what a page may name as the place its form leads to."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
