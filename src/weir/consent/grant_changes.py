"""Changes of a grant, when a customer widens it or replaces it by another; pure.

Grant Management for OAuth 2.0 (OpenID FAPI working group), `grant_management_action`: *merge* adds
the request to the grant, *replace* puts the request in the grant's place. A grant keeps its
institution and its type. Grants that move money are never changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from weir.consent.declares import OAUTH_INVALID_AUTHORIZATION_DETAILS
from weir.consent.types import ConsentRequest
from weir.kernel.outcomes import Refusal

Action = Literal["create", "merge", "replace"]
ACTIONS: Final[tuple[Action, ...]] = ("create", "merge", "replace")


@dataclass(frozen=True, slots=True)
class Difference:
    """The effect of a change, as the customer sees it before the answer.

    Permissions and accounts keep their order.
    """

    permissions_added: tuple[str, ...]
    permissions_kept: tuple[str, ...]
    permissions_ended: tuple[str, ...]
    accounts_before: tuple[str, ...]
    ends_before: datetime
    ends_after: datetime


def require_same_kind(before: Mapping[str, Any], asked: ConsentRequest) -> None:
    """Refuse (OAUTH_INVALID_AUTHORIZATION_DETAILS) a change of the type or the institution."""
    for field in ("type", "member"):
        if asked.details[field] != before[field]:
            raise Refusal(
                OAUTH_INVALID_AUTHORIZATION_DETAILS,
                f"a change of {field}",
                pointer=f"/0/{field}",
                why="a grant keeps its type and its institution: create another",
            )


def changed_request(
    action: Action, before: Mapping[str, Any], asked: ConsentRequest
) -> ConsentRequest:
    """Return the request that the customer must grant so that the grant becomes as asked.

    `before` is the granted entry. A merge removes nothing: permissions are united, and the later of
    the two ends counts.
    """
    if action != "merge":
        return asked
    ends_before = datetime.fromisoformat(before["expires_at"])
    assert asked.expires_at is not None, "only access with an end is ever widened"
    kept: list[str] = before["permissions"]
    added = [each for each in asked.details["permissions"] if each not in kept]
    later = before if ends_before > asked.expires_at else asked.details
    details = {
        **asked.details,
        "permissions": [*kept, *added],
        "expires_at": later["expires_at"],
    }
    return replace(asked, details=details, expires_at=max(ends_before, asked.expires_at))


def accounts_after(action: Action, before: Mapping[str, Any], chosen: Collection[str]) -> list[str]:
    """Return the accounts of the grant after the change, sorted."""
    kept: list[str] = before["accounts"] if action == "merge" else []
    return sorted({*kept, *chosen})


def difference(before: Mapping[str, Any], after: ConsentRequest) -> Difference:
    """Compare a granted entry with the request `after`: added, kept and ended permissions, ends."""
    had: list[str] = before["permissions"]
    will: list[str] = after.details["permissions"]
    assert after.expires_at is not None
    return Difference(
        permissions_added=tuple(each for each in will if each not in had),
        permissions_kept=tuple(each for each in will if each in had),
        permissions_ended=tuple(each for each in had if each not in will),
        accounts_before=tuple(before["accounts"]),
        ends_before=datetime.fromisoformat(before["expires_at"]),
        ends_after=after.expires_at,
    )
