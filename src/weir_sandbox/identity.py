"""The identity header: the caller, the consent, and the accounts that are granted.

The gateway sets it after it has checked the caller; an institution trusts it because only the
gateway's certificate is let in. The value is base64url without padding (RFC 4648 section 5) of a
JSON object.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Final

import msgspec

from weir_sandbox.limits import IDENTITY_ACCOUNTS, IDENTITY_BYTES
from weir_sandbox.problems import IDENTITY_MISSING, NOT_GRANTED, Problem

HEADER: Final = "openfinance-identity"

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+\Z")

_Visible = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,256}\Z")]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,256}\Z")]
_Resources = Annotated[
    list[Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,64}\Z")]],
    msgspec.Meta(max_length=IDENTITY_ACCOUNTS),
]


class Identity(msgspec.Struct, frozen=True):
    """A caller as the gateway names it. `accounts` is None when the call concerns no customer."""

    client_id: _Visible
    organisation: _Name
    interaction_id: _Visible
    consent_id: _Visible | None = None
    accounts: _Resources | None = None

    def require(self, resource: str) -> None:
        """Refuse (NOT_GRANTED) unless `resource`, an account, policy or portfolio, is granted."""
        if self.accounts is None or resource not in self.accounts:
            raise Problem(NOT_GRANTED)

    def granted(self) -> list[str]:
        """Return the granted resources; refuse (NOT_GRANTED) a call that concerns no customer."""
        if self.accounts is None:
            raise Problem(NOT_GRANTED)
        return self.accounts


_decoder: Final = msgspec.json.Decoder(Identity)


def read_identity(header: str | None) -> Identity:
    """Read the identity of a header value. IDENTITY_MISSING when missing, overlong or malformed."""
    if header is None or len(header) > IDENTITY_BYTES or not _BASE64URL.match(header):
        raise Problem(IDENTITY_MISSING)
    try:
        raw = base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))
        return _decoder.decode(raw)
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise Problem(IDENTITY_MISSING) from None
