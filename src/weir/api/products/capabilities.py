"""Capabilities: the operations of a document, and the consent that each one needs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Query
from pydantic import Field

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Given, Name, Page, Shown, Text
from weir.api.writes import Writes
from weir.kernel.declares import PAGE_ROWS
from weir.openapi.declares import DOCUMENT_OPERATIONS
from weir.shelf import capabilities, documents
from weir.shelf.declarations import Declaration
from weir.shelf.published import Bindings
from weir.store.unit import UnitOfWork

router = new_router("capabilities")

Reference = Annotated[
    str, Field(max_length=1_100, description="path:name, query:name, header:name or body:/pointer")
]


class BindingsGiven(Given):
    """The places of a call that hold the values a consent is checked against."""

    account: Reference | None = None
    amount: Reference | None = None
    currency: Reference | None = None
    payee: Reference | None = None
    idempotency_key: Reference | None = None
    outcome_path: Annotated[str, Field(max_length=1_024)] | None = None


class DeclarationGiven(Given):
    """The consent that a capability needs. A field that is left out declares nothing."""

    consent_type: Text | None = None
    permission: Text | None = None
    moves_money: bool = False
    bindings: BindingsGiven | None = None

    def declaration(self) -> Declaration:
        """The declaration as the shelf stores it."""
        bound = self.bindings
        return Declaration(
            consent_type=self.consent_type,
            permission=self.permission,
            moves_money=self.moves_money,
            bindings=None if bound is None else msgspec.convert(bound.model_dump(), Bindings),
        )


class BindingsView(Shown):
    """The places of a call that hold the values a consent is checked against."""

    account: str | None
    amount: str | None
    currency: str | None
    payee: str | None
    idempotency_key: str | None
    outcome_path: str | None


class CapabilityView(Shown):
    """A capability: one operation of a document. `summary_zh` is its `x-summary-zh`, if any."""

    id: str
    document: str
    position: int
    owner: str
    operation_id: str
    method: str
    path: str
    summary: str
    summary_zh: str | None
    state: Literal["draft", "published"]
    consent_type: str | None
    permission: str | None
    moves_money: bool
    bindings: BindingsView | None
    declared_at: datetime | None


@router.get(
    "/documents/{document}/capabilities",
    operation_id="list_capabilities",
    summary="List a document's capabilities, in the document's order",
)
async def list_capabilities(
    document: Name,
    caller: CallerDep,
    services: ServicesDep,
    after: Annotated[int, Query(ge=-1, le=DOCUMENT_OPERATIONS)] = -1,
) -> Page[CapabilityView]:
    async with services.database.connect() as connection:
        caller.reach((await documents.get(connection, document)).owner)
        found = await capabilities.of_document(connection, document, after_position=after)
    items = [CapabilityView.model_validate(each) for each in found]
    full = len(items) == PAGE_ROWS
    return Page(items=items, next=str(items[-1].position) if full else None)


@router.get(
    "/capabilities/{capability}", operation_id="get_capability", summary="Get one capability"
)
async def get_capability(
    capability: Name, caller: CallerDep, services: ServicesDep
) -> CapabilityView:
    async with services.database.connect() as connection:
        found = await capabilities.get(connection, capability)
    caller.reach(found.owner)
    return CapabilityView.model_validate(found)


@router.put(
    "/capabilities/{capability}/declaration",
    operation_id="declare_capability",
    summary="Declare the consent a capability needs, and where a call holds the values to check",
)
async def declare_capability(
    capability: Name, given: DeclarationGiven, caller: CallerDep, writing: Writes
) -> CapabilityView:
    async def work(unit: UnitOfWork) -> CapabilityView:
        found = await capabilities.get(unit.connection, capability)
        caller.reach(found.owner)
        parsed = await documents.parsed_of(unit.connection, found.document)
        declared = await capabilities.declare(unit, found.id, parsed, given.declaration())
        return CapabilityView.model_validate(declared)

    return await writing.run(CapabilityView, work)
