"""Refusals in the form of RFC 6749 section 5.2."""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.responses import JSONResponse

from weir.authorization import remedies
from weir.authorization.services import Addresses
from weir.kernel.outcomes import Fault, Outcome, Refusal

NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}
_CHARACTERS: Final = 400  # of a description
# What error_description may hold (RFC 6749 section 5.2); quotes and backslashes become others.
_UNSAID: Final = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
_QUOTES: Final = str.maketrans({'"': "'", "\\": "/"})


def error_of(addresses: Addresses, refusal: Refusal) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return status, header fields and the error object (RFC 6749 section 5.2).

    It has `error`, `error_description` and `error_uri`, and no other member: clients of CIBA
    refuse any that they do not know.
    """
    outcome = refusal.outcome
    body: dict[str, Any] = {
        "error": oauth_code(outcome),
        "error_description": description_of(refusal),
        "error_uri": f"{addresses.issuer}{remedies.page_of(refusal)}",
    }
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


def description_of(refusal: Refusal) -> str:
    """Return the refusal's sentence with its reason, in the characters RFC 6749 section 5.2 allows.

    The reason is what a developer reads: most clients show this member and no other.
    """
    sentence, why = refusal.outcome.en, refusal.public.get("why")
    if why is not None:
        sentence = f"{sentence.removesuffix('.')}: {_subject(refusal)}{why}."
    return _UNSAID.sub("?", sentence.translate(_QUOTES))[:_CHARACTERS]


def _subject(refusal: Refusal) -> str:
    """Return what the reason is about: a parameter, a member of a document, or a place in one."""
    public = refusal.public
    if public.get("pointer"):
        return f"at {public['pointer']}: "
    named = public.get("parameter") or public.get("member")
    return f"{named} " if named else ""
