"""The OpenAPI document of the management API itself."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from weir.api.guard import new_router

router = new_router("description")


@router.get("/openapi.json", operation_id="describe_api", summary="Get this OpenAPI document")
async def describe_api(request: Request) -> dict[str, Any]:
    described: dict[str, Any] = request.app.openapi()
    return described
