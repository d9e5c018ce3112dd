"""Addresses that the script of a trial calls."""

from __future__ import annotations

from typing import Final

from weir.authorization.clients.trial_keys import RETURNS_TO
from weir.portal.renderer import Page
from weir.portal.trials import trial_calls, trial_consents

PORTAL: Final[tuple[Page, ...]] = (
    ("/try/tokens", "POST", trial_calls.json_endpoint(trial_calls.token)),
    ("/try/calls", "POST", trial_calls.json_endpoint(trial_calls.call)),
    ("/try/keys", "POST", trial_calls.json_endpoint(trial_consents.key)),
    ("/try/customers", "POST", trial_calls.json_endpoint(trial_consents.customer)),
    ("/try/server", "POST", trial_calls.json_endpoint(trial_consents.server)),
    (RETURNS_TO, "GET", trial_consents.back),
)
