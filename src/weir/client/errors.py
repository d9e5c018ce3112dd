"""Errors of the client, as types: refused, answered badly, not reached, not believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from weir.kernel import strict_json
from weir.kernel.outcomes import Fault, Retry

PROBLEM_TYPE: Final = "urn:weir:refusal:"
_SHOWN_CHARACTERS: Final = 500  # of any text that came from outside


class WeirError(Exception):
    """The base of every error this package raises on purpose."""


class UnreachableError(WeirError):
    """No answer came: the connection failed, broke or timed out. The call may have been made."""


class ProtocolError(WeirError):
    """An answer came that must not be believed: another issuer, another state, not the form."""


@dataclass(eq=False)
class RefusedError(WeirError):
    """The platform refused a request (RFC 9457 problem details).

    `code` is one of the closed list in docs/reference/refusals.md; `title` and `title_zh` say it to
    people; `fault` whose doing it was; `retry` what may be done next. `retry_after_s` comes from
    the header of that name. `parameters` help to mend the request.
    """

    code: str
    status: int
    title: str
    title_zh: str
    fault: Fault
    retry: Retry
    interaction_id: str | None = None
    retry_after_s: int | None = None
    parameters: dict[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.title} ({_with(self.code, self.parameters)})"


@dataclass(eq=False)
class OAuthError(WeirError):
    """The authorization server refused (RFC 6749 section 5.2). `error` is its registered code.

    `description` says why; `uri` is a page about that very cause, and what to do.
    """

    error: str
    status: int
    description: str = ""
    uri: str | None = None

    def __str__(self) -> str:
        said = self.description or "The authorization server refused."
        return f"{said} ({self.error})"


@dataclass(eq=False)
class InstitutionError(WeirError):
    """The institution itself refused: a status of 400 or more that is not the platform's.

    `body` is its JSON, or None when it sent none.
    """

    status: int
    body: Any
    interaction_id: str | None = None

    def __str__(self) -> str:
        reason = self.body.get("title") if isinstance(self.body, dict) else None
        shown = str(reason)[:_SHOWN_CHARACTERS] if reason else "no reason given"
        return f"The institution answered {self.status}: {shown}"


def refusal_in(status: int, content: bytes, retry_after: str | None = None) -> RefusedError | None:
    """Return the platform's refusal in a body, or None when the body is something else."""
    problem = json_object(content)
    if problem is None or not str(problem.get("type", "")).startswith(PROBLEM_TYPE):
        return None
    parameters = problem.get("parameters")
    interaction_id = problem.get("interaction_id")
    return RefusedError(
        code=str(problem.get("code", ""))[:_SHOWN_CHARACTERS],
        status=status,
        title=str(problem.get("title", ""))[:_SHOWN_CHARACTERS],
        title_zh=str(problem.get("title_zh", ""))[:_SHOWN_CHARACTERS],
        fault=_member(Fault, problem.get("fault"), Fault.PLATFORM),
        retry=_member(Retry, problem.get("retry"), Retry.NEVER),
        interaction_id=interaction_id if isinstance(interaction_id, str) else None,
        retry_after_s=_seconds(retry_after),
        parameters=_plain(parameters) if isinstance(parameters, dict) else {},
    )


def oauth_error_in(status: int, content: bytes) -> OAuthError | None:
    """Return the OAuth error in a body, or None when the body is something else."""
    body = json_object(content)
    if body is None or not isinstance(body.get("error"), str):
        return None
    uri = body.get("error_uri")
    return OAuthError(
        error=body["error"][:_SHOWN_CHARACTERS],
        status=status,
        description=str(body.get("error_description", ""))[:_SHOWN_CHARACTERS],
        uri=uri if isinstance(uri, str) else None,
    )


def json_object(content: bytes) -> dict[str, Any] | None:
    """Return a JSON object, read strictly; None when the bytes are not one."""
    try:
        value = strict_json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _with(code: str, parameters: dict[str, str | int]) -> str:
    """Return a code with the parameters that help to mend the request, Chinese reasons left out."""
    shown = [f"{name}: {v}" for name, v in parameters.items() if not name.endswith("_zh")]
    return "; ".join([code, ", ".join(shown)]) if shown else code


def _member(kind: Any, value: Any, otherwise: Any) -> Any:
    return next((each for each in kind if each.value == value), otherwise)


def _plain(values: dict[str, Any]) -> dict[str, str | int]:
    kept = {n: v for n, v in values.items() if isinstance(v, (str, int))}
    return {n: v[:_SHOWN_CHARACTERS] if isinstance(v, str) else v for n, v in kept.items()}


def _seconds(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else None
