"""A profile: one application's key, certificate and platform, kept in a folder only you can read.

```
river-mall/            0700
  profile.json         the platform's addresses, the client_id, how it proves itself
  key.pem              the private key, made here
  certificate.pem      issued by the alliance for that key
  ca.pem               the alliance's root
```
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weir.client.credentials import Credentials, write_private
from weir.client.errors import WeirError, json_object
from weir.client.exchange import Exchange
from weir.client.platform import ADDRESSES, Platform

_FILE: Final = "profile.json"
_CA_FILE: Final = "ca.pem"
_METHODS: Final = ("tls_client_auth", "private_key_jwt")


@dataclass(frozen=True, slots=True)
class Profile:
    """An application's credentials together with the platform they are for."""

    platform: Platform
    credentials: Credentials
    organisation: str = ""

    def save(self) -> None:
        """Write the profile beside its key, with a copy of the root certificate."""
        folder = self.credentials.folder
        folder.chmod(0o700)
        kept = {name: getattr(self.platform, name) for name in ADDRESSES} | {
            "client_id": self.credentials.client_id,
            "token_endpoint_auth_method": self.credentials.auth_method,
            "organisation": self.organisation,
        }
        if self.platform.ca_file != folder / _CA_FILE:
            write_private(folder / _CA_FILE, self.platform.ca_file.read_bytes())
        write_private(folder / _FILE, json.dumps(kept, indent=2).encode() + b"\n")

    @classmethod
    def load(cls, folder: Path) -> Profile:
        """Load the profile from a folder. WeirError says what is missing or wrong."""
        kept = _read(folder)
        method = kept["token_endpoint_auth_method"]
        if method not in _METHODS:
            raise WeirError(f"{folder / _FILE}: token_endpoint_auth_method is not one we know")
        addresses = {name: kept[name] for name in ADDRESSES}
        return cls(
            platform=Platform(**addresses, ca_file=folder / _CA_FILE),
            credentials=Credentials(folder, kept["client_id"], method),
            organisation=kept["organisation"],
        )

    def exchange(self, *, connections: int = 32) -> Exchange:
        """Return connections that show this profile's certificate and believe only the alliance."""
        certificate, key = self.credentials.certificate_file, self.credentials.key_file
        if not self.credentials.has_certificate:
            raise WeirError(f"{certificate} is missing: the application has no certificate yet")
        return Exchange(self.platform.ca_file, certificate, key, connections=connections)


def _read(folder: Path) -> dict[str, Any]:
    """Return the JSON object of a profile. WeirError when it is missing or others can read it."""
    path = folder / _FILE
    try:
        mode = path.stat().st_mode
        kept = json_object(path.read_bytes())
    except OSError as error:
        raise WeirError(f"There is no profile in {folder}.") from error
    if mode & 0o077:
        raise WeirError(f"{path} can be read by others; run chmod 600 on it.")
    expected = (*ADDRESSES, "client_id", "token_endpoint_auth_method", "organisation")
    if kept is None or not all(isinstance(kept.get(name), str) for name in expected):
        raise WeirError(f"{path} is not a profile.")
    return kept
