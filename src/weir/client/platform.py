"""Where an alliance is found: its issuer, its origins, and the root certificate to believe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
        """Where products are called without a certificate, under DPoP."""
        return self.issuer.replace("https://auth.", "https://api.", 1)

    @classmethod
    def at(
        cls,
        ca_file: Path,
        domain: str = DEFAULT_DOMAIN,
        public_port: int = DEFAULT_PUBLIC_PORT,
        mtls_port: int = DEFAULT_MTLS_PORT,
    ) -> Platform:
        """The platform as every alliance lays it out under its base domain."""
        return cls(
            issuer=_origin("auth", domain, public_port),
            portal_origin=_origin("portal", domain, public_port),
            api_origin=_origin("api", domain, mtls_port),
            manage_origin=_origin("manage", domain, mtls_port),
            ca_file=ca_file,
        )


def _origin(name: str, domain: str, port: int) -> str:
    return f"https://{name}.{domain}" + ("" if port == 443 else f":{port}")
