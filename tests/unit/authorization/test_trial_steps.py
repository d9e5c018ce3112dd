"""What a trial's key may not do though the application's own keys may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from weir.authorization.clients.trial_keys import TrialKey
from weir.authorization.exchange import Exchange
from weir.authorization.grants.grants import Grant
from weir.authorization.steps import trial
from weir.kernel.outcomes import Refusal

KEY = TrialKey(
    application="app", scope="river-bank.accounts", member="river-bank", jwk={}, thumbprint="t",
    returns_to="https://portal.localhost/try/back",
)  # fmt: skip
OWN = Grant(
    consent="cns", grant_id="gnt", current="cns", client="app", subject="sub",
    scope="openid river-bank.accounts", redirect_uri=KEY.returns_to, code_challenge=None,
    certificate=None, dpop_jkt="t", code_expires_at=None, code_used_at=None, authentication=None,
)  # fmt: skip


def asking(key: TrialKey | None = KEY, **found: Any) -> Exchange:
    services: Any = None
    exchange = Exchange(services=services, parameters={}, certificate=None, now=datetime.now(UTC))
    exchange.trial = key
    for name, value in found.items():
        setattr(exchange, name, value)
    return exchange


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://shop.example/callback"},
        {"scope": "river-bank.payments"},
        {"scope": "river-bank.accounts river-bank.payments"},
        {"scope": "openid"},
    ],
)
def test_no_code_but_its_own_becomes_a_token(changed: dict[str, str]) -> None:
    other = replace(OWN, **changed)
    trial.code_is_the_trials(asking(grant=OWN))
    trial.code_is_the_trials(asking(None, grant=other))
    with pytest.raises(Refusal, match="oauth_invalid_grant"):
        trial.code_is_the_trials(asking(grant=other))


def test_no_grant_is_changed_and_no_lodged_consent_answered() -> None:
    trial.begins_a_grant(asking())
    trial.begins_a_grant(asking(None, action="merge", lodged=SimpleNamespace(id="cns")))
    for found in ({"action": "merge"}, {"action": "replace"}, {"lodged": SimpleNamespace(id="c")}):
        with pytest.raises(Refusal, match="oauth_invalid_grant_id"):
            trial.begins_a_grant(asking(**found))
