"""Identities of callers as members get them: compact JWSs (RFC 7515) by a gateway's key of `/jwks`.

A signature costs about as much as half a call, so one serves all calls of a token to a member for
IDENTITY_USED_S. A call that moves money, whose product asks for signed messages, or whose member
asked for it, gets one of its own, over method, target and body (docs/decisions/0014).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Final, NamedTuple, final

import msgspec

from weir.gateway.declares import IDENTITY_LIFE_S, IDENTITY_USED_S
from weir.gateway.tokens.known_tokens import RIGHTS_KEPT, KnownIdentity, KnownToken, TokenRights
from weir.keys.message_key import MessageKey, MessageKeys

TYPE: Final = "openfinance-identity+jwt"  # `typ`, so that nothing else passes for one (RFC 8725)
_JTI_BYTES: Final = 16


class SignedCall(NamedTuple):
    """The request to a member that one identity is for. `body` is whole, empty where there is none.

    `target_uri` is the address that the member is asked for, with its query (RFC 9421 2.2.2).
    """

    method: str
    target_uri: bytes
    body: bytes
    interaction_id: bytes


@final
class Identities:
    """The signer of identities in one gateway process."""

    __slots__ = ("_issuer", "_keys")

    def __init__(self, issuer: str, keys: MessageKeys) -> None:
        self._issuer = issuer
        self._keys = keys

    def of_token(self, token_rights: TokenRights, member: str, now_s: float) -> bytes:
        """Return the identity for calls of a token to a member, signed now or lately."""
        known = token_rights.identities.get(member)
        if known is None or known.next_s <= now_s or known.key is not self._keys.current:
            known = self._renewed(token_rights, member, now_s)
        return known.value

    def of_call(self, token: KnownToken, member: str, now_s: float, call: SignedCall) -> bytes:
        """Return an identity for one call, over its method, target and body."""
        claims = self._claims(token, member, now_s) | {
            "jti": token_urlsafe(_JTI_BYTES),
            "htm": call.method,
            "target_uri": call.target_uri.decode("ascii"),
            "body_sha256": _base64url(sha256(call.body).digest()).decode("ascii"),
            "interaction_id": call.interaction_id.decode("ascii"),
        }
        return _signed(claims, self._keys.current)

    def _renewed(self, token_rights: TokenRights, member: str, now_s: float) -> KnownIdentity:
        key = self._keys.current
        value = _signed(self._claims(token_rights.token, member, now_s), key)
        known = KnownIdentity(value, key, now_s + IDENTITY_USED_S)
        if len(token_rights.identities) >= RIGHTS_KEPT:
            token_rights.identities = {}
        token_rights.identities[member] = known
        return known

    def _claims(self, token: KnownToken, member: str, now_s: float) -> dict[str, Any]:
        """Return the claims of every identity; of the accounts, those at this member."""
        granted = [grant.accounts for grant in token.grants if grant.member == member]
        accounts = sorted({account for each in granted for account in each})
        return {
            "iss": self._issuer,
            "aud": member,
            "iat": int(now_s),
            "exp": int(now_s) + IDENTITY_LIFE_S,
            "client_id": token.client_id,
            "organisation": token.organisation,
            "consent_id": token.consent_id,
            "accounts": None if token.consent_id is None else accounts,
        }


def _signed(claims: dict[str, Any], key: MessageKey) -> bytes:
    """Return a compact JWS over the claims (RFC 7515 section 3.1)."""
    header = msgspec.json.encode({"alg": "ES256", "kid": key.kid, "typ": TYPE})
    text = _base64url(header) + b"." + _base64url(msgspec.json.encode(claims))
    return text + b"." + _base64url(key.sign(text))


def _base64url(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")
