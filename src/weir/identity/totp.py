"""Time-based one-time passwords (RFC 6238, RFC 4226): SHA-1, six digits, steps of 30 seconds.

Every authenticator application supports SHA-1; HMAC does not need its collision resistance.
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
    """Make a shared secret for one person."""
    return os.urandom(_SECRET_BYTES)


def code_at(secret: bytes, step: int) -> str:
    """Return the code of one time step (RFC 4226 section 5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(code: str, secret: bytes, now_s: float, last_step: int) -> int | None:
    """Return the time step of a code, or None when no accepted step has this code.

    Steps up to `last_step` are not accepted again. All candidates are compared, in constant time.
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
    """Return the secret as people type it into an authenticator application."""
    return base64.b32encode(secret).decode().rstrip("=")


def key_uri(secret: bytes, name: str, issuer: str) -> str:
    """Return the `otpauth:` address for the picture that authenticator applications read."""
    label = f"{quote(issuer)}:{quote(name)}"
    return f"otpauth://totp/{label}?secret={base32(secret)}&issuer={quote(issuer)}"
