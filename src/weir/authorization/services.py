"""The authorization server's services and addresses."""

from __future__ import annotations

from dataclasses import dataclass

from weir.authorization.clients.remote_keys import RemoteKeys
from weir.kernel.declares import Settings
from weir.kernel.origins import https_origin
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
