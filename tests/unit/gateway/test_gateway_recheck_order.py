"""A call that had to wait is checked again, in the order that *recheck* declares."""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from gateway_support import (
    PREFIX,
    THUMBPRINT,
    House,
    application,
    b64,
    claims,
    consented,
    jwk,
    organisation,
    revocation,
    row,
    sign,
    subscription,
)

from waits import until
from weir.gateway.config.snapshot_builder import ChangeRow
from weir.gateway.declares import CONSENT_UNCHECKABLE, CONSENT_WITHDRAWN, STANDING_UNCHECKABLE
from weir.gateway.phases.recheck import REFUSALS
from weir.kernel.declares import (
    CERTIFICATE_REVOKED,
    DPOP_PROOF_INVALID,
    SUBSCRIPTION_REQUIRED,
    TOKEN_REVOKED,
)
from weir.kernel.outcomes import Outcome
from weir.keys.dpop import thumbprint_of
from weir.partners.declares import APPLICATION_SUSPENDED, ORGANISATION_SUSPENDED

TO_KEY: Final = {"jkt": thumbprint_of(jwk())}
LATE_S: Final = 61.0  # longer than own-right calls are served without a lease

# What is withdrawn while the call waits, by the refusal that names it.
CHANGES: Final[dict[Outcome, ChangeRow]] = {
    TOKEN_REVOKED: revocation("token", "tok_1"),
    CERTIFICATE_REVOKED: revocation("certificate", THUMBPRINT),
    DPOP_PROOF_INVALID: revocation("key", f"app_shop.{TO_KEY['jkt']}"),
    APPLICATION_SUSPENDED: row("application", "app_shop", application(status="suspended")),
    ORGANISATION_SUSPENDED: row(
        "organisation", "org_shop", organisation("org_shop", "partner", "shop", "suspended")
    ),
    CONSENT_WITHDRAWN: revocation("consent", "cns_1"),
    SUBSCRIPTION_REQUIRED: row("subscription", "sub_1", subscription(status="suspended")),
}
OF_ALL: Final = {
    TOKEN_REVOKED,
    APPLICATION_SUSPENDED,
    ORGANISATION_SUSPENDED,
    SUBSCRIPTION_REQUIRED,
}
CHAINS: Final[dict[str, set[Outcome]]] = {
    "consented": OF_ALL | {CERTIFICATE_REVOKED, CONSENT_WITHDRAWN, CONSENT_UNCHECKABLE},
    "own right": OF_ALL | {CERTIFICATE_REVOKED, STANDING_UNCHECKABLE},
    "possessed": OF_ALL | {DPOP_PROOF_INVALID, STANDING_UNCHECKABLE},
}


class Unused:
    """A cache in which no proof was used before."""

    async def started_at_s(self) -> float:
        return 0.0

    async def claim_once(self, name: str, kept_s: int) -> bool:
        return True


def lines(chain: str, path: str) -> Iterator[str]:
    if chain != "possessed":
        yield f"Authorization: Bearer {sign(consented() if chain == 'consented' else claims())}"
        return
    token = sign(claims(cnf=TO_KEY))
    proof: dict[str, Any] = {
        "jti": "proof_1",
        "htm": "GET",
        "htu": f"https://api.localhost{PREFIX}{path}",
        "iat": int(time.time()),
        "ath": b64(sha256(token.encode()).digest()),
    }
    yield f"Authorization: DPoP {token}"
    yield f"DPoP: {sign(proof, {'typ': 'dpop+jwt', 'alg': 'ES256', 'jwk': jwk()})}"


async def sent(folder: Path, chain: str) -> House:
    """A house whose call has left for the member."""
    house, path = House(folder), "/accounts" if chain == "consented" else "/rates"
    house.parts.cache = Unused()  # type: ignore[assignment]
    house.call("GET", path, "", None, *lines(chain, path))
    await until(lambda: house.member.written or house.caller.written)
    assert house.code == "forwarded"
    return house


def steps() -> Iterator[tuple[str, int]]:
    for chain, outcomes in CHAINS.items():
        for mended in range(len(outcomes) + 1):
            yield chain, mended


def test_every_declared_refusal_is_walked() -> None:
    assert set().union(*CHAINS.values()) == set(REFUSALS)
    assert len(REFUSALS) == len(set(REFUSALS))


@pytest.mark.parametrize(("chain", "mended"), list(steps()))
async def test_refusals_come_in_their_declared_order(
    tmp_path: Path, chain: str, mended: int
) -> None:
    faults = [each for each in REFUSALS if each in CHAINS[chain]][mended:]
    house = await sent(tmp_path, chain)
    flow: Any = house.connection._active.receiver  # type: ignore[union-attr]
    house.apply(*(CHANGES[each] for each in faults if each in CHANGES))
    if faults:  # the last of each chain is that the lease has ended
        house.follower.lease.until_s = house.parts.loop.time() - LATE_S
    assert flow.still_allowed() == (not faults)
    if faults:
        await until(lambda: house.caller.written)
        assert house.problem["code"] == faults[0].code
