"""Passphrases, hashed with argon2id (RFC 9106) in threads of their own, a few at a time.

The library lets go of the interpreter's lock while it hashes, so the event loop goes on. Threads
were measured beside processes (docs/decisions/0015-bounded-hashing.md): no slower, and they need no
second copy of the program.
"""

from __future__ import annotations

import asyncio
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from weir.identity.declares import (
    PASSPHRASE_CHARACTERS_MAX,
    PASSPHRASE_CHARACTERS_MIN,
    PASSPHRASE_HASHES_AT_ONCE,
    PASSPHRASES_WAITING,
    PASSPHRASES_WAITING_EACH,
)
from weir.identity.turns import Asker, Turns
from weir.kernel.inputs import wrong

Found = TypeVar("Found")

# Where a hash and the event loop both want a core, three quarters of it are the loop's.
_NICENESS: Final = 5


class Passphrases:
    """Hashes and checks passphrases, PASSPHRASE_HASHES_AT_ONCE at a time.

    Who has to wait does so in a queue of PASSPHRASES_WAITING, with PASSPHRASES_WAITING_EACH for one
    share. Refusal SIGN_IN_BUSY when it is full.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self.turns = Turns(PASSPHRASE_HASHES_AT_ONCE, PASSPHRASES_WAITING, PASSPHRASES_WAITING_EACH)
        self._threads = ThreadPoolExecutor(
            PASSPHRASE_HASHES_AT_ONCE, "passphrases", initializer=_step_back
        )
        # Checked when a name is unknown, so that the time taken does not tell which names exist.
        self._decoy = self._hasher.hash("a passphrase nobody has")

    async def hash(self, passphrase: str, asker: Asker) -> str:
        """Return the stored form of a passphrase that `check_form` accepted."""
        return await self._work(asker, self._hasher.hash, normalise(passphrase))

    async def matches(self, stored: str | None, passphrase: str, asker: Asker) -> bool:
        """Whether the passphrase is the stored one.

        Without a stored one, the check takes as long and returns False.
        """
        known = bool(stored)
        given = normalise(passphrase[: _longest()])
        same = await self._work(asker, self._verify, stored or self._decoy, given)
        return same and known

    async def _work(self, asker: Asker, work: Callable[..., Found], *given: str) -> Found:
        async with self.turns.turn(asker):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

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


def _step_back() -> None:
    """Lower the priority of this thread, and of the threads it starts (nice(2) of Linux)."""
    with suppress(OSError):
        os.nice(_NICENESS)


def _longest() -> int:
    return PASSPHRASE_CHARACTERS_MAX * 4
