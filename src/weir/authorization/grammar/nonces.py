"""Nonces for DPoP proofs (RFC 9449 section 8): a time and its MAC, so that none is stored.

The key is in the cache, one for every process. When the cache is lost, so are the nonces, and
clients are given new ones.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from functools import lru_cache
from hashlib import sha256
from typing import Final

from weir.authorization.declares import DPOP_NONCE_LIFETIME_S
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S

SECRET: Final = "dpop-nonce"  # noqa: S105 - the secret's name in the cache
_MAC_BYTES: Final = 16


def make(secret: bytes, now_s: float) -> str:
    """Return a nonce that is good for DPOP_NONCE_LIFETIME_S seconds."""
    return _of_second(secret, int(now_s))


def is_good(secret: bytes, nonce: str, now_s: float) -> bool:
    """Whether this server made it, not long ago."""
    try:
        raw = base64.b64decode(nonce, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    moment = raw[:8]
    if len(raw) != 8 + _MAC_BYTES or not hmac.compare_digest(raw[8:], _mac(secret, moment)):
        return False
    age_s = now_s - struct.unpack(">Q", moment)[0]
    return bool(-CLOCK_AHEAD_ACCEPTED_S <= age_s <= DPOP_NONCE_LIFETIME_S)


@lru_cache(maxsize=8)
def _of_second(secret: bytes, second: int) -> str:
    """Return the nonce of a second; all clients of one second get the same."""
    moment = struct.pack(">Q", second)
    return base64.urlsafe_b64encode(moment + _mac(secret, moment)).decode("ascii")


@lru_cache(maxsize=DPOP_NONCE_LIFETIME_S)
def _mac(secret: bytes, moment: bytes) -> bytes:
    return hmac.digest(secret, moment, sha256)[:_MAC_BYTES]
