"""Sign-in of a terminal: the person types its code, sees what asks, and confirms or refuses."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from weir.access.roles import ROLES
from weir.identity import terminal_sign_ins
from weir.identity.declares import TERMINAL_PROOF_S, TERMINAL_SESSION_S
from weir.identity.terminal_sign_ins import TerminalSignIn
from weir.kernel.declares import FRESH_PROOF_NEEDED
from weir.kernel.outcomes import Refusal
from weir.portal.desk.desk import Desk
from weir.wire.networks import network_of


async def show_code(desk: Desk) -> Response:
    """Show the form for the code of a terminal without a browser."""
    return desk.page("desk/terminal_code.html")


async def take_code(desk: Desk) -> Response:
    """Show the terminal whose code was typed, and do what the person says of it."""
    cache, typed = desk.portal.authorization.cache, desk.fields.get("code", "")
    return await _act(desk, await terminal_sign_ins.find_by_code(cache, desk.person.id, typed))


async def show(desk: Desk) -> Response:
    """Show the terminal that sent the browser here."""
    asked = await _asked(desk)
    return _page(desk, asked)


async def act(desk: Desk) -> Response:
    """Confirm or refuse the terminal that sent the browser here."""
    asked = await _asked(desk)
    return await _act(desk, asked)


async def _asked(desk: Desk) -> TerminalSignIn:
    cache = desk.portal.authorization.cache
    return await terminal_sign_ins.find_of_browser(cache, desk.named("request"))


async def _act(desk: Desk, asked: TerminalSignIn) -> Response:
    """Confirm or refuse, or show the terminal first.

    FRESH_PROOF_NEEDED when the proof is older than TERMINAL_PROOF_S: a session left open in a
    browser must not become another one at a terminal.
    """
    cache = desk.portal.authorization.cache
    match desk.fields.get("act"):
        case "confirm":
            proven_at = desk.management.acting.proven_at
            now = desk.portal.database.clock.now()
            if now - proven_at > timedelta(seconds=TERMINAL_PROOF_S):
                raise Refusal(FRESH_PROOF_NEEDED)
            answer = await terminal_sign_ins.confirm(cache, asked, desk.person.id, proven_at, now)
            back = f"http://127.0.0.1:{asked.port}/?answer={answer}" if asked.port else None
            return desk.page("desk/terminal_done.html", confirmed=True, asked=asked, back=back)
        case "refuse":
            await terminal_sign_ins.refuse(cache, asked)
            return desk.page("desk/terminal_done.html", confirmed=False, asked=asked, back=None)
    return _page(desk, asked)


def _page(desk: Desk, asked: TerminalSignIn) -> Response:
    return desk.page(
        "desk/terminal.html",
        asked=asked,
        same_network=asked.network == network_of(desk.visitor.address),
        minutes=TERMINAL_SESSION_S // 60,
        ROLES=ROLES,
    )
