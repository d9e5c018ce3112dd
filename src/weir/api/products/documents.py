"""OpenAPI documents: importing them, and reading them back from the store."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from starlette.responses import JSONResponse

from weir.api.callers import Caller
from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import After, Name, Page, Shown, Url, next_of
from weir.api.services import Services
from weir.api.writes import Writes
from weir.kernel import inputs
from weir.openapi.operations import import_document as read_openapi
from weir.shelf import documents
from weir.store.unit import UnitOfWork

router = new_router("documents")

_MEDIA_TYPES = ("application/json", "application/yaml", "application/octet-stream")
_RAW_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An OpenAPI 2.0, 3.0 or 3.1 document, as JSON or YAML.",
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}} for media in _MEDIA_TYPES
        },
    }
}


class DocumentView(Shown):
    """A document. `version` counts the imports under one slug; `openapi` is OpenAPI's version."""

    id: str
    owner: str
    slug: str
    version: int
    title: str
    document_version: str
    openapi: str
    backend_url: str
    base_path: str
    sha256: str
    imported_at: datetime
    imported_by: str


class ImportView(Shown):
    """The result of an import. Operations in `carried` keep their declaration from the version
    before; for operations in `dropped` it no longer fits, so it was dropped.
    """

    document: DocumentView
    operations: int
    carried: list[str]
    dropped: list[str]


@router.post(
    "/documents",
    operation_id="import_document",
    status_code=201,
    summary="Import an OpenAPI document; every operation becomes a capability",
    openapi_extra=_RAW_BODY,
)
async def import_document(
    request: Request,
    caller: CallerDep,
    writing: Writes,
    slug: Annotated[str, Query(max_length=64, description="The document's name, your own choice.")],
    backend_url: Annotated[
        Url,
        Query(description="The https address of your service, without the document's base path."),
    ],
) -> ImportView:
    inputs.slug(slug, "query:slug")
    inputs.https_url(backend_url, "query:backend_url")
    raw = await request.body()
    parsed = await asyncio.to_thread(read_openapi, raw)

    async def work(unit: UnitOfWork) -> ImportView:
        made = await documents.store(unit, caller.organisation.id, slug, backend_url, raw, parsed)
        return ImportView.model_validate(made)

    return await writing.run(ImportView, work)


@router.get("/documents", operation_id="list_documents", summary="List your documents")
async def list_documents(
    caller: CallerDep, services: ServicesDep, after: After = ""
) -> Page[DocumentView]:
    async with services.database.connect() as connection:
        found = await documents.list_page(connection, caller.organisation.id, after=after)
    items = [DocumentView.model_validate(each) for each in found]
    return Page(items=items, next=next_of(items, "id"))


@router.get("/documents/{document}", operation_id="get_document", summary="Get one document")
async def get_document(document: Name, caller: CallerDep, services: ServicesDep) -> DocumentView:
    return DocumentView.model_validate(await _reached(services, caller, document))


@router.get(
    "/documents/{document}/source",
    operation_id="get_document_source",
    summary="Get a document's bytes as you imported them",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def get_document_source(document: Name, caller: CallerDep, services: ServicesDep) -> Response:
    found = await _reached(services, caller, document)
    async with services.database.connect() as connection:
        raw = await documents.raw_of(connection, found.id)
    return Response(raw, media_type="application/octet-stream")


@router.get(
    "/documents/{document}/openapi",
    operation_id="get_document_openapi",
    summary="Get a document as OpenAPI, regenerated from the store",
    response_model=dict[str, Any],
)
async def get_document_openapi(
    document: Name, caller: CallerDep, services: ServicesDep
) -> JSONResponse:
    found = await _reached(services, caller, document)
    async with services.database.connect() as connection:
        return JSONResponse(await documents.openapi_of(connection, found.id))


async def _reached(services: Services, caller: Caller, document: str) -> documents.Document:
    async with services.database.connect() as connection:
        found = await documents.get(connection, document)
    caller.reach(found.owner)
    return found
