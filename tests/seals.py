"""A sealing key for tests, and the sealing of what a writer left."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from weir.kernel.seals import SealingKey
from weir.metering.records.sealer import SealCounts, Sealer

SECRET = bytes(range(64, 96))
KEY = SealingKey(
    "key_01k9v7p8r3e5xa2m4n6q8s0t1v", Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
)
OTHER_KEY = SealingKey(
    "key_01k9v7p8r3e5xa2m4n6q8s0t2v", Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
)
KEYS = {KEY.kid: KEY.public()}


def seal_all(folder: Path, boot: str | None = None) -> SealCounts:
    """Seal everything under a records folder that can be sealed."""
    return Sealer(folder, KEY, SECRET, boot).run()
