"""Forms of the rooms: ordinary ones, and those that carry one file."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from weir.kernel import limits
from weir.kernel.outcomes import BODY_TOO_LARGE, INVALID_INPUT, Refusal
from weir.portal.visitor import Visitor, read_form, require_form_token

_MULTIPART: Final = "multipart/form-data"
_FIELDS: Final = 40


async def read_fields(
    request: Request, visitor: Visitor, form: str
) -> tuple[dict[str, str], Refusal | None]:
    """A form's fields; a file that came with it is text under its field's name. Beside them what is
    wrong with the file, which is then left out, so that nothing else that was typed is lost.

    PAGE_EXPIRED unless it was made for this browser and purpose; BODY_TOO_LARGE.
    """
    if not request.headers.get("content-type", "").startswith(_MULTIPART):
        return await read_form(request, visitor, form, lines=True), None
    if int(request.headers.get("content-length") or 0) > limits.CONTROL_BODY_BYTES:
        raise Refusal(BODY_TOO_LARGE, "a form with a file")
    try:
        parts = await request.form(
            max_files=1, max_fields=_FIELDS, max_part_size=limits.DOCUMENT_BYTES
        )
    except HTTPException as error:
        raise Refusal(BODY_TOO_LARGE, str(error.detail)) from error
    fields: dict[str, str] = {}
    fault: Refusal | None = None
    for name, value in parts.multi_items():
        try:
            text = await _text(value) if isinstance(value, UploadFile) else value
        except Refusal as refusal:
            text, fault = "", refusal
        if text or name not in fields:
            fields[name] = text
    require_form_token(fields.get("form_token", ""), visitor, form)
    return fields, fault


async def _text(file: UploadFile) -> str:
    raw = await file.read(limits.DOCUMENT_BYTES + 1)
    if len(raw) > limits.DOCUMENT_BYTES:
        raise Refusal(BODY_TOO_LARGE, "the file")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        why, why_zh = "must be text in UTF-8", "须为 UTF-8 文本"
        raise Refusal(INVALID_INPUT, pointer="/source", why=why, why_zh=why_zh) from error
