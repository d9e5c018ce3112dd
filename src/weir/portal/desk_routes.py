"""Every room's address, what shows it, and what is sent from it."""

from __future__ import annotations

from typing import Final

from weir.portal.desk import account, audit, health, overview, people
from weir.portal.desk.desk import Send, Show, opened, sent
from weir.portal.money import agreements, closings, credits, disputes, settlement, statements
from weir.portal.parties import applications, consents, customers, first_call, organisations
from weir.portal.products import documents, products, subscriptions
from weir.portal.records import receipts, roots, traffic
from weir.portal.renderer import PageFunction

# (address, what shows it, what its forms do)
ROOMS: Final[tuple[tuple[str, Show, Send | None], ...]] = (
    ("/desk", overview.show, None),
    ("/desk/account", account.show, account.act),
    ("/desk/people", people.show, people.act),
    ("/desk/applications", applications.show_list, None),
    ("/desk/applications/new", applications.show_new, applications.register),
    ("/desk/applications/{application}", applications.show, applications.act),
    ("/desk/applications/{application}/first-call", first_call.show, None),
    ("/desk/subscriptions", subscriptions.show_list, subscriptions.act),
    ("/desk/subscriptions/new", subscriptions.show_new, subscriptions.request),
    ("/desk/documents", documents.show_list, None),
    ("/desk/documents/new", documents.show_new, documents.bring),
    ("/desk/documents/{document}", documents.show, None),
    ("/desk/products", products.show_list, None),
    ("/desk/products/new", products.show_new, products.draft),
    ("/desk/products/{product}", products.show, products.act),
    ("/desk/products/{product}/agreement", agreements.show_new, agreements.propose),
    ("/desk/agreements", agreements.show_list, None),
    ("/desk/agreements/{agreement}", agreements.show, agreements.act),
    ("/desk/agreements/{agreement}/terms", agreements.download, None),
    ("/desk/traffic", traffic.show, None),
    ("/statements", statements.show_list, None),
    ("/statements/{statement}", statements.show, None),
    ("/statements/{statement}/csv", statements.csv, None),
    ("/statements/{statement}/json", statements.json, None),
    ("/statements/{statement}/lines/{line}", statements.calls, None),
    ("/desk/disputes", disputes.show, disputes.act),
    ("/desk/consents", consents.show, consents.act),
    ("/desk/customers", customers.show, customers.act),
    ("/desk/test-customers", customers.show_test, customers.act_on_test),
    ("/desk/credits", credits.show, credits.act),
    ("/desk/settlement", settlement.show, settlement.act),
    ("/desk/settlement/rates", settlement.show_rates, settlement.record_rate),
    ("/desk/settlement/{round}", settlement.show_round, settlement.act_on_round),
    ("/desk/organisations", organisations.show_list, None),
    ("/desk/organisations/new", organisations.show_new, organisations.admit),
    ("/desk/organisations/{organisation}", organisations.show, organisations.act),
    ("/desk/closings", closings.show, closings.act),
    ("/desk/certificates", health.show_certificates, None),
    ("/desk/health", health.show, None),
    ("/desk/receipts", receipts.show, receipts.act),
    ("/desk/receipts/download", receipts.download, None),
    ("/desk/receipts/roots/{size}", roots.show, None),
    ("/desk/receipts/roots/{size}/download", roots.download, None),
    ("/desk/audit", audit.show, None),
)


def routes() -> tuple[tuple[str, str, PageFunction], ...]:
    """As (address, method, page function)."""
    shown = [(address, "GET", opened(show)) for address, show, _ in ROOMS]
    done = [(address, "POST", sent(show, send)) for address, show, send in ROOMS if send]
    return (*shown, *done)
