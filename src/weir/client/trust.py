"""TLS contexts of clients: the alliance's root as authority, and a client certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

from weir.client.errors import WeirError


def tls_context(
    ca_file: Path, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """Return a client's TLS context: TLS 1.2 or newer, host names checked, one authority.

    WeirError names the file that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise WeirError(f"{ca_file} is not a readable certificate authority file") from error
    if certificate is not None and key is not None:
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise WeirError(
                f"{certificate} and {key} are not a certificate with its key"
            ) from error
    return context
