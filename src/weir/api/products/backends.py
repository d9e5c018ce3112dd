"""Backends: the endpoints at which an organisation's services are reached."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated

from pydantic import Field

from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import ConfirmedChange, Given, Name, Page, Shown, Url
from weir.api.services import Services
from weir.api.writes import Writes
from weir.kernel.declares import FORBIDDEN
from weir.kernel.outcomes import Refusal
from weir.keys.authority import GATEWAY_URI
from weir.shelf import backends, capabilities
from weir.shelf.backends import Finding
from weir.store.unit import UnitOfWork

router = new_router("backends")


class ReachGiven(Given):
    """The endpoints of a service. Any of `endpoints` (`host:port`) answers for it, under a
    certificate for the host of its url. `authority` is your own certificate authority in PEM, null
    for the alliance's. Gateways check `health_path` every few seconds; null turns these checks off.
    With `signs_each_call` every call's identity is signed over its method, address and body, not
    just a payment's: bodies of up to 1 MiB are held for it, and longer ones refused.
    """

    endpoints: list[Url]
    authority: Annotated[str, Field(max_length=16_384)] | None = None
    health_path: Url | None = None
    signs_each_call: bool = False


class BackendGiven(ReachGiven):
    """A service by the `backend_url` of its documents, and its endpoints."""

    url: Url


class BackendView(Shown):
    """A service and its endpoints. `findings` are of the last test since `changed_at`, none if it
    passed: `answers_parties`, `answers_anybody`, `believes_forgeries` or `unreachable`; null before
    a test.
    """

    id: str
    owner: str
    url: str
    endpoints: list[str]
    authority: str | None
    health_path: str | None
    changed_at: datetime
    signs_each_call: bool
    tested_at: datetime | None
    findings: list[Finding] | None


class GatewayIdentityView(Shown):
    """The facts that identify the gateways' calls. `certificate` is the one issuer (PEM) of the
    certificates they present, `name` the URI in them. An identity has `issuer` as `iss` and
    `member` as `aud`, and is signed by a key of `jwks_uri`.
    """

    certificate: str
    name: str
    issuer: str
    jwks_uri: str
    member: str


class BackendChanged(ConfirmedChange):
    """A service and its endpoints, after a change that every gateway has applied."""

    backend: BackendView


@router.post(
    "/backends",
    operation_id="register_backend",
    status_code=201,
    summary="Register the endpoints of one of your services",
)
async def register_backend(
    given: BackendGiven, caller: CallerDep, services: ServicesDep, writing: Writes
) -> BackendChanged:
    reach = backends.read_reach(**given.model_dump(exclude={"url"}))

    async def work(unit: UnitOfWork) -> BackendView:
        made = await backends.register(unit, caller.organisation.id, given.url, reach)
        return BackendView.model_validate(made)

    view, at = await writing.run_confirmed(BackendView, work)
    return BackendChanged(backend=await _tested(view, caller, services), effective_at=at)


@router.get(
    "/backends", operation_id="list_backends", summary="List your services and their endpoints"
)
async def list_backends(caller: CallerDep, services: ServicesDep) -> Page[BackendView]:
    async with services.database.connect() as connection:
        found = await backends.list_owned(connection, caller.organisation.id)
    return Page(items=[BackendView.model_validate(each) for each in found])


@router.get(
    "/backends/{backend}", operation_id="get_backend", summary="Get one service and its endpoints"
)
async def get_backend(backend: Name, caller: CallerDep, services: ServicesDep) -> BackendView:
    async with services.database.connect() as connection:
        found = await backends.get(connection, backend)
    caller.reach(found.owner)
    return BackendView.model_validate(found)


@router.put(
    "/backends/{backend}", operation_id="change_backend", summary="Replace a service's endpoints"
)
async def change_backend(
    backend: Name, given: ReachGiven, caller: CallerDep, services: ServicesDep, writing: Writes
) -> BackendChanged:
    reach = backends.read_reach(**given.model_dump())
    async with services.database.connect() as connection:
        found = await backends.get(connection, backend)
    caller.reach(found.owner)
    # Tested before it is in force: calls of production never go where nobody looked.
    findings = await _findings(replace(found, **asdict(reach)), caller, services)

    async def work(unit: UnitOfWork) -> BackendView:
        await _own(unit, caller, backend)
        return BackendView.model_validate(await backends.change(unit, backend, reach, findings))

    view, at = await writing.run_confirmed(BackendView, work)
    return BackendChanged(backend=view, effective_at=at)


@router.post(
    "/backends/{backend}/test",
    operation_id="test_backend",
    summary="Test that a service refuses callers besides the gateways",
)
async def test_backend(backend: Name, caller: CallerDep, services: ServicesDep) -> BackendView:
    async with services.database.connect() as connection:
        found = await backends.get(connection, backend)
    caller.reach(found.owner)
    if caller.in_sandbox:
        raise Refusal(FORBIDDEN, "an organisation in the sandbox")
    return await _tested(BackendView.model_validate(found), caller, services)


@router.get(
    "/gateway-identity",
    operation_id="get_gateway_identity",
    summary="Get the facts that identify the gateways' calls",
)
async def get_gateway_identity(caller: CallerDep, services: ServicesDep) -> GatewayIdentityView:
    issuer = services.addresses.issuer
    return GatewayIdentityView(
        certificate=services.authority.gateways_pem,
        name=GATEWAY_URI,
        issuer=issuer,
        jwks_uri=f"{issuer}/jwks",
        member=caller.organisation.slug,
    )


@router.post(
    "/backends/{backend}/remove",
    operation_id="remove_backend",
    summary="Remove a service's endpoints, so that its own address is called again",
)
async def remove_backend(backend: Name, caller: CallerDep, writing: Writes) -> BackendChanged:
    async def work(unit: UnitOfWork) -> BackendView:
        await _own(unit, caller, backend)
        return BackendView.model_validate(await backends.remove(unit, backend))

    view, at = await writing.run_confirmed(BackendView, work)
    return BackendChanged(backend=view, effective_at=at)


async def _tested(view: BackendView, caller: Caller, services: Services) -> BackendView:
    """Test a service and keep what was found."""
    async with services.database.connect() as connection:
        found = await backends.get(connection, view.id)
    findings = await _findings(found, caller, services)
    if findings is None:
        return view
    async with services.database.unit(caller.actor) as unit:
        return BackendView.model_validate(await backends.note_test(unit, found, findings))


async def _findings(
    backend: backends.Backend, caller: Caller, services: Services
) -> list[Finding] | None:
    """Test a service. That of an organisation in the sandbox is left untested: it could have the
    platform call any address, and publishes nothing for production."""
    if caller.in_sandbox:
        return None
    async with services.database.connect() as connection:
        path = await capabilities.reading_path(connection, backend.owner, backend.url)
    return await services.backend_tests.run(backend, path)


async def _own(unit: UnitOfWork, caller: Caller, backend: str) -> None:
    caller.reach((await backends.get(unit.connection, backend)).owner)
