"""Applications: their registration, public keys, suspension and resumption.

The operator registers the first application of an organisation, which has no way to ask yet; the
organisation registers all others itself. One with the role `manage` is registered, equipped and
taken over by owners with a fresh proof.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import After, ConfirmedChange, Given, Name, Page, Shown, Text, Url, next_of
from weir.api.parties.people import Role
from weir.api.writes import Writes
from weir.identity import people
from weir.kernel.declares import FORBIDDEN
from weir.kernel.outcomes import Refusal
from weir.partners import applications, organisations
from weir.partners.classes import MANAGE
from weir.store.unit import UnitOfWork

router = new_router("applications")


class ApplicationGiven(Given):
    """An application to register. Only the operator may name another's `organisation`."""

    organisation: Name | None = None
    name: Text
    token_endpoint_auth_method: Text
    jwks: dict[str, Any] | None = None
    jwks_uri: Url | None = None
    redirect_uris: list[Url] = Field(default_factory=list)
    roles: list[Text] = Field(default_factory=list)
    require_signed_request_object: bool = False
    management_role: Text | None = None


class TakeOverGiven(Given):
    """The role in which the application acts from now on; null for the one it has."""

    management_role: Text | None = None


class SigningGiven(Given):
    """The rule for authorization requests: `required` accepts only signed ones (RFC 9101)."""

    required: bool


class KeysGiven(Given):
    """The public keys (RFC 7517) that replace the application's present ones."""

    jwks: dict[str, Any]


class KeyNamed(Given):
    """A registered key by its `kid`, or any key of the application by its RFC 7638 thumbprint."""

    key: Annotated[str, Field(max_length=128)]


class RehearsalGiven(Given):
    """The rehearsal: with `on`, announced changes of keys and algorithms apply to it already."""

    on: bool


class BackchannelGiven(Given):
    """The way an application asks customers on their own device (CIBA); null turns it off."""

    mode: Literal["poll", "ping"] | None
    endpoint: Url | None = None


class ApplicationView(Shown):
    """An application. `id` is its OAuth client_id; `jwks` holds public keys only.

    `management_role` is the role in which it acts here, `registrant` the person it acts for.
    """

    id: str
    organisation: str
    name: str
    token_endpoint_auth_method: Literal["tls_client_auth", "private_key_jwt"]
    jwks: dict[str, Any]
    jwks_uri: str | None
    redirect_uris: list[str]
    roles: list[str]
    management_role: Role | None
    registrant: str | None
    require_signed_request_object: bool
    revoked_keys: list[str]
    rehearses: bool
    backchannel_token_delivery_mode: Literal["poll", "ping"] | None
    backchannel_client_notification_endpoint: str | None
    status: Literal["active", "suspended"]
    registered_at: datetime
    changed_at: datetime


class ApplicationChanged(ConfirmedChange):
    """An application after a change that every gateway has applied."""

    application: ApplicationView


@router.post(
    "/applications",
    operation_id="register_application",
    status_code=201,
    summary="Register an application with its public keys",
)
async def register_application(
    given: ApplicationGiven, caller: CallerDep, writing: Writes
) -> ApplicationView:
    async def work(unit: UnitOfWork) -> ApplicationView:
        owner = await _owner(unit, caller, given.organisation)
        if MANAGE in given.roles:
            await _require_manager(unit, caller, owner)
        facts = given.model_dump(exclude={"organisation"})
        # The person of another organisation answers for nothing here; its first owner will.
        registrant = caller.person if owner == caller.organisation.id else None
        registered = await applications.register(unit, owner, **facts, registrant=registrant)
        return ApplicationView.model_validate(registered)

    return await writing.run(ApplicationView, work)


@router.get(
    "/applications", operation_id="list_applications", summary="List the applications you may see"
)
async def list_applications(
    caller: CallerDep, services: ServicesDep, organisation: Name | None = None, after: After = ""
) -> Page[ApplicationView]:
    async with services.database.connect() as connection:
        owner: str | None = None if caller.kind == "operator" else caller.organisation.id
        if organisation is not None:
            owner = (await organisations.get(connection, organisation)).id
            caller.reach(owner)
        found = await applications.list_page(connection, organisation=owner, after=after)
    items = [ApplicationView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.get(
    "/applications/{application}", operation_id="get_application", summary="Get one application"
)
async def get_application(
    application: Name, caller: CallerDep, services: ServicesDep
) -> ApplicationView:
    async with services.database.connect() as connection:
        found = await applications.get(connection, application)
    caller.reach(found.organisation)
    return ApplicationView.model_validate(found)


@router.post(
    "/applications/{application}/take-over",
    operation_id="take_over_application",
    summary="Answer for an application that manages from now on, in place of its registrant",
)
async def take_over_application(
    application: Name, given: TakeOverGiven, caller: CallerDep, writing: Writes
) -> ApplicationView:
    async def work(unit: UnitOfWork) -> ApplicationView:
        found = await get_within_reach(unit, caller, application)
        changed = await applications.take_over(
            unit, found.id, caller.subject, given.management_role
        )
        return ApplicationView.model_validate(changed)

    return await writing.run(ApplicationView, work)


@router.put(
    "/applications/{application}/keys",
    operation_id="rotate_application_keys",
    summary="Replace an application's public keys",
)
async def rotate_application_keys(
    application: Name, given: KeysGiven, caller: CallerDep, writing: Writes
) -> ApplicationView:
    async def work(unit: UnitOfWork) -> ApplicationView:
        found = await equipped(unit, caller, application)
        changed = await applications.rotate_keys(unit, found.id, given.jwks)
        return ApplicationView.model_validate(changed)

    return await writing.run(ApplicationView, work)


@router.put(
    "/applications/{application}/signed-requests",
    operation_id="require_signed_requests",
    summary="Accept only signed authorization requests of an application, or also unsigned ones",
)
async def require_signed_requests(
    application: Name, given: SigningGiven, caller: CallerDep, writing: Writes
) -> ApplicationView:
    async def work(unit: UnitOfWork) -> ApplicationView:
        found = await get_within_reach(unit, caller, application)
        changed = await applications.require_signed_requests(unit, found.id, given.required)
        return ApplicationView.model_validate(changed)

    return await writing.run(ApplicationView, work)


@router.put(
    "/applications/{application}/backchannel",
    operation_id="set_backchannel",
    summary="Set how an application may ask customers on their own device",
)
async def set_backchannel(
    application: Name, given: BackchannelGiven, caller: CallerDep, writing: Writes
) -> ApplicationView:
    async def work(unit: UnitOfWork) -> ApplicationView:
        found = await get_within_reach(unit, caller, application)
        changed = await applications.set_backchannel(unit, found.id, given.mode, given.endpoint)
        return ApplicationView.model_validate(changed)

    return await writing.run(ApplicationView, work)


@router.post(
    "/applications/{application}/keys/revoke",
    operation_id="revoke_application_key",
    summary="Revoke one of an application's keys at every gateway, for good",
)
async def revoke_application_key(
    application: Name, given: KeyNamed, caller: CallerDep, writing: Writes
) -> ApplicationChanged:
    async def work(unit: UnitOfWork) -> ApplicationView:
        found = await get_within_reach(unit, caller, application)
        changed = await applications.revoke_key(unit, found.id, given.key)
        return ApplicationView.model_validate(changed)

    view, at = await writing.run_confirmed(ApplicationView, work)
    return ApplicationChanged(application=view, effective_at=at)


@router.put(
    "/applications/{application}/rehearsal",
    operation_id="rehearse_changes",
    summary="Apply announced changes of keys and algorithms to one application now",
)
async def rehearse_changes(
    application: Name, given: RehearsalGiven, caller: CallerDep, writing: Writes
) -> ApplicationChanged:
    async def work(unit: UnitOfWork) -> ApplicationView:
        found = await get_within_reach(unit, caller, application)
        changed = await applications.rehearse(unit, found.id, on=given.on)
        return ApplicationView.model_validate(changed)

    view, at = await writing.run_confirmed(ApplicationView, work)
    return ApplicationChanged(application=view, effective_at=at)


@router.post(
    "/applications/{application}/suspend",
    operation_id="suspend_application",
    summary="Suspend an application at every gateway",
)
async def suspend_application(
    application: Name, caller: CallerDep, writing: Writes
) -> ApplicationChanged:
    async def work(unit: UnitOfWork) -> ApplicationView:
        found = await get_within_reach(unit, caller, application)
        return ApplicationView.model_validate(await applications.suspend(unit, found.id))

    view, at = await writing.run_confirmed(ApplicationView, work)
    return ApplicationChanged(application=view, effective_at=at)


@router.post(
    "/applications/{application}/resume",
    operation_id="resume_application",
    summary="Resume a suspended application",
)
async def resume_application(
    application: Name, caller: CallerDep, writing: Writes
) -> ApplicationChanged:
    async def work(unit: UnitOfWork) -> ApplicationView:
        found = await get_within_reach(unit, caller, application)
        return ApplicationView.model_validate(await applications.resume(unit, found.id))

    view, at = await writing.run_confirmed(ApplicationView, work)
    return ApplicationChanged(application=view, effective_at=at)


async def get_within_reach(
    unit: UnitOfWork, caller: Caller, application: str
) -> applications.Application:
    """Return the application, within the caller's reach (`Caller.reach_application`)."""
    found = await applications.get(unit.connection, application)
    caller.reach_application(found)
    return found


async def equipped(unit: UnitOfWork, caller: Caller, application: str) -> applications.Application:
    """Return the application, to which the caller may give keys or a certificate."""
    found = await applications.get(unit.connection, application)
    caller.equip(found)
    return found


async def _require_manager(unit: UnitOfWork, caller: Caller, organisation_id: str) -> None:
    """Raise FORBIDDEN or FRESH_PROOF_NEEDED unless the caller may register one that manages.

    The operator does for a party only while nobody works there: its owners do by themselves.
    """
    caller.require_fresh_owner()
    own = organisation_id == caller.organisation.id
    if not own and await people.of_organisation(unit.connection, organisation_id):
        raise Refusal(
            FORBIDDEN,
            "the organisation has people",
            why="an organisation with people of its own registers it itself",
            why_zh="已有人员的机构须自行登记",
        )


async def _owner(unit: UnitOfWork, caller: Caller, named: str | None) -> str:
    """Return the identifier of the organisation that the application will belong to.

    The operator may register only the first application of another organisation, lest it slip a
    client of its own in beside a party's. FORBIDDEN for a later one.
    """
    if named is None:
        return caller.organisation.id
    organisation = await organisations.get(unit.connection, named)
    caller.reach(organisation.id)
    if organisation.id != caller.organisation.id and await applications.list_page(
        unit.connection, organisation=organisation.id
    ):
        raise Refusal(
            FORBIDDEN,
            "not the first application",
            why="an organisation that has an application registers its next one itself",
            why_zh="已有应用的机构须自行登记新应用",
        )
    return organisation.id
