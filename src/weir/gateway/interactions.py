"""Identifiers of interactions: UUIDs of version 4 (RFC 9562 section 5.4), drawn many at a time."""

from __future__ import annotations

import os
from typing import Final, final

_AT_ONCE: Final = 256
_BYTES: Final = 16
# The two highest bits of the variant's digit are 10 (RFC 9562 section 4.1).
_VARIANTS: Final = bytes.maketrans(b"0123456789abcdef", b"89ab89ab89ab89ab")


@final
class Interactions:
    """Random identifiers, each given out once."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: list[bytes] = []

    def next(self) -> bytes:
        """A fresh one, as text."""
        if not self._left:
            digits = os.urandom(_AT_ONCE * _BYTES).hex().encode()
            size = 2 * _BYTES
            self._left = [_uuid(digits[at : at + size]) for at in range(0, len(digits), size)]
        return self._left.pop()


def _uuid(digits: bytes) -> bytes:
    variant = digits[16:17].translate(_VARIANTS)
    return b"%b-%b-4%b-%b%b-%b" % (
        digits[:8],
        digits[8:12],
        digits[13:16],
        variant,
        digits[17:20],
        digits[20:],
    )
