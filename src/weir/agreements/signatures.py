"""Checking an agreement's signatures from its document alone: no database, no trust. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from weir.kernel import strict_json
from weir.kernel.signed_terms import SignedTerms, issuer_fault, signature_fault


@dataclass(frozen=True, slots=True)
class Checked:
    """Who signed, and of everybody the terms need or whose name is there: what does not hold."""

    agreement: str
    signed_by: list[str]
    faults: dict[str, str]


def read(document: Any) -> SignedTerms:
    """The signed part of an agreement as the management API shows it. ValueError if none."""
    names = ("terms", "signatures")
    if not isinstance(document, dict) or not all(name in document for name in names):
        raise ValueError("not an agreement: terms and signatures are missing")
    try:
        return msgspec.convert({name: document[name] for name in names}, SignedTerms)
    except msgspec.ValidationError as error:
        raise ValueError(f"not an agreement: {error}") from error


def terms_of(signed: SignedTerms) -> dict[str, Any]:
    """The terms' values. ValueError when they are not in the form that is signed."""
    terms = strict_json.loads(signed.terms)
    if not isinstance(terms, dict) or strict_json.canonical(terms) != signed.terms.encode():
        raise ValueError("not an agreement: its terms are not canonical JSON")
    if not isinstance(terms.get("needed"), list) or not isinstance(terms.get("agreement"), str):
        raise ValueError("not an agreement: its terms do not say whom they need")
    return terms


def check(signed: SignedTerms, authority_pem: bytes) -> Checked:
    """Check every signature, and that everybody whom the terms need has signed. ValueError when it
    is not an agreement.
    """
    terms = terms_of(signed)
    faults = {str(party): "has not signed" for party in terms["needed"]}
    signed_by = []
    for signature in signed.signatures:
        fault = signature_fault(signed.terms, signature) or issuer_fault(signature, authority_pem)
        faults.pop(signature.organisation, None)
        if fault is None:
            signed_by.append(signature.organisation)
        else:
            faults[signature.organisation] = fault
    return Checked(terms["agreement"], signed_by, faults)
