"""One-time passwords by time: RFC 6238 over RFC 4226, SHA-1, six digits, thirty seconds.

SHA-1 is what every authenticator application takes; HMAC does not need its collision resistance.
"""

from __future__ import annotations

import base64
import hmac
import os
import struct
from typing import Final
from urllib.parse import quote

STEP_S: Final = 30
DIGITS: Final = 6
_SECRET_BYTES: Final = 20  # RFC 4226 section 4, R6: 160 bits
_STEPS_EITHER_WAY: Final = 1  # clocks differ; RFC 6238 section 5.2 allows one step


def new_secret() -> bytes:
    """A shared secret for one person."""
    return os.urandom(_SECRET_BYTES)


def code_at(secret: bytes, step: int) -> str:
    """The code of one time step (RFC 4226 section 5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(code: str, secret: bytes, now_s: float, last_step: int) -> int | None:
    """The time step whose code this is, newer than `last_step`; None when it is none's.

    Every candidate is compared in constant time, whichever fits.
    """
    given = "".join(code.split()).encode()
    present = int(now_s) // STEP_S
    found: int | None = None
    for step in range(present - _STEPS_EITHER_WAY, present + _STEPS_EITHER_WAY + 1):
        same = hmac.compare_digest(code_at(secret, step).encode(), given)
        if same and step > last_step:
            found = step
    return found


def base32(secret: bytes) -> str:
    """The secret as people type it into an authenticator application."""
    return base64.b32encode(secret).decode().rstrip("=")


def address(secret: bytes, name: str, issuer: str) -> str:
    """The `otpauth:` address that authenticator applications read from a picture."""
    label = f"{quote(issuer)}:{quote(name)}"
    return f"otpauth://totp/{label}?secret={base32(secret)}&issuer={quote(issuer)}"
