"""Application pages: register one, certify it, take it over, suspend and resume it."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from weir.access.roles import DEVELOPER, OWNER
from weir.access.roles import ROLES as PEOPLE_ROLES
from weir.kernel import strict_json
from weir.kernel.inputs import wrong
from weir.partners.classes import APPLICATION_ROLES, MANAGE, TOKEN_ENDPOINT_AUTH_METHODS
from weir.portal.desk import certificates
from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place
from weir.portal.renderer import redirect

# What partners' applications ask for; `introspect` is for members' own systems.
_ROLES: Final = ("data", "payments", MANAGE)


async def show_list(desk: Desk) -> Response:
    """List the organisation's applications."""
    return desk.page(
        "parties/applications.html", applications=await desk.management.all("/v1/applications")
    )


async def show_new(desk: Desk) -> Response:
    """Show the form that registers an application; one that manages is for owners."""
    owner = desk.person.role == OWNER
    return desk.page(
        "parties/application_new.html",
        ROLES=[role for role in _ROLES if owner or role != MANAGE],
        APPLICATION_ROLES=APPLICATION_ROLES,
        METHODS=TOKEN_ENDPOINT_AUTH_METHODS,
        PEOPLE_ROLES=PEOPLE_ROLES if owner else {},
        acts_as=desk.fields.get("management_role", DEVELOPER),
    )


async def register(desk: Desk) -> Response:
    """Register the application, and go on to its certificate."""
    fields = desk.fields
    given: Document = {
        "name": fields.get("application_name", ""),
        "token_endpoint_auth_method": fields.get("method", "tls_client_auth"),
        "redirect_uris": fields.get("redirect_uris", "").split(),
        "roles": [role for role in _ROLES if fields.get(f"role_{role}")],
    }
    if MANAGE in given["roles"]:
        given["management_role"] = fields.get("management_role", "")
    if fields.get("jwks", "").strip():
        given["jwks"] = _read_jwks(fields["jwks"])
    made = await desk.management.post("/v1/applications", given, desk.form_key)
    return redirect(f"/desk/applications/{made['id']}")


async def show(desk: Desk) -> Response:
    """Show one application, its certificates, and the person it acts for."""
    application = await _application(desk)
    manages = MANAGE in application["roles"]
    own = application["organisation"] == desk.organisation.id
    people = (await desk.management.get("/v1/people"))["items"] if manages and own else []
    return desk.page(
        "parties/application.html",
        application=application,
        manages=manages,
        own=own,
        registrant=next((p for p in people if p["id"] == application["registrant"]), None),
        may_certify=desk.may("issue_certificate") and not (manages and desk.person.role != OWNER),
        PEOPLE_ROLES=PEOPLE_ROLES,
        certificates=await certificates.of_application(desk, application["id"]),
        APPLICATION_ROLES=APPLICATION_ROLES,
    )


async def act(desk: Desk) -> Response:
    """Issue or revoke a certificate, take the application over, suspend or resume it."""
    own = f"/desk/applications/{desk.named('application')}"
    path = f"/v1/applications/{place(desk.named('application'))}"
    match desk.fields.get("act"):
        case "certify":
            given = {"csr_pem": _pem(desk.fields.get("csr_pem", ""))}
            await desk.management.post(f"{path}/certificates", given, desk.form_key)
            return redirect(f"{own}/first-call")
        case "revoke":
            certificate = place(desk.fields.get("certificate", ""))
            await desk.management.post(f"/v1/certificates/{certificate}/revoke")
        case "take-over":
            acts_as: Document = {"management_role": desk.fields.get("management_role") or None}
            await desk.management.post(f"{path}/take-over", acts_as, desk.form_key)
        case "suspend" | "resume" as asked:
            await desk.management.post(f"{path}/{asked}")
    return redirect(own)


async def _application(desk: Desk) -> Document:
    return await desk.management.get(f"/v1/applications/{place(desk.named('application'))}")


def _pem(pasted: str) -> str:
    """Return a pasted PEM text with the line ends that PEM readers expect."""
    return "\n".join(line.strip() for line in pasted.strip().splitlines()) + "\n"


def _read_jwks(text: str) -> Document:
    """Return the JWK set (RFC 7517) of a pasted text. INVALID_INPUT when it is no JSON object."""
    try:
        keys = strict_json.loads(text.encode())
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise wrong("/jwks", "must be a JSON Web Key Set", "须为 JSON Web Key Set")
    return keys
