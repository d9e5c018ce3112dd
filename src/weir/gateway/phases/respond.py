"""The platform's own answer, RFC 9457 problem+json in both languages, never more."""

from __future__ import annotations

from typing import Final

import msgspec

from weir.gateway.declares import SIGNATURE_MISSING
from weir.kernel.outcomes import Refusal
from weir.keys import challenges
from weir.wire.declares import METHOD_NOT_ALLOWED

PROBLEM_TYPE: Final = b"application/problem+json"
_LINES: Final = (
    b"content-type: application/problem+json\r\n"
    b"cache-control: no-store\r\n"
    b"x-fapi-interaction-id: %b\r\n"
)
# The signature that would be accepted (RFC 9421 section 5.1).
_ACCEPT_SIGNATURE: Final = (
    b'accept-signature: sig=("@method" "@target-uri" "authorization" "content-digest")'
    b';created;keyid;nonce;tag="fapi-2-request"\r\n'
)


def refusal_lines(refusal: Refusal, interaction_id: bytes) -> bytes:
    """Return the field lines of a refusal. RFC 6750 section 3 asks for a challenge with 401."""
    lines = _LINES % interaction_id
    outcome = refusal.outcome
    challenge = challenges.of_refusal(refusal)
    if challenge is not None:
        lines += b"www-authenticate: %b\r\n" % challenge.encode("ascii")
    retry_after_s = refusal.public.get("retry_after_s")
    if retry_after_s is not None:
        lines += b"retry-after: %d\r\n" % int(retry_after_s)
    if outcome is METHOD_NOT_ALLOWED and "allow" in refusal.public:
        lines += b"allow: %b\r\n" % str(refusal.public["allow"]).encode("ascii")
    if outcome is SIGNATURE_MISSING:
        lines += _ACCEPT_SIGNATURE
    return lines


def refusal_body(refusal: Refusal, interaction_id: bytes) -> bytes:
    """Return the problem object as JSON."""
    return msgspec.json.encode(refusal.problem(interaction_id.decode()))
