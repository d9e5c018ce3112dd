"""Web origins as text (RFC 6454 section 6.1), in one form, since they are compared as bytes."""

from __future__ import annotations

HTTPS_PORT = 443


def https_origin(host: str, port: int) -> str:
    """Return `https://host:port`, without the port when it is the default one."""
    return f"https://{host}" if port == HTTPS_PORT else f"https://{host}:{port}"
