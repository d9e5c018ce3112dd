"""The management API: its routers, guarded as one, as an application for the host role `manage`."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Mount

from weir.api import description, health, problems
from weir.api.guard import check_table
from weir.api.keys import algorithms, anchors, signing_keys
from weir.api.money import (
    agreements,
    closings,
    credits,
    disputes,
    exchange_rates,
    payments,
    reopenings,
    rounds,
    settlement_accounts,
    statements,
)
from weir.api.parties import (
    applications,
    certificates,
    consents,
    customers,
    founding,
    invitations,
    organisations,
    people,
    sign_up,
    test_customers,
    trials,
)
from weir.api.products import (
    backends,
    capabilities,
    documents,
    plans,
    products,
    shelf,
    standard,
    subscriptions,
)
from weir.api.records import audit, expiries, receipts, records, roots, seals, segments, traffic
from weir.api.services import Services

ROUTERS: Final[tuple[APIRouter, ...]] = (
    founding.router,
    sign_up.router,
    description.router,
    organisations.router,
    people.router,
    invitations.router,
    applications.router,
    certificates.router,
    documents.router,
    backends.router,
    capabilities.router,
    products.router,
    shelf.router,
    standard.router,
    plans.router,
    subscriptions.router,
    trials.router,
    customers.router,
    test_customers.router,
    consents.router,
    agreements.router,
    closings.router,
    reopenings.router,
    statements.router,
    disputes.router,
    credits.router,
    exchange_rates.router,
    rounds.router,
    payments.router,
    settlement_accounts.router,
    records.router,
    traffic.router,
    receipts.router,
    seals.router,
    segments.router,
    expiries.router,
    roots.router,
    signing_keys.router,
    algorithms.router,
    anchors.router,
    audit.router,
    health.router,
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
    """The API as an ASGI application. AssertionError when a route is not in the table."""
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
    """The routes of the host role `manage`."""
    return [Mount("", app=application(services))]
