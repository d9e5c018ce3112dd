"""A capability's declaration is coherent with its consent type, and its references lead there."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from weir.access.consent_types import ACCOUNT_ACCESS, PAYMENT_INITIATION, PAYMENTS, PERMISSIONS
from weir.consent.types import SCHEMAS
from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.openapi.operations import import_document
from weir.shelf.declarations import (
    CONSENT_TYPES,
    NOTHING,
    Declaration,
    read_declaration,
)
from weir.shelf.published import Bindings

HEADER = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}
QUERY = {"name": "account", "in": "query", "schema": {"type": "string"}}
BODY = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("from", "amount", "currency", "to")},
}
DOCUMENT = import_document(
    json.dumps(
        {
            "openapi": "3.0.3",
            "info": {"title": "T", "version": "1"},
            "paths": {
                "/payments": {
                    "post": {
                        "operationId": "pay",
                        "parameters": [HEADER, QUERY],
                        "requestBody": {"content": {"application/json": {"schema": BODY}}},
                        "responses": {"200": {"description": "ok"}},
                    }
                }
            },
        }
    ).encode()
)
BOUND = Bindings(
    account="body:/from",
    amount="body:/amount",
    currency="body:/currency",
    payee="body:/to",
    idempotency_key="header:idempotency-key",
    outcome_path="/payments?key={idempotency_key}&client={client_id}",
)
PAYMENT = Declaration(
    consent_type=PAYMENT_INITIATION, permission=None, moves_money=True, bindings=BOUND
)
ACCESS = Declaration(
    consent_type=ACCOUNT_ACCESS,
    permission="ReadBalances",
    moves_money=False,
    bindings=Bindings(account="query:account"),
)


def changed(declaration: Declaration, **changes: Any) -> Declaration:
    fields = {name: getattr(declaration, name) for name in Declaration.__slots__}
    return Declaration(**fields | changes)


def bound(**changes: Any) -> Bindings:
    return msgspec.structs.replace(BOUND, **changes)


def pointer_of(declaration: Declaration) -> str:
    with pytest.raises(Refusal) as refused:
        read_declaration(DOCUMENT, "pay", declaration)
    assert refused.value.outcome is INVALID_INPUT
    assert refused.value.public["why_zh"]
    return str(refused.value.public["pointer"])


def test_the_shelf_and_the_consent_room_speak_of_the_same_types_and_permissions() -> None:
    assert set(CONSENT_TYPES) == set(SCHEMAS)


@pytest.mark.parametrize("consent_type", PERMISSIONS)
def test_a_kind_of_access_takes_its_own_permissions_and_no_others(consent_type: str) -> None:
    every = {each for permissions in PERMISSIONS.values() for each in permissions}
    for permission in every:
        declaration = changed(ACCESS, consent_type=consent_type, permission=permission)
        if permission in PERMISSIONS[consent_type]:
            assert read_declaration(DOCUMENT, "pay", declaration) == declaration
        else:
            assert pointer_of(declaration) == "/permission"


@pytest.mark.parametrize(
    "declaration",
    [
        NOTHING,
        *(changed(PAYMENT, consent_type=each) for each in PAYMENTS),
        ACCESS,
        changed(ACCESS, bindings=None),
    ],
)
def test_coherent_declarations_are_taken(declaration: Declaration) -> None:
    assert read_declaration(DOCUMENT, "pay", declaration) == declaration


@pytest.mark.parametrize("name", ["account", "amount", "currency", "payee", "idempotency_key"])
def test_a_payment_binds_everything_its_consent_is_checked_against(name: str) -> None:
    missing = changed(PAYMENT, bindings=bound(**{name: None}))
    assert pointer_of(missing) == f"/bindings/{name}"
    nowhere = changed(PAYMENT, bindings=bound(**{name: "body:/nowhere"}))
    assert pointer_of(nowhere) == f"/bindings/{name}"
    nonsense = changed(PAYMENT, bindings=bound(**{name: "cookie:x"}))
    assert pointer_of(nonsense) == f"/bindings/{name}"


def test_money_moves_under_a_payment_consent_and_under_nothing_else() -> None:
    assert pointer_of(changed(PAYMENT, moves_money=False)) == "/moves_money"
    assert pointer_of(changed(ACCESS, moves_money=True)) == "/moves_money"
    assert pointer_of(changed(NOTHING, moves_money=True)) == "/moves_money"


def test_account_access_names_one_known_permission_and_nothing_else_does() -> None:
    assert pointer_of(changed(ACCESS, permission=None)) == "/permission"
    assert pointer_of(changed(ACCESS, permission="ReadMinds")) == "/permission"
    assert pointer_of(changed(PAYMENT, permission="ReadBalances")) == "/permission"
    assert pointer_of(changed(NOTHING, permission="ReadBalances")) == "/permission"


def test_an_unknown_consent_type_is_refused() -> None:
    assert pointer_of(changed(PAYMENT, consent_type="urn:weir:all:v1")) == "/consent_type"


def test_account_access_binds_the_account_only_and_no_consent_binds_nothing() -> None:
    assert pointer_of(changed(ACCESS, bindings=BOUND)) == "/bindings/amount"
    assert pointer_of(changed(NOTHING, bindings=Bindings(account="query:account"))) == (
        "/bindings/account"
    )


@pytest.mark.parametrize(
    "path",
    [
        "payments/{idempotency_key}",
        "/payments",
        "/{idempotency_key}/{account}",
        "/a/../{idempotency_key}",
        "//evil.example/{idempotency_key}",
        "/{idempotency_key}#x",
        "/{idempotency_key}\n",
    ],
)
def test_an_outcome_path_that_is_no_plain_path_is_refused(path: str) -> None:
    assert pointer_of(changed(PAYMENT, bindings=bound(outcome_path=path))) == (
        "/bindings/outcome_path"
    )


def test_an_outcome_path_is_for_payments() -> None:
    only = Bindings(outcome_path="/{idempotency_key}")
    assert pointer_of(changed(ACCESS, bindings=only)) == "/bindings/outcome_path"
