"""The master key and what is derived from it (HKDF, RFC 5869). Keys at rest are sealed with it.

A key service replaces `SealingKey` by an object with the same two methods.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from weir.kernel.declares import HOME_UNUSABLE, SETTING_INVALID
from weir.kernel.outcomes import Refusal

MASTER_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class Sealing(Protocol):
    """Turns a secret into bytes that may be stored, and back. `name` is bound to the result."""

    def seal(self, name: str, secret: bytes) -> bytes: ...

    def open(self, name: str, sealed: bytes) -> bytes: ...


class SealingKey:
    """AES-256-GCM with a random nonce, under a key derived from the master key."""

    def __init__(self, master: bytes) -> None:
        self._cipher = AESGCM(derive(master, "weir sealing v1"))

    def seal(self, name: str, secret: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Refusal SETTING_INVALID when the master key is not the one it was sealed with."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except InvalidTag as error:
            why = "keys at rest were sealed with another master key"
            raise Refusal(
                SETTING_INVALID, f"unsealing {name}", setting="WEIR_MASTER_KEY", why=why
            ) from error


def derive(master: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose; knowing one tells nothing about another or the master key."""
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(master)


def parse(text: str) -> bytes:
    """The master key from its setting. Refusal SETTING_INVALID when it is not one."""
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        why = "it must be base64url"
        raise Refusal(SETTING_INVALID, setting="WEIR_MASTER_KEY", why=why) from error
    if len(key) != MASTER_KEY_BYTES:
        why = f"it must be {MASTER_KEY_BYTES} bytes in base64url"
        raise Refusal(SETTING_INVALID, setting="WEIR_MASTER_KEY", why=why)
    return key


def load_or_create(path: Path) -> bytes:
    """The home's own master key, made at the first start, readable by its owner only."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return parse(path.read_text().strip())
    except OSError as error:
        raise Refusal(HOME_UNUSABLE, repr(error), why="its secrets cannot be written") from error
    key = os.urandom(MASTER_KEY_BYTES)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.urlsafe_b64encode(key).rstrip(b"=") + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return key
