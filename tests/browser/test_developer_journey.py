"""From never heard of it to the first answer, by keyboard alone: a developer signs up, and nobody
is asked. Then what follows: one's own calls, the bill, another key, a colleague.
"""

from __future__ import annotations

import re
import secrets
import subprocess
from pathlib import Path

import pytest
from entry_steps import PASSPHRASE, claim, first_code
from keyboard import Keyboard
from page_words import either, saying
from playwright.async_api import Page, expect
from visits import CHINESE, ENGLISH, PHONE, Visit, obstacles

from weir.kernel.rooms import events

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")


async def sign_up(keyboard: Keyboard, name: str) -> None:
    """The form, the second factor by code, the recovery codes."""
    page = keyboard.page
    await page.goto("/sign-up")
    await keyboard.write("#name_en", f"Orchard {name}")
    await keyboard.choose("input[name=partner_class][value=software_vendor]")
    for field, text in (("display_name", "Mei Lin"), ("name", name), ("passphrase", PASSPHRASE)):
        await keyboard.write(f"#{field}", text)
    await keyboard.follow("form:has(#name_en) button[type=submit]", "**/sign-in/set-up**")
    await keyboard.write("#code", await first_code(page))
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#recovery-codes")
    assert len((await page.text_content("#recovery-codes") or "").split()) == 10
    await keyboard.follow("main a.button", "**/desk/applications/new")


def run(folder: Path, commands: str) -> str:
    """Run what was copied from a page, as somebody in that folder would."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("language", "width", "scripts"), [(ENGLISH, 1280, True), (CHINESE, PHONE, False)]
)
async def test_from_signing_up_to_the_first_answer(
    visit: Visit, tmp_path: Path, language: str, width: int, scripts: bool
) -> None:
    page = await visit.window(language, width=width, scripts=scripts)
    keyboard = Keyboard(page)
    name = f"mei.{secrets.token_hex(4)}"
    application = f"App of {name}"  # names are one party's
    await sign_up(keyboard, name)
    await keyboard.write("#application_name", application)
    await keyboard.follow("form:has(#application_name) button[type=submit]", "**/app_*")
    request = run(tmp_path, str(await page.text_content("#make-key")))
    await keyboard.write("#csr_pem", request)
    await keyboard.follow("form:has(#csr_pem) button[type=submit]", "**/first-call")
    run(tmp_path, str(await page.text_content("#save")))
    await keyboard.follow("main section a.button", "**/subscriptions/new?**")
    offered = page.locator("main table a", has_text=re.compile("Instruments and quotes|标的与行情"))
    place = await offered.first.get_attribute("href")
    await keyboard.follow(f"main a[href='{place}']", "**product=**")
    await keyboard.choose("label:has-text('first-steps') input")
    assert await page.get_by_label(application).is_checked()
    await keyboard.follow("form:has(input[name=plan]) button", "**/first-call")
    if scripts:  # axe-core is a script
        assert await obstacles(page) == []
    answer = run(tmp_path, str(await page.text_content("#call")))
    assert "instrument" in answer
    await seen(page, saying(language)("Your first call has arrived."))
    await sees_its_own(page, application, language)
    run(tmp_path, "mkdir next")
    await changes_its_key(page, tmp_path / "next", language)
    await invites(visit, keyboard, application, language)


async def sees_its_own(page: Page, application: str, language: str) -> None:
    """One call, which has cost nothing yet."""
    await page.goto("/desk/traffic?by=application")
    await expect(page.locator(".measured strong")).to_have_text("1")
    await expect(page.locator("tbody tr")).to_contain_text([application])
    await page.goto("/statements")
    await expect(page.locator(".empty")).to_contain_text(
        saying(language)("Statements will be listed here.")
    )


async def changes_its_key(page: Page, folder: Path, language: str) -> None:
    """The next key calls before the first is revoked: nothing stands still in between."""
    say = saying(language)
    await page.goto("/desk/applications")
    await page.click("main tbody a")
    await page.wait_for_url("**/applications/app_*")
    application = page.url
    request = run(folder, str(await page.text_content("#make-key")))
    await page.fill("#csr_pem", request)
    await page.click("form:has(#csr_pem) button[type=submit]")
    await page.wait_for_url("**/first-call")
    run(folder, str(await page.text_content("#save")))
    assert "instrument" in run(folder, str(await page.text_content("#call")))
    await page.goto(application)
    rows = page.locator("tbody tr")
    await rows.last.get_by_role("button", name=say("Revoke")).click()
    await expect(rows.first).to_contain_text(say("valid"))
    await expect(rows.last).to_contain_text(say("revoked"))
    assert "instrument" in run(folder, await call_of(page))


async def call_of(page: Page) -> str:
    await page.goto(f"{page.url}/first-call")
    return str(await page.text_content("#call"))


async def invites(visit: Visit, keyboard: Keyboard, application: str, language: str) -> None:
    """A colleague, who comes in by the link and finds the same rooms; the trail knows them."""
    page = keyboard.page
    await page.goto("/desk/people")
    await keyboard.write("#invitee", "Lin")
    await page.keyboard.press("Enter")
    link = str(await page.text_content("#one-time-link"))
    colleague = await visit.window(language, width=PHONE)
    await claim(colleague, link, f"lin.{secrets.token_hex(4)}")
    await colleague.goto("/desk/applications")
    await expect(colleague.locator("main tbody")).to_contain_text(application)
    await page.goto("/desk/audit?event=person.created")
    await expect(page.locator("tbody tr")).to_have_count(2)
    created = either(events()["person.created"], language)
    await expect(page.locator("tbody tr").first).to_contain_text(created)


async def seen(page: Page, words: str) -> None:
    """The call is counted, within the time the page promises."""
    for _ in range(60):
        await page.reload()
        if await page.get_by_text(words).count():
            return
        await page.wait_for_timeout(1_000)
    raise AssertionError("the first call was never counted")
