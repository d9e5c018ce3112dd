"""The page behind every refusal's code: its sentence in both languages, causes and remedies."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from weir.authorization.remedies import CAUSES
from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.kernel.rooms import refusals
from weir.portal.renderer import Portal, render
from weir.portal.visitor import Visitor


async def show(_: Portal, request: Request, visitor: Visitor) -> Response:
    """Show `/errors/{code}`, where `error_uri` of an OAuth error points. NOT_FOUND else."""
    outcome = refusals().get(request.path_params["code"])
    if outcome is None:
        raise Refusal(NOT_FOUND, "no such refusal")
    causes = CAUSES.get(outcome, ())
    return render(request, visitor, "templates/error_code.html", outcome=outcome, causes=causes)


async def not_found(_: Portal, request: Request, __: Visitor) -> Response:
    """Raise NOT_FOUND for any other address."""
    raise Refusal(NOT_FOUND, request.url.path)
