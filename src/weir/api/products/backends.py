"""Backends: the endpoints at which an organisation's services are reached."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import ConfirmedChange, Given, Name, Page, Shown, Url
from weir.api.writes import Writes
from weir.shelf import backends
from weir.store.unit import UnitOfWork

router = new_router("backends")


class ReachGiven(Given):
    """The endpoints of a service. Any of `endpoints` (`host:port`) answers for it, under a
    certificate for the host of its url. `authority` is your own certificate authority in PEM, null
    for the alliance's. Gateways check `health_path` every few seconds; null turns these checks off.
    """

    endpoints: list[Url]
    authority: Annotated[str, Field(max_length=16_384)] | None = None
    health_path: Url | None = None


class BackendGiven(ReachGiven):
    """A service by the `backend_url` of its documents, and its endpoints."""

    url: Url


class BackendView(Shown):
    """A service and its endpoints."""

    id: str
    owner: str
    url: str
    endpoints: list[str]
    authority: str | None
    health_path: str | None
    changed_at: datetime


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
    given: BackendGiven, caller: CallerDep, writing: Writes
) -> BackendChanged:
    reach = backends.read_reach(**given.model_dump(exclude={"url"}))

    async def work(unit: UnitOfWork) -> BackendView:
        made = await backends.register(unit, caller.organisation.id, given.url, reach)
        return BackendView.model_validate(made)

    view, at = await writing.run_confirmed(BackendView, work)
    return BackendChanged(backend=view, effective_at=at)


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
    backend: Name, given: ReachGiven, caller: CallerDep, writing: Writes
) -> BackendChanged:
    reach = backends.read_reach(**given.model_dump())

    async def work(unit: UnitOfWork) -> BackendView:
        await _own(unit, caller, backend)
        return BackendView.model_validate(await backends.change(unit, backend, reach))

    view, at = await writing.run_confirmed(BackendView, work)
    return BackendChanged(backend=view, effective_at=at)


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


async def _own(unit: UnitOfWork, caller: Caller, backend: str) -> None:
    caller.reach((await backends.get(unit.connection, backend)).owner)
