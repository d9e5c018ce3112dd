"""Refusals and their public and private sides; each room declares its own in `declares.py`.

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
    """The party that caused a refusal."""

    CALLER = "caller"
    PLATFORM = "platform"
    MEMBER = "member"


class Retry(Enum):
    """The advice to the caller: whether, and after what, to send the request again."""

    NEVER = "never"  # the same request will be refused again
    LATER = "later"  # the same request may pass after a wait
    CHANGED = "changed"  # a new token, consent or key is needed first


@dataclass(frozen=True, slots=True)
class Outcome:
    """One named refusal.

    `code` is its name and `status` its HTTP status; `en` and `zh` are its public sentence. `oauth`
    is its error code on OAuth endpoints (RFC 6749 section 5.2).
    """

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
    """The exception that any room raises to refuse.

    `detail` is for the log and never leaves the platform. `public` holds values that help the
    caller correct the request (a JSON pointer, a limit). They are shown, so they may only repeat
    values that the caller sent or the docs publish.
    """

    def __init__(self, outcome: Outcome, detail: str = "", **public: str | int) -> None:
        super().__init__(f"{outcome.code}: {detail}" if detail else outcome.code)
        self.outcome = outcome
        self.detail = detail
        self.public = public

    @property
    def wait_s(self) -> int | None:
        """The seconds after which to try again (Retry-After); None when waiting does not help."""
        if self.outcome.retry is not Retry.LATER:
            return None
        return int(self.public.get("retry_after_s", 1))

    def problem(self, interaction_id: str | None = None) -> dict[str, Any]:
        """Return the RFC 9457 object, in both languages, so that no caller needs to negotiate."""
        return problem(self.outcome, interaction_id, self.public)


def problem(
    outcome: Outcome, interaction_id: str | None = None, public: dict[str, str | int] | None = None
) -> dict[str, Any]:
    """Return the problem object of a refusal (RFC 9457 section 3.1).

    To `type`, `title` and `status` come `title_zh`, `code`, `fault` and `retry`, and where given
    `interaction_id` and the `public` values as `parameters`.
    """
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
