"""Addresses of the desk itself, with the functions that show them and take their forms."""

from __future__ import annotations

from typing import Final

from weir.portal.desk import account, audit, health, overview, people, terminal
from weir.portal.desk.desk import DeskPage

DESK: Final[tuple[DeskPage, ...]] = (
    ("/desk", overview.show, None),
    ("/desk/account", account.show, account.act),
    ("/desk/terminal", terminal.show_code, terminal.take_code),
    ("/desk/terminal/{request}", terminal.show, terminal.act),
    ("/desk/people", people.show, people.act),
    ("/desk/certificates", health.show_certificates, None),
    ("/desk/health", health.show, None),
    ("/desk/audit", audit.show, None),
)
