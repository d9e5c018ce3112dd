"""What processes that follow the change log learn about keys, and about what no longer holds."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec


class SigningKeyDocument(msgspec.Struct, frozen=True):
    """A public key that access tokens may be signed with. Change kind `signing_key`, key `kid`."""

    kid: str
    alg: str
    jwk: dict[str, str]
    not_after: datetime | None = None


REVOCATION: Final = "revocation"  # the change kind of RevocationDocument


class RevocationDocument(msgspec.Struct, frozen=True):
    """Something that no longer holds, keyed `<subject>:<value>`.

    `value` is a consent's or access token's identifier, or a certificate's thumbprint. The change
    expires when nothing it voids could still be presented.
    """

    subject: Literal["consent", "token", "certificate"]
    value: str
    at: datetime

    @property
    def key(self) -> str:
        """The key it is published under."""
        return f"{self.subject}:{self.value}"
