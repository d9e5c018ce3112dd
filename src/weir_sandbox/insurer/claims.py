"""Claims: reported under a policy within its cover, once for each idempotency key."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Annotated, Final

import msgspec
from psycopg.rows import TupleRow

from weir_sandbox.amounts import Amount, amount
from weir_sandbox.answers import log_within
from weir_sandbox.database import Connection, first
from weir_sandbox.input_checks import fingerprint, idempotency_key, positive, read_json
from weir_sandbox.insurer.policies import granted_policy
from weir_sandbox.operations import Answer, Call, Desk
from weir_sandbox.preparation import today
from weir_sandbox.problems import INVALID, KEY_REUSED, NOT_FOUND, Problem

_MOST_CLAIMS: Final = 500
"""A policy never has more: the list of its claims is bounded by refusing further ones."""

_COLUMNS: Final = (
    "claim_id, policy_id, occurred_on, description, claimed_minor, status, settled_minor,"
    " reported_at"
)
_COVER: Final = (
    "SELECT starts_on, ends_on, sum_insured_minor,"
    " (SELECT count(*) FROM claims WHERE claims.policy_id = policies.policy_id)"
    " FROM policies WHERE policy_id = %s FOR UPDATE"
)
_INSERT: Final = (
    "INSERT INTO claims (claim_id, policy_id, occurred_on, description, claimed_minor, status,"
    " reported_at, client_id, idempotency_key, body_sha256)"
    " VALUES (%s, %s, %s, %s, %s, 'received', clock_timestamp(), %s, %s, %s)"
    f" ON CONFLICT ON CONSTRAINT one_claim_a_key DO NOTHING RETURNING {_COLUMNS}"
)
_KEPT: Final = (
    f"SELECT {_COLUMNS}, body_sha256 FROM claims WHERE client_id = %s AND idempotency_key = %s"
)


class ClaimReport(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The report of a loss: its day, its description and the claimed amount."""

    occurred_on: date
    description: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]{1,2000}\Z")]
    claimed: Amount


_report: Final = msgspec.json.Decoder(ClaimReport)


async def report(call: Call, desk: Desk) -> Answer:
    """Take a claim in. The same idempotency key gets the same answer again."""
    call.values()
    policy_id = granted_policy(call)
    key = None if call.idempotency_key is None else idempotency_key(call.idempotency_key)
    claim = read_json(call.body, _report)
    positive(claim.claimed.minor(), "claimed")
    digest = fingerprint((policy_id, claim))
    async with desk.database.pool.connection() as connection, connection.transaction():
        row = await _kept(connection, call, key, digest)
        if row is None:
            await _require_cover(connection, policy_id, claim)
            row = await first(
                connection, _INSERT, f"hic-{uuid.uuid4().hex}", policy_id, claim.occurred_on,
                claim.description, claim.claimed.minor(), call.identity.client_id, key, digest,
            ) or await _kept(connection, call, key, digest)  # fmt: skip
        assert row is not None
        await log_within(connection, call.line(201))
    return Answer(_claim(row), status=201, logged=True)


async def _kept(
    connection: Connection, call: Call, key: str | None, digest: bytes
) -> TupleRow | None:
    """Return the claim this key already made, or None. KEY_REUSED for another body."""
    if key is None:
        return None
    row = await first(connection, _KEPT, call.identity.client_id, key)
    if row is None:
        return None
    if bytes(row[-1]) != digest:
        raise Problem(KEY_REUSED)
    return row[:-1]


async def _require_cover(connection: Connection, policy_id: str, claim: ClaimReport) -> None:
    cover = await first(connection, _COVER, policy_id)
    if cover is None:
        raise Problem(NOT_FOUND)
    starts_on, ends_on, insured, count = cover
    if not starts_on <= claim.occurred_on <= min(ends_on, today()):
        raise Problem(INVALID, "occurred_on must be a day of cover and not in the future")
    if claim.claimed.minor() > insured:
        raise Problem(INVALID, "claimed must not exceed the sum insured")
    if count >= _MOST_CLAIMS:
        raise Problem(INVALID, "the policy has too many claims")


async def list_claims(call: Call, desk: Desk) -> Answer:
    call.values()
    rows = await desk.database.rows(
        f"SELECT {_COLUMNS} FROM claims WHERE policy_id = %s ORDER BY reported_at DESC, claim_id",
        (granted_policy(call),),
    )
    return Answer({"claims": [_claim(row) for row in rows]})


def _claim(row: TupleRow) -> dict[str, object]:
    """Return a claim as the API shows it."""
    claim_id, policy_id, occurred, description, claimed, status, settled, reported = row
    return {
        "claim_id": claim_id,
        "policy_id": policy_id,
        "status": status,
        "occurred_on": occurred,
        "description": description,
        "claimed": amount(claimed),
        "settled": None if settled is None else amount(settled),
        "reported_at": reported,
    }
