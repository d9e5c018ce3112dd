"""A document with an operation for every type of consent, and what each is declared to need."""

from __future__ import annotations

from typing import Any

from weir.access.consent_types import PAYMENTS, PERMISSIONS
from weir.shelf.declarations import Declaration
from weir.shelf.published import Bindings

_IN_BODY = Bindings(
    account="body:/from",
    amount="body:/amount",
    currency="body:/currency",
    payee="body:/to",
    idempotency_key="header:x-idempotency-key",
)
# An operation for each type of consent, so that an application may ask for any of them.
EVERY_CONSENT = {
    f"kind{number}": Declaration(
        consent_type=name,
        permission=None if name in PAYMENTS else PERMISSIONS[name][0],
        moves_money=name in PAYMENTS,
        bindings=_IN_BODY if name in PAYMENTS else None,
    )
    for number, name in enumerate((*PERMISSIONS, *PAYMENTS))
}


def document_of_every_consent(title: str, path: str) -> dict[str, Any]:
    """An OpenAPI document with a list, and an operation for each type of consent."""
    answers = {"responses": {"200": {"description": "ok"}}}
    text = {"type": "string"}
    order = {
        "type": "object",
        "required": ["from", "amount", "currency", "to"],
        "properties": dict.fromkeys(("from", "amount", "currency", "to"), text),
    }
    key = {"name": "x-idempotency-key", "in": "header", "required": True, "schema": text}
    paying = {
        "parameters": [key],
        "requestBody": {"required": True, "content": {"application/json": {"schema": order}}},
    }
    paths: dict[str, Any] = {path: {"get": {"operationId": "list"} | answers}}
    for name, declared in EVERY_CONSENT.items():
        operation = {"operationId": name} | answers
        paths[f"/{name}"] = (
            {"post": operation | paying} if declared.moves_money else {"get": operation}
        )
    return {"openapi": "3.0.3", "info": {"title": title, "version": "1"}, "paths": paths}
