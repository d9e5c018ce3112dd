"""Web origins as they are compared: byte by byte, so each has one form (RFC 6454 section 6.1)."""

from __future__ import annotations

HTTPS_PORT = 443


def https_origin(host: str, port: int) -> str:
    """`https://host:port`, the port left out where it is the default one."""
    return f"https://{host}" if port == HTTPS_PORT else f"https://{host}:{port}"
