"""Codes and refresh tokens in PostgreSQL, so that a code's single use survives every restart."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Column, ColumnElement, DateTime, Text, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.authorization.declares import AUTHORIZATION_CODE_LIFETIME_S
from weir.authorization.grammar.openid import Authentication
from weir.authorization.tables import grants
from weir.consent import consents as stored_consents
from weir.consent.consents import Consent
from weir.consent.tables import consents
from weir.identity.secrets import digest, is_secret, new_secret
from weir.kernel.identifiers import is_identifier
from weir.keys.vault import b64url
from weir.store.database import Database
from weir.store.prepared import KeyedStatement, Prepared, keys_table
from weir.store.unit import UnitOfWork

REFRESH_PREFIX: Final = "rft_"
# A refresh token that was settled with its code counts from the code's use on.
_REFRESHES: Final = grants.c.code_sha256.is_(None) | grants.c.code_used_at.is_not(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant, as its code was issued for it.

    `consent` is the one the customer gave then, `current` the one the grant's tokens stand on now;
    they differ once the grant was changed. `certificate` or `dpop_jkt`, if there is one, is the key
    that the pushed request was made with and that must be shown with the code.
    """

    consent: str
    grant_id: str
    current: str
    client: str
    subject: str
    scope: str
    redirect_uri: str | None
    code_challenge: str | None
    certificate: str | None
    dpop_jkt: str | None
    code_expires_at: datetime | None
    code_used_at: datetime | None
    authentication: Authentication | None


_COLUMNS: Final = [grants.c[name] for name in Grant.__dataclass_fields__]
_SPLIT: Final = len(_COLUMNS)
_OF_CONSENT: Final = [each.name for each in consents.c]


def _with_consent(
    named: Column[Any], counts: ColumnElement[bool]
) -> KeyedStatement[tuple[Grant, Consent]]:
    """Prepare the look-up of grants by the digest of a secret, each
    with the consent it stands on.
    """
    secrets = keys_table(secret=Text())
    statement = (
        select(secrets.c.n, *_COLUMNS, *(each.label(f"consent_{each.name}") for each in consents.c))
        .select_from(secrets)
        .join(grants, named == secrets.c.secret)
        .join(consents, consents.c.id == grants.c.current)
        .where(consents.c.application == grants.c.client, counts)
    )
    return KeyedStatement(Prepared(statement), ("secret",), _read)


def _read(row: tuple[Any, ...]) -> tuple[Grant, Consent]:
    """Return a row's grant, and the consent that it stands on."""
    grant = _grant(dict(zip(Grant.__dataclass_fields__, row[:_SPLIT], strict=True)))
    return grant, stored_consents.of_fields(dict(zip(_OF_CONSENT, row[_SPLIT:], strict=True)))


def _spending() -> KeyedStatement[str]:
    """Prepare the use of codes, which returns the salt of each one's refresh token.

    The condition makes each work once: of two at a time, one updates the row, and the other finds
    none. One commit serves all, and nothing that an index holds is changed.
    """
    spent = keys_table(of_consent=Text(), now=DateTime(timezone=True))
    statement = (
        update(grants)
        .where(grants.c.consent == spent.c.of_consent, grants.c.code_used_at.is_(None))
        .values(code_used_at=spent.c.now)
        .returning(spent.c.n, grants.c.refresh_salt)
    )
    return KeyedStatement(Prepared(statement), ("of_consent", "now"), lambda row: str(row[0]))


_OF_CODE: Final = _with_consent(grants.c.code_sha256, true())
_OF_REFRESH_TOKEN: Final = _with_consent(grants.c.refresh_sha256, _REFRESHES)
_SPEND: Final = _spending()


async def record(
    unit: UnitOfWork,
    *,
    consent: str,
    grant_id: str,
    client: str,
    subject: str,
    scope: str,
    redirect_uri: str,
    code_challenge: str,
    certificate: str | None,
    dpop_jkt: str | None,
    authentication: Authentication | None = None,
) -> str:
    """Keep a grant. Return its authorization code, which is stored nowhere.

    `grant_id` is `consent` itself, or the grant that this consent changes.
    """
    code, salt = new_secret(), new_secret()
    await unit.connection.execute(
        grants.insert().values(
            consent=consent,
            grant_id=grant_id,
            current=consent,
            client=client,
            subject=subject,
            scope=scope,
            redirect_uri=redirect_uri,
            code_challenge=code_challenge,
            certificate=certificate,
            dpop_jkt=dpop_jkt,
            authentication=None if authentication is None else msgspec.to_builtins(authentication),
            code_sha256=digest(code),
            code_expires_at=unit.now + timedelta(seconds=AUTHORIZATION_CODE_LIFETIME_S),
            refresh_sha256=digest(_refreshing(code, salt)),
            refresh_salt=salt,
        )
    )
    return code


def new_refresh_token() -> str:
    """Return a fresh refresh token."""
    return REFRESH_PREFIX + new_secret()


async def record_without_code(
    unit: UnitOfWork,
    *,
    consent: str,
    client: str,
    subject: str,
    scope: str,
    refresh_token: str,
    authentication: Authentication | None,
) -> None:
    """Keep a grant that began on the customer's own device, with its refresh token."""
    known = None if authentication is None else msgspec.to_builtins(authentication)
    await unit.connection.execute(
        grants.insert().values(
            consent=consent,
            grant_id=consent,
            current=consent,
            client=client,
            subject=subject,
            scope=scope,
            refresh_sha256=digest(refresh_token.removeprefix(REFRESH_PREFIX)),
            authentication=known,
        )
    )


async def find_by_code(database: Database, code: str) -> tuple[Grant, Consent] | None:
    """Return the grant of a code, used or not, and the consent that it stands on."""
    return await _standing(database, _OF_CODE, code)


async def find_by_refresh_token(database: Database, token: str) -> tuple[Grant, Consent] | None:
    """Return the grant of a refresh token, and the consent that it stands on."""
    secret = token.removeprefix(REFRESH_PREFIX)
    return None if secret == token else await _standing(database, _OF_REFRESH_TOKEN, secret)


async def of_consent(connection: AsyncConnection, consent: str) -> Grant | None:
    """Return the grant that a consent began or changed."""
    return await _one(connection, grants.c.consent == consent)


async def of_refresh_token(connection: AsyncConnection, token: str) -> Grant | None:
    """Return the grant of a refresh token."""
    secret = token.removeprefix(REFRESH_PREFIX)
    if secret == token or not is_secret(secret):
        return None
    return await _one(connection, (grants.c.refresh_sha256 == digest(secret)) & _REFRESHES)


async def of_grant_id(connection: AsyncConnection, grant_id: str, client: str) -> Grant | None:
    """Return a client's own grant as it is now."""
    if not is_identifier(grant_id, "cns"):
        return None
    mine = (grants.c.grant_id == grant_id) & (grants.c.client == client)
    return await _one(connection, mine & (grants.c.consent == grants.c.current))


async def lock(unit: UnitOfWork, grant_id: str) -> Grant:
    """Return a grant as it is now, held until the commit, so that changes of it follow each other.

    Its first row is locked. The present one is read by a statement of its own: the holder of the
    lock before may have added it, and the statement that waited would not see it.
    """
    await unit.connection.execute(
        select(grants.c.consent).where(grants.c.consent == grant_id).with_for_update()
    )
    present = (grants.c.grant_id == grant_id) & (grants.c.consent == grants.c.current)
    grant = await _one(unit.connection, present)
    assert grant is not None, f"{grant_id} stands on nothing"
    return grant


async def move_to_consent(unit: UnitOfWork, grant_id: str, *, consent: str, scope: str) -> None:
    """Let the grant, with every refresh token of it, stand on another consent from now on."""
    await unit.connection.execute(
        update(grants).where(grants.c.grant_id == grant_id).values(current=consent, scope=scope)
    )


async def end_older_refresh_tokens(database: Database, grant: Grant) -> None:
    """Keep of a changed grant only the refresh token of its newest change.

    A code not yet used gives its own when it is used.
    """
    async with database.engine.begin() as connection:
        await connection.execute(
            update(grants)
            .where(grants.c.grant_id == grant.grant_id, grants.c.consent != grants.c.current)
            .where(grants.c.refresh_sha256.is_not(None), _REFRESHES)
            .values(refresh_sha256=None)
        )


async def use_code(database: Database, consent: str, code: str) -> str | None:
    """Use the code up. Return its refresh token; None when the code was used meanwhile."""
    salt = await database.ask(_SPEND, consent, database.clock.now())
    return None if salt is None else REFRESH_PREFIX + _refreshing(code, salt)


def _refreshing(code: str, salt: str) -> str:
    """Derive the secret of a code's refresh token from code and salt (HMAC-SHA256, RFC 2104)."""
    return b64url(hmac.digest(code.encode(), salt.encode(), "sha256"))


async def _standing(
    database: Database, statement: KeyedStatement[tuple[Grant, Consent]], secret: str
) -> tuple[Grant, Consent] | None:
    """Return the grant of a secret and the consent that it stands on; None if there is none."""
    if not is_secret(secret):
        return None
    found: tuple[Grant, Consent] | None = await database.ask(statement, digest(secret))
    return found


async def _one(connection: AsyncConnection, condition: Any) -> Grant | None:
    row = (await connection.execute(select(*_COLUMNS).where(condition))).one_or_none()
    return None if row is None else _grant(dict(row._mapping))


def _grant(fields: dict[str, Any]) -> Grant:
    known = fields["authentication"]
    fields["authentication"] = known and msgspec.convert(known, Authentication)
    return Grant(**fields)
