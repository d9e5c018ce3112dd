"""The security headers of every page.

No page runs an inline script, loads from elsewhere, or is framed. The authorization server's pages,
on which consent is given, run no script at all.
"""

from __future__ import annotations

from typing import Final

HEADERS: Final = {
    "strict-transport-security": "max-age=63072000",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}


def content_security_policy(leads_to: str | None = None, *, scripts: bool = False) -> str:
    """Return the page's policy. `leads_to` is the origin its form's answer redirects to, if any.

    Browsers apply form-action to redirects too, so the consent page must name the application's
    origin or the customer would never get back.
    """
    form_action = f"'self' {leads_to}" if leads_to else "'self'"
    run = "script-src 'self'; connect-src 'self'; " if scripts else ""
    return (
        f"default-src 'none'; {run}style-src 'self'; img-src 'self'; "
        f"form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    )
