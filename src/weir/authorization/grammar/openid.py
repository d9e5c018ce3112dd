"""A request's OpenID Connect parameters: the customer's sign-in and name. Pure.

Members that are not understood are ignored, as OpenID Connect Core section 5.5 demands; understood
ones must be in their form. An institution vouches for the name it enrolled its customer under, and
for nothing else; the session says how the customer signed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from weir.authorization.declares import (
    CLAIMS_ASKED,
    CLAIMS_PARAMETER_CHARACTERS,
    OAUTH_INTERACTION_REQUIRED,
    OAUTH_INVALID_REQUEST,
)
from weir.identity.sessions import BY_PASSPHRASE
from weir.kernel.outcomes import Refusal
from weir.kernel.strict_json import loads

OPENID: Final = "openid"
INTENT: Final = "openbanking_intent_id"

# Claims about the customer that may be asked for by name, all from the institution's own books.
IDENTITY_CLAIMS: Final = ("name",)
CLAIMS_SUPPORTED: Final = (
    *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr"),
    *IDENTITY_CLAIMS,
    INTENT,
)

# The class of a session's sign-in. One secret that a person knows is one factor; nothing here is
# strong customer authentication.
ACR_PASSPHRASE: Final = "urn:weir:acr:passphrase"  # noqa: S105 - a name
ACR_VALUES: Final = (ACR_PASSPHRASE,)
PROMPTS: Final = ("login", "consent")

_PLACES: Final = ("id_token", "userinfo")
# Parameters of OpenID Connect alone: refused without its scope, so that no client takes a sign-in
# for fresh that was never checked.
_ONLY_OPENID: Final = ("claims", "max_age", "prompt", "acr_values", "id_token_hint")


class OpenIdRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A pushed request's wishes of sign-in and names. `max_age_s` 0 is `prompt=login`.

    `unattainable` says that it demands a kind of sign-in that does not exist here.
    """

    nonce: str | None = None
    max_age_s: int | None = None
    unattainable: bool = False
    id_token: tuple[str, ...] = ()
    userinfo: tuple[str, ...] = ()
    intent: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """The identity claims asked for, in the ID token or at UserInfo."""
        return frozenset(self.id_token + self.userinfo)

    def accepts(self, signed_in_at: datetime, begun_at: datetime) -> bool:
        """Whether a sign-in is recent enough for a visit that began then (section 3.1.2.1)."""
        if self.max_age_s is None:
            return True
        return signed_in_at >= begun_at - timedelta(seconds=self.max_age_s)


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    """A consenting customer's sign-in, kept with the grant for its ID token."""

    at_s: int
    amr: tuple[str, ...]
    nonce: str | None = None
    id_token: tuple[str, ...] = ()
    userinfo: tuple[str, ...] = ()
    intent: str | None = None

    @property
    def acr(self) -> str:
        """The authentication class of these methods."""
        assert self.amr == BY_PASSPHRASE, "a method of signing in without a class"
        return ACR_PASSPHRASE


def read(
    parameters: Mapping[str, str], asked: frozenset[str], default_max_age_s: int | None = None
) -> OpenIdRequest | None:
    """Read the parameters of the scope `openid`; None without it. OAUTH_INVALID_REQUEST.

    `default_max_age_s` is the client's registered one (OpenID Connect Registration section 2).
    OAUTH_INTERACTION_REQUIRED for `prompt=none`.
    """
    if OPENID not in asked:
        for name in _ONLY_OPENID:
            if name in parameters:
                raise _wrong(name, "goes with the scope openid only")
        return None
    if "id_token_hint" in parameters:
        raise _wrong("id_token_hint", "is not taken here")
    wishes = _claims(parameters.get("claims"))
    return OpenIdRequest(
        nonce=parameters.get("nonce"),
        max_age_s=_max_age_s(parameters, default_max_age_s),
        unattainable=any(_unattainable(wishes[place].get("acr")) for place in _PLACES),
        id_token=_identity(wishes["id_token"]),
        userinfo=_identity(wishes["userinfo"]),
        intent=_intent(wishes),
    )


def _identity(wishes: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(name for name in IDENTITY_CLAIMS if name in wishes)


def _max_age_s(parameters: Mapping[str, str], default_s: int | None) -> int | None:
    """Return the age of the oldest sign-in that will do, in seconds (section 3.1.2.1).

    A consent is always asked for in person, so `prompt=none` is refused.
    """
    prompts = parameters.get("prompt", "").split()
    if "none" in prompts:
        raise Refusal(OAUTH_INTERACTION_REQUIRED, "prompt=none")
    if not set(prompts) <= set(PROMPTS):
        raise _wrong("prompt", "must be login or consent")
    given = parameters.get("max_age")
    if given is not None and not (given.isascii() and given.isdigit() and len(given) <= 9):
        raise _wrong("max_age", "is not a number of seconds")
    if "login" in prompts:
        return 0
    return default_s if given is None else int(given)


class _Wish(msgspec.Struct, frozen=True):
    """One claim asked for (section 5.5.1). `values` are its allowed values, none for any."""

    essential: bool = False
    values: tuple[str, ...] = ()


_Wishes = dict[str, dict[str, _Wish]]


def _claims(raw: str | None) -> _Wishes:
    """Return the claims asked for, by place. Claims in other places are ignored."""
    asked: Any = {}
    if raw is not None:
        try:
            asked = loads(raw, CLAIMS_PARAMETER_CHARACTERS)
        except ValueError as error:
            raise _wrong("claims", "is not JSON") from error
    if not isinstance(asked, dict):
        raise _wrong("claims", "is not a JSON object")
    return {place: _place(asked.get(place)) for place in _PLACES}


def _place(asked: Any) -> dict[str, _Wish]:
    if asked is None:
        return {}
    if not isinstance(asked, dict) or len(asked) > CLAIMS_ASKED:
        raise _wrong("claims", "asks in another form than an object a place")
    return {name: _wish(name, each) for name, each in asked.items() if name in CLAIMS_SUPPORTED}


def _wish(name: str, asked: Any) -> _Wish:
    if asked is None:
        return _Wish()
    if not isinstance(asked, dict):
        raise _wrong("claims", "asks for a claim by something else than null or an object")
    essential, values = asked.get("essential", False), tuple(_values(asked))
    if not isinstance(essential, bool):
        raise _wrong("claims", "has an essential that is not true or false")
    if values and name not in ("acr", INTENT):
        raise _wrong("claims", "asks for a value of a claim that only this server knows")
    return _Wish(essential, values)


def _values(asked: Mapping[str, Any]) -> Iterator[str]:
    listed = asked.get("values", [])
    if not isinstance(listed, list) or len(listed) > CLAIMS_ASKED:
        raise _wrong("claims", "has values that are not a list")
    for value in [*listed, *([asked["value"]] if "value" in asked else [])]:
        if not isinstance(value, str):
            raise _wrong("claims", "has a value that is not text")
        yield value


def _unattainable(wish: _Wish | None) -> bool:
    """Whether an essential `acr` cannot be met: a failed sign-in (section 5.5.1.1)."""
    if wish is None or not wish.essential or not wish.values:
        return False
    return not set(ACR_VALUES) & set(wish.values)


def _intent(wishes: _Wishes) -> str | None:
    """Return the one consent lodged beforehand that the request is about, if any."""
    named = {value for place in _PLACES for value in wishes[place].get(INTENT, _Wish()).values}
    if len(named) > 1:
        raise _wrong("claims", "names more than one intent")
    return next(iter(named), None)


def _wrong(parameter: str, reason: str) -> Refusal:
    return Refusal(OAUTH_INVALID_REQUEST, f"{parameter} {reason}", parameter=parameter, why=reason)
