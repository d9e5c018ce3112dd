"""Sign-in of a terminal: `weir sign-in` asks, a person confirms in a browser, the terminal claims.

The form is that of RFC 8252 (a port of the browser's own machine, with PKCE) and, without a
browser, of RFC 8628 (a code that a person types). Both requests carry a DPoP proof by the key that
the session is bound to.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Shown
from weir.api.parties.people import PersonView
from weir.api.terminal_callers import checked_proof, token_of
from weir.identity import people, terminal_sessions, terminal_sign_ins
from weir.identity.declares import (
    MACHINE_CHARACTERS,
    TERMINAL_POLL_S,
    TERMINAL_SESSION_ENDED,
    TERMINAL_SESSION_S,
    TERMINAL_SIGN_IN_OVER,
    TERMINAL_SIGN_IN_S,
)
from weir.kernel import inputs
from weir.kernel.declares import FRESH_PROOF_S
from weir.kernel.outcomes import Refusal
from weir.partners import organisations
from weir.store.unit import Actor

router = new_router("terminals")

_Secret = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class TerminalGiven(Given):
    """A terminal to sign in. `port` is on the machine of the browser; without one a person types
    the code. `challenge` is that of PKCE (RFC 7636, S256).
    """

    machine: Annotated[str, Field(max_length=MACHINE_CHARACTERS)]
    challenge: _Secret
    port: Annotated[int, Field(ge=1_024, le=65_535)] | None = None


class TerminalAsked(Shown):
    """A sign-in that was asked for: the page that confirms it, and the code that both show.

    Times are in seconds.
    """

    request: str
    address: str
    code: str
    expires_in: int
    interval: int


class TerminalClaim(Given):
    """The terminal's proof that it asked: the request, its verifier, and the code at its port."""

    request: _Secret
    verifier: _Secret
    answer: _Secret | None = None


class TerminalSessionView(Shown):
    """A session: its token is sent under DPoP, for `expires_in` seconds. What asks for a fresh
    proof works until `fresh_until`.
    """

    id: str
    access_token: str
    token_type: Literal["DPoP"]
    expires_in: int
    fresh_until: datetime
    organisation: str
    organisation_slug: str
    person: PersonView


class TerminalEnded(Shown):
    """A session that was ended."""

    id: str


@router.post(
    "/terminal-sign-ins",
    operation_id="ask_terminal_sign_in",
    status_code=201,
    summary="Ask for a terminal to be signed in by a person, with a key of its own",
)
async def ask_terminal_sign_in(
    given: TerminalGiven, request: Request, services: ServicesDep
) -> TerminalAsked:
    proof = await checked_proof(request, services)
    asked, secret = await terminal_sign_ins.ask(
        services.cache,
        machine=inputs.text(given.machine, "/machine", MACHINE_CHARACTERS),
        challenge=given.challenge,
        thumbprint=proof.thumbprint,
        port=given.port,
        address=request.headers.get("weir-peer", ""),
    )
    page = f"{services.portal_origin}/desk/terminal"
    return TerminalAsked(
        request=secret,
        address=page if given.port is None else f"{page}/{secret}",
        code=asked.shown_code,
        expires_in=TERMINAL_SIGN_IN_S,
        interval=TERMINAL_POLL_S,
    )


@router.post(
    "/terminal-sessions",
    operation_id="claim_terminal_session",
    status_code=201,
    summary="Get the session of a terminal that a person has confirmed, once",
)
async def claim_terminal_session(
    given: TerminalClaim, request: Request, services: ServicesDep
) -> TerminalSessionView:
    proof = await checked_proof(request, services)
    confirmed = await terminal_sign_ins.claim(
        services.cache,
        given.request,
        verifier=given.verifier,
        thumbprint=proof.thumbprint,
        answer=given.answer,
    )
    async with services.database.connect() as connection:
        person = await people.find(connection, confirmed.person)
        if person is None or person.status != "active" or person.organisation is None:
            raise Refusal(TERMINAL_SIGN_IN_OVER, "the person works here no more")
        if person.sessions_since > confirmed.confirmed_at:
            raise Refusal(TERMINAL_SIGN_IN_OVER, "the person ended all sign-ins since")
        organisation = await organisations.get(connection, person.organisation)
    async with services.database.unit(Actor(organisation.id, person.id)) as unit:
        session, token = await terminal_sessions.open_session(unit, person, confirmed)
    return TerminalSessionView(
        id=session.id,
        access_token=token,
        token_type="DPoP",  # noqa: S106 - the scheme
        expires_in=TERMINAL_SESSION_S,
        fresh_until=session.proven_at + timedelta(seconds=FRESH_PROOF_S),
        organisation=organisation.id,
        organisation_slug=organisation.slug,
        person=PersonView.model_validate(person),
    )


@router.post(
    "/terminal-sessions/end",
    operation_id="end_terminal_session",
    summary="End the session of the terminal that asks",
)
async def end_terminal_session(
    caller: CallerDep, request: Request, services: ServicesDep
) -> TerminalEnded:
    token = token_of(request)
    async with services.database.unit(caller.actor) as unit:
        session = await terminal_sessions.find(unit.connection, token or "", unit.now)
        person = await people.find(unit.connection, caller.subject)
        if session is None or person is None:
            raise Refusal(TERMINAL_SESSION_ENDED, "asked by no terminal")
        await terminal_sessions.end(unit, person, session.id)
    return TerminalEnded(id=session.id)
