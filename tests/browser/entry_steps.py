"""Coming in: for the first time by a one-time link, or where that is not what a test is about."""

from __future__ import annotations

import base64
import re
import secrets
import time

from playwright.async_api import Page

from demo_process import Demo
from weir.app.core import open_core
from weir.app.settings import Settings
from weir.identity import people, totp
from weir.identity.sessions import BY_PASSKEY, SESSION_COOKIE, Sessions
from weir.partners import organisations
from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home
from weir.store.unit import Actor

PASSPHRASE = "clear water over stones"


async def first_code(page: Page) -> str:
    """The first code of the shared secret that the page shows, read as a person would."""
    key = str(await page.locator("main .id").first.text_content()).strip()
    return totp.code_at(base64.b32decode(key), int(time.time()) // totp.STEP_S)


async def set_up_codes(page: Page) -> None:
    """From the passphrase to the recovery codes, which end a person's setting up."""
    await page.press("#passphrase", "Enter")
    await page.wait_for_url("**/sign-in/set-up**")
    await page.fill("#code", await first_code(page))
    await page.press("#code", "Enter")
    await page.wait_for_selector("#recovery-codes")


async def come_in(page: Page, demo: Demo, who: str, name: str) -> None:
    """By the one-time link that the demo printed for somebody; each works once."""
    (link,) = re.findall(rf"{re.escape(who)} \(a one-time link\)\s+(https\S+)", demo.output)
    await claim(page, link, name)
    await page.goto("/desk")


async def claim(page: Page, link: str, name: str) -> None:
    """By a one-time link, with a passphrase and codes of one's own."""
    await page.goto(link)
    for field, text in (("display_name", "Lin"), ("name", name), ("passphrase", PASSPHRASE)):
        await page.fill(f"#{field}", text)
    await set_up_codes(page)


async def register(page: Page, name: str, organisation: str | None = None) -> None:
    """As the first person of an organisation of its own, by the form that is open to everybody."""
    await page.goto("/sign-up")
    await page.check("input[name=partner_class][value=software_vendor]")
    told = {
        "name_en": organisation or f"Orchard of {name}",
        "display_name": "Mei Lin",
        "name": name,
    }
    told["passphrase"] = PASSPHRASE
    for field, text in told.items():
        await page.fill(f"#{field}", text)
    await set_up_codes(page)


async def let_in(page: Page, demo: Demo, slug: str, role: str) -> None:
    """As somebody new of this organisation, whose session the platform's own code opens."""
    home = Home.open(demo.home, create=False)
    urls = EmbeddedPostgres(home).url(), EmbeddedValkey(home).url()
    settings = Settings(home=demo.home, database_url=urls[0], valkey_url=urls[1])
    async with open_core(settings, home, connections=1) as core:
        async with core.database.connect() as connection:
            organisation = await organisations.get(connection, slug)
        async with core.database.unit(Actor(organisation.id, "tests")) as unit:
            person = await people.create(
                unit,
                name=f"{role}.{secrets.token_hex(4)}",
                display_name="Lin",
                passphrase_hash="",
                kind=organisation.kind,
                organisation=organisation.id,
                language="en",
                role=role,
            )
        opened = await Sessions(core.cache).open_for_staff(person.id, core.clock.now(), BY_PASSKEY)
    cookie = {"name": SESSION_COOKIE, "value": opened, "url": demo.origin("portal"), "secure": True}
    await page.context.add_cookies([cookie])
