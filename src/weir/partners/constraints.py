"""Constraints that a client registered about itself, which this server then holds it to.

RFC 7591 section 2, RFC 8705 section 3.4, RFC 9101 section 10.5, RFC 9396 section 10, RFC 9449
section 5.2, OpenID Connect Registration section 2 and CIBA Core section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec


class Constraints(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The registered constraints of an application; None and False constrain nothing.

    `scope` is a list here, and one text in the metadata of RFC 7591.
    """

    grant_types: tuple[str, ...] | None = None
    scope: tuple[str, ...] | None = None
    authorization_details_types: tuple[str, ...] | None = None
    token_endpoint_auth_signing_alg: str | None = None
    request_object_signing_alg: str | None = None
    backchannel_authentication_request_signing_alg: str | None = None
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    default_max_age: int | None = None

    def uses(self, grant_type: str) -> bool:
        """Whether the client may use a grant type; any may be used when none is registered."""
        return self.grant_types is None or grant_type in self.grant_types

    def stored(self) -> dict[str, Any]:
        """Return the constraints as the JSON object that is stored."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return value


NONE: Final = Constraints()


def read(stored: Mapping[str, Any]) -> Constraints:
    """Return the constraints in a stored JSON object."""
    return msgspec.convert(stored, Constraints) if stored else NONE
