"""Addresses of the sign-in: on both hosts, each with its own session, and on the portal."""

from __future__ import annotations

from typing import Final

from weir.portal.renderer import Page
from weir.portal.sign_in import factor_setup, sign_in, sign_up, two_factors, welcome

COMMON: Final[tuple[Page, ...]] = (
    ("/sign-in", "GET", sign_in.show),
    ("/sign-in", "POST", sign_in.send),
    ("/sign-out", "POST", sign_in.sign_out),
)
PORTAL: Final[tuple[Page, ...]] = (
    ("/sign-up", "GET", sign_up.show),
    ("/sign-up", "POST", sign_up.send),
    ("/sign-in/second", "GET", two_factors.show_second),
    ("/sign-in/second", "POST", two_factors.send_second),
    ("/sign-in/passkey/options", "GET", two_factors.options),
    ("/sign-in/passkey", "POST", two_factors.by_passkey),
    ("/sign-in/passkey/new-options", "GET", factor_setup.options),
    ("/sign-in/set-up", "GET", factor_setup.show),
    ("/sign-in/set-up", "POST", factor_setup.send),
    ("/welcome/{secret}", "GET", welcome.show),
    ("/welcome/{secret}", "POST", welcome.send),
)
