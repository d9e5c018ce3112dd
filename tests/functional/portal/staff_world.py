"""People who work for the organisations of the test alliance, and their browsers."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import httpx
from consent_world import Browser, Form, World, forms_of

from weir.identity import links, totp
from weir.store.unit import Actor


@dataclass
class Colleague:
    """Somebody with a browser of its own at the portal, who is in."""

    browser: Browser
    name: str
    secret: bytes
    step: int = 0

    @classmethod
    def nobody(cls, app: Any) -> Colleague:
        """A browser in which nobody has signed in."""
        return cls(Browser(app, "https://portal.localhost"), "", b"")

    async def get(self, path: str, language: str = "en") -> httpx.Response:
        return await self.browser.http.get(path, params={"lang": language})

    async def do(self, path: str, act: str | None = None, **fields: str) -> httpx.Response:
        """Open a page and send its form for this act; the only one when it names none."""
        page = await self.get(path)
        assert page.status_code == 200, page.text
        return await self.send(page, act, **fields)

    async def send(self, page: httpx.Response, act: str | None, **fields: str) -> httpx.Response:
        form = form_of(page, act)
        return await self.browser.http.post(page.url.path, data=form.filled(None, **fields))

    def code(self) -> str:
        """The next one-time password that was not used yet."""
        self.step = max(self.step + 1, int(time.time()) // totp.STEP_S)
        return totp.code_at(self.secret, self.step)


def form_of(page: httpx.Response, act: str | None) -> Form:
    """A page's form, by what its field `act` says."""
    mains = [form for form in forms_of(page) if form.action not in ("/sign-out",)]
    for form in mains:
        acts = [value for _, name, value, _ in form.fields if name == "act"]
        if (acts == [act]) if act else (not acts and form.has("form_key")):
            return form
    raise AssertionError(f"no form for {act} among {mains}")


async def join(world: World, app: Any, organisation: str, kind: str, role: str) -> Colleague:
    """Somebody who was invited, claimed the link, and set up codes."""
    async with world.services.database.unit(Actor(organisation, "setup")) as unit:
        secret = await links.create_link(
            unit,
            kind,  # type: ignore[arg-type]
            subject=organisation,
            organisation=organisation,
            role=role,
            invitee=role,
        )
    browser = Browser(app, "https://portal.localhost")
    name = f"{role}.{organisation[-6:]}"
    shared = await browser.set_up(await browser.claim(secret, name))
    return Colleague(browser, name, shared, int(time.time()) // totp.STEP_S)


def link_on(page: httpx.Response) -> str:
    """The one-time link that a page shows, as a path."""
    shown = re.search(r"https://portal\.localhost(?::\d+)?(/welcome/[A-Za-z0-9_-]{43})", page.text)
    assert shown is not None, page.text
    return shown[1]
