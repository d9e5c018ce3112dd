"""What the server says about itself (RFC 8414, with RFC 8705, 9101, 9126, 9207 and 9396)."""

from __future__ import annotations

from typing import Any, Final

from weir.authorization.pipeline import GRANT_TYPES
from weir.authorization.services import Addresses
from weir.authorization.steps.request import RESPONSE_MODES
from weir.care.jose import ALGORITHMS
from weir.care.vault import ALGORITHM
from weir.consent.types import SCHEMAS
from weir.partners.classes import TOKEN_ENDPOINT_AUTH_METHODS

# Endpoint name in the metadata, and its path under both origins.
ENDPOINTS: Final = {
    "pushed_authorization_request_endpoint": "/par",
    "token_endpoint": "/token",
    "revocation_endpoint": "/revoke",
}


def metadata(addresses: Addresses) -> dict[str, Any]:
    """The metadata document. Only what is offered is in it."""
    issuer = addresses.issuer
    methods, algorithms = list(TOKEN_ENDPOINT_AUTH_METHODS), list(ALGORITHMS)
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "jwks_uri": f"{issuer}/jwks",
        **{name: issuer + path for name, path in ENDPOINTS.items()},
        "mtls_endpoint_aliases": {name: addresses.mtls + path for name, path in ENDPOINTS.items()},
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(GRANT_TYPES),
        "code_challenge_methods_supported": ["S256"],
        "require_pushed_authorization_requests": True,
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "tls_client_certificate_bound_access_tokens": True,
        "authorization_signing_alg_values_supported": [ALGORITHM],
        "request_object_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": algorithms,
        "authorization_details_types_supported": list(SCHEMAS),
        "ui_locales_supported": ["en", "zh-Hans"],
    }
