"""The platform's health, and certificates that end soon."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.portal.desk.desk import Desk


async def show(desk: Desk) -> Response:
    """Show every process, and how many changes it is behind the change log."""
    health = await desk.management.get("/v1/health")
    for each in health["processes"]:
        each["started_at"] = datetime.fromisoformat(each["started_at"])
        each["lease_until"] = datetime.fromisoformat(each["lease_until"])
    return desk.page("desk/health.html", health=health)


async def show_certificates(desk: Desk) -> Response:
    """Show certificates within reach that end within ninety days, soonest first."""
    found = (await desk.management.get("/v1/expiring-certificates", days="90"))["items"]
    for each in found:
        each["not_after"] = datetime.fromisoformat(each["not_after"])
    return desk.page("desk/certificates.html", certificates=found)
