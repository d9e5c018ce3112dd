"""Somebody who has a keyboard and no mouse: what has the focus must be seen, everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Locator, Page

_STOPS: Final = 150  # more than the longest page has
_LOOK: Final = """target => {
  const held = document.activeElement, style = getComputedStyle(held);
  const box = held.getBoundingClientRect();
  const drawn = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const inside = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  return {
    there: held === target,
    beside: held.type === "radio" && held.name === target.name && held.form === target.form,
    seen: held === document.body || (held.matches(":focus-visible") && drawn && inside),
    what: held.outerHTML.slice(0, 200),
  };
}"""


@dataclass(frozen=True)
class Keyboard:
    """Tab, arrows, Enter, Space and letters on one page."""

    page: Page

    async def reach(self, selector: str) -> None:
        """Walk on by Tab until this has the focus, within a group of choices by the arrows."""
        target = self.page.locator(selector).first
        key = "Tab"
        for _ in range(_STOPS):
            await self.page.keyboard.press(key)
            found = await self._look(target)
            if found["there"]:
                return
            key = "ArrowDown" if found["beside"] else "Tab"
        raise AssertionError(f"no way by keyboard to {selector} on {self.page.url}")

    async def write(self, selector: str, text: str) -> None:
        """Reach a field and write in it, in place of what it says."""
        await self.reach(selector)
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.insert_text(text)

    async def choose(self, selector: str) -> None:
        """Reach a radio button or a box, and choose it if coming there did not."""
        await self.reach(selector)
        if not await self.page.locator(selector).first.is_checked():
            await self.page.keyboard.press("Space")

    async def follow(self, selector: str, leads_to: str) -> None:
        """Reach a link or a button, press it, and wait for the address it leads to."""
        await self.reach(selector)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_url(leads_to)

    async def _look(self, target: Locator) -> dict[str, Any]:
        found: dict[str, Any] = await target.evaluate(_LOOK)
        assert found["seen"], f"the focus is not seen on {self.page.url}: {found['what']}"
        return found
