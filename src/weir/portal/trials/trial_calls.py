"""Trials: a developer calls an operation of a sandbox product from its page.

The page's script makes a key that cannot be taken out of the browser, has a token bound to it
(`/try/tokens`), proves each call with it and hands the call over (`/try/calls`). It may call only
the operation the page is about, of a sandbox product; the gateway decides all else as for any call.
Both addresses take and answer JSON, and refuse with RFC 9457 problems.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from weir.access.permissions import PERMISSIONS
from weir.authorization.declares import ACCESS_TOKEN_CHARACTERS, PAGE_EXPIRED
from weir.authorization.tokens import trial_tokens
from weir.consent.types import is_payment
from weir.identity import test_customers
from weir.identity.acting_person import ActingPerson
from weir.identity.test_customers import TestCustomer
from weir.kernel import strict_json
from weir.kernel.declares import INVALID_INPUT, NOT_FOUND, UNSUPPORTED_MEDIA_TYPE, URL_CHARACTERS
from weir.kernel.inputs import wrong
from weir.kernel.outcomes import Refusal
from weir.partners import organisations
from weir.portal import security
from weir.portal.declares import TRIAL_BODY_BYTES, TRIAL_HEADERS, TRIAL_REQUEST_BYTES
from weir.portal.management import Document, ManagementClient, place
from weir.portal.renderer import PageFunction, Portal
from weir.portal.visitor import Visitor, require_form_token
from weir.shelf import products
from weir.shelf.capabilities import Capability
from weir.shelf.products import Product
from weir.shelf.reference import operations
from weir.shelf.reference.samples import curl
from weir.wire.declares import BODY_TOO_LARGE

FORM: Final = "try"  # what the form tokens of both addresses are for
ISSUE: Final = "issue_trial_token"
_TARGET: Final = re.compile(r"/[!$%&'()*+,\-./0-9:;=?@A-Z_a-z~]*", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*", re.ASCII)
_PROVEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_ALWAYS: Final = frozenset({"accept", "content-type"})
# The connection's own, and what says who calls; an operation cannot declare these for itself.
_NEVER: Final = frozenset(
    {"authorization", "connection", "content-length", "cookie", "dpop", "expect", "host",
     "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
)  # fmt: skip


class ScriptRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Fields of every request from the page's script."""

    form_token: str


class TokenRequest(ScriptRequest, forbid_unknown_fields=True):
    """The application and product of a trial, and the key's RFC 7638 thumbprint."""

    application: str
    product: str
    thumbprint: str


class CallRequest(ScriptRequest, forbid_unknown_fields=True):
    """A call of an operation; `target` is path and query, `proof` is for exactly this call."""

    product: str
    operation: str
    target: str
    headers: dict[str, str]
    body: str
    token: str
    proof: str


Asked = TypeVar("Asked", bound=ScriptRequest)


@dataclass(frozen=True, slots=True)
class Trial:
    """The trial that an operation's page offers; `state` names what is missing, or `ready`.

    One of signed_out, not_here, production, forbidden, no_application, not_subscribed, no_role,
    ready. `customers` are the institution's test customers whose consent can be tried.
    """

    state: str
    applications: list[Document]
    customers: Sequence[TestCustomer] = ()


async def trial_for(
    portal: Portal, visitor: Visitor, product: Product, consent_type: str | None
) -> Trial:
    """Return the trial that this visitor can make of an operation, with the usable applications.

    An operation that needs consent requires an application registered to ask for it.
    """
    if not product.sandbox:
        return Trial("production", [])
    if visitor.person is None:
        return Trial("signed_out", [])
    if visitor.person.organisation is None or visitor.opened is None:
        return Trial("not_here", [])
    async with portal.database.connect() as connection:
        organisation = await organisations.get(connection, visitor.person.organisation)
        customers = await test_customers.of_member(connection, product.owner)
    if not PERMISSIONS[ISSUE].permits(organisation.kind, str(visitor.person.role)):
        return Trial("forbidden", [])
    management = management_of(portal, visitor)
    own = await management.all("/v1/applications")
    held = {
        each["application"]
        for each in await management.all("/v1/subscriptions")
        if each["product"] == product.id and each["status"] == "active"
    }
    held_by = [each for each in own if each["status"] == "active" and each["id"] in held]
    usable = [each for each in held_by if _may_ask(each, consent_type)]
    if usable:
        return Trial("ready", usable, customers)
    if held_by:
        return Trial("no_role", held_by)
    return Trial("not_subscribed" if own else "no_application", [])


def _may_ask(application: Document, consent_type: str | None) -> bool:
    """Whether the application is registered to ask a customer for consent of this type."""
    if consent_type is None:
        return True
    return ("payments" if is_payment(consent_type) else "data") in application["roles"]


def json_endpoint(work: Callable[[Portal, Request, Visitor], Awaitable[Any]]) -> PageFunction:
    """Wrap `work` as an address for the page's script: JSON in and out, refusals included."""

    async def serve(portal: Portal, request: Request, visitor: Visitor) -> Response:
        try:
            _require_own_page(request, visitor)
            return JSONResponse(await work(portal, request, visitor), headers=security.HEADERS)
        except Refusal as refusal:
            problem = refusal.problem(visitor.interaction_id or None)
            headers = {**security.HEADERS, "content-type": "application/problem+json"}
            return JSONResponse(problem, refusal.outcome.status, headers=headers)

    return serve


async def token(portal: Portal, request: Request, visitor: Visitor) -> Document:
    """Answer `/try/tokens`: a token for the key, as the management API issues it to this person."""
    asked = await read(request, visitor, TokenRequest)
    path = f"/v1/applications/{place(asked.application)}/trial-tokens"
    given = {"product": asked.product, "thumbprint": asked.thumbprint}
    return await management_of(portal, visitor).post(path, given)


async def call(portal: Portal, request: Request, visitor: Visitor) -> Document:
    """Answer `/try/calls`: make the call as the browser proved it, and return the answer.

    Keys: `status`, `headers`, `body` (text or None), `body_bytes`, `cut`, `duration_ms`,
    `interaction_id`, `receipt`, and `curl`, the same call by the application's certificate.
    """
    asked = await read(request, visitor, CallRequest)
    person = visitor.person
    assert person is not None, "checked before anything was read"
    product, capability = await _operation(portal, asked)
    headers = await _headers(portal, asked, capability)
    proven = {
        "authorization": f"DPoP {check_compact_jws(asked.token)}",
        "dpop": check_compact_jws(asked.proof),
    }
    body = asked.body.encode()
    if len(body) > TRIAL_BODY_BYTES:
        raise Refusal(BODY_TOO_LARGE, f"{product.id}: {len(body)} bytes")
    answer = await portal.relay.call(
        person.id, capability.method, asked.target, {**headers, **proven}, body
    )
    named = dict(answer.headers)
    return {
        "status": answer.status,
        "headers": answer.headers,
        "body": _readable(answer.body, named.get("content-type", ""), cut=answer.cut),
        "body_bytes": len(answer.body),
        "cut": answer.cut,
        "duration_ms": answer.duration_ms,
        "interaction_id": named.get("x-fapi-interaction-id"),
        "receipt": named.get("weir-receipt"),
        # The same call as the application itself makes it, with its certificate.
        "curl": curl(capability.method, portal.api_origin + asked.target, headers, asked.body),
    }


def management_of(portal: Portal, visitor: Visitor) -> ManagementClient:
    """Return the management API in the signed-in person's name. PAGE_EXPIRED without a session."""
    person, opened = visitor.person, visitor.opened
    if person is None or opened is None:
        raise Refusal(PAGE_EXPIRED, "the session has ended")
    return portal.management.client_for(
        ActingPerson(person.id, opened.proven_at), visitor.interaction_id
    )


def _require_own_page(request: Request, visitor: Visitor) -> None:
    """Raise PAGE_EXPIRED unless a signed-in person's page of this very origin sent the request."""
    if request.headers.get("origin") != f"https://{request.headers.get('host', '')}":
        raise Refusal(PAGE_EXPIRED, "not from a page of the portal")
    if visitor.person is None:
        raise Refusal(PAGE_EXPIRED, "the session has ended")


async def read(request: Request, visitor: Visitor, kind: type[Asked]) -> Asked:
    """Read the script's request: JSON of the closed form `kind`, with a form token that fits.

    UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_INPUT, PAGE_EXPIRED.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(UNSUPPORTED_MEDIA_TYPE, "not JSON")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > TRIAL_REQUEST_BYTES:
            raise Refusal(BODY_TOO_LARGE, "a trial")
    try:
        asked = msgspec.convert(strict_json.loads(raw), kind)
    except (ValueError, msgspec.ValidationError) as error:
        raise Refusal(INVALID_INPUT, str(error), why="not what the page sends") from error
    require_form_token(asked.form_token, visitor, FORM)
    return asked


async def _operation(portal: Portal, asked: CallRequest) -> tuple[Product, Capability]:
    """Return the product and the operation that the call names.

    NOT_FOUND when it is not on the shelf, INVALID_INPUT when the target is not its address.
    """
    async with portal.database.connect() as connection:
        product = await products.get(connection, asked.product)
        held = await products.capabilities_of(connection, product.id)
    found = next((each for each in held if each.operation_id == asked.operation), None)
    if product.status == "draft" or found is None:
        raise Refusal(NOT_FOUND, "no such operation on the shelf")
    trial_tokens.require_sandbox(product)
    path = asked.target.partition("?")[0]
    fits = _TARGET.fullmatch(asked.target) and _pattern(product.prefix + found.path).fullmatch(path)
    if not fits or len(asked.target) > URL_CHARACTERS:
        raise wrong("/target", "is not an address of this operation", "不是该接口的地址")
    return product, found


def _pattern(template: str) -> re.Pattern[str]:
    """Return the pattern of a path template's addresses: each variable is one segment, not `.` or
    `..`.
    """
    parts = re.split(r"\{[^/{}]*\}", template)
    return re.compile(r"(?!\.{1,2}(?:/|$))[^/?#]+".join(re.escape(each) for each in parts))


async def _headers(portal: Portal, asked: CallRequest, capability: Capability) -> dict[str, str]:
    """Return the call's headers in lower case; INVALID_INPUT for one that the operation does not
    declare, apart from accept and content-type.
    """
    async with portal.database.connect() as connection:
        described = await operations.describe(connection, capability)
    declared = {each.node.name.lower() for each in described.parameters if each.where == "header"}
    allowed = (declared | _ALWAYS) - _NEVER
    given = {name.lower(): value for name, value in asked.headers.items()}
    if len(asked.headers) > TRIAL_HEADERS or len(given) != len(asked.headers):
        raise wrong("/headers", "are too many, or named twice", "请求头过多或重名")
    for name, value in given.items():
        if name not in allowed or name.startswith("weir-"):
            raise wrong(f"/headers/{name}", "is not one of the operation", "不是该接口的请求头")
        if _HEADER_VALUE.fullmatch(value) is None or len(value) > URL_CHARACTERS:
            raise wrong(f"/headers/{name}", "must be visible ASCII", "须为可见 ASCII 字符")
    return given


def check_compact_jws(text: str) -> str:
    """Check that a text has the form of a compact JWS; the gateway verifies it. INVALID_INPUT."""
    if len(text) > ACCESS_TOKEN_CHARACTERS or _PROVEN.fullmatch(text) is None:
        raise Refusal(INVALID_INPUT, "not a compact JWS", why="not what the page sends")
    return text


def _readable(body: bytes, media_type: str, *, cut: bool) -> str | None:
    """Return a body as text, JSON indented with its values untouched; None for other bytes."""
    if "json" in media_type and not cut:
        try:
            return msgspec.json.format(body, indent=2).decode()
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    try:
        return body.decode("utf-8", "ignore" if cut else "strict")
    except UnicodeDecodeError:
        return None
