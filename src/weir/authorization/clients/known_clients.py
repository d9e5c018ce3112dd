"""A registered client and its scopes at this moment, read in one statement.

Nothing of it is remembered between requests: a suspension, a revoked certificate or a subscription
that ended counts for the next request, in every process. Requests that come together ask together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ARRAY, Text, and_, func, literal_column, select, type_coerce

from weir.partners.applications import KnownApplication, application_of
from weir.partners.organisations import Organisation
from weir.partners.tables import applications, certificates, organisations
from weir.shelf.tables import products, subscriptions
from weir.store.database import Database
from weir.store.prepared import KeyedStatement, Prepared, keys_table

_ASKED: Final = keys_table(application=Text(), certificate=Text())
# Written into the statement, so that every plan of it may use the index of living subscriptions.
_ACTIVE: Final = literal_column("'active'", Text())
_PUBLISHED: Final = literal_column("'published'", Text())
_SCOPES = (
    select(func.array_agg((products.c.owner_slug + "." + products.c.slug).distinct()))
    .join(subscriptions, subscriptions.c.product == products.c.id)
    .where(subscriptions.c.application == _ASKED.c.application)
    .where(subscriptions.c.status == _ACTIVE, products.c.status == _PUBLISHED)
    .correlate(_ASKED)
    .scalar_subquery()
)
_STATEMENT: Final = Prepared(
    select(
        _ASKED.c.n,
        *applications.c,
        *(each.label(f"organisation_{each.name}") for each in organisations.c),
        certificates.c.id.label("certificate_id"),
        certificates.c.revoked_at.label("certificate_revoked_at"),
        type_coerce(_SCOPES, ARRAY(Text)).label("scopes"),
    )
    .select_from(_ASKED)
    .join(applications, applications.c.id == _ASKED.c.application)
    .join(organisations, organisations.c.id == applications.c.organisation)
    .outerjoin(
        certificates,
        and_(
            certificates.c.application == applications.c.id,
            certificates.c.sha256 == _ASKED.c.certificate,
        ),
    )
)
_OF_APPLICATION: Final = [each.name for each in applications.c]
_OF_ORGANISATION: Final = [each.name for each in organisations.c]
_SPLIT: Final = len(_OF_APPLICATION)


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A registered client, and the scopes of the products it is actively subscribed to."""

    known: KnownApplication
    scopes: frozenset[str]


def _read(row: tuple[Any, ...]) -> KnownClient:
    certificate_id, revoked_at, scopes = row[-3:]
    known = KnownApplication(
        application=application_of(dict(zip(_OF_APPLICATION, row[:_SPLIT], strict=True))),
        organisation=Organisation(**dict(zip(_OF_ORGANISATION, row[_SPLIT:-3], strict=True))),
        certificate_known=certificate_id is not None,
        certificate_revoked=revoked_at is not None,
    )
    return KnownClient(known, frozenset(scopes or ()))


_CLIENTS: Final = KeyedStatement(_STATEMENT, ("application", "certificate"), _read)


async def find(database: Database, client_id: str, certificate: str | None) -> KnownClient | None:
    """Return the client, presenting this certificate (`x5t#S256`) or none; None if unknown."""
    return await database.ask(_CLIENTS, client_id, certificate or "")
