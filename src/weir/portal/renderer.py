"""Rendering of templates into pages, and of page functions into endpoints."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from weir.authorization.remedies import CAUSES
from weir.authorization.services import Services
from weir.consent import recurring_payments, words
from weir.identity.passphrases import Passphrases
from weir.identity.sessions import Sessions
from weir.kernel import inputs
from weir.kernel.declares import PLATFORM_ERROR, REQUESTS_EXCEEDED
from weir.kernel.limit_periods import PERIODS
from weir.kernel.outcomes import Refusal
from weir.kernel.rates import Rates
from weir.metering.lake.lake import Lake
from weir.portal import assets, formatting, languages, security
from weir.portal.declares import FORMS_A_SECOND, FORMS_AT_ONCE, PAGES_A_SECOND, PAGES_AT_ONCE
from weir.portal.management import Management
from weir.portal.relay import Relay
from weir.portal.service_levels import ServiceLevels
from weir.portal.visitor import Visitor, recognise, theme_of
from weir.store.database import Database
from weir.wire.networks import wide_network_of
from weir.wire.outbound import Outbound

PAGES: Final = Path(__file__).parent  # a template lies beside the page that shows it
_log = structlog.get_logger("weir.portal")


@dataclass(frozen=True, slots=True)
class Portal:
    """The services that pages use; wired in the folder `app/`.

    `directory` asks members for accounts: mutual TLS with the platform's client certificate,
    trusting the alliance's authority. `management` is the management API, asked in the name of the
    people who work for the organisations. `api_origin` is where gateways serve products. `lake`
    holds the calls behind a statement's lines. `relay` carries the calls that developers try out,
    `to_server` their requests to the authorization server. `forms` counts sent
    forms by network, `reads` the pages that are read.
    """

    authorization: Services
    sessions: Sessions
    passphrases: Passphrases
    directory: Outbound
    management: Management
    api_origin: str
    lake: Lake
    levels: ServiceLevels
    relay: Relay
    to_server: Relay
    forms: Rates = field(default_factory=lambda: Rates(FORMS_A_SECOND, FORMS_AT_ONCE))
    reads: Rates = field(default_factory=lambda: Rates(PAGES_A_SECOND, PAGES_AT_ONCE))

    @property
    def database(self) -> Database:
        return self.authorization.database


PageFunction = Callable[[Portal, Request, Visitor], Awaitable[Response]]
Page = tuple[str, str, PageFunction]  # address, method, page


def endpoint(portal: Portal, page: PageFunction) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a page function as a Starlette endpoint: refusals become pages, cookies are kept."""

    async def serve(request: Request) -> Response:
        visitor: Visitor | None = None
        try:
            inputs.address(request.scope["raw_path"], request.scope["query_string"])
            _slow_down(portal, request)
            visitor = await recognise(request, portal.database, portal.sessions)
            response = await page(portal, request, visitor)
        except Refusal as refusal:
            _log.info("page refused", code=refusal.outcome.code, detail=refusal.detail)
            response = render_refusal(request, visitor, refusal)
        except Exception:
            _log.exception("page failed")
            response = render_refusal(request, visitor, Refusal(PLATFORM_ERROR))
        if visitor is not None:
            visitor.set_cookies(response)
        return response

    return serve


def _slow_down(portal: Portal, request: Request) -> None:
    """Count a sent form, or a page that is read, by its network. Refusal REQUESTS_EXCEEDED."""
    peer = request.headers.get("weir-peer")
    if peer is None:
        return
    rates = portal.forms if request.method == "POST" else portal.reads
    wait_s = rates.take_s(wide_network_of(peer), time.monotonic())
    if wait_s:
        raise Refusal(REQUESTS_EXCEEDED, "the network", retry_after_s=wait_s)


def render(
    request: Request,
    visitor: Visitor | None,
    template: str,
    *,
    status: int = 200,
    leads_to: str | None = None,
    wait_s: int | None = None,
    **context: Any,
) -> Response:
    """Render a page in the visitor's language.

    `leads_to` is an origin its form may redirect to; `wait_s` the seconds after which to try again.
    """
    language = visitor.language if visitor else languages.of(request)
    page = _ENVIRONMENTS[language].get_template(template)
    home = _home(request)
    html = page.render(
        **context,
        visitor=visitor,
        person=visitor.person if visitor else None,
        language=language,
        language_links=_language_links(request),
        theme=theme_of(request),
        path=request.url.path,
        here=_here(request),
        home=home,
    )
    scripts = home == "/"  # the authorization server's pages run none at all
    policy = {
        "content-security-policy": security.content_security_policy(leads_to, scripts=scripts)
    }
    later = {} if wait_s is None else {"retry-after": str(wait_s)}
    return HTMLResponse(html, status, headers=security.HEADERS | policy | later)


def render_refusal(
    request: Request,
    visitor: Visitor | None,
    refusal: Refusal,
    *,
    way_back: str | None = None,
    way_back_name: str | None = None,
) -> Response:
    """Render a refusal as a page: what happened, and the way on from here."""
    return render(
        request,
        visitor,
        "templates/refused.html",
        status=refusal.outcome.status,
        wait_s=refusal.wait_s,
        outcome=refusal.outcome,
        public=refusal.public,
        remedies=[each for each in CAUSES.get(refusal.outcome, ()) if not each.reason],
        way_back=way_back,
        way_back_name=way_back_name,
        interaction_id=request.headers.get("weir-interaction-id"),
    )


def redirect(location: str) -> Response:
    """Redirect to another page, always with 303, so that a form is never sent twice."""
    return RedirectResponse(location, 303, headers=security.HEADERS)


def _home(request: Request) -> str:
    """Return the start page: this host's own, or the portal's from the authorization server's.

    The host name is one the gateway serves; it refuses every other before it comes here.
    """
    host = request.headers.get("host", "")
    return f"https://portal.{host.removeprefix('auth.')}/" if host.startswith("auth.") else "/"


def on_portal(request: Request) -> bool:
    """Whether this is the portal's own host, rather than the authorization server's."""
    return _home(request) == "/"


def _here(request: Request) -> str:
    """Return this page's own path and query, to come back to."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _language_links(request: Request) -> list[tuple[str, str, str]]:
    """Return (tag, name, address) of this page in each language."""
    others = [(name, value) for name, value in request.query_params.items() if name != "lang"]
    return [
        (tag, name, f"{request.url.path}?{urlencode([*others, ('lang', tag)])}")
        for tag, name in languages.LANGUAGES.items()
    ]


def _in_language(thing: Any, what: str, language: str) -> str:
    """Return `{what}_zh` or `{what}_en` of an object or of a JSON object of the API."""
    return str(_field(thing, f"{what}_zh" if language.startswith("zh") else f"{what}_en"))


def _field(thing: Any, name: str) -> Any:
    return thing[name] if isinstance(thing, dict) else getattr(thing, name)


def summary_of(capability: Any, language: str) -> str:
    """Return an operation's summary, in Chinese where its document has one; else its identifier."""
    chinese = ("summary_zh",) if language.startswith("zh") else ()
    names = (*chinese, "summary", "operation_id")
    return next(str(told) for name in names if (told := _field(capability, name)))


def _environment(language: str, catalogue: languages.Catalogue) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined] # made by the extension
        catalogue.gettext, catalogue.ngettext, newstyle=True
    )
    environment.filters.update(
        money=formatting.money,
        money_minor=formatting.money_minor,
        amount=formatting.amount_text,
        bare=formatting.bare,
        mandate=recurring_payments.read,
        question=lambda ask, application, member: (
            words.question(ask.type, ask.details["permissions"])
            .of(language)
            .format(application=application, member=member)
        ),
        in_language=lambda words: words.of(language),
        zone=formatting.zone,
        symbol=formatting.symbol,
        quantity=formatting.quantity,
        milliseconds=formatting.milliseconds,
        exactly=formatting.exactly,
        found=formatting.found,
        paragraphs=formatting.paragraphs,
        moment=formatting.moment,
        day=formatting.day,
        utc=formatting.utc,
        period=formatting.period,
        age=lambda at, now: formatting.age(at, now, language),
        words=lambda key, table: table[key].of(language),
        named=lambda party: _in_language(party, "name", language),
        titled=lambda product: _in_language(product, "title", language),
        summed_up=lambda capability: summary_of(capability, language),
        either=lambda pair: pair[language.startswith("zh")],
    )
    environment.globals.update(
        version=assets.VERSION, HTMX=assets.HTMX, PERMISSIONS=words.PERMISSIONS,
        STATES=words.STATES, KINDS=words.KINDS, ENDED_BY=words.ENDED_BY, ACTING=words.ACTING,
        PERIODS=PERIODS, CHOICES=words.CHOICES,
    )  # fmt: skip
    return environment


_ENVIRONMENTS: Final = {
    language: _environment(language, catalogue)
    for language, catalogue in languages.catalogues().items()
}
