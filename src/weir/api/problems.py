"""Refusals on the wire: RFC 9457 problem+json for every request that is refused or fails."""

from __future__ import annotations

from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from weir.kernel import inputs
from weir.kernel.declares import NOT_FOUND, PLATFORM_ERROR, UNSUPPORTED_MEDIA_TYPE
from weir.kernel.outcomes import Outcome, Refusal
from weir.keys import challenges
from weir.wire.declares import BODY_TOO_LARGE, METHOD_NOT_ALLOWED

_log = structlog.get_logger("weir.api")

# What the framework refuses by itself, in our words. Anything else it refuses is INVALID_INPUT.
_BY_STATUS: Final[dict[int, Outcome]] = {
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    413: BODY_TOO_LARGE,
    415: UNSUPPORTED_MEDIA_TYPE,
}

# What a value's fault is called, by Pydantic's error type.
_FAULTS: Final[dict[str, tuple[str, str]]] = {
    "missing": ("is missing", "缺少此项"),
    "extra_forbidden": ("is not known here", "不是可识别的字段"),
    "model_attributes_type": (
        "must be a JSON object, sent as application/json",
        "须为 JSON 对象，并以 application/json 发送",
    ),
    "string_type": ("must be text", "须为文本"),
    "int_type": ("must be a whole number", "须为整数"),
    "bool_type": ("must be true or false", "须为 true 或 false"),
    "list_type": ("must be a list", "须为列表"),
    "dict_type": ("must be a JSON object", "须为 JSON 对象"),
    "string_too_long": ("is too long", "过长"),
    "string_too_short": ("is too short", "过短"),
    "too_long": ("has too many entries", "条目过多"),
    "too_short": ("has too few entries", "条目过少"),
}
_OTHER_FAULT: Final = ("is not in its required form", "格式不正确")


def install(app: FastAPI) -> None:
    """Register the handlers that answer every refusal and failure of `app` in one form."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _failed)


def answer(refusal: Refusal, request: Request) -> Response:
    """Return a refusal's problem+json answer to a request."""
    outcome = refusal.outcome
    headers = {"cache-control": "no-store"}
    challenge = challenges.of_refusal(refusal)
    if challenge is not None:
        headers["www-authenticate"] = challenge
    if refusal.wait_s is not None:
        headers["retry-after"] = str(refusal.wait_s)
    return JSONResponse(
        refusal.problem(request.headers.get("weir-interaction-id")),
        outcome.status,
        headers=headers,
        media_type="application/problem+json",
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    _log.info("refused", code=error.outcome.code, detail=error.detail)
    return answer(error, request)


async def _invalid(request: Request, error: Exception) -> Response:
    """Answer with the first fault of a body or parameter.

    The framework's own words would echo input, so ours stand in their place.
    """
    assert isinstance(error, RequestValidationError)
    fault: dict[str, Any] = dict(error.errors()[0])
    place, *steps = fault["loc"]
    pointer = "".join(f"/{_token(step)}" for step in steps)
    why, why_zh = _FAULTS.get(fault["type"], _OTHER_FAULT)
    if fault["type"] == "extra_forbidden":
        pointer = pointer.rpartition("/")[0]  # the name is the caller's own, so it is not repeated
        why, why_zh = "holds a field that is not known here", "含有不可识别的字段"
    shown = pointer if place == "body" else f"{place}:{pointer.removeprefix('/')}"
    return await _refused(request, inputs.wrong(shown, why, why_zh))


def _token(step: Any) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    outcome = _BY_STATUS.get(error.status_code)
    if outcome is None:
        refusal = inputs.wrong("", "must be JSON that reads only one way", "须为无歧义的 JSON")
        return await _refused(request, refusal)
    response = answer(Refusal(outcome, str(error.detail)), request)
    if error.headers and "Allow" in error.headers:
        response.headers["allow"] = error.headers["Allow"]
    return response


async def _failed(request: Request, error: Exception) -> Response:
    """Answer a fault of ours with PLATFORM_ERROR; only the log has its cause."""
    _log.error("failed", exc_info=error)
    return answer(Refusal(PLATFORM_ERROR), request)
