"""The signature of a request (RFC 9421), as the answer's signature refers to it."""

from __future__ import annotations

from typing import NamedTuple


class SignedRequest(NamedTuple):
    """What an answer's signature refers to: the request's signature, as it was sent."""

    label: str
    signature: bytes
    digest: str | None
