"""The key with which a gateway process signs answers (RFC 9421), decrypted in its memory.

It never signs tokens. `weir.keys.signing_keys` describes how it is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from weir.keys import private_keys, signing_keys
from weir.keys.master_key import Sealing
from weir.keys.private_keys import PrivateKey
from weir.keys.signing_keys import MESSAGES, PLATFORM, current_of
from weir.store.database import Database


@dataclass(frozen=True, slots=True)
class MessageKey:
    """A private key, decrypted, with its identifier `kid`."""

    kid: str
    private: PrivateKey = field(repr=False)

    def sign(self, signed: bytes) -> bytes:
        """Return an `ecdsa-p256-sha256` signature (RFC 9421 section 3.3.4)."""
        return private_keys.sign(self.private, signed)


class MessageKeys:
    """The message key of this process: `current` signs now, and a change of state reloads it."""

    def __init__(self, sealing: Sealing, current: MessageKey) -> None:
        self._sealing = sealing
        self.current = current

    @classmethod
    async def open(cls, database: Database, sealing: Sealing) -> MessageKeys:
        """Load the key, or make it at the platform's first start."""
        async with database.unit(PLATFORM) as unit:
            await signing_keys.ensure(unit, sealing)
            return cls(sealing, await _load(unit.connection, sealing))

    async def reload(self, connection: AsyncConnection) -> None:
        """Read the signing key again, and sign with it from now on."""
        self.current = await _load(connection, self._sealing)


async def _load(connection: AsyncConnection, sealing: Sealing) -> MessageKey:
    current = current_of(await signing_keys.read(connection, MESSAGES))
    assert current is not None, "a platform always has a key that signs"
    return MessageKey(
        current.kid, private_keys.from_der(sealing.open(current.kid, current.sealed_private))
    )
