"""Identifiers: a prefix for the kind of thing, then a UUID version 7 in Crockford base 32.

`app_01k9v7p8r3e5xa2m4n6q8s0t1v` sorts by its time of birth (RFC 9562 section 5.7), is 26 characters
after the prefix, and needs no escaping in an address, a file name or a header.
"""

from __future__ import annotations

import re
from typing import Final

from weir.kernel.rooms import prefixes

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"

_PAIRS = [one + two for one in ALPHABET for two in ALPHABET]
_IDENTIFIER = re.compile(r"([a-z]{3})_([0-9a-hjkmnp-tv-z]{26})")
_SLUG = re.compile(r"[a-z](?:[a-z0-9-]{0,46}[a-z0-9])?")


def mint(prefix: str, at_ms: int, entropy: bytes) -> str:
    """Make an identifier for the time `at_ms` (Unix milliseconds) from at least 10 random bytes.

    AssertionError when no room declares the prefix.
    """
    assert prefix in prefixes(), f"no room declares the prefix {prefix}"
    random = int.from_bytes(entropy[:10], "big")
    value = (at_ms & ((1 << 48) - 1)) << 80 | random
    value = (value & ~(0xF << 76)) | (0x7 << 76)  # version 7
    value = (value & ~(0x3 << 62)) | (0x2 << 62)  # variant
    pairs = [_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"


def minted_ms(identifier: str) -> int:
    """Return the time at which an identifier was made, Unix milliseconds: its first 48 bits."""
    value = 0
    for digit in identifier.partition("_")[2]:
        value = value << 5 | ALPHABET.index(digit)
    return value >> 80


def is_identifier(text: str, prefix: str) -> bool:
    """Whether `text` as a whole is an identifier with this prefix."""
    found = _IDENTIFIER.fullmatch(text)
    return found is not None and found[1] == prefix


def is_slug(text: str) -> bool:
    """Whether `text` may be a readable name in an address: `river-bank`, 1 to 48 characters."""
    return _SLUG.fullmatch(text) is not None
