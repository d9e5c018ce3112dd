"""Addresses of the desk's pages on money, with the functions that show them and take forms."""

from __future__ import annotations

from typing import Final

from weir.portal.desk.desk import DeskPage
from weir.portal.money import agreements, closings, credits, disputes, settlement, statements

DESK: Final[tuple[DeskPage, ...]] = (
    ("/desk/products/{product}/agreement", agreements.show_new, agreements.propose),
    ("/desk/agreements", agreements.show_list, None),
    ("/desk/agreements/{agreement}", agreements.show, agreements.act),
    ("/desk/agreements/{agreement}/terms", agreements.download, None),
    ("/statements", statements.show_list, None),
    ("/statements/{statement}", statements.show, None),
    ("/statements/{statement}/csv", statements.csv, None),
    ("/statements/{statement}/json", statements.json, None),
    ("/statements/{statement}/lines/{line}", statements.calls, None),
    ("/desk/disputes", disputes.show, disputes.act),
    ("/desk/credits", credits.show, credits.act),
    ("/desk/settlement", settlement.show, settlement.act),
    ("/desk/settlement/rates", settlement.show_rates, settlement.record_rate),
    ("/desk/settlement/{round}", settlement.show_round, settlement.act_on_round),
    ("/desk/closings", closings.show, closings.act),
)
