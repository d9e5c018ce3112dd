"""The names of the grant types that this server offers."""

from __future__ import annotations

from typing import Final

AUTHORIZATION_CODE: Final = "authorization_code"  # RFC 6749 section 4.1
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 - RFC 6749 section 6
CLIENT_CREDENTIALS: Final = "client_credentials"  # RFC 6749 section 4.4
CIBA: Final = "urn:openid:params:grant-type:ciba"  # CIBA Core section 4
