"""The authorization server's services and addresses."""

from __future__ import annotations

from dataclasses import dataclass, field

from weir.authorization.clients.remote_keys import RemoteKeys
from weir.authorization.declares import (
    ASKING_REQUESTS_A_SECOND,
    ASKING_REQUESTS_AT_ONCE,
    CLIENT_BURST_S,
    CLIENT_REQUESTS_A_SECOND,
    READS_A_SECOND,
    READS_AT_ONCE,
)
from weir.kernel.declares import (
    REFUSED_REQUESTS_A_SECOND,
    REFUSED_REQUESTS_AT_ONCE,
    Settings,
)
from weir.kernel.origins import https_origin
from weir.kernel.rates import Rates
from weir.keys.authority import Authority
from weir.keys.master_key import Sealing
from weir.keys.vault import Signer
from weir.store.cache import Cache
from weir.store.database import Database


@dataclass(frozen=True, slots=True)
class Addresses:
    """Origins, without a slash at their end.

    `issuer` identifies the server (RFC 8414 section 2) and is its public origin; `mtls` is where
    the endpoints ask for a client certificate (RFC 8705 section 5). The audiences of access tokens
    are logical names, the same whatever port a gateway listens on.
    """

    issuer: str
    mtls: str
    api_audience: str
    manage_audience: str

    @property
    def public_manage(self) -> str:
        """The management API's origin where no client certificate is asked for."""
        return self.issuer.replace("https://auth.", "https://manage.", 1)

    @classmethod
    def of(cls, settings: Settings) -> Addresses:
        """Derive the addresses from the settings."""
        host = f"auth.{settings.domain}"
        return cls(
            issuer=https_origin(host, settings.public_port),
            mtls=https_origin(host, settings.mtls_port),
            api_audience=f"https://api.{settings.domain}",
            manage_audience=f"https://manage.{settings.domain}",
        )


class RequestRates:
    """Rates of requests: by client once it has proven itself, and by address for requests that were
    refused before that. Requests that lead to a customer have a rate of their own, and so has an
    address that reads public documents.
    """

    def __init__(self, client_requests_a_second: int = CLIENT_REQUESTS_A_SECOND) -> None:
        every = client_requests_a_second
        self.of_client = Rates(every, every * CLIENT_BURST_S)
        self.asking = Rates(ASKING_REQUESTS_A_SECOND, ASKING_REQUESTS_AT_ONCE)
        self.reads = Rates(READS_A_SECOND, READS_AT_ONCE)
        self.refused = Rates(REFUSED_REQUESTS_A_SECOND, REFUSED_REQUESTS_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that steps work with, wired once in `app/`."""

    database: Database
    cache: Cache
    signer: Signer
    addresses: Addresses
    authority: Authority
    remote_keys: RemoteKeys
    sealing: Sealing
    rates: RequestRates = field(default_factory=RequestRates)
