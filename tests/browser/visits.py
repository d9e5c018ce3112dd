"""A person's visit to the demo's pages, watched for whatever should not happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from demo_process import Demo
from waits import PATIENCE_S

ENGLISH, CHINESE = "en-GB", "zh-CN"
PHONE, DESK = 360, 1280
expect.set_options(timeout=PATIENCE_S * 1_000)


@dataclass
class Visit:
    """Browser windows at one demo. `complaints` is what no page may cause."""

    chromium: Browser
    demo: Demo
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    async def window(
        self,
        language: str = ENGLISH,
        *,
        scripts: bool = True,
        width: int = DESK,
        dark: bool = False,
    ) -> Page:
        """A fresh window: no cookie, this language, this width. `go` opens pages in it."""
        context = await self.chromium.new_context(
            base_url=self.demo.origin("portal"),
            locale=language,
            java_script_enabled=scripts,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_S * 1_000)
        self.contexts.append(context)
        page = await context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("request", self._asked)
        return page

    async def sign_in(self, page: Page, name: str, following: str = "/") -> None:
        """As one of the demo's people, by the passphrase the demo printed."""
        await page.goto(f"/sign-in?next={following}")
        await page.fill("#name", name)
        await page.fill("#passphrase", self.demo.sign_in_of(name))
        await page.press("#passphrase", "Enter")
        await page.wait_for_url(lambda url: urlsplit(url).path == following)

    def forgive(self, status: str) -> None:
        """Forget what the browser itself reported of answers with this status, and nothing else."""
        self.complaints = [c for c in self.complaints if f"status of {status}" not in c]

    async def close(self) -> None:
        for context in self.contexts:
            await context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text} at {message.location}")

    def _asked(self, request: Request) -> None:
        host = urlsplit(request.url).hostname or ""
        if not host.endswith(".localhost"):
            self.complaints.append(f"left the platform: {request.url}")


async def leave(page: Page, selector: str) -> None:
    """Click what leads to another page, and wait until that is there as a whole."""
    async with page.expect_navigation():
        await page.click(selector)


async def obstacles(page: Page) -> list[str]:
    """What axe-core finds on a page, and whether the page is wider than the window."""
    found: dict[str, Any] = (await Axe().run(page)).response
    told = [
        f"{each['id']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
    too_wide = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return [*told, *([f"{too_wide} px too wide"] if too_wide > 0 else [])]
