"""Withdrawal of a consent by its customer while calls on it are in flight."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final

from weir.client.errors import ProtocolError
from weir_demo.browser import Page
from weir_demo.calls import consented_session
from weir_demo.stage import Stage
from weir_demo.tally import Seen, observe

_CALLERS: Final = 8
_BEFORE_S: Final = 0.5
_AFTER_S: Final = 1.0
_CONFIRMED: Final = re.compile(r"Confirmed by all gateways in ([0-9]+) ms")


async def withdraw(stage: Stage) -> None:
    """Withdraw while calls go on without a pause, and count the calls served after it."""
    consented = stage.consents["shopping"]
    session = consented_session(stage, consented)
    path = f"/river-bank/accounts/v1/accounts/{consented.accounts[0]}/balances"
    made: list[Seen] = []
    over = asyncio.Event()

    async def keep_calling() -> None:
        while not over.is_set():
            made.append(await observe(lambda: session.call("GET", path)))

    callers = [asyncio.create_task(keep_calling()) for _ in range(_CALLERS)]
    try:
        await asyncio.sleep(_BEFORE_S)
        withdrawal_ms, confirmed_s = await _press_the_button(stage)
        await asyncio.sleep(_AFTER_S)
    finally:
        over.set()
        await asyncio.gather(*callers)
    for seen in made:
        stage.tally.add("withdrawal", seen, (None, "consent_withdrawn"), "river-bank")
    after = [seen for seen in made if seen.began_s >= confirmed_s]
    stage.figures.consent = {
        "withdrawal_ms": withdrawal_ms,
        "served_before_withdrawal": sum(seen.refusal is None for seen in made),
        "called_after_withdrawal": len(after),
        "served_after_withdrawal": sum(seen.refusal is None for seen in after),
    }


async def _press_the_button(stage: Stage) -> tuple[int, float]:
    """Withdraw on the customer's own page.

    Returns the milliseconds it took, and `perf_counter` seconds when the page confirmed it.
    """
    consented = stage.consents["shopping"]
    browser = consented.customer.browser
    consent = consented.token.grant_id
    page = await browser.open(f"{stage.platform.portal_origin}/my/consents/{consent}")
    form = next((each for each in page.forms if each.action == ""), None)
    if form is None:
        raise ProtocolError(f"the consent's page has no way to withdraw: {page.text[:200]}")
    page = await browser.send(page, form, {})
    return _withdrawal_ms(page), time.perf_counter()


def _withdrawal_ms(page: Page) -> int:
    found = _CONFIRMED.search(page.text)
    if found is None:
        raise ProtocolError(f"the page does not confirm the withdrawal: {page.text[:300]}")
    return int(found[1])
