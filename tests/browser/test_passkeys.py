"""Passkeys, by Chromium's virtual authenticator: made, used to come in, used as a proof."""

from __future__ import annotations

import pytest
from entry_steps import PASSPHRASE
from playwright.async_api import Page
from visits import ENGLISH, Visit, leave, obstacles

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")


async def with_authenticator(page: Page, *, verified: bool = True) -> None:
    """A built-in authenticator, whose owner consents and is recognised or not."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verified,
        "automaticPresenceSimulation": True,
    }
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


async def test_a_passkey_is_made_at_sign_up_and_signs_in_alone(visit: Visit) -> None:
    page = await visit.window(ENGLISH)
    await with_authenticator(page)
    await page.goto("/sign-up")
    told = {"name_en": "Key Works", "display_name": "Kai", "name": "kai", "passphrase": PASSPHRASE}
    for field, text in told.items():
        await page.fill(f"#{field}", text)
    await page.check("input[name=partner_class][value=internet_platform]")
    await page.click("form:has(#name_en) button")
    await page.wait_for_url("**/sign-in/set-up**")
    assert await obstacles(page) == []
    await page.fill("#passkey_name", "My laptop")
    await page.click("button:has-text('Make a passkey')")
    await page.wait_for_selector("#recovery-codes")
    await page.goto("/desk/account")
    assert await page.get_by_text("My laptop").count() == 1
    assert await obstacles(page) == []
    await leave(page, "header button:has-text('Sign out')")
    await page.goto("/sign-in?next=/desk/account")
    await page.click("button:has-text('Sign in with a passkey')")
    await page.wait_for_url("**/desk/account")


async def test_a_passkey_that_does_not_know_its_owner_changes_nothing(visit: Visit) -> None:
    page = await visit.window(ENGLISH)
    await with_authenticator(page, verified=False)
    await page.goto("/sign-in")
    await page.click("button:has-text('Sign in with a passkey')")
    await page.wait_for_selector("text=No passkey was used")
    assert page.url.endswith("/sign-in")
