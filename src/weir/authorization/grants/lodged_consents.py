"""Consents lodged beforehand: written down through the management API, asked of a customer later.

A request that names one is about exactly the lodged question, and only for the application that
lodged it; for any other it does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from weir.authorization.declares import LODGED_CONSENT_LIFETIME_S, LODGED_CONSENTS
from weir.consent.consents import Consent
from weir.consent.declares import OAUTH_INVALID_AUTHORIZATION_DETAILS
from weir.consent.states import State
from weir.consent.tables import consents
from weir.consent.transitions import open_request
from weir.consent.types import ConsentRequest, parse_details
from weir.kernel.outcomes import Refusal
from weir.partners import organisations
from weir.partners.applications import Application
from weir.partners.constraints import Constraints
from weir.partners.organisations import Organisation
from weir.shelf import subscriptions
from weir.store.room import require_room
from weir.store.unit import UnitOfWork


async def lodge(unit: UnitOfWork, application: Application, details: list[Any]) -> Consent:
    """Write a question down for a customer to be asked within a day.

    Return the awaiting consent; authorization requests name it by its identifier.
    OAUTH_INVALID_AUTHORIZATION_DETAILS, also when no subscription of the application needs it;
    LIMIT_REACHED while LODGED_CONSENTS of it await their answer.
    """
    request = parse_details(json.dumps(details), unit.now)
    require_role(application.roles, request)
    require_registered_type(application.constraints, request)
    member = await active_member(unit.connection, request.member)
    await require_need(unit.connection, application.id, member, request)
    awaiting = (
        (consents.c.application == application.id)
        & (consents.c.state == State.AWAITING.value)
        & (consents.c.expires_at > unit.now)
    )
    await require_room(unit, consents, awaiting, application.id, "LODGED_CONSENTS", LODGED_CONSENTS)
    return await open_request(
        unit,
        unit.mint("cns"),
        request,
        application=application.id,
        partner=application.organisation,
        member=member.id,
        lifetime_s=LODGED_CONSENT_LIFETIME_S,
    )


def require_role(roles: Collection[str], request: ConsentRequest) -> None:
    """Require that the application is registered to ask for data, or for payments.

    OAUTH_INVALID_AUTHORIZATION_DETAILS.
    """
    role = "payments" if request.pays else "data"
    if role not in roles:
        raise Refusal(
            OAUTH_INVALID_AUTHORIZATION_DETAILS,
            f"role {role} missing",
            pointer="/0/type",
            why="the application is not registered for this",
        )


def require_registered_type(constraints: Constraints, request: ConsentRequest) -> None:
    """Require a type of consent that the client registered, if it registered any.

    RFC 9396 section 10. OAUTH_INVALID_AUTHORIZATION_DETAILS.
    """
    registered = constraints.authorization_details_types
    if registered is not None and request.type not in registered:
        raise Refusal(
            OAUTH_INVALID_AUTHORIZATION_DETAILS,
            f"type {request.type} was not registered",
            pointer="/0/type",
            why="the type is not one that the client registered",
        )


async def active_member(connection: AsyncConnection, slug: str) -> Organisation:
    """Return the active member that holds the data or money (RFC 9396 section 5).

    OAUTH_INVALID_AUTHORIZATION_DETAILS when there is none of this slug.
    """
    member = await organisations.find(connection, slug)
    if member is None or member.kind != "member" or member.status != "active":
        raise Refusal(
            OAUTH_INVALID_AUTHORIZATION_DETAILS,
            "unknown member",
            pointer="/0/member",
            why="no active member has this name",
        )
    return member


async def require_need(
    connection: AsyncConnection,
    application: str,
    member: Organisation,
    request: ConsentRequest,
    scopes: Collection[str] | None = None,
) -> None:
    """Require a product of this member that needs this type of consent, among those subscribed to.

    `scopes` are the scopes that the request asks for, None where it asks for none: a token for one
    institution's product must not bring a customer of another before the question (RFC 9396
    section 5). OAUTH_INVALID_AUTHORIZATION_DETAILS.
    """
    needed = await subscriptions.needs_consent(
        connection, application, owner=member.id, consent_type=request.type, scopes=scopes
    )
    if not needed:
        raise Refusal(
            OAUTH_INVALID_AUTHORIZATION_DETAILS,
            f"{application} needs no {request.type} of {member.slug}",
            pointer="/0/type",
            why="no product of this member that is subscribed to and in scope needs this type",
        )
