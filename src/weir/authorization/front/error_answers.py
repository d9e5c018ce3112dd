"""Refusals in the form of RFC 6749 section 5.2."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import JSONResponse

from weir.authorization.services import Addresses
from weir.kernel.outcomes import Fault, Outcome, Refusal

NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}


def error_of(addresses: Addresses, refusal: Refusal) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return status, header fields and the error object (RFC 6749 section 5.2).

    `error`, `error_description` and `error_uri` are texts; `parameters`, an object, says what is at
    fault.
    """
    outcome = refusal.outcome
    body: dict[str, Any] = {
        "error": oauth_code(outcome),
        "error_description": outcome.en,
        "error_uri": f"{addresses.issuer}/errors/{outcome.code}",
    }
    if refusal.public:
        body["parameters"] = refusal.public
    headers = dict(NO_STORE)
    if refusal.wait_s is not None:
        headers["retry-after"] = str(refusal.public.get("interval", refusal.wait_s))
    return outcome.status, headers, body


def refusal_response(addresses: Addresses, refusal: Refusal) -> JSONResponse:
    """Return the refusal as a response."""
    status, headers, body = error_of(addresses, refusal)
    return JSONResponse(body, status, headers=headers)


def oauth_code(outcome: Outcome) -> str:
    """Return the error code of RFC 6749 for any refusal, also of other rooms."""
    if outcome.oauth is not None:
        return outcome.oauth
    if outcome.fault is Fault.CALLER:
        return "invalid_request"
    return "temporarily_unavailable" if outcome.status == 503 else "server_error"
