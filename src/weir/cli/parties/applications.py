"""`weir app`: applications, their keys and certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from weir.cli.files import read_object, read_text
from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management, folder_of, platform_of

app = typer.Typer(no_args_is_help=True)

Application = Annotated[str, typer.Argument(help="The application's identifier, app_…")]
RedirectUris = Annotated[
    list[str], typer.Option("--redirect-uri", help="The address customers return to; repeatable.")
]
Roles = Annotated[
    list[str],
    typer.Option("--role", help="data, payments, manage or (members) introspect; repeatable."),
]
AuthMethod = Annotated[
    Literal["tls_client_auth", "private_key_jwt"],
    typer.Option(help="Its authentication at the token endpoint."),
]
ActsAs = Annotated[
    str | None,
    typer.Option(
        "--acts-as",
        help="With manage, as what it acts: owner, developer, finance or auditor.",
    ),
]
SignedRequests = Annotated[
    bool, typer.Option("--signed-requests", help="Accept only signed authorization requests.")
]


@app.command()
def register(
    name: Annotated[str, typer.Argument(help="Its name for customers and colleagues.")],
    organisation: Annotated[
        str | None, typer.Option(help="For the operator: the organisation it is for.")
    ] = None,
    auth_method: AuthMethod = "tls_client_auth",
    redirect_uri: RedirectUris = [],  # noqa: B006 - Typer copies it
    role: Roles = [],  # noqa: B006
    acts_as: ActsAs = None,
    signed_requests: SignedRequests = False,
    save: Annotated[
        str | None,
        typer.Option(help="Make a key here, get its certificate, and save it as this profile."),
    ] = None,
    jwks: Annotated[
        Path | None, typer.Option(help="File of the application's own public keys (RFC 7517).")
    ] = None,
    csr: Annotated[
        Path | None, typer.Option(help="File of the application's own certificate request.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="With --csr: the file for the certificate.")
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Register an application. Its key is made here (--save) or elsewhere (--jwks, --csr)."""
    from weir.client import Credentials, Management, Profile

    credentials = Credentials.generate(folder_of(save)) if save else None
    keys = credentials.public_jwks() if credentials else read_object(jwks)

    async def work(management: Management) -> dict[str, Any]:
        registered = await management.applications.register(
            name=name,
            auth_method=auth_method,
            jwks=keys,
            redirect_uris=redirect_uri,
            roles=role,
            require_signed_request_object=signed_requests,
            organisation=organisation,
            management_role=acts_as,
        )
        request = credentials.certificate_request(name) if credentials else read_text(csr)
        if request is not None:
            issued = await management.certificates.issue(registered["id"], request)
            registered["certificate_pem"] = issued["pem"]
        return registered

    made = call_management(profile, work)
    pem = made.pop("certificate_pem", None)
    if credentials is not None and pem is not None:
        method = made["token_endpoint_auth_method"]
        mine = credentials.with_certificate(pem, made["id"]).registered_as(made["id"], method)
        Profile(platform_of(profile), mine, made["organisation"]).save()
        made["profile"] = str(mine.folder)
    elif certificate is not None and pem is not None:
        certificate.write_text(pem)
    show_one(made, as_json)


@app.command("list")
def list_applications(
    organisation: Annotated[str | None, typer.Option(help="List only this organisation's.")] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List the applications you may see."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.applications.list(organisation)))
    show_list(found, ("name", "organisation", "roles", "status", "id"), as_json)


@app.command()
def show(application: Application, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Show one application."""
    show_one(call_management(profile, lambda m: m.applications.get(application)), as_json)


@app.command("take-over")
def take_over(
    application: Application,
    acts_as: ActsAs = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Answer for an application that manages, in place of who registered it."""
    show_one(
        call_management(profile, lambda m: m.applications.take_over(application, acts_as)), as_json
    )


@app.command()
def backchannel(
    application: Application,
    mode: Annotated[str, typer.Option(help="poll, ping or off.")] = "poll",
    endpoint: Annotated[str | None, typer.Option(help="The https address for pings.")] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Let an application ask customers on their own device (CIBA), and choose poll or ping."""
    how = None if mode == "off" else mode
    changed = call_management(
        profile, lambda m: m.applications.set_backchannel(application, how, endpoint)
    )
    show_one(changed, as_json)


@app.command("sign")
def require_signed_requests(
    application: Application,
    required: Annotated[
        bool, typer.Option("--only-signed/--also-unsigned", help="The requests to accept.")
    ] = True,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Accept only signed authorization requests (RFC 9101) of an application, or also unsigned
    ones.
    """
    changed = call_management(
        profile, lambda m: m.applications.require_signed_requests(application, required)
    )
    show_one(changed, as_json)


@app.command()
def cert(
    application: Application,
    csr: Annotated[Path, typer.Option(help="A certificate request (PKCS #10, PEM).")],
    out: Annotated[Path | None, typer.Option(help="The file to write; default: print it.")] = None,
    profile: ProfileName = DEFAULT,
) -> None:
    """Issue a client certificate for an application's own certificate request."""
    request = read_text(csr) or ""
    issued = call_management(profile, lambda m: m.certificates.issue(application, request))
    if out is None:
        print(issued["pem"], end="")
    else:
        out.write_text(issued["pem"])
        print(f"{out}: valid until {issued['not_after']}, thumbprint {issued['sha256']}")


@app.command()
def certs(
    application: Application, profile: ProfileName = DEFAULT, as_json: AsJson = False
) -> None:
    """List an application's certificates, newest first."""
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.certificates.list(application)))
    show_list(found, ("id", "sha256", "not_after", "revoked_at"), as_json)


@app.command()
def revoke(
    certificate: Annotated[str, typer.Argument(help="The certificate's identifier, crt_…")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Revoke a certificate and all tokens bound to it, at every gateway."""
    show_one(call_management(profile, lambda m: m.certificates.revoke(certificate)), as_json)


@app.command()
def keys(
    application: Application,
    jwks: Annotated[Path, typer.Option(help="File of the new public keys (RFC 7517).")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Replace an application's public keys. Send old and new ones together for a smooth change."""
    given = read_object(jwks) or {}
    show_one(
        call_management(profile, lambda m: m.applications.rotate_keys(application, given)), as_json
    )


@app.command("revoke-key")
def revoke_key(
    application: Application,
    key: Annotated[str, typer.Argument(help="A kid, or a thumbprint (RFC 7638).")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Revoke one of an application's keys everywhere, for good: a registered key or a DPoP key."""
    show_one(
        call_management(profile, lambda m: m.applications.revoke_key(application, key)), as_json
    )


@app.command("try")
def try_product(
    application: Application,
    product: Annotated[str, typer.Argument(help="A sandbox product's identifier, prd_…")],
    thumbprint: Annotated[str, typer.Option(help="Thumbprint (RFC 7638) of the calls' DPoP key.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Get a short-lived token to try a sandbox product, bound to your own key."""
    issued = call_management(
        profile, lambda m: m.trials.issue_token(application, product, thumbprint)
    )
    show_one(issued, as_json)


@app.command("try-key")
def try_key(
    application: Application,
    product: Annotated[str, typer.Argument(help="A sandbox product's identifier, prd_…")],
    key: Annotated[Path, typer.Argument(help="The public key (JWK), a JSON file.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Let a key ask a test customer for consent in an application's name, for some minutes."""
    jwk = read_object(key) or {}
    show_one(
        call_management(profile, lambda m: m.trials.issue_key(application, product, jwk)), as_json
    )


@app.command()
def rehearse(
    application: Application,
    on: Annotated[bool, typer.Option("--on/--off", help="Begin or end.")] = True,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Apply announced changes of keys and algorithms to one application now."""
    show_one(call_management(profile, lambda m: m.applications.rehearse(application, on)), as_json)


@app.command()
def suspend(
    application: Application, profile: ProfileName = DEFAULT, as_json: AsJson = False
) -> None:
    """Suspend an application at every gateway."""
    show_one(call_management(profile, lambda m: m.applications.suspend(application)), as_json)


@app.command()
def resume(
    application: Application, profile: ProfileName = DEFAULT, as_json: AsJson = False
) -> None:
    """Resume a suspended application."""
    show_one(call_management(profile, lambda m: m.applications.resume(application)), as_json)


@app.command("expiring")
def expiring(
    days: Annotated[
        int, typer.Option(min=1, max=366, help="The number of days to look ahead.")
    ] = 30,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List certificates that end soon and have no later one to replace them."""
    found = call_management(profile, lambda m: m.certificates.expiring(days))
    columns = ("not_after", "organisation_name_en", "application_name", "application")
    show_list(found, columns, as_json)
