"""The guard of every route: the caller is identified before a byte of the body is read.

No route can be added unguarded: a route is made with an operation id, which
`permissions.PERMISSIONS` must know, or the process does not start. The guard runs first, then the
body is read, bounded and strict, then checked.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from weir.access.permissions import PERMISSIONS
from weir.access.roles import Rule
from weir.api.callers import Caller, identify
from weir.api.portal_callers import identify_person
from weir.api.services import Services
from weir.api.terminal_callers import identify_terminal, token_of
from weir.identity.acting_person import ACTING, ActingPerson
from weir.kernel import inputs, strict_json
from weir.kernel.declares import JSON_BYTES, REQUESTS_EXCEEDED, UNKNOWN_HOST
from weir.kernel.outcomes import Refusal
from weir.openapi.declares import DOCUMENT_BYTES
from weir.wire.networks import network_of

_READS: Final = ("GET", "HEAD")
# How much of a body is read; JSON_BYTES where nothing else is said.
_BODY_BYTES: Final = {"import_document": DOCUMENT_BYTES}


class _StrictRequest(Request):
    """A request with a bounded body and strict JSON: no repeated names, no NaN, bounded depth."""

    most_bytes: int = JSON_BYTES

    async def stream(self) -> AsyncGenerator[bytes, None]:
        read = 0
        async for chunk in super().stream():
            read += len(chunk)
            if read > self.most_bytes:
                raise HTTPException(status_code=413, detail=f"over {self.most_bytes} bytes")
            yield chunk

    async def json(self) -> Any:
        try:
            return strict_json.loads(await self.body())
        except ValueError as error:
            raise HTTPException(status_code=400, detail=str(error)) from error


class GuardedRoute(APIRoute):
    """A route that identifies its caller before anything else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        rule = PERMISSIONS.get(str(self.operation_id))
        assert rule is not None, f"{self.operation_id} is not in the table"
        most_bytes = _BODY_BYTES.get(str(self.operation_id), JSON_BYTES)

        async def guarded(request: Request) -> Response:
            if request.headers.get("weir-host-role") != "manage":
                raise Refusal(UNKNOWN_HOST)
            inputs.address(request.scope["raw_path"], request.scope["query_string"])
            if rule.needs_caller:
                request.state.caller = await _identified(request, rule)
                _slow_down(request, request.state.caller)
            strict = _StrictRequest(request.scope, request.receive)
            strict.most_bytes = most_bytes
            return await handle(strict)

        return guarded


async def _identified(request: Request, rule: Rule) -> Caller:
    """Identify the person whom the portal asks for, the one at a terminal, or the application.

    Refusal REQUESTS_EXCEEDED for an address that was refused too often.
    """
    services: Services = request.app.state.services
    acting: ActingPerson | None = request.scope.get(ACTING)
    if acting is not None:
        return await identify_person(acting, rule, services.database)
    refused, address = services.rates.refused, network_of(request.headers.get("weir-peer", ""))
    wait_s = refused.wait_s(address, time.monotonic())
    if wait_s:
        raise Refusal(REQUESTS_EXCEEDED, "the address", retry_after_s=wait_s)
    try:
        return await _by_token(request, rule, services)
    except Refusal:
        refused.count(address, time.monotonic())
        raise


async def _by_token(request: Request, rule: Rule, services: Services) -> Caller:
    token = token_of(request)
    if token is not None:
        return await identify_terminal(request, rule, services, token)
    return await identify(request.headers, rule, services)


def _slow_down(request: Request, caller: Caller) -> None:
    """Count a write by whoever makes it. Refusal REQUESTS_EXCEEDED."""
    if request.method in _READS:
        return
    services: Services = request.app.state.services
    wait_s = services.rates.writes.take_s(caller.subject, time.monotonic())
    if wait_s:
        raise Refusal(REQUESTS_EXCEEDED, caller.subject, retry_after_s=wait_s)


def new_router(tag: str) -> APIRouter:
    """Make a router whose every route is guarded."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=GuardedRoute)


def check_table(routers: Iterable[APIRouter]) -> None:
    """Raise AssertionError unless each operation of the table has exactly one guarded route."""
    routes = [route for router in routers for route in router.routes]
    assert all(isinstance(route, GuardedRoute) for route in routes), "an unguarded route"
    served = [route.operation_id for route in routes if isinstance(route, GuardedRoute)]
    assert sorted(str(each) for each in served) == sorted(PERMISSIONS), "table and routes differ"


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


CallerDep = Annotated[Caller, Depends(_caller)]
ServicesDep = Annotated[Services, Depends(_services)]
