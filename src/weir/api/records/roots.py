"""Signed roots over all seals, their witnesses and proofs of consistency."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Page, Shown, as_object
from weir.api.writes import Writes
from weir.kernel.declares import PAGE_ROWS
from weir.kernel.witnesses import Witness
from weir.keys import record_keys
from weir.metering.records import seal_log
from weir.metering.records import witnesses as root_witnesses
from weir.partners import certificates
from weir.store.unit import UnitOfWork

router = new_router("receipts")

Size = Annotated[int, Path(ge=1, le=2**62, description="The number of seals the root covers.")]


class RootView(Shown):
    """A signed root with its witnesses; docs/receipts.md describes both."""

    root: dict[str, Any]
    witnesses: list[dict[str, Any]]


class ConsistencyView(Shown):
    """The proof that the tree of `to` seals begins with that of `since` seals (RFC 9162)."""

    since: int
    to: int
    path: list[str]


class WitnessGiven(Given):
    """Your signature of the root's statement, by the key of the certificate of this request."""

    signature: Annotated[str, Field(max_length=200)]


@router.post(
    "/records/roots",
    operation_id="sign_root",
    status_code=201,
    summary="Sign a root over all seals",
)
async def sign_root(caller: CallerDep, services: ServicesDep) -> RootView:
    """Safe to repeat: without a new seal the answer is the present root."""
    keys = await record_keys.RecordKeys.open(services.database, services.sealing)
    async with services.database.unit(caller.actor) as unit:
        root = await seal_log.sign_root(unit.connection, keys.current, unit.now)
        return _view(await root_witnesses.get(unit.connection, root.size))


@router.get(
    "/records/roots", operation_id="list_roots", summary="List the signed roots, largest first"
)
async def list_roots(
    services: ServicesDep, after: Annotated[int | None, Query(ge=1, le=2**62)] = None
) -> Page[RootView]:
    async with services.database.connect() as connection:
        found = await root_witnesses.newest(connection, after)
    more = str(found[-1].root.size) if len(found) == PAGE_ROWS else None
    return Page(items=[_view(each) for each in found], next=more)


@router.get(
    "/records/roots/{size}",
    operation_id="get_root",
    summary="Get one signed root and its witnesses",
)
async def get_root(size: Size, services: ServicesDep) -> RootView:
    async with services.database.connect() as connection:
        return _view(await root_witnesses.get(connection, size))


@router.get(
    "/records/roots/{size}/consistency",
    operation_id="prove_consistency",
    summary="Prove that a root only adds to a smaller one and changes nothing in it",
)
async def prove_consistency(
    size: Size, since: Annotated[int, Query(ge=1, le=2**62)], services: ServicesDep
) -> ConsistencyView:
    async with services.database.connect() as connection:
        path = await seal_log.consistency(connection, since, size)
    return ConsistencyView(since=since, to=size, path=path)


@router.post(
    "/records/roots/{size}/witness",
    operation_id="witness_root",
    summary="Add your signature to a root that you have checked",
)
async def witness_root(
    size: Size, given: WitnessGiven, caller: CallerDep, writing: Writes
) -> RootView:
    async def work(unit: UnitOfWork) -> RootView:
        signed = Witness(
            organisation=caller.organisation.id,
            application=caller.subject,
            certificate=await _certificate(unit, caller),
            signature=given.signature,
        )
        return _view(await root_witnesses.witness(unit, size, signed))

    return await writing.run(RootView, work)


async def _certificate(unit: UnitOfWork, caller: Caller) -> str:
    """Return the certificate that the caller asks with, in PEM."""
    return await certificates.pem_of(unit.connection, caller.signs_with)


def _view(witnessed: Any) -> RootView:
    return RootView.model_validate(as_object(witnessed))
