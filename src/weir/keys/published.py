"""Documents of the change log about keys, ends of algorithms, and revocations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

SIGNING_KEY: Final = "signing_key"  # the change kind of SigningKeyDocument, keyed by kid


MESSAGE_KEY: Final = "message_key"  # SigningKeyDocument too, of a key that signs answers


class SigningKeyDocument(msgspec.Struct, frozen=True):
    """A public key of the platform for tokens or answers; it signs none after `not_after`."""

    kid: str
    alg: str
    jwk: dict[str, Any]
    not_after: datetime | None = None


class AlgorithmEndingDocument(msgspec.Struct, frozen=True):
    """An algorithm that clients may use until `ends_at`. Change kind `algorithm_ending`."""

    algorithm: str
    ends_at: datetime


REVOCATION: Final = "revocation"  # the change kind of RevocationDocument


class RevocationDocument(msgspec.Struct, frozen=True):
    """A revocation, published under the key `<subject>:<value>`.

    `value` is the identifier of a consent or an access token, the thumbprint of a certificate, or,
    for an application's key, the application's identifier, a dot and the thumbprint (RFC 7638). The
    change itself expires once all that it makes invalid would have expired anyway.
    """

    subject: Literal["consent", "token", "certificate", "key"]
    value: str
    at: datetime

    @property
    def key(self) -> str:
        """The key of the change under which the revocation is published."""
        return f"{self.subject}:{self.value}"
