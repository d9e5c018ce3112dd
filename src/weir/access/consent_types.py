"""The types of consent by name (RFC 9396), and the permissions that each data type may grant.

The version is part of the name: a changed meaning is a new type, and old consents keep theirs.
`account-access` covers all data that an institution keeps for a customer. Each of the others serves
one purpose, so that a partner need not ask for more than it needs, and a product can require it.
"""

from __future__ import annotations

from typing import Final

ACCOUNT_ACCESS: Final = "urn:weir:account-access:v1"
FUNDS_CONFIRMATION: Final = "urn:weir:funds-confirmation:v1"
INSURANCE_QUOTATION: Final = "urn:weir:insurance-quotation:v1"
POLICY_SERVICING: Final = "urn:weir:policy-servicing:v1"
PORTFOLIO_ACCESS: Final = "urn:weir:portfolio-access:v1"
CREDIT_DATA: Final = "urn:weir:credit-data:v1"

PAYMENT_INITIATION: Final = "urn:weir:payment-initiation:v1"
RECURRING_PAYMENT: Final = "urn:weir:recurring-payment:v1"
PAYMENTS: Final = (PAYMENT_INITIATION, RECURRING_PAYMENT)

PERMISSIONS: Final[dict[str, tuple[str, ...]]] = {
    ACCOUNT_ACCESS: (
        "ReadAccounts",
        "ReadBalances",
        "ReadTransactions",
        "ReadPolicies",
        "ReadClaims",
        "ReadPortfolios",
        "ReadHoldings",
        "ReadOrders",
        "ConfirmFunds",
        "PlaceOrders",
        "MakeClaims",
    ),
    FUNDS_CONFIRMATION: ("ConfirmFunds",),
    INSURANCE_QUOTATION: ("RequestQuotations", "ReadQuotations"),
    POLICY_SERVICING: ("ReadPolicies", "ReadClaims", "MakeClaims", "ChangePolicies"),
    PORTFOLIO_ACCESS: ("ReadPortfolios", "ReadHoldings", "ReadOrders", "PlaceOrders"),
    CREDIT_DATA: ("ReadCreditLines", "ReadRepayments"),
}
