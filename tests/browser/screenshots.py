"""`make screenshots`: the main pages of a running demo, in two languages, themes and widths.

Everybody who comes to the portal has looked at something: what each sees is photographed from top
to bottom into FOLDER/NAME.LANGUAGE.THEME.WIDTH.png. With --docs the few that the documentation
shows are renewed instead, as JPEG and no higher than a window.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from entry_steps import let_in, register
from launch import launched
from partner_steps import ASKER, partner
from playwright.async_api import Page
from visits import CHINESE, DESK, ENGLISH, PHONE, Visit

from demo_fixtures import kept_up
from demo_process import Demo

DOCS: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
JPEG_QUALITY: Final = 72
LOOKS: Final = tuple(
    (language, dark, width)
    for language in (ENGLISH, CHINESE)
    for dark in (False, True)
    for width in (DESK, PHONE)
)
Cookies = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Shot:
    """A page as somebody sees it: its address, and what is clicked there before."""

    name: str
    who: str
    address: str
    clicks: tuple[str, ...] = ()
    look_for: str = "main"  # what must be there before it is photographed
    in_docs: tuple[str, ...] = ()  # the languages in which the documentation shows it


TRY: Final = "/shelf/summit-securities/quotes/getQuote"
SHOTS: Final[tuple[Shot, ...]] = (
    Shot("start", "visitor", "/"),
    Shot("tour", "visitor", "/tour"),
    Shot("shelf", "visitor", "/shelf", in_docs=("en", "zh")),
    Shot("search", "visitor", "/shelf?q=账户"),
    Shot("search-nothing", "visitor", "/shelf?q=zeppelin"),
    Shot("product", "visitor", "/shelf/river-bank/payments"),
    Shot("product-brought-in", "visitor", "/shelf?direction=bring-in", ("[data-result]",)),
    Shot("operation", "visitor", "/shelf/river-bank/payments/makePayment"),
    Shot("versions", "visitor", "/shelf/river-bank/accounts/versions"),
    Shot("members", "visitor", "/members"),
    Shot("sign-in", "visitor", "/sign-in"),
    Shot("sign-up", "visitor", "/sign-up"),
    Shot("refusal", "visitor", "/errors/rate_exceeded"),
    Shot("not-here", "visitor", "/nothing/here"),
    Shot("new-overview", "newcomer", "/desk"),
    Shot("new-applications", "newcomer", "/desk/applications"),
    Shot("new-application", "newcomer", "/desk/applications/new"),
    Shot("new-subscriptions", "newcomer", "/desk/subscriptions"),
    Shot("new-documents", "newcomer", "/desk/documents"),
    Shot("new-products", "newcomer", "/desk/products"),
    Shot("new-traffic", "newcomer", "/desk/traffic"),
    Shot("new-statements", "newcomer", "/statements"),
    Shot("new-disputes", "newcomer", "/desk/disputes"),
    Shot("new-certificates", "newcomer", "/desk/certificates"),
    Shot("new-people", "newcomer", "/desk/people"),
    Shot("new-account", "newcomer", "/desk/account"),
    Shot("new-terminal", "newcomer", "/desk/terminal"),
    Shot("new-try", "newcomer", TRY),
    Shot("partner-overview", "partner", "/desk"),
    Shot("partner-application", "partner", "/desk/applications", ("main table a",)),
    Shot(
        "partner-first-call", "partner", "/desk/applications",
        ("main table a", "main a[href$=first-call]"),
    ),
    Shot("partner-subscriptions", "partner", "/desk/subscriptions"),
    Shot("partner-traffic", "partner", "/desk/traffic"),
    Shot(
        "partner-try", "partner", TRY,
        ("#try-it button[type=submit]",), look_for="#try-answer", in_docs=("en", "zh"),
    ),
    Shot("partner-statement", "partner", "/statements", ("main table a",), in_docs=("en",)),
    Shot(
        "partner-behind-a-line", "partner", "/statements",
        ("main table a", "main table a[href*='/lines/']"),
    ),
    Shot("member-agreements", "member", "/desk/agreements"),
    Shot("member-agreement", "member", "/desk/agreements", ("main table a",)),
    Shot(
        "member-trial", "member", "/desk/agreements", ("main table a", "#trial button"),
        look_for="#trial-results",
    ),
    Shot("member-overview", "member", "/desk"),
    Shot("member-documents", "member", "/desk/documents"),
    Shot("member-document", "member", "/desk/documents", ("main table a",)),
    Shot("member-backends", "member", "/desk/backends"),
    Shot("member-backend-new", "member", "/desk/backends/new"),
    Shot("member-products", "member", "/desk/products"),
    Shot("member-product", "member", "/desk/products", ("main table a",)),
    Shot("member-subscriptions", "member", "/desk/subscriptions"),
    Shot("member-disputes", "member", "/desk/disputes"),
    Shot("member-customers", "member", "/desk/customers"),
    Shot("member-test-customers", "member", "/desk/test-customers"),
    Shot("member-consents", "member", "/desk/consents"),
    Shot("member-credits", "member", "/desk/credits"),
    Shot("partner-settlement", "partner", "/desk/settlement"),
    Shot("partner-round", "partner", "/desk/settlement", ("main table a",)),
    Shot("operator-rates", "operator", "/desk/settlement/rates"),
    Shot("operator-root", "operator", "/desk/receipts", ("main table a",)),
    Shot("operator-overview", "operator", "/desk"),
    Shot("operator-organisations", "operator", "/desk/organisations"),
    Shot("operator-organisation", "operator", "/desk/organisations/lantern-life"),
    Shot("operator-closings", "operator", "/desk/closings"),
    Shot("operator-health", "operator", "/desk/health"),
    Shot("operator-certificates", "operator", "/desk/certificates"),
    Shot("operator-audit", "operator", "/desk/audit"),
    Shot("operator-disputes", "operator", "/desk/disputes"),
    Shot("operator-receipts", "operator", "/desk/receipts"),
    Shot("operator-traffic", "operator", "/desk/traffic"),
    Shot("customer-consents", "customer", "/my/consents"),
    Shot("customer-consent", "customer", "/my/consents", ("main table a",)),
    Shot("customer-questions", "customer", "/my/questions"),
    Shot("customer-is-asked", "customer", "consent", in_docs=("en",)),
)  # fmt: skip


async def come_in(visit: Visit) -> Cookies:
    """Everybody's cookies; each comes in once."""
    sessions: Cookies = {"visitor": []}
    employers = {"partner": "clear-mirror", "member": "river-bank", "operator": "operator"}
    for who, slug in employers.items():
        page = await visit.window()
        await let_in(page, visit.demo, slug, "owner")
        sessions[who] = list(await page.context.cookies())
    page = await visit.window()
    await register(page, "mei.lin")
    sessions["newcomer"] = list(await page.context.cookies())
    page = await visit.window()
    await visit.sign_in(page, "rb-000001", "/my/consents")
    sessions["customer"] = list(await page.context.cookies())
    return sessions


async def photograph(visit: Visit, shots: Sequence[Shot], sessions: Cookies, into: Path) -> None:
    """All of it, in every look; a line for each look of each person, as it is done."""
    began_s, done = time.monotonic(), 0
    for language, dark, width in LOOKS:
        look = f"{language[:2]}.{'dark' if dark else 'light'}.{width}"
        for who, cookies in sessions.items():
            page = await visit.window(language, width=width, dark=dark)
            await page.context.add_cookies(cookies)
            own = [each for each in shots if each.who == who]
            for shot in own:
                await open_shot(page, visit.demo, shot)
                await page.screenshot(path=into / f"{shot.name}.{look}.png", full_page=True)
            await page.context.close()
            done += len(own)
            passed_s = time.monotonic() - began_s
            print(
                f"{passed_s:6.1f} s  {done:4} of {len(shots) * len(LOOKS)}  {look} {who}",
                flush=True,
            )


async def for_docs(visit: Visit, shots: Sequence[Shot], sessions: Cookies) -> None:
    """Those the documentation shows: light, at a desk; in English and in Chinese."""
    for language, tag in ((ENGLISH, "en"), (CHINESE, "zh")):
        for shot in (each for each in shots if tag in each.in_docs):
            page = await visit.window(language)
            await page.context.add_cookies(sessions[shot.who])
            await open_shot(page, visit.demo, shot)
            file = DOCS / f"{shot.name}.{tag}.jpg"
            await page.screenshot(path=file, type="jpeg", quality=JPEG_QUALITY)
            print(f"{file.name}  {file.stat().st_size // 1024} KiB", flush=True)
            await page.context.close()


async def open_shot(page: Page, demo: Demo, shot: Shot) -> None:
    """Go where it is, click what is clicked, and wait until it is there."""
    if shot.address == "consent":
        await page.goto(await consent_asked(demo))
        if await page.locator("#passphrase").count():
            await page.fill("#name", "rb-000001")
            await page.fill("#passphrase", demo.sign_in_of("rb-000001"))
            await page.press("#passphrase", "Enter")
            await page.wait_for_url("**/interactions/**")
    else:
        await page.goto(shot.address)
    for each in shot.clicks:
        await page.locator(each).first.click()
        await page.wait_for_load_state()
    await page.locator(shot.look_for).wait_for()
    await page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")


async def consent_asked(demo: Demo) -> str:
    """Where a partner sends a customer to be asked."""
    async with partner(demo, ASKER) as asking:
        pushed = await asking.ask_for_accounts("Keep your shop's books up to date")
    return pushed.authorization_url


async def take(demo: Demo, shots: Sequence[Shot], into: Path | None) -> None:
    """Into a folder, or without one into the documentation."""
    async with launched(demo) as chromium:
        visit = Visit(chromium, demo)
        print("Everybody comes in ...", flush=True)
        sessions = await come_in(visit)
        if into is None:
            await for_docs(visit, shots, sessions)
        else:
            await photograph(visit, shots, sessions, into)
        await visit.close()


def main() -> None:
    """Start a demo, photograph it, end it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--into", type=Path, default=Path("screenshots"), help="the folder")
    asked.add_argument("--docs", action="store_true", help="renew those in docs/images instead")
    asked.add_argument("--only", default="", help="those whose name begins so")
    given = asked.parse_args()
    shots = [each for each in SHOTS if each.name.startswith(given.only)]
    with tempfile.TemporaryDirectory(prefix="weir-screenshots-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        print("A demo starts and tells its story; this takes a minute or two ...", flush=True)
        (DOCS if given.docs else given.into).mkdir(parents=True, exist_ok=True)
        with kept_up(folder) as demo:
            asyncio.run(take(demo, shots, None if given.docs else given.into))
    print(f"Done: {DOCS if given.docs else given.into}")


if __name__ == "__main__":
    main()
