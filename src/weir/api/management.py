"""The management API as an application for the host role `manage`: all routers, guarded."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Mount

from weir.api import problems
from weir.api.guard import check_table
from weir.api.services import Services
from weir.kernel.rooms import routers

ROUTERS: Final[tuple[APIRouter, ...]] = tuple(
    import_module(f"weir.api.{name}").router for name in routers()
)

# Every answer that is not the one asked for has this form (RFC 9457).
_PROBLEM: Final[dict[str, Any]] = {
    "description": "A refusal, named and in both languages.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "title_zh", "status", "code", "fault", "retry"],
                "properties": {
                    "type": {"type": "string", "format": "uri"},
                    "title": {"type": "string"},
                    "title_zh": {"type": "string"},
                    "status": {"type": "integer"},
                    "code": {"type": "string"},
                    "fault": {"enum": ["caller", "platform", "member"]},
                    "retry": {"enum": ["never", "later", "changed"]},
                    "interaction_id": {"type": "string"},
                    "parameters": {"type": "object"},
                },
            }
        }
    },
}


def application(services: Services) -> FastAPI:
    """Return the API as an ASGI application. AssertionError when a route is not in the table."""
    check_table(ROUTERS)
    app = FastAPI(
        title="weir management API",
        summary="Parties, shelf, consents, agreements and books of one alliance.",
        description=(
            "Every request needs a client certificate and an access token bound to it (RFC 8705)"
            " with the scope `manage`, except the founding claim and"
            " the sign-up of a partner."
        ),
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
    )
    app.state.services = services
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def routes(services: Services) -> list[BaseRoute]:
    """Return the routes of the host role `manage`."""
    return [Mount("", app=application(services))]
