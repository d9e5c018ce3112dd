"""The identity header: the caller, the consent, and the accounts that are granted.

The gateway sets it after it has checked the caller. The value is a compact JWS (RFC 7515) by a key
that the platform publishes, for this institution, for a minute at most. Where money moves it must
be signed for the one call, over method, address and body, and is taken once.
"""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from weir_sandbox.limits import (
    CLOCKS_APART_S,
    IDENTITY_ACCOUNTS,
    IDENTITY_BYTES,
    IDENTITY_LIFE_S,
)
from weir_sandbox.platform_keys import Platform, PlatformKeys, decoded
from weir_sandbox.problems import IDENTITY_MISSING, IDENTITY_REFUSED, NOT_GRANTED, Problem

HEADER: Final = "openfinance-identity"
INTERACTION: Final = "x-fapi-interaction-id"

_TYPE: Final = "openfinance-identity+jwt"
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})\Z")
_INTERACTION: Final = re.compile(r"[\x21-\x7e]{1,256}\Z")
_HALF: Final = 32  # bytes of each of the two numbers of an ES256 signature

_Visible = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,256}\Z")]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,256}\Z")]
_Resources = Annotated[
    list[Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,64}\Z")]],
    msgspec.Meta(max_length=IDENTITY_ACCOUNTS),
]


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    """A protected header; one with anything else in it is not the platform's."""

    alg: str
    kid: str
    typ: str


class _Claims(msgspec.Struct, frozen=True):
    """The claims of an identity; the last five when it is signed for one call."""

    iss: str
    aud: str
    iat: int
    exp: int
    client_id: _Visible
    organisation: _Name
    consent_id: _Visible | None
    accounts: _Resources | None
    jti: _Visible | None = None
    htm: str | None = None
    target_uri: str | None = None
    body_sha256: str | None = None
    interaction_id: _Visible | None = None


class Identity(msgspec.Struct, frozen=True):
    """A caller as the gateway names it. `accounts` is None when the call concerns no customer."""

    client_id: str
    organisation: str
    interaction_id: str
    consent_id: str | None = None
    accounts: list[str] | None = None

    def require(self, resource: str) -> None:
        """Refuse (NOT_GRANTED) unless `resource`, an account, policy or portfolio, is granted."""
        if self.accounts is None or resource not in self.accounts:
            raise Problem(NOT_GRANTED)

    def granted(self) -> list[str]:
        """Return the granted resources; refuse (NOT_GRANTED) a call that concerns no customer."""
        if self.accounts is None:
            raise Problem(NOT_GRANTED)
        return self.accounts


class Presented(msgspec.Struct, frozen=True):
    """A verified identity, and the call it is signed for, if it is for one alone."""

    identity: Identity
    claims: _Claims


_header: Final = msgspec.json.Decoder(_Header)
_claims: Final = msgspec.json.Decoder(_Claims)


class IdentityCheck:
    """The check of the platform's word on callers, for one institution."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._keys = PlatformKeys(platform)
        self._used: dict[str, int] = {}  # until when each `jti` is remembered (Unix time)

    async def read(self, value: str | None, interaction: str | None) -> Presented:
        """Verify a header's value. IDENTITY_MISSING when missing or malformed, IDENTITY_REFUSED."""
        if value is None or len(value) > IDENTITY_BYTES:
            raise Problem(IDENTITY_MISSING)
        parts = _COMPACT.match(value)
        if parts is None or interaction is None or _INTERACTION.match(interaction) is None:
            raise Problem(IDENTITY_MISSING)
        try:
            header = _header.decode(decoded(parts[1]))
            claims, signature = decoded(parts[2]), decoded(parts[3])
        except (msgspec.MsgspecError, ValueError):
            raise Problem(IDENTITY_MISSING) from None
        await self._verify(header, value[: parts.end(2)].encode(), signature)
        return self._believed(claims, interaction)

    def check_call(
        self, presented: Presented, method: str, address: str, body: bytes, *, money: bool
    ) -> None:
        """Refuse (IDENTITY_REFUSED) an identity for another call, or used before.

        With `money`, one that is not signed for a single call is refused too.
        """
        claims = presented.claims
        if claims.jti is None:
            if money:
                raise Problem(IDENTITY_REFUSED, "it is not signed for this call")
            return
        digest = urlsafe_b64encode(sha256(body).digest()).rstrip(b"=").decode()
        if (claims.htm, claims.target_uri, claims.body_sha256) != (method, address, digest):
            raise Problem(IDENTITY_REFUSED, "it is signed for another call")
        if claims.interaction_id != presented.identity.interaction_id:
            raise Problem(IDENTITY_REFUSED, "it is signed for another interaction")
        if method == "POST":  # the gateway itself may send a GET again, and never a POST
            self._use(claims.jti, claims.exp)

    async def _verify(self, header: _Header, signed: bytes, signature: bytes) -> None:
        if (header.alg, header.typ) != ("ES256", _TYPE):
            raise Problem(IDENTITY_REFUSED, "it is of another type")
        key = await self._keys.find(header.kid)
        if key is None:
            raise Problem(IDENTITY_REFUSED, "its key is not the platform's")
        r, s = (int.from_bytes(each, "big") for each in (signature[:_HALF], signature[_HALF:]))
        try:
            key.verify(encode_dss_signature(r, s), signed, ECDSA(SHA256()))
        except InvalidSignature:
            raise Problem(IDENTITY_REFUSED, "its signature does not hold") from None

    def _believed(self, raw: bytes, interaction: str) -> Presented:
        try:
            claims = _claims.decode(raw)
        except msgspec.MsgspecError:
            raise Problem(IDENTITY_MISSING) from None
        now_s = time.time()
        if (claims.iss, claims.aud) != (self._platform.issuer, self._platform.member):
            raise Problem(IDENTITY_REFUSED, "it is by another platform, or for another member")
        if not now_s - CLOCKS_APART_S < claims.exp <= now_s + CLOCKS_APART_S + IDENTITY_LIFE_S:
            raise Problem(IDENTITY_REFUSED, "it has expired, or is good for too long")
        identity = Identity(
            claims.client_id, claims.organisation, interaction, claims.consent_id, claims.accounts
        )
        return Presented(identity, claims)

    def _use(self, jti: str, until_s: int) -> None:
        now_s = time.time()
        if jti in self._used:
            raise Problem(IDENTITY_REFUSED, "it was used before")
        while self._used and next(iter(self._used.values())) < now_s:
            del self._used[next(iter(self._used))]
        self._used[jti] = until_s + CLOCKS_APART_S
