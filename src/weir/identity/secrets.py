"""Random secrets that are shown once and stored only as a digest."""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import Final

SECRET_BYTES: Final = 32  # 256 bits; FAPI 2.0 section 5.4.1 requires at least 128
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def new_secret() -> str:
    """Make a random secret: 43 characters of base64url."""
    return secrets.token_urlsafe(SECRET_BYTES)


def is_secret(text: str) -> bool:
    """Whether `text` has the form of a secret made here, so that it may be looked up."""
    return _SECRET.fullmatch(text) is not None


def digest(secret: str) -> str:
    """Return the stored form of a secret. It is random, so a plain SHA-256 (hex) is enough."""
    return sha256(secret.encode()).hexdigest()
