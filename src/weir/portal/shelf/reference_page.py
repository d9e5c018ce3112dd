"""The reference: a page for each operation, and the whole product as OpenAPI and Postman."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.portal import security
from weir.portal.renderer import Portal, render
from weir.portal.shelf.product_page import product_at
from weir.portal.trials import trial_calls, trial_consents
from weir.portal.visitor import Visitor
from weir.shelf import product_documents
from weir.shelf.reference import operations, postman
from weir.shelf.reference.samples import LANGUAGES, sample


async def show(portal: Portal, request: Request, visitor: Visitor) -> Response:
    """Show `/shelf/{owner}/{product}/{operation}`. NOT_FOUND for another operation."""
    wanted = request.path_params["operation"]
    async with portal.database.connect() as connection:
        offered = await product_at(connection, request)
        held = offered.capabilities
        place = next((n for n, each in enumerate(held) if each.operation_id == wanted), None)
        if place is None:
            raise Refusal(NOT_FOUND, "no such operation of the product")
        described = await operations.describe(connection, held[place])
    trial = await trial_calls.trial_for(portal, visitor, offered.product, held[place].consent_type)
    call = described.call(offered.product, held[place], portal.api_origin)
    return render(
        request,
        visitor,
        "shelf/operation.html",
        offered=offered,
        operation=held[place],
        described=described,
        address=f"{portal.api_origin}{offered.product.prefix}{held[place].path}",
        samples=[(name, title, sample(name, call)) for name, title in LANGUAGES.items()],
        before=held[place - 1] if place else None,
        behind=held[place + 1] if place + 1 < len(held) else None,
        as_json=_as_json,
        trial=trial,
        tried_at=f"{portal.relay.origin}{offered.product.prefix}",
        grant=trial_consents.grant_for(
            offered.owner.slug,
            held[place],
            described,
            portal.database.clock.now(),
            zh=visitor.language.startswith("zh"),
        ),
    )


async def openapi(portal: Portal, request: Request, _: Visitor) -> Response:
    """Download the product's OpenAPI document, with the gateway's address as server."""
    async with portal.database.connect() as connection:
        offered = await product_at(connection, request)
        document = request.query_params.get("document")
        described = await product_documents.openapi_of(
            connection, offered.product, portal.api_origin, document
        )
    return _download(described, f"{offered.product.scope}.openapi.json")


async def collection(portal: Portal, request: Request, _: Visitor) -> Response:
    """Download the product as a Postman collection."""
    async with portal.database.connect() as connection:
        offered = await product_at(connection, request)
        described = [
            (each, await operations.describe(connection, each)) for each in offered.capabilities
        ]
    return _download(
        postman.collection(offered.product, portal.api_origin, described),
        f"{offered.product.scope}.postman.json",
    )


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _download(document: dict[str, Any], name: str) -> Response:
    headers = security.HEADERS | {"content-disposition": f'attachment; filename="{name}"'}
    return Response(_as_json(document), headers=headers, media_type="application/json")
