"""The words of consents for customers, in both languages: permissions, types, questions, states.

A closed list: a permission without words cannot be requested.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from weir.access import consent_types


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence in English and in Chinese."""

    en: str
    zh: str

    def of(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


PERMISSIONS: Final[dict[str, Words]] = {
    "ReadAccounts": Words(
        "See your accounts: name, type, currency and number",
        "查看账户信息：名称、类型、币种和账号",
    ),
    "ReadBalances": Words("See the balances of these accounts", "查看这些账户的余额"),
    "ReadTransactions": Words(
        "See payments in and out of these accounts", "查看这些账户的收支明细"
    ),
    "ReadPolicies": Words(
        "See your insurance policies: cover, premium and dates",
        "查看您的保单：保障内容、保费和起止日期",
    ),
    "ReadClaims": Words("See your insurance claims and how they stand", "查看您的理赔记录和进度"),
    "ReadPortfolios": Words("See your investment portfolios", "查看您的投资组合"),
    "ReadHoldings": Words(
        "See what you hold: securities, amounts and values", "查看您的持仓：证券、数量和市值"
    ),
    "ReadOrders": Words("See your orders and how they were filled", "查看您的委托和成交情况"),
    "ConfirmFunds": Words(
        "Ask whether an amount is available (answered with yes or no only)",
        "查询某一金额是否足够（只回答是或否）",
    ),
    "PlaceOrders": Words("Place orders for securities in your name", "以您的名义提交证券委托"),
    "MakeClaims": Words("Make insurance claims in your name", "以您的名义提交理赔申请"),
    "RequestQuotations": Words(
        "Have insurance quoted for you, with what the insurer knows of you",
        "用保险公司所掌握的您的信息为您询价",
    ),
    "ReadQuotations": Words(
        "See the insurance quotes made for you: cover, premium and validity",
        "查看为您出具的保险报价：保障内容、保费和有效期",
    ),
    "ChangePolicies": Words(
        "Change your insurance policies in your name: cover, contact and payment",
        "以您的名义变更保单：保障内容、联系方式和缴费方式",
    ),
    "ReadCreditLines": Words(
        "See your loans and credit lines: limit, balance, rate and term",
        "查看您的贷款和授信：额度、余额、利率和期限",
    ),
    "ReadRepayments": Words(
        "See how your loans were and will be repaid", "查看您的还款记录和还款计划"
    ),
}

# Names of consent types for people.
KINDS: Final[dict[str, Words]] = {
    consent_types.ACCOUNT_ACCESS: Words("Account access", "账户信息查询"),
    consent_types.FUNDS_CONFIRMATION: Words("Confirmation of funds", "资金确认"),
    consent_types.INSURANCE_QUOTATION: Words("Insurance quotation", "保险询价"),
    consent_types.POLICY_SERVICING: Words("Policy servicing", "保单服务"),
    consent_types.PORTFOLIO_ACCESS: Words("Portfolio access", "投资组合查询"),
    consent_types.CREDIT_DATA: Words("Credit data", "信贷信息查询"),
    consent_types.PAYMENT_INITIATION: Words("One payment", "单笔支付"),
    consent_types.RECURRING_PAYMENT: Words("Recurring payments", "自动扣款"),
}

# The question on the consent page, one sentence for each type.
_QUESTIONS: Final[dict[str, Words]] = {
    consent_types.ACCOUNT_ACCESS: Words(
        "May {application} see your data at {member}?",
        "允许“{application}”查看您在{member}的数据吗？",
    ),
    consent_types.FUNDS_CONFIRMATION: Words(
        "May {application} ask {member} whether your money is enough?",
        "允许“{application}”向{member}查询您的资金是否足够吗？",
    ),
    consent_types.INSURANCE_QUOTATION: Words(
        "May {application} have insurance quoted for you by {member}?",
        "允许“{application}”请{member}为您报价吗？",
    ),
    consent_types.POLICY_SERVICING: Words(
        "May {application} see your policies at {member}?",
        "允许“{application}”查看您在{member}的保单吗？",
    ),
    consent_types.PORTFOLIO_ACCESS: Words(
        "May {application} see your investments at {member}?",
        "允许“{application}”查看您在{member}的投资吗？",
    ),
    consent_types.CREDIT_DATA: Words(
        "May {application} see your loans at {member}?",
        "允许“{application}”查看您在{member}的贷款和授信吗？",
    ),
}
# The question when one of the permissions is in ACTING.
_ACTING_QUESTIONS: Final[dict[str, Words]] = {
    consent_types.ACCOUNT_ACCESS: Words(
        "May {application} see your data at {member}, and act for you?",
        "允许“{application}”查看您在{member}的数据，并代您操作吗？",
    ),
    consent_types.POLICY_SERVICING: Words(
        "May {application} look after your policies at {member}?",
        "允许“{application}”代您打理在{member}的保单吗？",
    ),
    consent_types.PORTFOLIO_ACCESS: Words(
        "May {application} see your investments at {member}, and place orders for you?",
        "允许“{application}”查看您在{member}的投资，并代您下单吗？",
    ),
}

# The question for accounts, policies and so on, and the heading of the chosen ones.
_ACCOUNTS: Final = (Words("With which accounts?", "涉及哪些账户？"), Words("Accounts", "账户"))
_POLICIES: Final = (Words("With which policies?", "涉及哪些保单？"), Words("Policies", "保单"))
CHOICES: Final[dict[str, tuple[Words, Words]]] = {
    consent_types.ACCOUNT_ACCESS: _ACCOUNTS,
    consent_types.FUNDS_CONFIRMATION: _ACCOUNTS,
    consent_types.INSURANCE_QUOTATION: _POLICIES,
    consent_types.POLICY_SERVICING: _POLICIES,
    consent_types.PORTFOLIO_ACCESS: (
        Words("With which portfolios?", "涉及哪些投资组合？"),
        Words("Portfolios", "投资组合"),
    ),
    consent_types.CREDIT_DATA: (
        Words("With which loans and credit lines?", "涉及哪些贷款和授信？"),
        Words("Loans and credit lines", "贷款和授信"),
    ),
}

# Permissions that act rather than read; the consent page shows them separately.
ACTING: Final = frozenset({"PlaceOrders", "MakeClaims", "ChangePolicies"})


def question(type_name: str, permissions: Iterable[str]) -> Words:
    """Return the question to the customer, with the fields `{application}` and `{member}`."""
    acting = _ACTING_QUESTIONS if ACTING.intersection(permissions) else _QUESTIONS
    return acting[type_name]


STATES: Final[dict[str, Words]] = {
    "awaiting": Words("Waiting for your answer", "等待您的答复"),
    "granted": Words("Active", "生效中"),
    "used": Words("Used", "已使用"),
    "rejected": Words("Refused", "已拒绝"),
    "withdrawn": Words("Withdrawn", "已撤回"),
    "expired": Words("Ended", "已到期"),
    "replaced": Words("Replaced by a newer one", "已由新的授权取代"),
}

ENDED_BY: Final[dict[str, Words]] = {
    "customer": Words("You", "您本人"),
    "member": Words("The institution", "金融机构"),
    "operator": Words("The operator of the platform", "平台运营方"),
    "partner": Words("The application", "该应用"),
    "platform": Words("The platform, to protect you", "平台（为保护您）"),
}
