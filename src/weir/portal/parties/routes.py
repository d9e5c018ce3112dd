"""Addresses of the desk's pages on parties, with the functions that show them and take forms."""

from __future__ import annotations

from typing import Final

from weir.portal.desk.desk import DeskPage
from weir.portal.parties import applications, consents, customers, first_call, organisations

DESK: Final[tuple[DeskPage, ...]] = (
    ("/desk/applications", applications.show_list, None),
    ("/desk/applications/new", applications.show_new, applications.register),
    ("/desk/applications/{application}", applications.show, applications.act),
    ("/desk/applications/{application}/first-call", first_call.show, None),
    ("/desk/consents", consents.show, consents.act),
    ("/desk/customers", customers.show, customers.act),
    ("/desk/test-customers", customers.show_test, customers.act_on_test),
    ("/desk/organisations", organisations.show_list, None),
    ("/desk/organisations/new", organisations.show_new, organisations.admit),
    ("/desk/organisations/{organisation}", organisations.show, organisations.act),
)
