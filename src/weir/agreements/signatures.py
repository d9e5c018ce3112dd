"""Verification of an agreement's signatures from its document, without a database. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from weir.kernel import strict_json
from weir.kernel.signed_terms import SignedTerms, issuer_fault, signature_fault


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """The organisations whose signature holds, and by identifier the faults of the others."""

    agreement: str
    signed_by: list[str]
    faults: dict[str, str]


def read(document: Any) -> SignedTerms:
    """Read the signed part of an agreement of the management API. ValueError if it is none."""
    names = ("terms", "signatures")
    if not isinstance(document, dict) or not all(name in document for name in names):
        raise ValueError("not an agreement: terms and signatures are missing")
    try:
        return msgspec.convert({name: document[name] for name in names}, SignedTerms)
    except msgspec.ValidationError as error:
        raise ValueError(f"not an agreement: {error}") from error


def terms_of(signed: SignedTerms) -> dict[str, Any]:
    """Return the terms by name. ValueError when they are not in the form that is signed."""
    terms = strict_json.loads(signed.terms)
    if not isinstance(terms, dict) or strict_json.canonical(terms) != signed.terms.encode():
        raise ValueError("not an agreement: its terms are not canonical JSON")
    if not isinstance(terms.get("needed"), list) or not isinstance(terms.get("agreement"), str):
        raise ValueError("not an agreement: its terms do not say whom they need")
    return terms


def check(signed: SignedTerms, authority_pem: bytes) -> SignatureCheck:
    """Check every signature, and that each organisation that the terms need has signed.

    ValueError when the document is not an agreement.
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
    return SignatureCheck(terms["agreement"], signed_by, faults)
