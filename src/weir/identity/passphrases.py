"""Passphrases, hashed with argon2id (RFC 9106) in threads, a few at a time."""

from __future__ import annotations

import asyncio
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from weir.identity.declares import (
    PASSPHRASE_CHARACTERS_MAX,
    PASSPHRASE_CHARACTERS_MIN,
    PASSPHRASE_HASHES_AT_ONCE,
)
from weir.kernel.inputs import wrong


class Passphrases:
    """Hashes and checks passphrases, at most PASSPHRASE_HASHES_AT_ONCE at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(PASSPHRASE_HASHES_AT_ONCE)
        # Checked when a name is unknown, so that the time taken does not tell which names exist.
        self._decoy = self._hasher.hash("a passphrase nobody has")

    async def hash(self, passphrase: str) -> str:
        """Return the stored form of a passphrase that `check_form` accepted."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, normalise(passphrase))

    async def matches(self, stored: str | None, passphrase: str) -> bool:
        """Whether the passphrase is the stored one.

        Without a stored one, the check takes as long and returns False.
        """
        known = bool(stored)
        async with self._turn:
            same = await asyncio.to_thread(
                self._verify, stored or self._decoy, normalise(passphrase[: _longest()])
            )
        return same and known

    def _verify(self, stored: str, passphrase: str) -> bool:
        try:
            return self._hasher.verify(stored, passphrase)
        except (Argon2Error, InvalidHashError):
            return False


def normalise(passphrase: str) -> str:
    """Return a passphrase in Unicode NFC, the same from every keyboard.

    NIST SP 800-63B section 5.1.1.2.
    """
    return unicodedata.normalize("NFC", passphrase)


def check_form(passphrase: str, name: str) -> str:
    """Check a new passphrase, and return it. Refusal INVALID_INPUT says what is wrong.

    It must be long enough and must not be the name.
    """
    low, high = PASSPHRASE_CHARACTERS_MIN, PASSPHRASE_CHARACTERS_MAX
    if not low <= len(normalise(passphrase)) <= high:
        raise wrong(
            "/passphrase",
            f"must be {low} to {high} characters",
            f"须为 {low} 至 {high} 个字符",
        )
    if len(set(passphrase)) < 5 or normalise(passphrase).casefold() == name.casefold():
        raise wrong(
            "/passphrase",
            "is too easy to guess: use several words",
            "过于简单，请使用多个词语组合",
        )
    return passphrase


def _longest() -> int:
    return PASSPHRASE_CHARACTERS_MAX * 4
