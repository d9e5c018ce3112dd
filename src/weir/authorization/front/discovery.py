"""The server's metadata document (RFC 8414, and OpenID Connect Discovery).

With the entries of RFC 8705, 9101, 9126, 9207, 9396, 9449 and 9701, of Grant Management for OAuth
2.0, and of CIBA.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from weir.authorization.grammar import locales, scopes
from weir.authorization.grammar.openid import ACR_VALUES, CLAIMS_SUPPORTED, OPENID, PROMPTS
from weir.authorization.pipeline import GRANT_TYPES
from weir.authorization.services import Addresses
from weir.authorization.steps.request import RESPONSE_MODES
from weir.consent import grant_changes
from weir.consent.types import SCHEMAS
from weir.keys.vault import Signer
from weir.partners.classes import DELIVERY_MODES, TOKEN_ENDPOINT_AUTH_METHODS

# Endpoint name in the metadata, and its path under both origins.
ENDPOINTS: Final = {
    "pushed_authorization_request_endpoint": "/par",
    "token_endpoint": "/token",
    "revocation_endpoint": "/revoke",
    "introspection_endpoint": "/introspect",
    "userinfo_endpoint": "/userinfo",
    "grant_management_endpoint": "/grants",
    "registration_endpoint": "/register",
    "backchannel_authentication_endpoint": "/bc-authorize",
}


def metadata(addresses: Addresses, signer: Signer, now: datetime) -> dict[str, Any]:
    """Return the metadata document: the offered features only, each by a registered name.

    `scopes_supported` has the scopes that are the server's own; a product's scope is on its page.
    """
    issuer = addresses.issuer
    methods, algorithms = list(TOKEN_ENDPOINT_AUTH_METHODS), list(signer.accepted_algorithms(now))
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "jwks_uri": f"{issuer}/jwks",
        **{name: issuer + path for name, path in ENDPOINTS.items()},
        "mtls_endpoint_aliases": {name: addresses.mtls + path for name, path in ENDPOINTS.items()},
        "scopes_supported": [OPENID, scopes.MANAGE, *sorted(scopes.GRANT_MANAGEMENT)],
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
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_signing_alg_values_supported": signer.algorithms(),
        "tls_client_certificate_bound_access_tokens": True,
        "authorization_signing_alg_values_supported": signer.algorithms(),
        "request_object_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": algorithms,
        "backchannel_token_delivery_modes_supported": list(DELIVERY_MODES),
        "backchannel_authentication_request_signing_alg_values_supported": algorithms,
        "backchannel_user_code_parameter_supported": False,
        "grant_management_actions_supported": ["query", "revoke", *grant_changes.ACTIONS],
        "grant_management_action_required": False,
        "authorization_details_types_supported": list(SCHEMAS),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": signer.algorithms(),
        "claims_parameter_supported": True,
        "claims_supported": list(CLAIMS_SUPPORTED),
        "acr_values_supported": list(ACR_VALUES),
        "prompt_values_supported": list(PROMPTS),
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "ui_locales_supported": list(locales.SUPPORTED),
    }


def announced_changes(signer: Signer, now: datetime) -> dict[str, Any]:
    """Return the document of changes to come: `changes`, a list, each with its `effective_at`.

    A document of its own: no standard has a name for them in the metadata, and a client that checks
    the metadata strictly must find nothing there that it does not know.
    """
    return {"changes": signer.announcements(now)}
