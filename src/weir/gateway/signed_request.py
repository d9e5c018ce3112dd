"""The signature of a request (RFC 9421), as the answer's signature refers to it."""

from __future__ import annotations

from typing import NamedTuple


class SignedRequest(NamedTuple):
    """A request's signature as it was sent: label, bytes, and Content-Digest if it had one."""

    label: str
    signature: bytes
    digest: str | None
