"""The order of the refusals that only engines can give: proofs and payments through a real process.

The order comes from the phases themselves; see `refusal_chains.py`. What can be refused without
engines is walked in tests/unit/gateway/test_gateway_order.py.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import pytest
from gateway_lab import Desk, GatewayProcess, Lab, mandate, payment, payment_body
from raw_caller import Answer, Caller
from test_gateway_possession import Holder
from test_gateway_signatures import Signatory, new_signatory

from refusal_chains import OF_MANDATES, OF_PAYMENTS, OF_POSSESSION, Broken, Mends, in_order
from weir.gateway.declares import (
    ANSWER_TOO_LARGE,
    CONSENT_LIMIT_REACHED,
    CONSENT_USED,
    IDEMPOTENCY_KEY_REQUIRED,
    SIGNATURE_INVALID,
    SIGNATURE_MISSING,
    SIGNED_BODY_BYTES,
)
from weir.kernel.declares import DPOP_PROOF_INVALID, TOKEN_SCHEME_WRONG
from weir.partners.declares import APPLICATION_SUSPENDED, ORGANISATION_SUSPENDED
from weir.partners.published import OrganisationDocument
from weir.store.declares import IDEMPOTENCY_KEY_REUSED
from weir.store.unit import Change

Status = Literal["active", "suspended"]
JSON: Final = {"content-type": "application/json"}
HUGE: Final = f"/behave/money/big?bytes={SIGNED_BODY_BYTES + 1}"


def steps(mends: Mends[Any]) -> range:
    return range(len(mends) + 1)


def expected(mends: Mends[Any], mended: int) -> str:
    """The code of the first fault that is left; nothing when all are mended."""
    chain = in_order(mends)
    return chain[mended][0][1].code if mended < len(chain) else ""


def mend(case: object, mends: Mends[Any], mended: int) -> None:
    for _, each in in_order(mends)[:mended]:
        each(case)


def code_of(answer: Answer) -> str:
    return "" if answer.status < 400 else answer.code


# --- a signed payment ---------------------------------------------------------------------------


@dataclass
class SignedPayment(Broken):
    """A payment under a consent that has paid, with a key that another payment has."""

    signed: bool = False
    nonce_is_new: bool = False
    has_key: bool = False
    key_is_new: bool = False
    consent_is_new: bool = False
    path: str = HUGE

    async def make(self, signatory: Signatory) -> Answer:
        lab, other = signatory.lab, signatory.token
        consent, key = f"cns_{uuid.uuid4().hex}", f"key-{uuid.uuid4()}"
        token = await lab.token(consent=consent, details=[payment()])
        if not self.consent_is_new:
            assert (await _pay(signatory, token, f"first-{key}")).status == 201
        if not self.key_is_new:
            another = await lab.token(consent=f"cns_{uuid.uuid4().hex}", details=[payment()])
            assert (await _pay(signatory, another, key)).status == 201
        nonce = secrets.token_urlsafe(16)
        if not self.nonce_is_new:
            signatory.token = other
            assert (await signatory.call("GET", "/rates", nonce=nonce)).status == 200
        return await _pay(
            signatory,
            token,
            key if self.has_key else None,
            self.path,
            **({"nonce": nonce} if self.signed else {"sign": False}),
        )


async def _pay(
    signatory: Signatory,
    token: str,
    key: str | None,
    path: str = "/payments",
    *,
    sign: bool = True,
    **said: Any,
) -> Answer:
    signatory.token = token
    body, named = payment_body(), {} if key is None else {"x-idempotency-key": key}
    message = signatory.message("POST", path, body, **JSON, **named)
    return await signatory.send(signatory.sign(message, *named, **said) if sign else message, body)


SIGNED: Final[Mends[SignedPayment]] = {
    ("prove", SIGNATURE_MISSING): lambda case: case.set(signed=True),
    ("prove", SIGNATURE_INVALID): lambda case: case.set(nonce_is_new=True),
    ("prove", IDEMPOTENCY_KEY_REQUIRED): lambda case: case.set(has_key=True),
    ("prove", IDEMPOTENCY_KEY_REUSED): lambda case: case.set(key_is_new=True),
    ("prove", CONSENT_USED): lambda case: case.set(consent_is_new=True),
    ("forward", ANSWER_TOO_LARGE): lambda case: case.set(path="/payments"),
}


@pytest.fixture
async def signatory(lab: Lab, gateway: GatewayProcess, caller: Caller) -> Signatory:
    return await new_signatory(lab, caller, "ES256")


@pytest.mark.parametrize("mended", steps(SIGNED))
async def test_a_signed_payment_is_refused_in_the_declared_order(
    signatory: Signatory, mended: int
) -> None:
    assert SIGNED.keys() == set(OF_PAYMENTS)
    case = SignedPayment()
    mend(case, SIGNED, mended)
    before = set(signatory.lab.member.payments)
    answer = await case.make(signatory)
    assert code_of(answer) == expected(SIGNED, mended)
    made = {key for key in signatory.lab.member.payments if not key.startswith("first-")} - before
    assert len(made) == (not case.key_is_new) + (mended == len(SIGNED))


# --- a payment under a mandate ------------------------------------------------------------------


@dataclass
class RecurringPayment(Broken):
    """A payment under a mandate with nothing left, with a key that another payment has."""

    has_key: bool = False
    key_is_new: bool = False
    limit_is_left: bool = False

    async def make(self, lab: Lab, caller: Caller) -> Answer:
        key, desk = f"key-{uuid.uuid4()}", await _payer(lab, caller)
        if not self.limit_is_left:
            for turn in range(2):  # 25.00 a day, of which 0.40 is left then
                assert (await _collect(desk, f"{turn}-{key}")).status == 201
        if not self.key_is_new:
            assert (await _collect(await _payer(lab, caller), key)).status == 201
        return await _collect(desk, key if self.has_key else None)


async def _payer(lab: Lab, caller: Caller) -> Desk:
    consent = f"cns_{uuid.uuid4().hex}"
    return Desk(caller, await lab.token(consent=consent, details=[mandate()]))


async def _collect(desk: Desk, key: str | None) -> Answer:
    named = JSON if key is None else JSON | {"x-idempotency-key": key}
    return await desk.call("POST", "/mandates/payments", payment_body(), **named)


RECURRING: Final[Mends[RecurringPayment]] = {
    ("prove", IDEMPOTENCY_KEY_REQUIRED): lambda case: case.set(has_key=True),
    ("prove", IDEMPOTENCY_KEY_REUSED): lambda case: case.set(key_is_new=True),
    ("prove", CONSENT_LIMIT_REACHED): lambda case: case.set(limit_is_left=True),
}


@pytest.mark.parametrize("mended", steps(RECURRING))
async def test_a_recurring_payment_is_refused_in_the_declared_order(
    lab: Lab, caller: Caller, mended: int
) -> None:
    assert RECURRING.keys() == set(OF_MANDATES)
    case = RecurringPayment()
    mend(case, RECURRING, mended)
    assert code_of(await case.make(lab, caller)) == expected(RECURRING, mended)


# --- a token that is bound to a DPoP key --------------------------------------------------------


@dataclass
class PossessedCall(Broken):
    """A call with a proof that was used, by an application that may not call any more."""

    bound_to_key: bool = False
    proof_is_new: bool = False
    application: Status = "suspended"
    organisation: Status = "suspended"

    async def make(self, holder: Holder) -> Answer:
        """The proof is used while all is well; then the faults are published."""
        lab = holder.lab
        key = str(holder.key.thumbprint())
        certificate = lab.identities["app_halting"].thumbprint
        confirmation = {"jkt": key} if self.bound_to_key else {"x5t#S256": certificate}
        named = {"client_id": "app_halting", "org": "org_halting"}
        token = await holder.token(**named, cnf=confirmation)
        proof = holder.proof(token)
        if self.bound_to_key and not self.proof_is_new:
            assert (await holder.call(token, proof)).status == 200
        await lab.republish(*_standing(lab, self.application, self.organisation))
        return await holder.call(token, proof)


def _standing(lab: Lab, application: Status, organisation: Status) -> list[Change]:
    document = lab.application("app_halting", application, organisation="org_halting")
    party = OrganisationDocument(
        id="org_halting", kind="partner", slug="halting", name="halting", status=organisation
    )
    return [document, Change("organisation", party.id, party)]


POSSESSED: Final[Mends[PossessedCall]] = {
    ("identify", TOKEN_SCHEME_WRONG): lambda case: case.set(bound_to_key=True),
    ("identify", DPOP_PROOF_INVALID): lambda case: case.set(proof_is_new=True),
    ("identify", APPLICATION_SUSPENDED): lambda case: case.set(application="active"),
    ("identify", ORGANISATION_SUSPENDED): lambda case: case.set(organisation="active"),
}


@pytest.fixture
async def holder(lab: Lab, gateway: GatewayProcess) -> AsyncIterator[Holder]:
    caller = await Caller.connect(gateway.public_port, lab.tls(None))
    await lab.add_application("app_halting")
    await lab.republish(*_standing(lab, "active", "active"))
    yield Holder(lab, caller)
    await caller.close()


@pytest.mark.parametrize("mended", steps(POSSESSED))
async def test_a_call_by_proof_is_refused_in_the_declared_order(
    holder: Holder, mended: int
) -> None:
    assert POSSESSED.keys() == set(OF_POSSESSION)
    case = PossessedCall()
    mend(case, POSSESSED, mended)
    assert code_of(await case.make(holder)) == expected(POSSESSED, mended)
