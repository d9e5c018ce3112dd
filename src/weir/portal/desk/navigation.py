"""Navigation of the desk: an entry for every list that a role may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from weir.access.permissions import PERMISSIONS
from weir.access.roles import MEMBER, OPERATOR, PARTIES


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the navigation: its address and its words in both languages."""

    address: str
    en: str
    zh: str


# (kinds of organisation, the operation that reads what is behind the door, the door)
_DOORS: Final[tuple[tuple[frozenset[str], str, Entry], ...]] = (
    (OPERATOR | PARTIES, "describe_api", Entry("/desk", "Overview", "概览")),
    (OPERATOR, "list_organisations", Entry("/desk/organisations", "Organisations", "机构")),
    (PARTIES, "list_applications", Entry("/desk/applications", "Applications", "应用")),
    (PARTIES, "list_subscriptions", Entry("/desk/subscriptions", "Subscriptions", "订阅")),
    (PARTIES, "list_documents", Entry("/desk/documents", "Documents", "接口文档")),
    (PARTIES, "list_backends", Entry("/desk/backends", "Backends", "后端服务")),
    (PARTIES, "list_products", Entry("/desk/products", "Products", "产品")),
    (MEMBER, "list_customers", Entry("/desk/customers", "Customers", "客户")),
    (MEMBER, "list_test_customers", Entry("/desk/test-customers", "Test customers", "测试客户")),
    (PARTIES, "list_consents", Entry("/desk/consents", "Consents", "客户授权")),
    (OPERATOR | PARTIES, "count_calls", Entry("/desk/traffic", "Traffic", "调用量")),
    (
        OPERATOR | PARTIES,
        "list_own_agreements",
        Entry("/desk/agreements", "Agreements", "分润协议"),
    ),
    (OPERATOR | PARTIES, "list_statements", Entry("/statements", "Statements", "对账单")),
    (OPERATOR | PARTIES, "list_disputes", Entry("/desk/disputes", "Disputes", "争议")),
    (OPERATOR | PARTIES, "list_credits", Entry("/desk/credits", "Credits", "退款")),
    (
        OPERATOR | PARTIES,
        "get_settlement_account",
        Entry("/desk/settlement", "Settlement", "结算"),
    ),
    (OPERATOR, "list_closings", Entry("/desk/closings", "Closings", "关账")),
    (OPERATOR, "show_health", Entry("/desk/health", "Health", "运行状况")),
    (
        OPERATOR | PARTIES,
        "list_expiring_certificates",
        Entry("/desk/certificates", "Certificates", "证书"),
    ),
    (OPERATOR | PARTIES, "get_receipt", Entry("/desk/receipts", "Receipts", "回执")),
    (OPERATOR | PARTIES, "search_audit_trail", Entry("/desk/audit", "Audit trail", "审计日志")),
    (OPERATOR | PARTIES, "list_people", Entry("/desk/people", "People", "人员")),
)


def entries(kind: str, role: str) -> list[Entry]:
    """Return the entries for a role in an organisation of this kind."""
    return [
        entry
        for kinds, operation, entry in _DOORS
        if kind in kinds and PERMISSIONS[operation].permits(kind, role)
    ]
