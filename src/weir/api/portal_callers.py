"""People at the portal as callers of the API.

Each request looks the person up, so that a removal or a new role holds from the next request on.
"""

from __future__ import annotations

from datetime import timedelta

from weir.access.roles import Rule
from weir.api.callers import Caller
from weir.identity import people
from weir.identity.acting_person import ActingPerson
from weir.kernel.declares import FORBIDDEN, FRESH_PROOF_NEEDED, FRESH_PROOF_S, TOKEN_INVALID
from weir.kernel.outcomes import Refusal
from weir.partners import organisations
from weir.partners.declares import ORGANISATION_SUSPENDED
from weir.store.database import Database

_FRESH = timedelta(seconds=FRESH_PROOF_S)


async def identify_person(acting: ActingPerson, rule: Rule, database: Database) -> Caller:
    """Identify the person as a caller.

    Raises the first refusal of: organisation, permission, freshness.
    """
    async with database.connect() as connection:
        person = await people.find(connection, acting.person)
        if person is None or person.status != "active" or person.organisation is None:
            raise Refusal(TOKEN_INVALID, "nobody who works for an organisation")
        organisation = await organisations.get(connection, person.organisation)
    if organisation.status != "active":
        raise Refusal(ORGANISATION_SUSPENDED)
    if not rule.permits(organisation.kind, str(person.role)):
        raise Refusal(FORBIDDEN, f"{person.role} of a {organisation.kind} may not")
    afresh = database.clock.now() - acting.proven_at <= _FRESH
    if rule.fresh and not afresh:
        raise Refusal(FRESH_PROOF_NEEDED)
    return Caller(organisation, rule, person.id, str(person.role), person.id, proven_afresh=afresh)
