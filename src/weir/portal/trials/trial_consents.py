"""Trials with consent: the real authorization server asks a test customer.

The page's script has its key registered for minutes (`/try/keys`), takes a sign-in as a test
customer (`/try/customers`), and pushes the request, proven by that key, to the authorization server
(`/try/server`). The developer says yes on the server's own pages, as the customer, in another
window, which comes back to `/try/back`; the script turns the code into a token the same way.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Literal

from starlette.requests import Request
from starlette.responses import Response

from weir.authorization.clients import assertions, trial_keys
from weir.authorization.grammar import forms
from weir.consent.declares import AUTHORIZATION_FORM_BYTES
from weir.consent.types import is_payment, is_single_use
from weir.kernel.declares import FORBIDDEN
from weir.kernel.money import parse_amount
from weir.kernel.outcomes import Refusal
from weir.openapi.pointers import read_pointer
from weir.portal.management import Document, place
from weir.portal.renderer import Portal, render
from weir.portal.trials.trial_calls import ScriptRequest, check_compact_jws, management_of, read
from weir.portal.visitor import Visitor
from weir.shelf.capabilities import Capability
from weir.shelf.published import Bindings
from weir.shelf.reference.operations import OperationDescription
from weir.wire.declares import BODY_TOO_LARGE

_ASKED_FOR: Final = timedelta(days=90)
_AMOUNT: Final = {"amount": "88.50", "currency": "CNY"}
_PAYEE: Final = "6222000011112222"
_SENT: Final = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


class KeyRequest(ScriptRequest, forbid_unknown_fields=True):
    """The public key that is to ask in the application's name for minutes."""

    application: str
    product: str
    jwk: dict[str, str]


class CustomerRequest(ScriptRequest, forbid_unknown_fields=True):
    """The test customer to sign in as, by the institution's reference."""

    application: str
    product: str
    customer_ref: str


class ServerRequest(ScriptRequest, forbid_unknown_fields=True):
    """A request to the authorization server: its form as it is sent, and the DPoP proof."""

    endpoint: Literal["par", "token"]
    form: str
    proof: str


def grant_for(
    member: str,
    capability: Capability,
    described: OperationDescription,
    now: datetime,
    *,
    zh: bool = False,
) -> Document | None:
    """Return the RFC 9396 entry that an application asks for to call this; None without a consent.

    A payment has the values of the operation's example, so that the example can be sent as it is.
    """
    if capability.consent_type is None:
        return None
    purpose = "在开发者门户中试用" if zh else "Try it out on the developer portal"
    asked: Document = {"type": capability.consent_type, "member": member, "purpose": purpose}
    until = (now + _ASKED_FOR).isoformat(timespec="seconds")
    if is_payment(capability.consent_type):
        paid = _payment(capability, described)
        single = is_single_use(capability.consent_type)
        return asked | (paid if single else _recurring(paid, now, until))
    permissions = [capability.permission] if capability.permission else []
    return asked | {"permissions": permissions, "expires_at": until}


def _payment(capability: Capability, described: OperationDescription) -> Document:
    """Return `amount` and `payee` of a payment, from the operation's example or made up."""
    body = described.bodies[0].example if described.bodies else None
    bound = capability.bindings or Bindings()
    amount = _exemplary(body, bound.amount) or _AMOUNT["amount"]
    currency = _exemplary(body, bound.currency) or _AMOUNT["currency"]
    account = _exemplary(body, bound.payee) or _PAYEE
    return {
        "amount": {"amount": amount, "currency": currency},
        "payee": {"account": account, "name": "East Market"},
    }


def _recurring(paid: Document, now: datetime, until: str) -> Document:
    """Return details of a recurring payment like this one, at most twice a day."""
    amount, currency = paid["amount"]["amount"], paid["amount"]["currency"]
    twice = 2 * parse_amount(amount, currency).decimal()
    return {
        "payee": paid["payee"],
        "currency": currency,
        "maximum_individual_amount": amount,
        "periodic_limits": [{"period": "day", "alignment": "calendar", "amount": str(twice)}],
        "valid_from": now.isoformat(timespec="seconds"),
        "expires_at": until,
    }


def _exemplary(body: Any, reference: str | None) -> str | None:
    """Return the text that an example has at `body:/json/pointer`, or None."""
    if reference is None or not reference.startswith("body:"):
        return None
    for step in read_pointer(reference.removeprefix("body:")):
        body = body.get(step) if isinstance(body, dict) else None
    return body if isinstance(body, str) else None


async def key(portal: Portal, request: Request, visitor: Visitor) -> Document:
    """Answer `/try/keys`: register the key for some minutes, through the management API."""
    asked = await read(request, visitor, KeyRequest)
    path = f"/v1/applications/{place(asked.application)}/trial-keys"
    given = {"product": asked.product, "jwk": asked.jwk}
    return await management_of(portal, visitor).post(path, given)


async def customer(portal: Portal, request: Request, visitor: Visitor) -> Document:
    """Answer `/try/customers`: a sign-in as the test customer."""
    asked = await read(request, visitor, CustomerRequest)
    path = f"/v1/applications/{place(asked.application)}/test-customers"
    given = {"product": asked.product, "customer_ref": asked.customer_ref}
    return await management_of(portal, visitor).post(path, given)


async def server(portal: Portal, request: Request, visitor: Visitor) -> Document:
    """Answer `/try/server`: relay the request as the browser proved it.

    Keys: `status`, `body` as text, and `dpop_nonce` (RFC 9449 section 8) or None.
    """
    asked = await read(request, visitor, ServerRequest)
    form = asked.form.encode()
    if len(form) > AUTHORIZATION_FORM_BYTES:
        raise Refusal(BODY_TOO_LARGE, f"{len(form)} bytes for the authorization server")
    _require_trial(form)
    assert visitor.person is not None, "checked before anything was read"
    headers = {**_SENT, "dpop": check_compact_jws(asked.proof)}
    answer = await portal.to_server.call(
        visitor.person.id, "POST", f"/{asked.endpoint}", headers, form
    )
    named = dict(answer.headers)
    return {
        "status": answer.status,
        "body": answer.body.decode("utf-8", "replace"),
        "dpop_nonce": named.get("dpop-nonce"),
    }


def _require_trial(form: bytes) -> None:
    """Raise FORBIDDEN for a form not proven by a trial's key: this way serves trials alone."""
    kid = assertions.kid_of(forms.parse(form).get("client_assertion", ""))
    if kid is None or not trial_keys.is_trials(kid):
        why = "only what the key of a trial asks is carried from here"
        why_zh = "此处仅转发在线试调密钥发出的请求"
        raise Refusal(FORBIDDEN, "not proven by a trial's key", why=why, why_zh=why_zh)


async def back(_: Portal, request: Request, visitor: Visitor) -> Response:
    """Show `/try/back`, the window the customer answered in; its script tells the page's script."""
    return render(request, visitor, "trials/try_back.html")
