"""What the gateway is told of withdrawals: revocations, in the change log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from weir.kernel.declares import ACCESS_TOKEN_LIFETIME_S
from weir.keys.published import REVOCATION, RevocationDocument
from weir.store.unit import Change

__all__ = ["REVOCATION", "revocation", "revocation_key"]

# A gateway may remember a token it verified just before the revocation; clocks differ a little.
SLACK_S: Final = 60


def revocation_key(subject: str, value: str) -> str:
    """The key of a revocation in the change log."""
    return f"{subject}:{value}"


def revocation(
    subject: Literal["consent", "token"], value: str, at: datetime, until: datetime | None = None
) -> Change:
    """The change that revokes from `at` on.

    `value` is a consent's identifier (voids every token that stands on it) or an access token's
    `jti`. The change may be forgotten once the longest token it voids has died: `until`, or one
    access token's lifetime from now.
    """
    died = until or at + timedelta(seconds=ACCESS_TOKEN_LIFETIME_S)
    document = RevocationDocument(subject, value, at)
    return Change(REVOCATION, document.key, document, died + timedelta(seconds=SLACK_S))
