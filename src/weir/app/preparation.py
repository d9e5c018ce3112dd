"""Preparation before any role starts: schema, keys, authority, certificates, founding link."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from weir.app.core import HOST_ROLES, Core, open_core
from weir.app.settings import Settings
from weir.keys.authority import GATEWAY_URI, Authority, KeyAndCertificate
from weir.keys.record_keys import RecordKeys
from weir.keys.vault import PLATFORM, Vault
from weir.partners import founding, organisations
from weir.store.engines.files import write_atomically
from weir.store.engines.home import Home
from weir.store.schema_upgrade import migrate

_RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The result of the preparation.

    `founding_secret` is the secret of a founding link, None once the alliance has an operator.
    """

    schema_revision: str
    founding_secret: str | None


async def prepare(settings: Settings, home: Home) -> Prepared:
    """Migrate the schema, and make keys, authority and platform certificates if absent."""
    assert settings.database_url is not None
    revision = await asyncio.to_thread(migrate, settings.database_url)
    async with open_core(settings, home, connections=2) as core:
        await Vault.open(core.database, core.sealing)
        await RecordKeys.open(core.database, core.sealing)
        authority = await Authority.open(core.database, core.sealing)
        renew_certificates(authority, core)
        return Prepared(revision, await _founding_secret(core))


async def _founding_secret(core: Core) -> str | None:
    async with core.database.connect() as connection:
        if await organisations.find_operator(connection) is not None:
            return None
    async with core.database.unit(PLATFORM) as unit:
        return await founding.offer_link(unit)


def renew_certificates(authority: Authority, core: Core) -> None:
    """Issue the platform's own certificates that are missing, end within 30 days, or have another
    issuer.

    Running processes present the new ones within CERTIFICATE_SWEEP_S.
    """
    files = core.tls
    write_atomically(files.root, authority.root_pem.encode())
    write_atomically(files.gateways, authority.gateways_pem.encode())
    hosts = [f"{role}.{core.settings.domain}" for role in HOST_ROLES]
    if core.settings.server_certificate is None and not _still_serves(
        files.server_certificate, files.server_key, authority.root_pem, hosts
    ):
        _write(authority.issue_own("gateway", hosts), files.server_certificate, files.server_key)
    if not _still_serves(
        files.client_certificate, files.client_key, authority.gateways_pem, [GATEWAY_URI]
    ):
        _write(authority.issue_gateway(), files.client_certificate, files.client_key)


def _write(issued: KeyAndCertificate, certificate: Path, key: Path) -> None:
    write_atomically(key, issued.key_pem.encode())
    write_atomically(certificate, issued.certificate.pem.encode())


def _still_serves(path: Path, key: Path, issuer_pem: str, names: list[str]) -> bool:
    """Whether a certificate and its key are there, of this issuer, for these names, for a while."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(issuer_pem.encode()))
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        named = [str(each.value) for each in extension.value]
    except Exception:  # any fault of the file is corrected by a new certificate
        return False
    lasting = certificate.not_valid_after_utc - datetime.now(UTC) > _RENEW_BEFORE
    return key.exists() and lasting and named == names
