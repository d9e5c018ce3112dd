"""A person's own sign-in: passkeys, codes, recovery codes, terminals, and ending sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from starlette.responses import Response

from weir.identity import factors, passkeys, people, terminal_sessions
from weir.identity.sessions import BY_CODE
from weir.kernel.declares import FRESH_PROOF_NEEDED, FRESH_PROOF_S
from weir.kernel.outcomes import Refusal
from weir.portal.desk.desk import Desk
from weir.portal.renderer import redirect
from weir.portal.sign_in.two_factors import relying_party_of, renew_session
from weir.store.unit import Actor, UnitOfWork


async def show(desk: Desk, codes: Sequence[str] = ()) -> Response:
    """Show the person's factors; new recovery codes are shown once."""
    async with desk.portal.database.connect() as connection:
        has = await factors.of_person(connection, desk.person.id)
        keys = await passkeys.of_person(connection, desk.person.id)
        now = desk.portal.database.clock.now()
        terminals = await terminal_sessions.of_person(connection, desk.person.id, now)
    return desk.page("desk/account.html", has=has, passkeys=keys, codes=codes, terminals=terminals)


async def act(desk: Desk) -> Response:
    """Change the person's own factors. FRESH_PROOF_NEEDED without a fresh proof.

    To end the session of a terminal needs none: whoever fears for it must not have to wait.
    Signing out everywhere else renews this session for its whole lifetime, so the proof must come
    with the form: an open browser left behind must not gain another twelve hours.
    """
    if desk.fields.get("act") == "end-terminal":
        return await _end_terminal(desk)
    if desk.fields.get("act") == "everywhere" and "proof" not in desk.fields:
        raise Refusal(FRESH_PROOF_NEEDED)
    _require_fresh(desk)
    codes: list[str] = []
    async with desk.portal.database.unit(Actor(desk.organisation.id, desk.person.id)) as unit:
        match desk.fields.get("act"):
            case "codes":
                codes = await factors.make_recovery_codes(unit, desk.person)
            case "add-passkey":
                await _add_passkey(desk, unit)
            case "remove-passkey":
                await passkeys.remove(unit, desk.person, desk.fields.get("passkey", ""))
            case "remove-codes":
                await factors.remove_totp(unit, desk.person)
            case "everywhere":
                await people.end_sessions(unit, desk.person.id)
    if desk.fields.get("act") == "everywhere":
        response = redirect("/desk/account")
        amr = desk.visitor.opened.amr if desk.visitor.opened else BY_CODE
        await renew_session(desk.portal, desk.visitor, desk.person, amr, response)
        return response
    return await show(desk, codes) if codes else redirect("/desk/account")


async def _end_terminal(desk: Desk) -> Response:
    async with desk.portal.database.unit(Actor(desk.organisation.id, desk.person.id)) as unit:
        await terminal_sessions.end(unit, desk.person, desk.fields.get("terminal", ""))
    return redirect("/desk/account")


async def _add_passkey(desk: Desk, unit: UnitOfWork) -> None:
    await passkeys.register(
        unit,
        desk.portal.authorization.cache,
        relying_party_of(desk.request),
        desk.visitor.visit,
        desk.person,
        answer=desk.fields.get("kept_answer") or desk.fields.get("answer", ""),
        name=desk.fields.get("passkey_name", ""),
    )


def _require_fresh(desk: Desk) -> None:
    age = desk.portal.database.clock.now() - desk.management.acting.proven_at
    if age > timedelta(seconds=FRESH_PROOF_S):
        raise Refusal(FRESH_PROOF_NEEDED)
