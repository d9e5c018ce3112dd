"""The cast of the demo as data: institutions, partners, products, prices, splits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from weir.client.credentials import AuthMethod
from weir.client.pricing import per_call

ACCOUNT_ACCESS: Final = "urn:weir:account-access:v1"
PAYMENT: Final = "urn:weir:payment-initiation:v1"
CURRENCY: Final = "CNY"
SEED: Final = 2026  # of the institutions' histories
CUSTOMERS: Final = 200  # people in the institutions' world
FIRST_STEPS_QUOTA: Final = 100  # calls a day under the plan with automatic approval
FIRST_STEPS: Final = (
    "summit-securities.quotes",
    "summit-securities.portfolios",
    "river-bank.accounts",
    "river-bank.payments",
    "harbour-insurance.policies",
)
TRIAL_QUOTA: Final = 40  # calls a day under the trial plan, which the demo exceeds


@dataclass(frozen=True, slots=True)
class Declared:
    """The consent that an operation needs; without a permission and a type it needs none."""

    permission: str | None = None
    consent_type: str | None = None
    moves_money: bool = False
    bindings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product: its pricing, its operations, and the split of its revenue."""

    slug: str
    title_en: str
    title_zh: str
    pricing: dict[str, Any]
    operations: dict[str, Declared]
    member_share: int  # the partner gets the rest to 10,000
    operator_share: int

    @property
    def shares(self) -> list[dict[str, Any]]:
        """The shares for the management API, each a `party` and a `weight` in basis points."""
        rest = 10_000 - self.member_share - self.operator_share
        weights = {"member": self.member_share, "operator": self.operator_share, "partner": rest}
        return [{"party": party, "weight": weight} for party, weight in weights.items() if weight]


@dataclass(frozen=True, slots=True)
class Institution:
    """A provider: the model institution that plays it, and its products.

    A member has a licence; a partner that brings a service in has none.
    """

    slug: str
    name_en: str
    name_zh: str
    licence_kind: str | None
    plays: str  # the weir-sandbox command
    reference_prefix: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner of one class, its application's authentication, and its products."""

    slug: str
    name_en: str
    name_zh: str
    partner_class: str
    auth_method: AuthMethod
    roles: tuple[str, ...]
    products: tuple[str, ...]  # "member-slug.product-slug", which is also the scope

    @property
    def redirect_uri(self) -> str:
        return f"https://{self.slug}.example/back"


def _data(permission: str, **bindings: str) -> Declared:
    return Declared(permission, ACCOUNT_ACCESS, bindings=bindings)


_OPEN: Final = Declared()
_SHARE_OF_THE_AMOUNT: Final[dict[str, Any]] = {
    "components": [{"kind": "value", "rate": "0.001", "floor": "0.30", "cap": "50"}]
}
_CHEAPER_BY_THE_THOUSAND: Final[dict[str, Any]] = {
    "components": [
        {
            "kind": "tiered",
            "tiers": [{"up_to": 1_000, "price": "0.013"}, {"up_to": None, "price": "0.009"}],
        }
    ]
}

_BANK: Final = Institution(
    "river-bank", "River Bank", "江河银行", "bank", "bank", "RB",
    (
        Offer(
            "accounts", "Accounts and transactions", "账户与交易", per_call("0.05"),
            {
                "listAccounts": _data("ReadAccounts"),
                "getAccount": _data("ReadAccounts", account="path:account_id"),
                "getBalances": _data("ReadBalances", account="path:account_id"),
                "listTransactions": _data("ReadTransactions", account="path:account_id"),
                "confirmFunds": _data("ConfirmFunds", account="body:/account_id"),
            },
            7_000, 2_000,
        ),
        Offer(
            "payments", "Payments", "支付", _SHARE_OF_THE_AMOUNT,
            {
                "makePayment": Declared(
                    None, PAYMENT, True,
                    {
                        "account": "body:/debtor_account",
                        "amount": "body:/amount/amount",
                        "currency": "body:/amount/currency",
                        "payee": "body:/creditor_account",
                        "idempotency_key": "header:x-idempotency-key",
                        "outcome_path": "/directory/payments/{idempotency_key}"
                        "?client_id={client_id}",
                    },
                ),
                "getPayment": _OPEN,
            },
            8_000, 2_000,
        ),
    ),
)  # fmt: skip

_INSURER: Final = Institution(
    "harbour-insurance", "Harbour Insurance", "海港保险", "insurer", "insurer", "HI",
    (
        Offer(
            "quotations", "Quotations", "保费报价", per_call("0.12"),
            {"createQuotation": _OPEN, "getQuotation": _OPEN},
            6_500, 1_500,
        ),
        Offer(
            "policies", "Policies and claims", "保单与理赔", per_call("0.08"),
            {
                "listPolicies": _data("ReadPolicies"),
                "getPolicy": _data("ReadPolicies", account="path:policy_id"),
                "listClaims": _data("ReadClaims", account="path:policy_id"),
                "reportClaim": _data("MakeClaims", account="path:policy_id"),
            },
            7_500, 1_500,
        ),
    ),
)  # fmt: skip

_SECURITIES: Final = Institution(
    "summit-securities", "Summit Securities", "峰汇证券", "securities", "securities", "SS",
    (
        Offer(
            "quotes", "Instruments and quotes", "标的与行情", _CHEAPER_BY_THE_THOUSAND,
            {"listInstruments": _OPEN, "getInstrument": _OPEN, "getQuote": _OPEN},
            7_000, 3_000,
        ),
        Offer(
            "portfolios", "Portfolios", "投资组合", per_call("0.06"),
            {
                "listPortfolios": _data("ReadPortfolios"),
                "listHoldings": _data("ReadHoldings", account="path:portfolio_id"),
                "listOrders": _data("ReadOrders", account="path:portfolio_id"),
            },
            7_000, 2_500,
        ),
    ),
)  # fmt: skip

INSTITUTIONS: Final = (_BANK, _INSURER, _SECURITIES)

# A service that a partner brings in for members to use: calls go the other way.
BROUGHT_IN: Final = Institution(
    "clear-mirror", "Clear Mirror Data", "明镜数据", None, "securities", "CM",
    (
        Offer(
            "market-data", "Market data", "市场数据", per_call("0.02"),
            {"listInstruments": _OPEN, "getInstrument": _OPEN, "getQuote": _OPEN},
            9_000, 1_000,
        ),
    ),
)  # fmt: skip
BROUGHT_IN_FOR: Final = "harbour-insurance"

PARTNERS: Final = (
    Partner(
        "lantern-life", "Lantern Life", "灯笼生活", "internet_platform", "private_key_jwt",
        ("data", "payments"),
        ("river-bank.accounts", "river-bank.payments", "harbour-insurance.policies"),
    ),
    Partner(
        "abacus-software", "Abacus Software", "算盘软件", "software_vendor", "tls_client_auth",
        ("data",), ("river-bank.accounts", "summit-securities.quotes"),
    ),
    Partner(
        "clear-mirror", "Clear Mirror Data", "明镜数据", "data_service_provider",
        "tls_client_auth", (), ("summit-securities.quotes",),
    ),
    Partner(
        "eastgate-textiles", "Eastgate Textiles", "东门纺织", "supply_chain_party",
        "private_key_jwt", ("data",),
        ("harbour-insurance.quotations", "river-bank.accounts"),
    ),
    Partner(
        "tall-pine-capital", "Tall Pine Capital", "高松资本", "pe_vc_institution",
        "tls_client_auth", ("data",),
        ("summit-securities.portfolios", "summit-securities.quotes"),
    ),
)  # fmt: skip

# The only subscription under the trial plan, whose quota the demo exceeds.
TRIAL: Final = ("abacus-software", "summit-securities.quotes")
