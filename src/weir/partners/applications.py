"""Applications: the OAuth clients of members, partners and the operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import (
    ACCESS_TOKEN_LIFETIME_S,
    CONFLICT,
    ILLEGAL_STATE,
    NOT_FOUND,
    PAGE_ROWS,
)
from weir.kernel.outcomes import Refusal
from weir.keys.dpop import THUMBPRINT, thumbprint_of
from weir.keys.published import REVOCATION, RevocationDocument
from weir.partners import classes, constraints, keys, names, organisations, registration_rules
from weir.partners.constraints import Constraints
from weir.partners.declares import (
    APPLICATION_REVOKED_KEYS,
    APPLICATION_SUSPENDED,
    APPLICATIONS,
    ORGANISATION_SUSPENDED,
)
from weir.partners.organisations import Organisation
from weir.partners.published import APPLICATION, ApplicationDocument
from weir.partners.registration_rules import ApplicationFacts
from weir.partners.tables import applications, certificates
from weir.store.room import require_room
from weir.store.unit import Change, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One application as stored.

    `id` is its OAuth client_id. `jwks` holds public keys only. `revoked_keys` are RFC 7638
    thumbprints. When it `rehearses`, announced changes are in force for it now. `registrant` is the
    person who registered it or took it over, None until one of its organisation has.
    `management_role` is the role in which it acts in the management API, None without `manage`.
    """

    id: str
    organisation: str
    name: str
    token_endpoint_auth_method: str
    jwks: dict[str, Any]
    jwks_uri: str | None
    redirect_uris: list[str]
    roles: list[str]
    registrant: str | None
    management_role: str | None
    require_signed_request_object: bool
    revoked_keys: list[str]
    rehearses: bool
    backchannel_token_delivery_mode: str | None
    backchannel_client_notification_endpoint: str | None
    constraints: Constraints
    status: str
    registered_at: datetime
    changed_at: datetime

    @property
    def manages(self) -> bool:
        """Whether the application may act in the management API."""
        return classes.MANAGE in self.roles


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownApplication:
    """An application with the present facts that decide whether it may act."""

    application: Application
    organisation: organisations.Organisation
    certificate_known: bool
    certificate_revoked: bool


async def register(
    unit: UnitOfWork,
    organisation_id: str,
    *,
    name: str,
    token_endpoint_auth_method: str,
    jwks: Any = None,
    redirect_uris: Sequence[str] = (),
    roles: Sequence[str] = (),
    require_signed_request_object: bool = False,
    jwks_uri: str | None = None,
    management_role: str | None = None,
    registrant: str | None = None,
) -> Application:
    """Register an application of an active organisation, in the name of its `registrant`.

    With the role `manage` and no `management_role` it acts as an owner. Refusal INVALID_INPUT,
    NOT_FOUND for the organisation, or ORGANISATION_SUSPENDED.
    """
    facts = registration_rules.application_facts(
        name=name,
        token_endpoint_auth_method=token_endpoint_auth_method,
        jwks=jwks if jwks is not None else {"keys": []},
        redirect_uris=redirect_uris,
        roles=roles,
        require_signed_request_object=require_signed_request_object,
        jwks_uri=jwks_uri,
    )
    acts_as = registration_rules.management_role(facts.roles, management_role)
    organisation = await organisations.get(unit.connection, organisation_id)
    if organisation.status != "active":
        raise Refusal(ORGANISATION_SUSPENDED)
    registration_rules.require_roles_of(organisation.kind, facts.roles)
    return await admit(unit, organisation, facts, registrant=registrant, acts_as=acts_as)


async def admit(
    unit: UnitOfWork,
    organisation: Organisation,
    facts: ApplicationFacts,
    *,
    registrant: str | None = None,
    acts_as: str | None = None,
) -> Application:
    """Store checked facts as an active application, and publish it.

    `acts_as` is its role in the management API, None unless the facts hold the role `manage`.
    Refusal CONFLICT when its name looks like the one of another party or its applications,
    LIMIT_REACHED when the organisation has as many applications as it may.
    """
    await _claim_name(unit, organisation, facts.name)
    mine = applications.c.organisation == organisation.id
    await require_room(unit, applications, mine, organisation.id, "APPLICATIONS", APPLICATIONS)
    added = await unit.connection.execute(
        applications.insert()
        .values(
            id=unit.mint("app"),
            organisation=organisation.id,
            **_columns(facts),
            registrant=registrant,
            management_role=acts_as,
            status="active",
            registered_at=unit.now,
            changed_at=unit.now,
        )
        .returning(applications)
    )
    application = _application(added.one())
    detail = {
        "name": application.name,
        "token_endpoint_auth_method": application.token_endpoint_auth_method,
        "kids": [key["kid"] for key in application.jwks["keys"]],
        "redirect_uris": application.redirect_uris,
        "roles": application.roles,
        "require_signed_request_object": application.require_signed_request_object,
    }
    if acts_as is not None:
        detail |= {"registrant": registrant, "management_role": acts_as}
    unit.audit("application.registered", application.id, detail, organisation=organisation.id)
    await publish(unit, application)
    return application


async def take_over(
    unit: UnitOfWork, application_id: str, registrant: str, management_role: str | None
) -> Application:
    """Make a person the registrant of an application with the role `manage`.

    The application acts in `management_role` from now on; None leaves its role. Refusal NOT_FOUND;
    INVALID_INPUT; ILLEGAL_STATE when it does not act in the management API.
    """
    application = await lock(unit.connection, application_id)
    if not application.manages:
        raise Refusal(ILLEGAL_STATE, "the application has no role in the management API")
    acts_as = registration_rules.management_role(
        application.roles, management_role or application.management_role
    )
    detail = {"registrant": registrant, "management_role": acts_as}
    return await _change(
        unit,
        application,
        "application.taken_over",
        detail,
        registrant=registrant,
        management_role=acts_as,
    )


async def adopt(unit: UnitOfWork, organisation_id: str, registrant: str) -> None:
    """Give a person the organisation's applications that manage without a registrant.

    The founding, and the operator for a party it admits, register one before anybody works there.
    """
    found = await unit.connection.execute(
        select(applications.c.id)
        .where(applications.c.organisation == organisation_id)
        .where(applications.c.registrant.is_(None), applications.c.management_role.is_not(None))
        .order_by(applications.c.id)
    )
    for application_id in list(found.scalars()):
        await take_over(unit, application_id, registrant, None)


async def replace_facts(
    unit: UnitOfWork, application_id: str, facts: ApplicationFacts
) -> Application:
    """Replace all facts of an active application, as a new registration would set them.

    Refusal INVALID_INPUT when one of the keys was revoked, NOT_FOUND, APPLICATION_SUSPENDED, or
    CONFLICT for a name that looks like the one of another party.
    """
    application = await lock(unit.connection, application_id)
    if application.status != "active":
        raise Refusal(APPLICATION_SUSPENDED)
    _refuse_revoked(application, facts.jwks)
    detail = {
        "kids": [key["kid"] for key in facts.jwks["keys"]],
        "jwks_uri": facts.jwks_uri,
        "redirect_uris": facts.redirect_uris,
        "roles": facts.roles,
    }
    organisation = await organisations.get(unit.connection, application.organisation)
    await _claim_name(unit, organisation, facts.name)
    after = await _change(unit, application, "application.changed", detail, **_columns(facts))
    await names.release(unit, organisation.id, application.name)
    return after


async def rotate_keys(unit: UnitOfWork, application_id: str, jwks: Any) -> Application:
    """Replace an application's public keys. Send old and new together to change without a gap.

    Refusal INVALID_INPUT, also for a revoked key, or NOT_FOUND.
    """
    application = await lock(unit.connection, application_id)
    public = keys.public_jwks(jwks, "/jwks")
    _refuse_revoked(application, public)
    registration_rules.require_keys_for(
        application.token_endpoint_auth_method, public, application.require_signed_request_object
    )
    detail = {"kids": [key["kid"] for key in public["keys"]]}
    return await _change(
        unit, application, "application.keys_rotated", detail, jwks=public, jwks_uri=None
    )


async def require_signed_requests(
    unit: UnitOfWork, application_id: str, required: bool
) -> Application:
    """Set whether the application must sign its requests (RFC 9101 section 10.5).

    Refusal INVALID_INPUT when it has no key to sign with, or NOT_FOUND.
    """
    application = await lock(unit.connection, application_id)
    registration_rules.require_keys_for(
        application.token_endpoint_auth_method, application.jwks, required
    )
    return await _change(
        unit,
        application,
        "application.signing_changed",
        {"require_signed_request_object": required},
        require_signed_request_object=required,
    )


async def revoke_key(unit: UnitOfWork, application_id: str, name: str) -> Application:
    """Revoke one of an application's keys for good.

    `name` is the `kid` of a registered key, or the RFC 7638 thumbprint of any key, such as a DPoP
    key. Refusal INVALID_INPUT when it is neither, or is the last key with which the application can
    authenticate; CONFLICT when too many keys were revoked. The caller waits until `unit.sequence`
    is acknowledged.
    """
    application = await lock(unit.connection, application_id)
    left = [key for key in application.jwks["keys"] if name not in (key["kid"], thumbprint_of(key))]
    named = [key for key in application.jwks["keys"] if key not in left]
    if not named and THUMBPRINT.fullmatch(name) is None:
        raise inputs.wrong("/key", "is no kid and no thumbprint", "既不是 kid，也不是指纹")
    thumbprint = thumbprint_of(named[0]) if named else name
    if application.jwks_uri is None:
        registration_rules.require_keys_for(
            application.token_endpoint_auth_method,
            {"keys": left},
            application.require_signed_request_object,
        )
    revoked = sorted({*application.revoked_keys, thumbprint})
    if len(revoked) > APPLICATION_REVOKED_KEYS:
        raise Refusal(CONFLICT, why="too many keys were revoked", why_zh="已吊销的密钥过多")
    document = RevocationDocument("key", f"{application.id}.{thumbprint}", unit.now)
    over = unit.now + timedelta(seconds=2 * ACCESS_TOKEN_LIFETIME_S)
    unit.publish(Change(REVOCATION, document.key, document, over))
    return await _change(
        unit,
        application,
        "application.key_revoked",
        {"thumbprint": thumbprint},
        jwks={"keys": left},
        revoked_keys=revoked,
    )


async def rehearse(unit: UnitOfWork, application_id: str, *, on: bool) -> Application:
    """Start or stop an application's rehearsal: announced changes are in force for it now."""
    application = await lock(unit.connection, application_id)
    detail = {"on": on}
    return await _change(unit, application, "application.rehearses", detail, rehearses=on)


async def set_backchannel(
    unit: UnitOfWork, application_id: str, mode: str | None, endpoint: str | None
) -> Application:
    """Set how the application may ask customers on their own device (CIBA Core section 4).

    `mode` is poll, ping, or None for not at all; ping needs an https `endpoint`. Refusal
    INVALID_INPUT.
    """
    application = await lock(unit.connection, application_id)
    has_keys = bool(application.jwks["keys"]) or application.jwks_uri is not None
    registration_rules.require_backchannel(mode, endpoint, has_keys=has_keys)
    return await _change(
        unit,
        application,
        "application.backchannel_changed",
        {"mode": mode, "endpoint": endpoint},
        backchannel_token_delivery_mode=mode,
        backchannel_client_notification_endpoint=endpoint,
    )


async def suspend(unit: UnitOfWork, application_id: str) -> Application:
    """Suspend an application: its tokens and certificates are refused until it is resumed.

    Refusal NOT_FOUND, or ILLEGAL_STATE unless it is active.
    """
    application = await lock(unit.connection, application_id)
    if application.status != "active":
        raise Refusal(ILLEGAL_STATE, "the application is not active")
    return await _change(unit, application, "application.suspended", {}, status="suspended")


async def resume(unit: UnitOfWork, application_id: str) -> Application:
    """Undo a suspension. Refusal NOT_FOUND, or ILLEGAL_STATE unless it is suspended."""
    application = await lock(unit.connection, application_id)
    if application.status != "suspended":
        raise Refusal(ILLEGAL_STATE, "the application is not suspended")
    return await _change(unit, application, "application.resumed", {}, status="active")


async def publish(unit: UnitOfWork, application: Application) -> None:
    """Publish an application to the gateways, with its certificates that are valid now."""
    document = ApplicationDocument(
        id=application.id,
        organisation=application.organisation,
        status=application.status,  # type: ignore[arg-type] # the database holds the closed list
        certificates=await _active_thumbprints(unit, application.id),
        rehearses=application.rehearses,
        keys=application.jwks["keys"],
    )
    unit.publish(Change(APPLICATION, application.id, document))


async def find(connection: AsyncConnection, application_id: str) -> Application | None:
    """Return the application with this client_id, or None."""
    found = await connection.execute(
        select(applications).where(applications.c.id == application_id)
    )
    row = found.one_or_none()
    return None if row is None else _application(row)


async def get(connection: AsyncConnection, application_id: str) -> Application:
    """Return the application with this client_id. Refusal NOT_FOUND."""
    application = await find(connection, application_id)
    if application is None:
        raise Refusal(NOT_FOUND, "no such application")
    return application


async def lock(connection: AsyncConnection, application_id: str) -> Application:
    """Return the application, with its row locked until the commit. Refusal NOT_FOUND."""
    found = await connection.execute(
        select(applications).where(applications.c.id == application_id).with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such application")
    return _application(row)


async def list_page(
    connection: AsyncConnection, *, organisation: str | None = None, after: str = ""
) -> Sequence[Application]:
    """Return up to PAGE_ROWS applications after the identifier `after`, oldest first."""
    statement = select(applications).where(applications.c.id > after)
    if organisation is not None:
        statement = statement.where(applications.c.organisation == organisation)
    rows = await connection.execute(statement.order_by(applications.c.id).limit(PAGE_ROWS))
    return [_application(row) for row in rows]


async def ids_of(connection: AsyncConnection, organisation: str) -> frozenset[str]:
    """Return the identifiers of all applications of an organisation."""
    found = await connection.execute(
        select(applications.c.id).where(applications.c.organisation == organisation)
    )
    return frozenset(found.scalars())


async def find_known(
    connection: AsyncConnection, application_id: str, certificate_sha256: str
) -> KnownApplication | None:
    """Return the facts that decide whether an application with this certificate may act.

    None when there is no such application.
    """
    application = await find(connection, application_id)
    if application is None:
        return None
    found = await connection.execute(
        select(certificates.c.revoked_at)
        .where(certificates.c.application == application_id)
        .where(certificates.c.sha256 == certificate_sha256)
    )
    row = found.one_or_none()
    return KnownApplication(
        application=application,
        organisation=await organisations.get(connection, application.organisation),
        certificate_known=row is not None,
        certificate_revoked=row is not None and row.revoked_at is not None,
    )


async def _claim_name(unit: UnitOfWork, organisation: Organisation, name: str) -> None:
    admitted = organisation.stage == organisations.PRODUCTION
    await names.claim(unit, organisation.id, {"/name": name}, admitted=admitted)


def _refuse_revoked(application: Application, jwks: dict[str, Any]) -> None:
    for number, key in enumerate(jwks["keys"]):
        if thumbprint_of(key) in application.revoked_keys:
            raise inputs.wrong(f"/jwks/keys/{number}", "was revoked", "该密钥已被吊销")


async def _change(
    unit: UnitOfWork, before: Application, event: str, detail: dict[str, Any], **values: Any
) -> Application:
    changed = await unit.connection.execute(
        update(applications)
        .where(applications.c.id == before.id)
        .values(**values, changed_at=unit.now)
        .returning(applications)
    )
    application = _application(changed.one())
    unit.audit(event, application.id, detail, organisation=application.organisation)
    await publish(unit, application)
    return application


async def _active_thumbprints(unit: UnitOfWork, application_id: str) -> list[str]:
    found = await unit.connection.execute(
        select(certificates.c.sha256)
        .where(certificates.c.application == application_id)
        .where(certificates.c.revoked_at.is_(None))
        .where(certificates.c.not_after > unit.now)
        .order_by(certificates.c.id)
    )
    return list(found.scalars())


def application_of(columns: dict[str, Any]) -> Application:
    """Return the application in a row's columns, a dict of the caller's own making."""
    columns["constraints"] = constraints.read(columns["constraints"])
    return Application(**columns)


def _application(row: Row[Any]) -> Application:
    return application_of(dict(row._mapping))


def _columns(facts: ApplicationFacts) -> dict[str, Any]:
    return asdict(facts) | {"constraints": facts.constraints.stored()}
