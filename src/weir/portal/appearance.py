"""Light, dark, or as the system has it: a choice that needs no script."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from weir.authorization.front.http import set_host_cookie
from weir.kernel import inputs
from weir.portal.renderer import Portal, go
from weir.portal.visitor import THEME_COOKIE, THEMES, Visitor, local_path, read_form

_YEAR_S: Final = 365 * 86_400


async def choose(_: Portal, request: Request, visitor: Visitor) -> Response:
    """Keep the choice in this browser and go back to where it was made."""
    fields = await read_form(request, visitor, "theme")
    theme = inputs.choice(fields.get("theme", ""), THEMES, "/theme")
    response = go(local_path(fields.get("next"), "/"))
    set_host_cookie(response, THEME_COOKIE, theme, _YEAR_S)
    return response
