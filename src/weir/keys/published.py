"""What processes that follow the change log learn about keys, and about what no longer holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

SIGNING_KEY: Final = "signing_key"  # the change kind of SigningKeyDocument, keyed by kid


MESSAGE_KEY: Final = "message_key"  # the same of a key that gateways sign answers with


class SigningKeyDocument(msgspec.Struct, frozen=True):
    """A public key that tokens or answers may be signed with, none of them after `not_after`."""

    kid: str
    alg: str
    jwk: dict[str, Any]
    not_after: datetime | None = None


class AlgorithmEndingDocument(msgspec.Struct, frozen=True):
    """An algorithm that is taken from others until `ends_at`. Change kind `algorithm_ending`."""

    algorithm: str
    ends_at: datetime


REVOCATION: Final = "revocation"  # the change kind of RevocationDocument


class RevocationDocument(msgspec.Struct, frozen=True):
    """Something that no longer holds, keyed `<subject>:<value>`.

    `value` is a consent's or access token's identifier, a certificate's thumbprint, or of a key the
    application's identifier, a dot and the thumbprint (RFC 7638). The change expires when nothing
    it voids could still be presented.
    """

    subject: Literal["consent", "token", "certificate", "key"]
    value: str
    at: datetime

    @property
    def key(self) -> str:
        """The key it is published under."""
        return f"{self.subject}:{self.value}"
