"""What the management API works with; wired once in `app.py`."""

from __future__ import annotations

from dataclasses import dataclass

from weir.audit.chain import AuditJournal
from weir.authorization.services import Addresses
from weir.identity.passphrases import Passphrases
from weir.keys.authority import Authority
from weir.keys.master_key import Sealing
from weir.keys.vault import Signer
from weir.metering.lake.lake import Lake
from weir.store.cache import Cache
from weir.store.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    """`api_origin` is where gateways serve products, e.g. `https://api.localhost:8444`."""

    database: Database
    signer: Signer
    authority: Authority
    journal: AuditJournal
    sealing: Sealing
    cache: Cache
    passphrases: Passphrases
    lake: Lake
    receipt_secret: bytes  # what the keys of receipts follow from
    addresses: Addresses
    api_origin: str
    portal_origin: str

    def welcome_link(self, secret: str) -> str:
        """Where a person turns a one-time secret into a sign-in."""
        return f"{self.portal_origin}/welcome/{secret}"
