"""Revocations of consents and tokens in the change log, for the gateways."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from weir.kernel.declares import ACCESS_TOKEN_LIFETIME_S
from weir.keys.published import REVOCATION, RevocationDocument
from weir.store.unit import Change

__all__ = ["REVOCATION", "revocation", "revocation_key"]

# Kept longer, since a gateway may remember a token verified just before, and clocks differ.
SLACK_S: Final = 60


def revocation_key(subject: str, value: str) -> str:
    """Return the key of a revocation in the change log."""
    return f"{subject}:{value}"


def revocation(
    subject: Literal["consent", "token"], value: str, at: datetime, until: datetime | None = None
) -> Change:
    """Return the change that revokes a consent or a token from `at` on.

    `value` is a consent's identifier (which makes every token under it invalid) or an access
    token's `jti`. The change expires SLACK_S after the last of these tokens, which is at `until`,
    or by default one lifetime of an access token after `at`.
    """
    died = until or at + timedelta(seconds=ACCESS_TOKEN_LIFETIME_S)
    document = RevocationDocument(subject, value, at)
    return Change(REVOCATION, document.key, document, died + timedelta(seconds=SLACK_S))
