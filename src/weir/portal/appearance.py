"""The choice of a light, a dark or the system's theme; it needs no script."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from weir.authorization.front.http import set_host_cookie
from weir.kernel import inputs
from weir.portal.renderer import Portal, redirect
from weir.portal.visitor import THEME_COOKIE, THEMES, Visitor, local_path, read_form

_YEAR_S: Final = 365 * 86_400


async def choose(_: Portal, request: Request, visitor: Visitor) -> Response:
    """Keep the chosen theme in a cookie for a year and return to the page it was chosen on.
    INVALID_INPUT for a theme that is none of THEMES.
    """
    fields = await read_form(request, visitor, "theme")
    theme = inputs.choice(fields.get("theme", ""), THEMES, "/theme")
    response = redirect(local_path(fields.get("next"), "/"))
    set_host_cookie(response, THEME_COOKIE, theme, _YEAR_S)
    return response
