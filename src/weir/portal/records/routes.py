"""Addresses of the desk's pages on records, with the functions that show them and take forms."""

from __future__ import annotations

from typing import Final

from weir.portal.desk.desk import DeskPage
from weir.portal.records import receipts, roots, traffic

DESK: Final[tuple[DeskPage, ...]] = (
    ("/desk/traffic", traffic.show, None),
    ("/desk/receipts", receipts.show, receipts.act),
    ("/desk/receipts/download", receipts.download, None),
    ("/desk/receipts/roots/{size}", roots.show, None),
    ("/desk/receipts/roots/{size}/download", roots.download, None),
)
