"""Sign-up: a developer registers a partner organisation, and is in the sandbox at once."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from weir.identity.declares import SIGN_IN_BUSY
from weir.journeys import sign_up
from weir.journeys.declares import TOO_MANY_SIGN_UPS
from weir.journeys.sign_up import SignUp
from weir.kernel.declares import CONFLICT, INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.partners.classes import PARTNER_CLASSES
from weir.portal.form_faults import faults
from weir.portal.renderer import Portal, redirect, render
from weir.portal.sign_in.sign_in import start_half_open
from weir.portal.visitor import Visitor, read_form_again

_MENDABLE = (CONFLICT, INVALID_INPUT, TOO_MANY_SIGN_UPS, SIGN_IN_BUSY)


async def show(_: Portal, request: Request, visitor: Visitor) -> Response:
    """Show the form; a signed-in person goes to the desk instead."""
    if visitor.person is not None:
        return redirect("/desk")
    return _page(request, visitor, {})


async def send(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Register the organisation and its owner, and go on to the second factor."""
    fields, expired = await read_form_again(request, visitor, "sign-up")
    if expired is not None:
        return _page(request, visitor, fields, [expired])
    names = ("name_en", "name_zh", "partner_class", "display_name", "name", "passphrase")
    told = {name: fields.get(name, "").strip() for name in names}
    told["passphrase"] = fields.get("passphrase", "")
    given = SignUp(**told, language=visitor.language)
    wrong = sign_up.faults(given)
    if wrong:
        return _page(request, visitor, fields, wrong)
    cache = portal.authorization.cache
    try:
        made = await sign_up.sign_up(
            portal.database,
            cache,
            portal.passphrases,
            given,
            address=visitor.address,
            asker=visitor.asker,
        )
    except Refusal as refusal:
        if refusal.outcome not in _MENDABLE:
            raise
        return _page(request, visitor, fields, [refusal])
    return await start_half_open(portal, made.person, "/desk/applications/new")


def _page(
    request: Request,
    visitor: Visitor,
    fields: dict[str, str],
    refusals: Sequence[Refusal] = (),
) -> Response:
    return render(
        request,
        visitor,
        "sign_in/sign_up.html",
        status=refusals[0].outcome.status if refusals else 200,
        wait_s=refusals[0].wait_s if refusals else None,
        fields=fields,
        errors=faults(visitor.language, *refusals),
        PARTNER_CLASSES=PARTNER_CLASSES,
    )
