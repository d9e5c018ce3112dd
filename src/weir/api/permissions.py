"""Who may do what: one table for the whole management API, and what is not in it is refused.

`own` names the kinds of organisation that may do it with what is theirs, `every` those that may do
it with anybody's. The operation's own code then asks `Caller.reach` about the object at hand;
what is out of reach does not exist for the caller. docs/reference/roles.md repeats the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

NOBODY: Final[frozenset[str]] = frozenset()
OPERATOR: Final = frozenset({"operator"})
MEMBER: Final = frozenset({"member"})
PARTIES: Final = frozenset({"member", "partner"})
ALL: Final = OPERATOR | PARTIES


@dataclass(frozen=True, slots=True)
class Rule:
    """Which kinds of organisation may do an operation, with their own things or with everybody's.

    `by_link` marks the one operation that needs no token, because a one-time link stands for it.
    """

    own: frozenset[str] = NOBODY
    every: frozenset[str] = NOBODY
    by_link: bool = False

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind that may do it at all."""
        return self.own | self.every


PERMISSIONS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "found_alliance": Rule(by_link=True),
        "describe_api": Rule(every=ALL),
        # Organisations
        "list_organisations": Rule(every=ALL),
        "get_organisation": Rule(own=PARTIES, every=OPERATOR),
        "admit_member": Rule(every=OPERATOR),
        "admit_partner": Rule(every=OPERATOR),
        "suspend_organisation": Rule(every=OPERATOR),
        "resume_organisation": Rule(every=OPERATOR),
        # Applications and certificates
        "register_application": Rule(own=PARTIES, every=OPERATOR),
        "list_applications": Rule(own=PARTIES, every=OPERATOR),
        "get_application": Rule(own=PARTIES, every=OPERATOR),
        "rotate_application_keys": Rule(own=ALL),
        "require_signed_requests": Rule(own=PARTIES, every=OPERATOR),
        "revoke_application_key": Rule(own=PARTIES, every=OPERATOR),
        "rehearse_changes": Rule(own=ALL),
        "set_backchannel": Rule(own=PARTIES, every=OPERATOR),
        "suspend_application": Rule(own=PARTIES, every=OPERATOR),
        "resume_application": Rule(every=OPERATOR),
        "issue_certificate": Rule(own=PARTIES, every=OPERATOR),
        "list_certificates": Rule(own=PARTIES, every=OPERATOR),
        "revoke_certificate": Rule(own=PARTIES, every=OPERATOR),
        # The shelf
        "import_document": Rule(own=PARTIES),
        "list_documents": Rule(own=PARTIES),
        "get_document": Rule(own=PARTIES, every=OPERATOR),
        "get_document_source": Rule(own=PARTIES, every=OPERATOR),
        "get_document_openapi": Rule(own=PARTIES, every=OPERATOR),
        "list_findings": Rule(own=PARTIES, every=OPERATOR),
        "list_breaking_changes": Rule(own=PARTIES, every=OPERATOR),
        "register_backend": Rule(own=PARTIES),
        "list_backends": Rule(own=PARTIES),
        "get_backend": Rule(own=PARTIES, every=OPERATOR),
        "change_backend": Rule(own=PARTIES),
        "remove_backend": Rule(own=PARTIES, every=OPERATOR),
        "list_capabilities": Rule(own=PARTIES, every=OPERATOR),
        "get_capability": Rule(own=PARTIES, every=OPERATOR),
        "declare_capability": Rule(own=PARTIES),
        "draft_product": Rule(own=PARTIES),
        "set_product_capabilities": Rule(own=PARTIES),
        "publish_product": Rule(own=PARTIES),
        "retire_product": Rule(own=PARTIES),
        "list_shelf": Rule(every=ALL),
        "search_shelf": Rule(every=ALL),
        "list_products": Rule(own=PARTIES),
        "get_product": Rule(own=PARTIES, every=OPERATOR),
        "get_product_openapi": Rule(own=PARTIES, every=OPERATOR),
        "offer_plan": Rule(own=PARTIES),
        "list_plans": Rule(own=PARTIES, every=OPERATOR),
        "withdraw_plan": Rule(own=PARTIES),
        "request_subscription": Rule(own=PARTIES),
        "list_subscriptions": Rule(own=PARTIES),
        "get_subscription": Rule(own=PARTIES, every=OPERATOR),
        "approve_subscription": Rule(own=PARTIES),
        "refuse_subscription": Rule(own=PARTIES),
        "suspend_subscription": Rule(own=PARTIES),
        "resume_subscription": Rule(own=PARTIES),
        "end_subscription": Rule(own=PARTIES),
        # Customers and consents
        "enrol_customer": Rule(own=MEMBER),
        "list_customers": Rule(own=MEMBER),
        "lodge_consent": Rule(own=PARTIES),
        "list_consents": Rule(own=PARTIES),
        "withdraw_consent": Rule(own=PARTIES, every=OPERATOR),
        # Agreements and settlement
        "propose_agreement": Rule(own=PARTIES, every=OPERATOR),
        "list_agreements": Rule(own=PARTIES, every=OPERATOR),
        "try_agreement": Rule(own=PARTIES, every=OPERATOR),
        "get_agreement": Rule(own=PARTIES, every=OPERATOR),
        "counter_agreement": Rule(own=ALL),
        "accept_agreement": Rule(own=ALL),
        "end_agreement": Rule(own=ALL),
        "close_period": Rule(every=OPERATOR),
        "reopen_period": Rule(every=OPERATOR),
        "list_reopenings": Rule(every=OPERATOR),
        "list_statements": Rule(own=ALL),
        "get_statement": Rule(own=PARTIES, every=OPERATOR),
        "open_dispute": Rule(own=PARTIES, every=OPERATOR),
        "list_disputes": Rule(own=PARTIES, every=OPERATOR),
        "resolve_dispute": Rule(every=OPERATOR),
        "grant_credit": Rule(own=PARTIES, every=OPERATOR),
        "set_settlement_account": Rule(own=ALL),
        "get_settlement_account": Rule(own=ALL),
        "settle_round": Rule(every=OPERATOR),
        "list_rounds": Rule(own=PARTIES, every=OPERATOR),
        "get_round": Rule(own=PARTIES, every=OPERATOR),
        "issue_instructions": Rule(own=ALL),
        "receive_payment": Rule(own=PARTIES, every=OPERATOR),
        # Signing keys and algorithms
        "list_signing_keys": Rule(every=ALL),
        "announce_signing_key": Rule(every=OPERATOR),
        "revoke_signing_key": Rule(every=OPERATOR),
        "list_algorithm_endings": Rule(every=ALL),
        "announce_algorithm_ending": Rule(every=OPERATOR),
        "take_back_algorithm_ending": Rule(every=OPERATOR),
        "register_trust_anchor": Rule(every=OPERATOR),
        "list_trust_anchors": Rule(every=OPERATOR),
        "end_trust_anchor": Rule(every=OPERATOR),
        # Records and audit
        "count_calls": Rule(own=PARTIES, every=OPERATOR),
        "ask_traffic": Rule(own=PARTIES, every=OPERATOR),
        "list_lake_files": Rule(every=OPERATOR),
        "verify_audit": Rule(every=OPERATOR),
        "get_receipt": Rule(own=PARTIES, every=OPERATOR),
        "list_record_keys": Rule(every=ALL),
        "list_seals": Rule(every=ALL),
        "get_segment": Rule(every=OPERATOR),
        "list_pruned": Rule(every=OPERATOR),
        "list_expiries": Rule(every=ALL),
        "sign_root": Rule(every=OPERATOR),
        "list_roots": Rule(every=ALL),
        "get_root": Rule(every=ALL),
        "prove_consistency": Rule(every=ALL),
        "witness_root": Rule(own=ALL),
    }
)
