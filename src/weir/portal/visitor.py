"""The visitor of a page: the browser, the session, the person, the language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from weir.authorization.declares import PAGE_EXPIRED
from weir.authorization.front.http import set_host_cookie
from weir.authorization.grammar import forms
from weir.consent.declares import DIRECTORY_ACCOUNTS
from weir.identity import people
from weir.identity.people import Person
from weir.identity.secrets import is_secret, new_secret
from weir.identity.sessions import (
    SESSION_COOKIE,
    VISIT_COOKIE,
    Host,
    Session,
    Sessions,
    form_token,
    is_form_token,
)
from weir.identity.turns import Asker, asker_of
from weir.kernel.outcomes import Refusal
from weir.portal import languages
from weir.portal.languages import LANGUAGE_COOKIE
from weir.store.database import Database

_YEAR_S = 365 * 86_400
THEME_COOKIE: Final = "__Host-weir-theme"
THEMES: Final = ("system", "light", "dark")
_LOCAL_PATH = re.compile(
    r"/(?:[A-Za-z0-9_.~-](?:[A-Za-z0-9_.~/?=&+,:-]|%[2-9A-Fa-f][0-9A-Fa-f])*)?", re.ASCII
)
_FORM_FIELDS = DIRECTORY_ACCOUNTS + 20


@dataclass(frozen=True, slots=True)
class Visitor:
    """The visitor of one request.

    `session` is the cookie's secret, `person` its signed-in person, and `opened` says when and how
    that person signed in. `entering` is a person who works here and still owes the second factor:
    known, and not yet signed in.
    """

    visit: str
    visit_is_new: bool
    session: str | None
    person: Person | None
    entering: Person | None
    opened: Session | None
    language: str
    language_is_chosen: bool
    address: str
    asker: Asker
    host: Host
    interaction_id: str

    def form_token(self, form: str) -> str:
        """Return the token that a form for this visitor carries."""
        return form_token(self.visit, self.bound_session, form)

    @property
    def bound_session(self) -> str | None:
        """The session that forms are bound to; None when it no longer counts."""
        return self.session if self.person or self.entering else None

    def set_cookies(self, response: Response) -> None:
        """Set the visitor's new cookies on the response."""
        if self.visit_is_new:
            set_host_cookie(response, VISIT_COOKIE, self.visit, _YEAR_S)
        if self.language_is_chosen:
            set_host_cookie(response, LANGUAGE_COOKIE, self.language, _YEAR_S)


async def recognise(request: Request, database: Database, sessions: Sessions) -> Visitor:
    """Recognise the visitor by cookies; malformed or ended ones count as absent."""
    visit = request.cookies.get(VISIT_COOKIE)
    known = visit is not None and is_secret(visit)
    session = request.cookies.get(SESSION_COOKIE)
    asked = request.query_params.get("lang")
    opened = await sessions.find(session, database.clock.now(), _host(request))
    person = await _person(database, opened)
    inside = person is not None and opened is not None and opened.is_open_to(person)
    return Visitor(
        visit=visit if visit is not None and known else new_secret(),
        visit_is_new=not known,
        session=session,
        person=person if inside else None,
        entering=None if inside else person,
        opened=opened,
        language=languages.of(request),
        language_is_chosen=asked in languages.LANGUAGES,
        address=request.headers.get("weir-peer", ""),
        asker=asker_of(request.scope, request.headers.get("weir-peer", "")),
        host=_host(request),
        interaction_id=request.headers.get("weir-interaction-id", ""),
    )


def _host(request: Request) -> Host:
    """Return the host that the visitor is at; the gateway refuses every host that is not ours."""
    return "auth" if request.headers.get("host", "").startswith("auth.") else "portal"


def theme_of(request: Request) -> str:
    """Return the theme kept in this browser; `system` without one."""
    kept = request.cookies.get(THEME_COOKIE)
    return kept if kept in THEMES else "system"


async def read_form(request: Request, visitor: Visitor, form: str) -> dict[str, str]:
    """Read a form's fields. PAGE_EXPIRED unless it was made for this browser and purpose."""
    fields = await read_typed(request)
    require_form_token(fields.get("form_token", ""), visitor, form)
    return fields


async def read_form_again(
    request: Request, visitor: Visitor, form: str
) -> tuple[dict[str, str], Refusal | None]:
    """Read a form's fields, with PAGE_EXPIRED when they may only be shown again, else None.

    Raises PAGE_EXPIRED when the form was not sent from our own page.
    """
    fields = await read_typed(request)
    try:
        require_form_token(fields.get("form_token", ""), visitor, form)
    except Refusal as expired:
        if not sent_from_here(request):
            raise
        return fields, expired
    return fields, None


async def read_typed(request: Request, *, lines: bool = False) -> dict[str, str]:
    """Read a form's fields without checking its token; the caller must not act on them yet."""
    body = await forms.read_body(request.headers.get("content-type", ""), request.receive)
    return forms.parse(body, _FORM_FIELDS, lines=lines)


def sent_from_here(request: Request) -> bool:
    """Whether a page of this very origin sent the request (Fetch Metadata, Sec-Fetch-Site).

    Only then are an expired form's fields shown again: no other site may fill our forms in.
    """
    return request.headers.get("sec-fetch-site") == "same-origin"


def require_form_token(token: str, visitor: Visitor, form: str) -> None:
    """Raise PAGE_EXPIRED unless the form was made for this browser, session and purpose."""
    visit = None if visitor.visit_is_new else visitor.visit
    if not is_form_token(token, visit, visitor.bound_session, form):
        raise Refusal(PAGE_EXPIRED, "form token does not fit")


def local_path(text: str | None, otherwise: str) -> str:
    """Return a path within this host, else `otherwise` (no open redirector)."""
    if text is None or len(text) > 500 or _LOCAL_PATH.fullmatch(text) is None:
        return otherwise
    return text


async def _person(database: Database, opened: Session | None) -> Person | None:
    if opened is None:
        return None
    async with database.connect() as connection:
        person = await people.find(connection, opened.person)
    if person is None or person.status != "active" or opened.opened_at < person.sessions_since:
        return None
    return person
