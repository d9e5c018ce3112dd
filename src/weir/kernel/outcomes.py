"""Refusals: their public and private sides. Each room declares its own (`declares.py`).

A refusal has a public side (a code, an HTTP status, a sentence in English and Chinese) and a
private side (a detail for the log). The public side never names a host, a file, a library or a
version. On the wire it is RFC 9457 problem+json; on OAuth endpoints it is the error object of
RFC 6749 section 5.2, whose description is ASCII and whose Chinese stands behind `error_uri`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Fault(Enum):
    """Whose doing a refusal was; settlement never bills what was not the caller's doing."""

    CALLER = "caller"
    PLATFORM = "platform"
    MEMBER = "member"


class Retry(Enum):
    """What the caller may do next."""

    NEVER = "never"  # the same request will be refused again
    LATER = "later"  # the same request may pass after a wait
    CHANGED = "changed"  # a new token, consent or key is needed first


@dataclass(frozen=True, slots=True)
class Outcome:
    """One named refusal. `oauth` is the RFC 6749 error code it wears on OAuth endpoints."""

    code: str
    status: int
    en: str
    zh: str
    fault: Fault = Fault.CALLER
    retry: Retry = Retry.NEVER
    oauth: str | None = None

    def title(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


class Refusal(Exception):  # noqa: N818 - a refusal is an answer of the platform, not a fault in it
    """Raised by any room to refuse. `detail` is for the log and never leaves the platform.

    `public` holds values that help the caller mend the request (a JSON pointer, a limit); they
    are shown, so they may only repeat what the caller sent or what the docs publish.
    """

    def __init__(self, outcome: Outcome, detail: str = "", **public: str | int) -> None:
        super().__init__(f"{outcome.code}: {detail}" if detail else outcome.code)
        self.outcome = outcome
        self.detail = detail
        self.public = public

    def problem(self, interaction_id: str | None = None) -> dict[str, Any]:
        """The RFC 9457 object, both languages in it, so that no caller needs to negotiate."""
        return problem(self.outcome, interaction_id, self.public)


def problem(
    outcome: Outcome, interaction_id: str | None = None, public: dict[str, str | int] | None = None
) -> dict[str, Any]:
    """RFC 9457 section 3.1 members, plus `code`, `title_zh`, `fault`, `retry`."""
    body: dict[str, Any] = {
        "type": f"urn:weir:refusal:{outcome.code}",
        "title": outcome.en,
        "title_zh": outcome.zh,
        "status": outcome.status,
        "code": outcome.code,
        "fault": outcome.fault.value,
        "retry": outcome.retry.value,
    }
    if interaction_id:
        body["interaction_id"] = interaction_id
    if public:
        body["parameters"] = public
    return body
