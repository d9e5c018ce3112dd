"""The master key and the keys derived from it (HKDF, RFC 5869), which seal keys at rest.

A key service can replace `SealingKey` by an object with the same two methods.
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
    """Encrypts a secret for storage, and decrypts it. The result is bound to `name`."""

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
        """Decrypt a secret. Refusal SETTING_INVALID when another master key sealed it."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except InvalidTag as error:
            why = "keys at rest were sealed with another master key"
            raise Refusal(
                SETTING_INVALID, f"unsealing {name}", setting="WEIR_MASTER_KEY", why=why
            ) from error


def derive(master: bytes, purpose: str) -> bytes:
    """Derive the key of one purpose, 32 bytes; it reveals nothing of other keys or the master."""
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(master)


def parse(text: str) -> bytes:
    """Read the master key from its setting. Refusal SETTING_INVALID when it is not one."""
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
    """Load the master key of the home; make it at the first start, readable by its owner only."""
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
