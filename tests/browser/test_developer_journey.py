"""From never heard of it to the first answer: a developer signs up, and nobody is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from entering import PASSPHRASE, give_first_code
from playwright.async_api import Page
from visiting import CHINESE, ENGLISH, PHONE, Visit, obstacles

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")

WORDS = {
    ENGLISH: ("Register and go on", "Confirm and sign in", "The first call", "has arrived"),
    CHINESE: ("登记并继续", "确认并登录", "首次调用", "已到达"),
}


async def sign_up(page: Page, name: str, language: str) -> None:
    """The form, the second factor by code, the recovery codes: by keyboard alone."""
    go_on, confirm, _, _ = WORDS[language]
    await page.goto("/sign-up")
    await page.focus("#name_en")
    await page.keyboard.type(f"Orchard {name}")
    await page.check("input[name=partner_class][value=software_vendor]")
    for field, text in (("display_name", "Mei Lin"), ("name", name), ("passphrase", PASSPHRASE)):
        await page.fill(f"#{field}", text)
    await page.get_by_role("button", name=go_on).press("Enter")
    await page.wait_for_url("**/sign-in/set-up**")
    assert await page.get_by_role("button", name=confirm).count() == 1
    await give_first_code(page)
    await page.wait_for_selector("#recovery-codes")
    assert len((await page.text_content("#recovery-codes") or "").split()) == 10
    await page.click("main a.button")


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
    await sign_up(page, f"mei.{language[:2]}", language)
    await page.fill("#application_name", "Orchard app")
    await page.press("#application_name", "Enter")
    await page.wait_for_selector("#make-key")
    request = run(tmp_path, str(await page.text_content("#make-key")))
    await page.fill("#csr_pem", request)
    await page.click("form:has(#csr_pem) button")
    await page.wait_for_url("**/first-call")
    run(tmp_path, str(await page.text_content("#save")))
    await page.click("main section a.button")
    await page.click("main table a >> text=/Instruments and quotes|标的与行情/")
    await page.check("input[name=plan] >> nth=0")
    await page.get_by_label("first-steps").check()
    await page.click("form:has(input[name=plan]) button")
    await page.wait_for_url("**/first-call")
    if scripts:  # axe-core is a script
        assert await obstacles(page) == []
    answer = run(tmp_path, str(await page.text_content("#call")))
    assert "instrument" in answer
    await seen(page, WORDS[language][3])


async def seen(page: Page, words: str) -> None:
    """The call is counted, within the time the page promises."""
    for _ in range(60):
        await page.reload()
        if await page.get_by_text(words).count():
            return
        await page.wait_for_timeout(1_000)
    raise AssertionError("the first call was never counted")
