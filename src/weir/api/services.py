"""The services that the management API uses; wired once in the folder `app/`."""

from __future__ import annotations

from dataclasses import dataclass, field

from weir.api.declares import WRITES_A_SECOND, WRITES_AT_ONCE
from weir.audit.chain import AuditJournal
from weir.authorization.services import Addresses
from weir.identity.passphrases import Passphrases
from weir.journeys.backend_tests import BackendTests
from weir.kernel.declares import REFUSED_REQUESTS_A_SECOND, REFUSED_REQUESTS_AT_ONCE
from weir.kernel.rates import Rates
from weir.keys.authority import Authority
from weir.keys.master_key import Sealing
from weir.keys.vault import Signer
from weir.metering.lake.lake import Lake
from weir.store.cache import Cache
from weir.store.database import Database


class RequestRates:
    """Rates of requests: writes by application or person, refused ones by address."""

    def __init__(self) -> None:
        self.writes = Rates(WRITES_A_SECOND, WRITES_AT_ONCE)
        self.refused = Rates(REFUSED_REQUESTS_A_SECOND, REFUSED_REQUESTS_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Services:
    """Services of the API. `api_origin` is the gateways', such as `https://api.localhost:8444`."""

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
    backend_tests: BackendTests
    rates: RequestRates = field(default_factory=RequestRates)

    def welcome_link(self, secret: str) -> str:
        """Return the link by which a person turns a one-time secret into a sign-in."""
        return f"{self.portal_origin}/welcome/{secret}"
