"""The end of a grant: the consent it stands on by then is withdrawn."""

from __future__ import annotations

from weir.authorization.grants import grants
from weir.consent import consents
from weir.consent.states import State
from weir.consent.withdrawals import By, Withdrawal, confirm, withdraw_and_confirm
from weir.kernel.declares import ILLEGAL_STATE
from weir.kernel.outcomes import Refusal
from weir.store.database import Database
from weir.store.unit import Actor


async def end(
    database: Database, actor: Actor, grant: grants.Grant, by: By, reason: str
) -> Withdrawal | None:
    """Withdraw the grant's consent, confirmed by every gateway.

    None when the consent had ended in another way. A consent that a customer replaces meanwhile
    leads to the one in its place, so that the grant has ended when this returns. A withdrawal made
    before is only confirmed.
    """
    consent = grant.current
    while True:
        try:
            return await withdraw_and_confirm(database, actor, consent, by, reason)
        except Refusal as refusal:
            if refusal.outcome is not ILLEGAL_STATE:
                raise
        async with database.connect() as connection:
            found = await consents.find(connection, consent)
            present = await grants.of_grant_id(connection, grant.grant_id, grant.client)
        if found is not None and found.state is State.WITHDRAWN:
            return await confirm(database, consent)
        if present is None or present.current == consent:
            return None
        consent = present.current
