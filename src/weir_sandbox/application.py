"""The doorway of every request: peer, identity, bounds, refusals, the answer log."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

import msgspec
import psycopg
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from weir_sandbox.answers import AnswerLog, line
from weir_sandbox.identity import HEADER, INTERACTION, Identity, IdentityCheck, Presented
from weir_sandbox.input_checks import IDEMPOTENCY_HEADER
from weir_sandbox.limits import BODY_BYTES
from weir_sandbox.operations import Answer, Call, Desk, Operation
from weir_sandbox.peers import GATEWAY, peer_of
from weir_sandbox.platform_keys import Platform
from weir_sandbox.problems import (
    INTERNAL,
    MALFORMED,
    MEDIA_TYPE,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    PLATFORM_ONLY,
    PROBLEM_MEDIA_TYPE,
    TOO_LARGE,
    UNAVAILABLE,
    UNKNOWN_PEER,
    Problem,
)

_log: Final = logging.getLogger(__name__)

_encoder: Final = msgspec.json.Encoder()


def application(
    operations: Iterable[Operation], desk: Desk, platform: Platform, staff: frozenset[str]
) -> ASGIApp:
    """Return the ASGI application of one institution, closed to all but gateways and `staff`."""
    log = AnswerLog(desk.database)
    check = IdentityCheck(platform)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await desk.database.open()
        log.start()
        yield
        await log.close()
        await desk.database.close()

    routes = [
        Route(operation.path, _endpoint(operation, desk, log, check), methods=[operation.method])
        for operation in operations
    ]
    inner = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: _unrouted, Exception: _failed},
    )
    inner.router.redirect_slashes = False
    return only_from(staff | {GATEWAY}, inner)


def only_from(peers: frozenset[str], inner: ASGIApp) -> ASGIApp:
    """Refuse every connection whose peer (`peer_of`) is not one of `peers`."""

    async def doorway(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and peer_of(scope) not in peers:
            await _refusal(Problem(UNKNOWN_PEER), close=True)(scope, receive, send)
            return
        await inner(scope, receive, send)

    return doorway


def _endpoint(
    operation: Operation, desk: Desk, log: AnswerLog, check: IdentityCheck
) -> Callable[[Request], object]:
    business = operation.caller == "partner"

    async def endpoint(request: Request) -> Response:
        caller: Identity | None = None
        logged = False
        try:
            log.require_room()
            presented = await _presented(request, operation, check)
            caller = None if presented is None else presented.identity
            call = await _call(request, caller)
            if presented is not None:
                address = _address(request)
                money = operation.moves_money
                check.check_call(presented, call.method, address, call.body, money=money)
            answer = await operation.handler(call, desk)
            logged = answer.logged
            response = _response(answer)
        except Problem as problem:
            logged = problem.logged
            response = _refusal(problem, close=problem.kind is TOO_LARGE)
        except (psycopg.OperationalError, PoolTimeout) as error:
            _log.error("the database did not answer: %s", type(error).__name__)
            response = _refusal(Problem(UNAVAILABLE))
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            _log.exception("%s %s failed", operation.method, operation.path)
            response = _refusal(Problem(INTERNAL))
        if business and not logged:
            log.add(line(caller, request.method, request.url.path, response.status_code))
        return response

    return endpoint


async def _presented(
    request: Request, operation: Operation, check: IdentityCheck
) -> Presented | None:
    values = request.headers.getlist(HEADER)
    if operation.caller == "platform":
        if values:
            raise Problem(PLATFORM_ONLY)
        return None
    value = values[0] if len(values) == 1 else None
    return await check.read(value, request.headers.get(INTERACTION))


def _address(request: Request) -> str:
    """Return the address that was asked for, as it was sent."""
    query = request.scope["query_string"].decode("latin-1")
    target = request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    return f"https://{request.headers.get('host', '')}{target}"


async def _call(request: Request, caller: Identity | None) -> Call:
    body = b""
    if request.method == "POST":
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise Problem(MEDIA_TYPE)
        body = await _bounded_body(request)
    keys = request.headers.getlist(IDEMPOTENCY_HEADER)
    if len(keys) > 1:
        raise Problem(MALFORMED, f"the header {IDEMPOTENCY_HEADER} is repeated")
    return Call(
        method=request.method,
        path=request.url.path,
        names=request.path_params,
        query=request.query_params,
        body=body,
        idempotency_key=keys[0] if keys else None,
        caller=caller,
    )


async def _bounded_body(request: Request) -> bytes:
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > BODY_BYTES:
            raise Problem(TOO_LARGE)
    return bytes(chunks)


def _response(answer: Answer) -> Response:
    content = answer.content
    body = content if isinstance(content, bytes) else _encoder.encode(content)
    return Response(body, status_code=answer.status, media_type=answer.media_type)


def _refusal(problem: Problem, *, close: bool = False) -> Response:
    headers = {"connection": "close"} if close else None
    return Response(
        problem.body(),
        status_code=problem.kind.status,
        headers=headers,
        media_type=PROBLEM_MEDIA_TYPE,
    )


def _unrouted(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return _refusal(Problem(METHOD_NOT_ALLOWED if status == 405 else NOT_FOUND))


def _failed(_: Request, error: Exception) -> Response:
    _log.error("unexpected: %s", type(error).__name__)
    return _refusal(Problem(INTERNAL))
