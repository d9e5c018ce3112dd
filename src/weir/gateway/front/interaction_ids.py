"""Identifiers of interactions: UUIDs of version 4 (RFC 9562 section 5.4), drawn many at a time."""

from __future__ import annotations

import os
from typing import Final, final

_AT_ONCE: Final = 256
_BYTES: Final = 16


@final
class InteractionIds:
    """Random identifiers, each given out once."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: list[bytes] = []

    def next(self) -> bytes:
        """Return a fresh identifier, as text."""
        if not self._left:
            digits = os.urandom(_AT_ONCE * _BYTES).hex().encode()
            size = 2 * _BYTES
            self._left = [_uuid(digits[at : at + size]) for at in range(0, len(digits), size)]
        return self._left.pop()


def _uuid(digits: bytes) -> bytes:
    """Write 32 digits as a UUID.

    Of the variant's digit only `a` is used, which gives up two of the 122 random bits.
    """
    return b"%b-%b-4%b-a%b-%b" % (
        digits[:8],
        digits[8:12],
        digits[13:16],
        digits[17:20],
        digits[20:],
    )
