"""Dynamic client registration (RFC 7591) and its management (RFC 7592).

    POST   /register               a new application, vouched for by a software statement
    GET    /register/{client_id}   what is registered
    PUT    /register/{client_id}   all of it replaced
    DELETE /register/{client_id}   the application stopped everywhere, the registration ended

The last three are opened by the registration access token. The application belongs to the
organisation its statement names, and passes the same checks as one registered in the portal or by
the management API (`weir.partners.applications.register`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from cryptography import x509
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from weir.authorization.declares import (
    OAUTH_INVALID_CLIENT_METADATA,
    OAUTH_REGISTRATION_TOKEN_INVALID,
    OAUTH_TEMPORARILY_UNAVAILABLE,
    OAUTH_TOO_MANY_REQUESTS,
    OAUTH_UNAPPROVED_SOFTWARE_STATEMENT,
    REGISTRATION_BYTES,
    REGISTRATION_REQUESTS,
    REGISTRATION_WINDOW_S,
)
from weir.authorization.front import client_metadata, software_statements
from weir.authorization.front.client_metadata import bad_metadata
from weir.authorization.front.error_answers import NO_STORE, refusal_response
from weir.authorization.front.software_statements import Statement, bad_statement
from weir.authorization.services import Services
from weir.identity.secrets import digest, is_secret, new_secret
from weir.kernel.declares import CONFLICT, NOT_FOUND, PLATFORM_ERROR, UNSUPPORTED_MEDIA_TYPE
from weir.kernel.identifiers import is_identifier
from weir.kernel.outcomes import Refusal
from weir.kernel.strict_json import loads
from weir.partners import anchors, applications, certificates, dynamic_registration, organisations
from weir.partners.applications import Application
from weir.partners.declares import ORGANISATION_SUSPENDED
from weir.partners.dynamic_registration import Registration
from weir.partners.organisations import Organisation
from weir.partners.registration_rules import require_roles_of
from weir.store.processes import await_acknowledged
from weir.store.unit import Actor, UnitOfWork
from weir.wire.declares import BODY_TOO_LARGE, METHOD_NOT_ALLOWED
from weir.wire.networks import network_of

PATH: Final = "/register"
TOKEN_PREFIX: Final = "rat_"  # noqa: S105 - a prefix, no secret
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_log = structlog.get_logger("weir.authorization")


def routes(services: Services) -> list[Route]:
    """Return the two routes, for every method, so that the wrong one is refused by name."""
    registering = _Registering(services)
    return [
        Route(PATH, registering.collection, methods=_METHODS),
        Route(PATH + "/{client_id}", registering.single, methods=_METHODS),
    ]


@dataclass(frozen=True, slots=True)
class _Managed:
    """A registration whose token was shown, with its application and the token."""

    registration: Registration
    application: Application
    token: str


class _Registering:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def collection(self, request: Request) -> Response:
        """Serve `/register`."""
        return await self._answered(request, {"POST": self._register})

    async def single(self, request: Request) -> Response:
        """Serve one registration's address."""
        methods = {"GET": self._read, "PUT": self._replace, "DELETE": self._end}
        return await self._answered(request, methods)

    async def _answered(
        self, request: Request, methods: Mapping[str, Callable[[Request], Awaitable[Response]]]
    ) -> Response:
        try:
            if request.method not in methods:
                raise Refusal(METHOD_NOT_ALLOWED, request.method)
            await self._slow_down(request)
            return await methods[request.method](request)
        except Refusal as refusal:
            _log.info("registration refused", code=refusal.outcome.code, detail=refusal.detail)
            answer = refusal_response(self._services.addresses, _as_oauth(refusal))
            if refusal.outcome is METHOD_NOT_ALLOWED:
                answer.headers["allow"] = ", ".join(methods)
            if refusal.outcome is OAUTH_REGISTRATION_TOKEN_INVALID:
                answer.headers["www-authenticate"] = 'Bearer error="invalid_token"'
            return answer
        except Exception:
            _log.exception("registration failed")
            return refusal_response(self._services.addresses, Refusal(PLATFORM_ERROR))

    async def _slow_down(self, request: Request) -> None:
        """Count requests by address, so that no address can use up another's turn.

        Refusal OAUTH_TOO_MANY_REQUESTS.
        """
        peer = network_of(request.headers.get("weir-peer", ""))
        name = f"register:{digest(peer)}"
        counted = await self._services.cache.count(name, REGISTRATION_WINDOW_S)
        if counted > REGISTRATION_REQUESTS:
            raise Refusal(OAUTH_TOO_MANY_REQUESTS, f"{counted} requests")

    # --- the four operations -------------------------------------------------------------------

    async def _register(self, request: Request) -> Response:
        """Register a new application (RFC 7591 section 3)."""
        given = await _read_json(request)
        if "client_id" in given:
            raise bad_metadata("client_id", "is given by this server")
        text = given.get("software_statement")
        if not isinstance(text, str):
            raise bad_statement("it is missing")
        statement = await self._verified(text)
        facts, merged = client_metadata.facts_of(
            given, statement.metadata, self._algorithms(), self._services.signer.algorithms()
        )
        _refuse_names(merged, None)
        token = TOKEN_PREFIX + new_secret()
        async with self._services.database.unit(
            Actor(statement.organisation, statement.issuer)
        ) as unit:
            await _use(unit, statement)
            organisation = await _allowed(unit, statement.organisation, facts.roles)
            application = await applications.admit(unit, organisation, facts)
            registration = Registration(
                application=application.id,
                issuer=statement.issuer,
                software_id=statement.software_id,
                software_version=merged.get("software_version"),
                statement=text,
                token_sha256=digest(token),
            )
            await dynamic_registration.store(unit, application, registration)
            certificate = await self._certificate(unit, application, given)
        told = self._told(_Managed(registration, application, token))
        return JSONResponse(told | certificate, 201, headers=NO_STORE)

    async def _read(self, request: Request) -> Response:
        """Return the registration (RFC 7592 section 2.1)."""
        managed = await self._managed(request)
        return JSONResponse(self._told(managed), headers=NO_STORE)

    async def _replace(self, request: Request) -> Response:
        """Replace the metadata (RFC 7592 section 2.2): an absent member is gone, the statement
        wins.
        """
        managed = await self._managed(request)
        given = _without_answers(await _read_json(request), managed)
        text = given.get("software_statement", managed.registration.statement)
        statement = await self._another(managed, text)
        stated = statement.metadata if statement else software_statements.read_metadata(text)
        facts, merged = client_metadata.facts_of(
            given, stated, self._algorithms(), self._services.signer.algorithms()
        )
        _refuse_names(merged, managed.application)
        actor = Actor(managed.application.organisation, managed.application.id)
        async with self._services.database.unit(actor) as unit:
            if statement is not None:
                await _use(unit, statement)
            await _allowed(unit, managed.application.organisation, facts.roles)
            application = await applications.replace_facts(unit, managed.application.id, facts)
            registration = replace(
                managed.registration,
                software_version=merged.get("software_version"),
                statement=text,
            )
            await dynamic_registration.renew(unit, application, registration)
            certificate = await self._certificate(unit, application, given)
        told = self._told(_Managed(registration, application, managed.token))
        return JSONResponse(told | certificate, headers=NO_STORE)

    async def _end(self, request: Request) -> Response:
        """End the registration (RFC 7592 section 2.3), answered when
        no gateway serves it any more.
        """
        managed = await self._managed(request)
        database = self._services.database
        actor = Actor(managed.application.organisation, managed.application.id)
        async with database.unit(actor) as unit:
            if managed.application.status == "active":
                await applications.suspend(unit, managed.application.id)
            await dynamic_registration.remove(unit, managed.application)
        if unit.sequence is not None and await await_acknowledged(database, unit.sequence) is None:
            raise Refusal(OAUTH_TEMPORARILY_UNAVAILABLE, "the gateways have not confirmed")
        return Response(status_code=204, headers=NO_STORE)

    # --- shared by the operations -----------------------------------------------------------------

    def _algorithms(self) -> tuple[str, ...]:
        return self._services.signer.accepted_algorithms(self._services.database.clock.now())

    async def _verified(self, text: str) -> Statement:
        """Return a statement of an issuer the operator believes, for an active organisation.

        Its `organisation` is replaced by the identifier. Refusals OAUTH_INVALID_SOFTWARE_STATEMENT
        and OAUTH_UNAPPROVED_SOFTWARE_STATEMENT.
        """
        issuer = software_statements.issuer_of(text)
        async with self._services.database.connect() as connection:
            anchor = await anchors.find(connection, issuer)
            if anchor is None or anchor.status != "active":
                raise _unapproved("its issuer is not a trust anchor here")
            now_s = self._services.database.clock.now().timestamp()
            statement = software_statements.verify(
                text, anchor.jwks, self._algorithms(), self._services.addresses.issuer, now_s
            )
            organisation = await organisations.find(connection, statement.organisation)
        if organisation is None or organisation.status != "active":
            raise _unapproved("it names no active organisation of the alliance")
        return Statement(
            statement.issuer,
            statement.jti,
            organisation.id,
            statement.software_id,
            statement.expires_at,
            statement.metadata,
        )

    async def _another(self, managed: _Managed, text: Any) -> Statement | None:
        """Return a newer statement for the same software; None when it is the registered one."""
        if text == managed.registration.statement:
            return None
        if not isinstance(text, str):
            raise bad_statement("it is not a text")
        statement = await self._verified(text)
        same = (statement.issuer, statement.software_id, statement.organisation) == (
            managed.registration.issuer,
            managed.registration.software_id,
            managed.application.organisation,
        )
        if not same:
            raise _unapproved("it is for other software")
        return statement

    async def _managed(self, request: Request) -> _Managed:
        """Return the registration that the token opens (RFC 7592 section 2).

        An unknown registration and a wrong token are refused alike, with
        OAUTH_REGISTRATION_TOKEN_INVALID.
        """
        client_id = request.path_params["client_id"]
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        secret = token.removeprefix(TOKEN_PREFIX)
        if scheme.lower() != "bearer" or secret == token or not is_secret(secret):
            raise Refusal(OAUTH_REGISTRATION_TOKEN_INVALID, "no registration access token")
        if not is_identifier(client_id, "app"):
            raise Refusal(OAUTH_REGISTRATION_TOKEN_INVALID, "no such client")
        async with self._services.database.connect() as connection:
            found = await dynamic_registration.find(connection, client_id)
            if found is None or not found.is_managed_with(digest(token)):
                raise Refusal(OAUTH_REGISTRATION_TOKEN_INVALID, "another registration's token")
            application = await applications.get(connection, client_id)
            organisation = await organisations.get(connection, application.organisation)
        if organisation.status != "active":
            raise Refusal(ORGANISATION_SUSPENDED)
        return _Managed(found, application, token)

    async def _certificate(
        self, unit: UnitOfWork, application: Application, given: Mapping[str, Any]
    ) -> dict[str, str]:
        """Issue the certificate for the client's own request (RFC 8705 section 2.1), if it sent
        one.

        Return `certificate` (PEM) and `tls_client_auth_subject_dn`; an empty object without a
        request.
        """
        request = given.get("certificate_request")
        if request is None:
            return {}
        if not isinstance(request, str):
            raise bad_metadata("certificate_request", "is not a text")
        issued = await certificates.issue(unit, self._services.authority, application.id, request)
        return {"certificate": issued.pem, "tls_client_auth_subject_dn": _subject_of(issued.pem)}

    def _told(self, managed: _Managed) -> dict[str, Any]:
        """Return the client information response (RFC 7591 section 3.2.1, RFC 7592 section 3)."""
        application, registration = managed.application, managed.registration
        address = f"{self._services.addresses.issuer}{PATH}/{application.id}"
        software = {"software_id": registration.software_id}
        if registration.software_version is not None:
            software["software_version"] = registration.software_version
        return {
            **client_metadata.registered(application, self._services.signer.algorithms()[0]),
            **software,
            "client_id": application.id,
            "client_id_issued_at": int(application.registered_at.timestamp()),
            "registration_access_token": managed.token,
            "registration_client_uri": address,
            "software_statement": registration.statement,
        }


async def _allowed(unit: UnitOfWork, organisation_id: str, roles: Sequence[str]) -> Organisation:
    """Return the organisation, unless the endpoints would refuse it these roles later."""
    organisation = await organisations.get(unit.connection, organisation_id)
    try:
        require_roles_of(organisation.kind, roles)
    except Refusal as refusal:
        raise bad_metadata("weir_roles", "introspect is for members' own systems") from refusal
    return organisation


async def _use(unit: UnitOfWork, statement: Statement) -> None:
    """Use a statement up (RFC 7591 section 5), in the transaction of what it vouches for."""
    if not await dynamic_registration.use_statement(
        unit, statement.issuer, statement.jti, statement.expires_at
    ):
        raise bad_statement("it was used before")


async def _read_json(request: Request) -> dict[str, Any]:
    """Return the body's JSON object.

    Refusals UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE and OAUTH_INVALID_CLIENT_METADATA.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal(UNSUPPORTED_MEDIA_TYPE, "not JSON")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > REGISTRATION_BYTES:
            raise Refusal(BODY_TOO_LARGE)
    try:
        value = loads(body, REGISTRATION_BYTES)
    except ValueError as error:
        raise Refusal(OAUTH_INVALID_CLIENT_METADATA, str(error), why=str(error)) from error
    if not isinstance(value, dict):
        raise Refusal(OAUTH_INVALID_CLIENT_METADATA, why="it is not a JSON object")
    return value


def _without_answers(given: dict[str, Any], managed: _Managed) -> dict[str, Any]:
    """Check that the client names itself and sends back none of our answers (RFC 7592 section 2.2).

    Return the metadata without `certificate`.
    """
    if given.get("client_id") != managed.application.id:
        raise bad_metadata("client_id", "must be the client's own")
    for name in ("registration_access_token", "registration_client_uri", "client_id_issued_at"):
        if name in given:
            raise bad_metadata(name, "is not sent back")
    return {name: value for name, value in given.items() if name != "certificate"}


def _refuse_names(merged: Mapping[str, Any], application: Application | None) -> None:
    """Refuse a subject of the client's own choice (RFC 8705 section 2.1.2).

    Certificates are issued here, so their subject is ours to name.
    """
    named = merged.get("tls_client_auth_subject_dn")
    if named is None:
        return
    if application is None or named != client_metadata.subject_of(application):
        raise bad_metadata(
            "tls_client_auth_subject_dn", "is assigned here: send a certificate_request"
        )


def _subject_of(pem: str) -> str:
    """Return the distinguished name as RFC 4514 writes it."""
    return x509.load_pem_x509_certificate(pem.encode()).subject.rfc4514_string()


def _unapproved(why: str) -> Refusal:
    return Refusal(OAUTH_UNAPPROVED_SOFTWARE_STATEMENT, why, why=why)


def _as_oauth(refusal: Refusal) -> Refusal:
    """Translate another room's refusal, for which RFC 7591 section 3.2.2 has no code."""
    if refusal.outcome in (CONFLICT, NOT_FOUND) or refusal.outcome.code.startswith("certificate"):
        why = str(refusal.public.get("why", refusal.outcome.en))
        return Refusal(OAUTH_INVALID_CLIENT_METADATA, refusal.detail, why=why)
    return refusal
