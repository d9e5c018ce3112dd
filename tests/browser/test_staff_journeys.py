"""What the operator's people do for the alliance, and what an auditor reads and cannot change."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime

import pytest
from dispute_steps import dispute_a_line
from entry_steps import come_in, let_in, register
from page_words import either, is_chinese, saying
from partner_steps import CALLER, Partner, partner, quotes_are_answered
from playwright.async_api import Page, expect
from visits import CHINESE, DESK, ENGLISH, PHONE, Visit, leave, obstacles

from weir.kernel.rooms import events

# One demo, one browser.
pytestmark = pytest.mark.xdist_group("story")

LOOKS = ((ENGLISH, DESK, False), (CHINESE, PHONE, True))
# What an auditor might try: (a room, what its form would send).
ATTEMPTS = (
    (f"/desk/organisations/{CALLER}", {"act": "suspend"}),
    ("/desk/organisations/new", {"slug": "mine", "name_en": "Mine", "what": "bank"}),
    ("/desk/closings", {"act": "close", "period": "2026-01", "currency": "CNY"}),
    ("/desk/disputes", {"act": "resolve", "dispute": "dsp_1", "resolution": "No.",
                        "amount": "0", "currency": "CNY"}),
    ("/desk/people", {"act": "invite", "invitee": "me", "role": "owner"}),
)  # fmt: skip
SEND = """async ([address, fields]) => (await fetch(address, {
  method: "POST", body: new URLSearchParams(fields), redirect: "manual",
})).status"""


async def doors(page: Page) -> list[str]:
    """Every room in the navigation of whoever is in."""
    await page.goto("/desk")
    found = await page.locator(".side a").evaluate_all("all => all.map(a => a.pathname)")
    return [str(each) for each in found]


async def rooms_to_look_at(page: Page, language: str) -> list[str]:
    """All of them on the phone in the dark; at the desk those in which most is done."""
    if not is_chinese(language):
        return ["/desk", f"/desk/organisations/{CALLER}", "/desk/disputes", "/desk/closings"]
    few = "/desk/audit?event=organisation.admitted"  # the whole trail takes axe-core many seconds
    return [few if each == "/desk/audit" else each for each in await doors(page)]


async def look_at(page: Page, addresses: list[str]) -> dict[str, list[str]]:
    """What stands in the way on each page."""
    found = {}
    for address in addresses:
        answer = await page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        found[address] = await obstacles(page)
    return {address: told for address, told in found.items() if told}


async def audited(page: Page, event: str, touching: str, language: str) -> None:
    """That the trail holds it."""
    await page.goto(f"/desk/audit?event={event}&touching={touching}")
    await expect(page.locator("tbody tr").first).to_contain_text(either(events()[event], language))


@pytest.mark.parametrize(("language", "width", "dark"), LOOKS)
async def test_the_operator_runs_the_alliance(
    visit: Visit, language: str, width: int, dark: bool
) -> None:
    page = await visit.window(language, width=width, dark=dark)
    await let_in(page, visit.demo, "operator", "owner")  # the printed link is the command line's
    async with partner(visit.demo, CALLER) as calling:
        period, receipt = await a_call_in_a_period_of_its_own(calling)
        await decides_a_dispute(visit, page, language)
        await opens_production(visit, page, language)
        await stops_and_restores(page, calling, language)
        await closes(page, period, receipt)
    await page.goto("/desk/traffic")
    calls = await page.locator(".measured strong").first.inner_text()
    assert int(calls.replace(",", "")) > 0
    assert await look_at(page, await rooms_to_look_at(page, language)) == {}
    await page.goto("/desk/health")
    assert await page.locator(".state-active").count() >= 2


async def a_call_in_a_period_of_its_own(calling: Partner) -> tuple[str, str]:
    """Whole seconds of UTC in which this call arrived and no other; and its receipt."""
    await asyncio.sleep(1 - time.time() % 1)
    begun = int(time.time())
    answer = await calling.call()
    ended = int(time.time()) + 1
    await asyncio.sleep(ended - time.time())
    period = "/".join(
        datetime.fromtimestamp(each, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for each in (begun, ended)
    )
    return period, answer.headers["weir-receipt"]


async def decides_a_dispute(visit: Visit, page: Page, language: str) -> None:
    say = saying(language)
    reason = f"We did not make these calls: {secrets.token_hex(4)}."
    member = await visit.window(language)
    await let_in(member, visit.demo, "harbour-insurance", "finance")
    dispute = await dispute_a_line(member, reason)
    await page.goto("/desk")
    await page.click("main .note a[href='/desk/disputes']")
    shown = page.locator(f"#{dispute}")
    await shown.get_by_text(say("Decide"), exact=True).click()
    await shown.get_by_label(say("Decision, with its reason")).fill("2 / 2")
    amount = shown.locator("input[name=amount]")
    await amount.fill("a little")
    await amount.press("Enter")
    await expect(shown.locator(".fault")).to_be_visible()
    visit.forgive("422")
    await shown.locator("input[name=amount]").fill("0.10")
    await shown.locator("input[name=amount]").press("Enter")
    await expect(shown.locator(".state")).to_have_text(say("upheld"))
    await member.goto(f"/desk/disputes#{dispute}")
    await expect(member.locator(f"#{dispute} .state")).to_have_text(say("upheld"))
    await audited(page, "dispute.upheld", dispute, language)


async def opens_production(visit: Visit, page: Page, language: str) -> None:
    say = saying(language)
    newcomer = await visit.window(language)
    name = f"Newcomer {secrets.token_hex(4)}"
    await register(newcomer, name.lower().replace(" ", "."), name)
    await page.goto("/desk/organisations")
    await page.get_by_role("link", name=name).click()
    await page.get_by_role("button", name=say("Open production")).click()
    await expect(page.get_by_role("button", name=say("Open production"))).to_have_count(0)
    subject = str(await page.locator(".facts .id").first.inner_text())
    await newcomer.goto("/desk")
    await expect(newcomer.locator("main")).to_contain_text(say("You are in production."))
    await audited(page, "organisation.production_opened", subject, language)


async def stops_and_restores(page: Page, calling: Partner, language: str) -> None:
    """And its calls with it: what the button says is true at the gateways."""
    say = saying(language)
    own = f"/desk/organisations/{CALLER}"
    await page.goto(own)
    subject = str(await page.locator(".facts .id").first.inner_text())
    await page.get_by_role("button", name=say("Suspend organisation")).click()
    await expect(page.locator(".facts .state")).to_have_text(say("suspended"))
    await quotes_are_answered(calling, answered=False)
    await page.goto("/desk")
    await page.click(f"main .note a[href='{own}']")
    await page.get_by_role("button", name=say("Resume organisation")).click()
    await expect(page.locator(".facts .state")).to_have_text(say("active"))
    await quotes_are_answered(calling, answered=True)
    await audited(page, "organisation.resumed", subject, language)


async def closes(page: Page, period: str, receipt: str) -> None:
    """The period of one call, once its record is in the lake: one line, and what it cost."""
    await look_up(page, receipt)
    await page.goto("/desk/closings")
    statements = page.locator("#closings tbody a[href^='/statements/']")
    before = await statements.count()
    await page.fill("#period", period)
    await page.press("#period", "Enter")
    await expect(statements).to_have_count(before + 1, timeout=60_000)
    await statements.first.click()
    await expect(page.locator("tr[id^=line-]")).to_have_count(1)
    await expect(page.locator("#line-1 a[href*='/lines/']")).to_have_text("1")
    await expect(page.locator("#line-1")).to_contain_text("1 × 0.013")


async def look_up(page: Page, receipt: str) -> None:
    """A receipt is there once its record is sealed and in the lake, some seconds after the call."""
    async with asyncio.timeout(90):
        await page.goto(f"/desk/receipts?receipt={receipt}")
        while not await page.locator("#receipt-found").count():
            await page.wait_for_timeout(1_000)
            await page.reload()
    await expect(page.locator("#receipt-found .note-done")).to_be_visible()


@pytest.mark.parametrize(("language", "width", "dark"), LOOKS)
async def test_an_auditor_reads_everything_and_changes_nothing(
    visit: Visit, language: str, width: int, dark: bool
) -> None:
    say = saying(language)
    page = await visit.window(language, width=width, dark=dark)
    if is_chinese(language):
        await let_in(page, visit.demo, "operator", "auditor")
    else:
        await come_in(page, visit.demo, "An auditor", "au.lin")
    async with partner(visit.demo, CALLER) as calling:
        receipt = (await calling.call()).headers["weir-receipt"]
    rooms = await doors(page)
    assert {"/desk/audit", "/desk/receipts", "/desk/closings", "/statements"} < set(rooms)
    for room in (*rooms, f"/desk/organisations/{CALLER}"):
        answer = await page.goto(room)
        assert (answer is not None and answer.status) == 200, room
        assert await page.locator("main form[method=post]").count() == 0, room
    await page.goto("/desk/audit")
    await page.select_option("#event", "organisation.admitted")
    await leave(page, "form[action='/desk/audit'] button")
    await expect(page.locator("tbody tr").first).to_contain_text(
        either(events()["organisation.admitted"], language)
    )
    assert await page.locator("tbody tr").count() >= 8
    await page.get_by_text(say("Check every chain")).click()
    await expect(page.locator(".note-done")).to_contain_text(
        say("Every chain holds, and every consent agrees with it.")
    )
    await page.goto("/statements")
    await page.locator("main tbody a").last.click()
    await page.locator("main a[href*='/lines/']").first.click()
    await page.wait_for_url("**/lines/*")
    await expect(page.locator("main tbody tr").first).to_be_visible()
    await everything_is_refused(visit, page)
    await look_up(page, receipt)
    await expect(page.locator("#record-line")).to_contain_text("/summit-securities/quotes/v1/")
    assert await obstacles(page) == []


async def everything_is_refused(visit: Visit, page: Page) -> None:
    """What no page offers is refused when it is sent all the same, with a token that is right."""
    await page.goto("/desk/account")
    token = await page.locator("main input[name=form_token]").first.get_attribute("value")
    for address, fields in ATTEMPTS:
        status = await page.evaluate(SEND, [address, {"form_token": token, **fields}])
        assert status == 403, address
    visit.forgive("403")
    await page.goto(f"/desk/organisations/{CALLER}")
    await expect(page.locator(".facts .state-active")).to_be_visible()
