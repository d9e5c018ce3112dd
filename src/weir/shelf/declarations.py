"""Declarations of capabilities: the consent each needs, and the values of a call it is checked by.

Pure. Coherence is checked here, references to values by `weir.openapi.value_references`.

| consent type | permission | moves money | bindings |
| --- | --- | --- | --- |
| none | none | no | none |
| account access | one of the list | no | the account, if the call names one |
| payment initiation, recurring payment | none | yes | account, amount, currency, payee, key |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from weir.access import consent_types
from weir.kernel import inputs
from weir.kernel.outcomes import Refusal
from weir.openapi.operations import ImportedDocument
from weir.openapi.value_references import check_reference
from weir.shelf.published import Bindings

CONSENT_TYPES: Final = (*consent_types.PERMISSIONS, *consent_types.PAYMENTS)

_REFERENCES: Final = ("account", "amount", "currency", "payee", "idempotency_key")
# A path and query of RFC 3986 section 3, with the two names the platform fills in.
_OUTCOME_PATH: Final = re.compile(
    r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2}|\{idempotency_key\}|\{client_id\}){0,1023}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A coherent declaration."""

    consent_type: str | None
    permission: str | None
    moves_money: bool
    bindings: Bindings | None


NOTHING: Final = Declaration(consent_type=None, permission=None, moves_money=False, bindings=None)


def read_declaration(
    document: ImportedDocument, operation_id: str, declaration: Declaration
) -> Declaration:
    """Check that a declaration is coherent and each reference leads to a value in the call; return
    it.

    INVALID_INPUT says which part is wrong.
    """
    if declaration.consent_type is not None:
        inputs.choice(declaration.consent_type, CONSENT_TYPES, "/consent_type")
    _permission(declaration)
    _moves_money(declaration)
    bindings = _bindings(declaration)
    if bindings is None:
        return _without_bindings(declaration)
    for name in _REFERENCES:
        reference = getattr(bindings, name)
        if reference is not None:
            _check(document, operation_id, name, reference)
    return declaration


def _check(document: ImportedDocument, operation_id: str, name: str, reference: str) -> None:
    try:
        check_reference(document, operation_id, reference)
    except Refusal as refusal:
        why = str(refusal.public.get("why", "leads to nothing in the call"))
        zh = "在该操作的请求中找不到唯一对应的值"
        raise inputs.wrong(f"/bindings/{name}", why, zh) from refusal


def _permission(declaration: Declaration) -> None:
    permissions = consent_types.PERMISSIONS.get(declaration.consent_type or "")
    if permissions is not None:
        inputs.choice(declaration.permission or "", permissions, "/permission")
    elif declaration.permission is not None:
        raise inputs.wrong("/permission", "goes with access to data only", "仅用于数据访问授权")


def _moves_money(declaration: Declaration) -> None:
    if declaration.moves_money != (declaration.consent_type in consent_types.PAYMENTS):
        raise inputs.wrong(
            "/moves_money",
            "must be true for the two types of payment, and for nothing else",
            "两种支付授权必须为 true，其他情形必须为 false",
        )


def _bindings(declaration: Declaration) -> Bindings | None:
    bindings = declaration.bindings
    given = {name for name in _REFERENCES if getattr(bindings, name, None) is not None}
    if declaration.consent_type in consent_types.PAYMENTS:
        for name in _REFERENCES:
            if name not in given:
                raise inputs.wrong(
                    f"/bindings/{name}", "must be bound for a payment", "支付必须绑定此项"
                )
    else:
        allowed = {"account"} if declaration.consent_type in consent_types.PERMISSIONS else set()
        for name in sorted(given - allowed):
            raise inputs.wrong(
                f"/bindings/{name}", "is not bound for this consent type", "此授权类型不绑定此项"
            )
    _outcome_path(declaration)
    return bindings if given else None


def _outcome_path(declaration: Declaration) -> None:
    path = declaration.bindings.outcome_path if declaration.bindings else None
    if path is None:
        return
    if (
        not declaration.moves_money
        or not _OUTCOME_PATH.fullmatch(path)
        or ("{idempotency_key}" not in path or ".." in path or "//" in path)
    ):
        raise inputs.wrong(
            "/bindings/outcome_path",
            "must be a path for a payment, with {idempotency_key} and perhaps {client_id} in it",
            "仅用于支付，须为含 {idempotency_key}（可另含 {client_id}）的路径",
        )


def _without_bindings(declaration: Declaration) -> Declaration:
    return Declaration(
        consent_type=declaration.consent_type,
        permission=declaration.permission,
        moves_money=declaration.moves_money,
        bindings=None,
    )
