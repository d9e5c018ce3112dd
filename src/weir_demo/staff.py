"""People who work for the parties: each joins on the real pages, and signs a terminal in.

What only a person may do (`weir sign-in`) they do there; programs have applications for the rest.
"""

from __future__ import annotations

import base64
import hmac
import re
import struct
import time
from typing import Final

from weir.client import terminal
from weir.client.errors import ProtocolError
from weir.client.exchange import Exchange
from weir.client.management.management import Management
from weir_demo.browser import Browser, Page
from weir_demo.consents import passphrase
from weir_demo.stage import Employee, Stage

_STEP_S: Final = 30  # of one-time passwords (RFC 6238 section 5.2)
_FRESH_S: Final = 400  # of the ten minutes in which a proof is fresh, with two at the page
_SECRET: Final = re.compile(r"\b[A-Z2-7]{32}\b")


async def join(browser: Browser, link: str, name: str) -> Employee:
    """Claim an invitation's link, set up one-time passwords, and be signed in.

    ProtocolError when a page is not the one that a person would see.
    """
    page = await browser.open(link)
    words = passphrase()
    filled = {"name": name, "passphrase": words, "display_name": name}
    page = await browser.send(page, page.form_with("passphrase"), filled)
    shown = _SECRET.search(page.text)
    if shown is None:
        raise ProtocolError(f"no key for one-time passwords: {page.status} {page.text[:200]}")
    page = await browser.send(page, page.form_with("code"), {"code": _password(shown[0])})
    if page.status != 200:
        raise ProtocolError(f"the second factor answered {page.status}: {page.text[:200]}")
    return Employee(browser, name, words, shown[0])


async def confirm(person: Employee, address: str, code: str | None = None) -> Page:
    """Confirm a terminal on its page, typing its code where it is given; return the last page.

    The person signs in first, or proves its identity again, where the portal asks for it.
    """
    browser = person.browser
    page = await browser.open(address)
    if any("passphrase" in form.fields for form in page.forms):
        known = {"name": person.name, "passphrase": person.passphrase}
        page = await browser.send(page, page.form_with("passphrase"), known)
        page = await browser.send(page, page.form_with("code"), {"code": _password(person.secret)})
    if code is not None:
        page = await browser.send(page, page.form_with("code"), {"code": code})
    page = await browser.send(page, page.form_with("act"), {}, ("act", "confirm"))
    if any("proof_code" in form.fields for form in page.forms):
        proof = {"proof_code": _password(person.secret)}
        page = await browser.send(page, page.form_with("proof_code"), proof)
    if page.status != 200:
        raise ProtocolError(f"no terminal was confirmed: {page.status} {page.text[:200]}")
    return page


async def at_terminal(stage: Stage, person: Employee) -> Management:
    """Sign a terminal in, as `weir sign-in --no-browser` does; return the API for the person."""
    async with Exchange(stage.platform.ca_file, connections=1) as exchange:
        asked = await terminal.ask(stage.platform, exchange, machine="demo")
        await confirm(person, asked.address, asked.code)
        session = await asked.claim()
    if session is None:
        raise ProtocolError("the terminal was not confirmed")
    return await stage.resources.enter_async_context(Management.at_terminal(session))


async def browser_of(stage: Stage) -> Browser:
    """Return a new browser, closed with the stage."""
    exchange = await stage.resources.enter_async_context(
        Exchange(stage.platform.ca_file, connections=2)
    )
    return Browser(exchange, (stage.platform.portal_origin, stage.platform.issuer))


async def hired(stage: Stage, link: str, name: str) -> Management:
    """Join by a link, and return the API for the person."""
    return await at_terminal(stage, await join(await browser_of(stage), link, name))


async def founder(stage: Stage) -> Management:
    """Return the API for the operator's founder, with a proof of identity that is fresh."""
    assert stage.founder is not None, "the alliance is not founded yet"
    if stage.founding is None or time.monotonic() - stage.proven_s > _FRESH_S:
        stage.founding = await at_terminal(stage, stage.founder)
        stage.proven_s = time.monotonic()
    return stage.founding


def _password(secret: str) -> str:
    """Return the one-time password of now (RFC 6238, six digits by SHA-1)."""
    step = struct.pack(">Q", int(time.time()) // _STEP_S)
    digest = hmac.digest(base64.b32decode(secret), step, "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06}"
