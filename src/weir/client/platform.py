"""The address of an alliance: its issuer, its origins, and its root certificate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from weir.kernel.origins import https_origin

# The addresses that a profile keeps.
ADDRESSES: Final = ("issuer", "portal_origin", "api_origin", "manage_origin")
DEFAULT_DOMAIN = "localhost"
DEFAULT_PUBLIC_PORT = 8443
DEFAULT_MTLS_PORT = 8444


@dataclass(frozen=True, slots=True)
class Platform:
    """The four origins of an alliance and the file of its certificate authority.

    `api_origin` and `manage_origin` ask for a client certificate; `issuer` and `portal_origin` do
    not. The authorization server's mutual-TLS addresses come from its metadata.
    """

    issuer: str
    portal_origin: str
    api_origin: str
    manage_origin: str
    ca_file: Path

    @property
    def public_api_origin(self) -> str:
        """Origin of the products for calls without a certificate, under DPoP."""
        return self.issuer.replace("https://auth.", "https://api.", 1)

    @property
    def public_manage_origin(self) -> str:
        """Origin of the management API's operations that need no certificate."""
        return self.issuer.replace("https://auth.", "https://manage.", 1)

    @classmethod
    def at(
        cls,
        ca_file: Path,
        domain: str = DEFAULT_DOMAIN,
        public_port: int = DEFAULT_PUBLIC_PORT,
        mtls_port: int = DEFAULT_MTLS_PORT,
    ) -> Platform:
        """Return the platform with the hosts and ports that every alliance has under its domain."""
        return cls(
            issuer=https_origin(f"auth.{domain}", public_port),
            portal_origin=https_origin(f"portal.{domain}", public_port),
            api_origin=https_origin(f"api.{domain}", mtls_port),
            manage_origin=https_origin(f"manage.{domain}", mtls_port),
            ca_file=ca_file,
        )
