"""Who may do what: one table for portal, management API and command line, and what is not in it is
refused.

`own` names the kinds of organisation that may do it with what is theirs, `every` those that may do
it with anybody's. The operation's own code then asks `Caller.reach` about the object at hand;
what is out of reach does not exist for the caller. An application with the role `manage` may do
all that its organisation may; a person only what `people` names that person's role for.
docs/reference/roles.md repeats the table.
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

# What a person is to the organisation it works for, with the words people read.
OWNER: Final = "owner"
DEVELOPER: Final = "developer"
FINANCE: Final = "finance"
AUDITOR: Final = "auditor"
ROLES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        OWNER: ("Owner: may do everything, people included", "所有者：可办理全部事项，含人员管理"),
        DEVELOPER: (
            "Developer: applications, certificates, documents, products, subscriptions",
            "开发者：管理应用、证书、接口文档、产品和订阅",
        ),
        FINANCE: (
            "Finance: agreements, statements, disputes, settlement",
            "财务：管理分润协议、对账单、争议和结算",
        ),
        AUDITOR: (
            "Auditor: reads everything, audit trail included, and changes nothing",
            "审计：可查看全部内容和审计日志，不能更改",
        ),
    }
)
OWNERS: Final = frozenset({OWNER})
BUILDERS: Final = frozenset({OWNER, DEVELOPER})
BOOKKEEPERS: Final = frozenset({OWNER, FINANCE})
AUDITORS: Final = frozenset({OWNER, AUDITOR})
READERS: Final = frozenset(ROLES)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which kinds of organisation may do an operation, with their own things or with everybody's.

    `people` are the roles a person needs one of; none means that only an application may. A `fresh`
    operation asks a person who has not just proven who it is to do so again. `by_link` marks the
    operation that a one-time link stands for, `by_anyone` the one that is open to all.
    """

    own: frozenset[str] = NOBODY
    every: frozenset[str] = NOBODY
    people: frozenset[str] = NOBODY
    fresh: bool = False
    by_link: bool = False
    by_anyone: bool = False

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind that may do it at all."""
        return self.own | self.every

    @property
    def needs_caller(self) -> bool:
        """Whether the caller must be known."""
        return not (self.by_link or self.by_anyone)

    def lets(self, kind: str, role: str) -> bool:
        """Whether a person with this role in an organisation of this kind may do it at all."""
        return kind in self.kinds and role in self.people


PERMISSIONS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "found_alliance": Rule(by_link=True),
        "describe_api": Rule(every=ALL, people=READERS),
        # Organisations
        "list_organisations": Rule(every=ALL, people=READERS),
        "get_organisation": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "admit_member": Rule(every=OPERATOR, people=OWNERS),
        "admit_partner": Rule(every=OPERATOR, people=OWNERS),
        "suspend_organisation": Rule(every=OPERATOR, people=OWNERS, fresh=True),
        "resume_organisation": Rule(every=OPERATOR, people=OWNERS, fresh=True),
        "sign_up_partner": Rule(by_anyone=True),
        "open_production": Rule(every=OPERATOR, people=OWNERS, fresh=True),
        # People who work for an organisation
        "list_people": Rule(own=ALL, people=READERS),
        "change_person_role": Rule(own=ALL, people=OWNERS, fresh=True),
        "renew_sign_in": Rule(own=ALL, people=OWNERS, fresh=True),
        "remove_person": Rule(own=ALL, people=OWNERS, fresh=True),
        "list_invitations": Rule(own=ALL, people=READERS),
        "invite_person": Rule(own=PARTIES, every=OPERATOR, people=OWNERS, fresh=True),
        "withdraw_invitation": Rule(own=ALL, people=OWNERS),
        # Applications and certificates
        "register_application": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS),
        "list_applications": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "get_application": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "rotate_application_keys": Rule(own=ALL, people=BUILDERS),
        "require_signed_requests": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS),
        "revoke_application_key": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS, fresh=True),
        "rehearse_changes": Rule(own=ALL, people=BUILDERS),
        "set_backchannel": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS),
        "suspend_application": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS, fresh=True),
        "resume_application": Rule(every=OPERATOR, people=BUILDERS, fresh=True),
        "issue_certificate": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS),
        "list_certificates": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "revoke_certificate": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS, fresh=True),
        "issue_trial_token": Rule(own=PARTIES, people=BUILDERS),
        "issue_trial_key": Rule(own=PARTIES, people=BUILDERS),
        "take_test_customer": Rule(own=PARTIES, people=BUILDERS),
        # The shelf
        "import_document": Rule(own=PARTIES, people=BUILDERS),
        "list_documents": Rule(own=PARTIES, people=READERS),
        "get_document": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "get_document_source": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "get_document_openapi": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "list_findings": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "list_breaking_changes": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "register_backend": Rule(own=PARTIES, people=BUILDERS),
        "list_backends": Rule(own=PARTIES, people=READERS),
        "get_backend": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "change_backend": Rule(own=PARTIES, people=BUILDERS),
        "remove_backend": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS),
        "list_capabilities": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "get_capability": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "declare_capability": Rule(own=PARTIES, people=BUILDERS),
        "draft_product": Rule(own=PARTIES, people=BUILDERS),
        "set_product_capabilities": Rule(own=PARTIES, people=BUILDERS),
        "publish_product": Rule(own=PARTIES, people=BUILDERS),
        "retire_product": Rule(own=PARTIES, people=BUILDERS, fresh=True),
        "list_shelf": Rule(every=ALL, people=READERS),
        "search_shelf": Rule(every=ALL, people=READERS),
        "list_products": Rule(own=PARTIES, people=READERS),
        "get_product": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "get_product_openapi": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "offer_plan": Rule(own=PARTIES, people=BUILDERS),
        "list_plans": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "withdraw_plan": Rule(own=PARTIES, people=BUILDERS),
        "change_plan": Rule(own=PARTIES, people=BUILDERS),
        "take_back_plan_change": Rule(own=PARTIES, people=BUILDERS),
        "request_subscription": Rule(own=PARTIES, people=BUILDERS),
        "list_subscriptions": Rule(own=PARTIES, people=READERS),
        "get_subscription": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "approve_subscription": Rule(own=PARTIES, people=BUILDERS),
        "refuse_subscription": Rule(own=PARTIES, people=BUILDERS),
        "suspend_subscription": Rule(own=PARTIES, people=BUILDERS),
        "resume_subscription": Rule(own=PARTIES, people=BUILDERS),
        "end_subscription": Rule(own=PARTIES, people=BUILDERS, fresh=True),
        # Customers and consents
        "enrol_customer": Rule(own=MEMBER, people=BUILDERS),
        "list_customers": Rule(own=MEMBER, people=READERS),
        "offer_test_customer": Rule(own=MEMBER, people=BUILDERS),
        "list_test_customers": Rule(own=ALL, people=READERS),
        "end_test_customer": Rule(own=MEMBER, people=BUILDERS),
        "detach_customer_records": Rule(own=MEMBER, people=OWNERS, fresh=True),
        "lodge_consent": Rule(own=PARTIES, people=BUILDERS),
        "list_consents": Rule(own=PARTIES, people=READERS),
        "withdraw_consent": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS, fresh=True),
        # Agreements and settlement
        "propose_agreement": Rule(own=PARTIES, every=OPERATOR, people=BOOKKEEPERS),
        "list_own_agreements": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "list_agreements": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "try_agreement": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "get_agreement": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "counter_agreement": Rule(own=ALL, people=BOOKKEEPERS),
        "accept_agreement": Rule(own=ALL, people=BOOKKEEPERS),
        "end_agreement": Rule(own=ALL, people=BOOKKEEPERS),
        "close_period": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True),
        "list_closings": Rule(every=OPERATOR, people=READERS),
        "get_closing": Rule(every=OPERATOR, people=READERS),
        "move_closing": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True),
        "reopen_period": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True),
        "list_reopenings": Rule(every=OPERATOR, people=READERS),
        "list_statements": Rule(own=ALL, people=READERS),
        "get_statement": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "get_statement_csv": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "list_calls_behind": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "open_dispute": Rule(own=PARTIES, every=OPERATOR, people=BOOKKEEPERS),
        "list_disputes": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "resolve_dispute": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True),
        "grant_credit": Rule(own=PARTIES, every=OPERATOR, people=BOOKKEEPERS),
        "list_credits": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "set_settlement_account": Rule(own=ALL, people=BOOKKEEPERS, fresh=True),
        "get_settlement_account": Rule(own=ALL, people=READERS),
        "record_rate": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True),
        "list_rates": Rule(every=ALL, people=READERS),
        "settle_round": Rule(every=OPERATOR, people=BOOKKEEPERS, fresh=True),
        "list_rounds": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "get_round": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "issue_instructions": Rule(own=ALL, people=BOOKKEEPERS),
        "receive_payment": Rule(own=PARTIES, every=OPERATOR, people=BOOKKEEPERS),
        # Signing keys and algorithms
        "list_signing_keys": Rule(every=ALL, people=READERS),
        "announce_signing_key": Rule(every=OPERATOR, people=OWNERS, fresh=True),
        "revoke_signing_key": Rule(every=OPERATOR, people=OWNERS, fresh=True),
        "list_algorithm_endings": Rule(every=ALL, people=READERS),
        "announce_algorithm_ending": Rule(every=OPERATOR, people=OWNERS, fresh=True),
        "take_back_algorithm_ending": Rule(every=OPERATOR, people=OWNERS, fresh=True),
        "register_trust_anchor": Rule(every=OPERATOR, people=OWNERS, fresh=True),
        "list_trust_anchors": Rule(every=OPERATOR, people=READERS),
        "end_trust_anchor": Rule(every=OPERATOR, people=OWNERS, fresh=True),
        # Records and audit
        "count_calls": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "ask_traffic": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "list_pruned": Rule(every=OPERATOR, people=READERS),
        "list_expiries": Rule(every=ALL, people=READERS),
        "list_lake_files": Rule(every=OPERATOR, people=READERS),
        "verify_audit": Rule(every=OPERATOR, people=AUDITORS),
        "show_health": Rule(every=OPERATOR, people=READERS),
        "list_expiring_certificates": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "search_audit_trail": Rule(own=PARTIES, every=OPERATOR, people=AUDITORS),
        "get_receipt": Rule(own=PARTIES, every=OPERATOR, people=READERS),
        "list_record_keys": Rule(every=ALL, people=READERS),
        "list_seals": Rule(every=ALL, people=READERS),
        "get_segment": Rule(every=OPERATOR, people=READERS),
        "sign_root": Rule(every=OPERATOR, people=OWNERS, fresh=True),
        "list_roots": Rule(every=ALL, people=READERS),
        "get_root": Rule(every=ALL, people=READERS),
        "prove_consistency": Rule(every=ALL, people=READERS),
        "witness_root": Rule(own=ALL),
    }
)
