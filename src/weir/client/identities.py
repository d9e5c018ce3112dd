"""The check that a member makes of every call: the signed identity in `openfinance-identity`.

TLS comes first, and is the server's part: a client certificate by the issuer of gateways alone.

```python
checker = IdentityChecker(
    keys=PublishedKeys(exchange, issuer + "/jwks"),
    issuer="https://auth.alliance.example",
    member="river-bank",
    service="https://bank.example",
)
identity = await checker.check(ReceivedRequest(method, target, fields, body), for_this_call=True)
```
"""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from weir.client.errors import ProtocolError, WeirError
from weir.client.published_keys import PublishedKeys

HEADER: Final = "openfinance-identity"
TYPE: Final = "openfinance-identity+jwt"
INTERACTION: Final = "x-fapi-interaction-id"
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
_CHARACTERS: Final = 32_768  # of the longest identity that is read
_AHEAD_S: Final = 10  # by which the gateway's clock may differ from ours
_LONGEST_S: Final = 120  # from `iat` to `exp`: no identity is good for longer
# The gateway itself may send these again when a connection breaks, with the same identity.
_REPEATED: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


class IdentityFault(StrEnum):
    """The reason for which an identity is not believed."""

    MISSING = "missing"  # no field of this name, or more than one
    MALFORMED = "malformed"  # not a compact JWS with these claims, or another `typ`
    KEY_UNKNOWN = "key_unknown"  # `kid` names no key that the platform publishes
    SIGNATURE = "signature"  # that key did not sign it
    ISSUER = "issuer"
    AUDIENCE = "audience"  # it is for another member
    EXPIRED = "expired"
    NOT_YET = "not_yet"  # from the future, or good for too long
    UNBOUND = "unbound"  # signed for a token, where one for this call alone is wanted
    METHOD = "method"
    TARGET = "target"
    BODY = "body"
    INTERACTION = "interaction"
    REPLAYED = "replayed"


class IdentityError(WeirError):
    """An identity that must not be believed: answer 401 and do nothing."""

    def __init__(self, fault: IdentityFault) -> None:
        super().__init__(f"The caller's identity is not believed: {fault.value}")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it came. `target` is path and query, `body` whole; names are in lower case.

    Each field has all its values, in their order, so that a second identity is seen.
    """

    method: str
    target: str
    fields: Mapping[str, list[str]]
    body: bytes = b""


_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class CallerIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's word on a caller: application, organisation, consent and granted accounts.

    `consent_id` and `accounts` are None when the call concerns no customer. The last five are there
    when it was signed for one call alone.
    """

    iss: _Text
    aud: _Text
    iat: int
    exp: int
    client_id: _Text
    organisation: _Text
    consent_id: _Text | None
    accounts: list[_Text] | None
    jti: _Text | None = None
    htm: _Text | None = None
    target_uri: str | None = None
    body_sha256: _Text | None = None
    interaction_id: _Text | None = None

    @property
    def for_one_call(self) -> bool:
        """Whether it was signed over method, target and body of one call."""
        return self.jti is not None


class UsedIdentities:
    """Identities that came before, in this process. `claim` is True for a new one."""

    def __init__(self) -> None:
        self._until_s: dict[str, int] = {}
        self._swept_at = 1_024

    def __len__(self) -> int:
        return len(self._until_s)

    def claim(self, jti: str, until_s: int, now_s: float) -> bool:
        """Remember an identity until it has expired. False when it came before."""
        if len(self._until_s) >= self._swept_at:
            self._until_s = {j: end for j, end in self._until_s.items() if end >= now_s}
            self._swept_at = 2 * max(512, len(self._until_s))
        if jti in self._until_s:
            return False
        self._until_s[jti] = until_s
        return True


class IdentityChecker:
    """Checks identities for one service of one member.

    `member` is the member's name in the alliance, `service` the https origin its documents were
    imported with. Members with several processes give a `claim` over a store they share.
    """

    def __init__(
        self,
        keys: PublishedKeys,
        *,
        issuer: str,
        member: str,
        service: str,
        claim: Callable[[str, int, float], bool] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._member = member
        self._service = service
        self._claim = claim or UsedIdentities().claim
        self._clock = clock

    async def check(
        self, request: ReceivedRequest, *, for_this_call: bool = False
    ) -> CallerIdentity:
        """Return the caller's identity. IdentityError when it must not be believed.

        `for_this_call` refuses one that is not signed over this very request: ask for it where
        money moves, and everywhere once your backend is registered with `--sign-each-call`.
        UnreachableError when the platform's keys are not known yet and cannot be fetched.
        """
        values = request.fields.get(HEADER, [])
        if len(values) != 1:
            raise IdentityError(IdentityFault.MISSING)
        identity = await self._verified(values[0])
        self._check_claims(identity)
        if identity.for_one_call:
            self._check_call(identity, request)
        elif for_this_call:
            raise IdentityError(IdentityFault.UNBOUND)
        return identity

    async def _verified(self, value: str) -> CallerIdentity:
        """Verify the signature before a claim is read."""
        if len(value) > _CHARACTERS or _COMPACT.fullmatch(value) is None:
            raise IdentityError(IdentityFault.MALFORMED)
        try:
            header = jws.extract_compact(value.encode()).headers()
        except (JoseError, ValueError) as error:
            raise IdentityError(IdentityFault.MALFORMED) from error
        if header.keys() != {"alg", "kid", "typ"} or header["typ"] != TYPE:
            raise IdentityError(IdentityFault.MALFORMED)
        try:
            jwk = await self._keys.find(str(header["kid"]))
        except ProtocolError as error:
            raise IdentityError(IdentityFault.KEY_UNKNOWN) from error
        try:
            payload = jws.deserialize_compact(value, import_key(jwk), algorithms=["ES256"]).payload
        except (JoseError, ValueError) as error:
            raise IdentityError(IdentityFault.SIGNATURE) from error
        try:
            return msgspec.json.decode(payload, type=CallerIdentity)
        except msgspec.MsgspecError as error:
            raise IdentityError(IdentityFault.MALFORMED) from error

    def _check_claims(self, identity: CallerIdentity) -> None:
        now_s = self._clock()
        if identity.iss != self._issuer:
            raise IdentityError(IdentityFault.ISSUER)
        if identity.aud != self._member:
            raise IdentityError(IdentityFault.AUDIENCE)
        if identity.exp <= now_s - _AHEAD_S:
            raise IdentityError(IdentityFault.EXPIRED)
        if identity.iat > now_s + _AHEAD_S or identity.exp - identity.iat > _LONGEST_S:
            raise IdentityError(IdentityFault.NOT_YET)

    def _check_call(self, identity: CallerIdentity, request: ReceivedRequest) -> None:
        digest = urlsafe_b64encode(sha256(request.body).digest()).rstrip(b"=").decode()
        if identity.htm != request.method:
            raise IdentityError(IdentityFault.METHOD)
        if identity.target_uri != self._service + request.target:
            raise IdentityError(IdentityFault.TARGET)
        if identity.body_sha256 != digest:
            raise IdentityError(IdentityFault.BODY)
        if [identity.interaction_id] != request.fields.get(INTERACTION):
            raise IdentityError(IdentityFault.INTERACTION)
        if request.method not in _REPEATED and not self._claim(
            str(identity.jti), identity.exp + _AHEAD_S, self._clock()
        ):
            raise IdentityError(IdentityFault.REPLAYED)
