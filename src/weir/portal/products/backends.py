"""Backends: where an organisation's services are reached, and what their tests found."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place
from weir.portal.renderer import redirect


async def show_list(desk: Desk) -> Response:
    """List the organisation's services, each with the result of its last test."""
    found = (await desk.management.get("/v1/backends"))["items"]
    return desk.page("products/backends.html", backends=[_dated(each) for each in found])


async def show_new(desk: Desk) -> Response:
    """Show the form of a new service; `url` in the address fills in its first field."""
    return desk.page("products/backend_new.html", url=desk.request.query_params.get("url", ""))


async def register(desk: Desk) -> Response:
    """Register the service, which tests it, and go on to what was found."""
    given = _reach(desk.fields) | {"url": desk.fields.get("url", "").strip()}
    made = await desk.management.post("/v1/backends", given, desk.form_key)
    return redirect(f"/desk/backends/{made['backend']['id']}")


async def show(desk: Desk) -> Response:
    """Show one service: its last test, its endpoints, and the forms that change and remove it."""
    found = await desk.management.get(f"/v1/backends/{place(desk.named('backend'))}")
    return desk.page("products/backend.html", backend=_dated(found))


async def act(desk: Desk) -> Response:
    """Test, change or remove the service."""
    own = f"/desk/backends/{desk.named('backend')}"
    path = f"/v1/backends/{place(desk.named('backend'))}"
    match desk.fields.get("act"):
        case "test":
            await desk.management.post(f"{path}/test")
        case "change":
            await desk.management.put(path, _reach(desk.fields))
        case "remove":
            await desk.management.post(f"{path}/remove", key=desk.form_key)
            return redirect("/desk/backends")
    return redirect(own)


def _reach(fields: dict[str, str]) -> Document:
    """Return the endpoints, authority and health check that a form gives."""
    return {
        "endpoints": fields.get("endpoints", "").split(),
        "authority": fields.get("authority", "").strip() or None,
        "health_path": fields.get("health_path", "").strip() or None,
        "signs_each_call": bool(fields.get("signs_each_call")),
    }


def _dated(backend: Document) -> Document:
    """Return a backend with its times as datetimes."""
    times = {name: backend[name] for name in ("changed_at", "tested_at")}
    return backend | {name: at and datetime.fromisoformat(at) for name, at in times.items()}
