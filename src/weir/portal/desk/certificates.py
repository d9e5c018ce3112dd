"""An application's certificates, read from the management API for pages."""

from __future__ import annotations

from datetime import datetime

from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place


async def of_application(desk: Desk, application: str) -> list[Document]:
    """Return every certificate the application ever had, as the management API has it.

    `issued_at`, `not_after` and `revoked_at` become datetimes, so that a page can show them in its
    zone; `state` is added: valid, revoked or expired now.
    """
    issued = await desk.management.get(f"/v1/applications/{place(application)}/certificates")
    now = desk.portal.database.clock.now()
    return [_read(each, now) for each in issued["items"]]


async def valid_of(desk: Desk, application: str) -> list[Document]:
    """Return the certificates the application can call with now."""
    issued = await of_application(desk, application)
    return [each for each in issued if each["state"] == "valid"]


def _read(certificate: Document, now: datetime) -> Document:
    """Return the certificate with its times as datetimes and its present `state`."""
    moments = ("issued_at", "not_after", "revoked_at")
    read: Document = {
        name: datetime.fromisoformat(certificate[name]) if certificate[name] else None
        for name in moments
    }
    ended = "expired" if read["not_after"] <= now else "valid"
    return certificate | read | {"state": "revoked" if read["revoked_at"] else ended}
