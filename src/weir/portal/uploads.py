"""Forms of the desk: ordinary forms, and forms that carry one file."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from weir.kernel.declares import CONTROL_BODY_BYTES, INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.openapi.declares import DOCUMENT_BYTES
from weir.portal.visitor import read_typed
from weir.wire.declares import BODY_TOO_LARGE

_MULTIPART: Final = "multipart/form-data"
_FIELDS: Final = 40
_FILE: Final = "_file"


async def read_fields(request: Request) -> tuple[dict[str, str], Refusal | None]:
    """Return a form's fields, and the refusal of a file that was left out, or None.

    A file chosen in the field `NAME_file` stands for the text of `NAME`. A refused file does not
    lose what else was typed. BODY_TOO_LARGE. The caller checks the form token.
    """
    if not request.headers.get("content-type", "").startswith(_MULTIPART):
        return await read_typed(request, lines=True), None
    if int(request.headers.get("content-length") or 0) > CONTROL_BODY_BYTES:
        raise Refusal(BODY_TOO_LARGE, "a form with a file")
    try:
        parts = await request.form(max_files=1, max_fields=_FIELDS, max_part_size=DOCUMENT_BYTES)
    except HTTPException as error:
        raise Refusal(BODY_TOO_LARGE, str(error.detail)) from error
    fields: dict[str, str] = {}
    chosen: dict[str, str] = {}
    fault: Refusal | None = None
    for name, value in parts.multi_items():
        if isinstance(value, str):
            fields[name] = value
            continue
        try:
            chosen[name.removesuffix(_FILE)] = await _text(value, name)
        except Refusal as refusal:
            fault = refusal
    return fields | {name: text for name, text in chosen.items() if text}, fault


async def _text(file: UploadFile, name: str) -> str:
    raw = await file.read(DOCUMENT_BYTES + 1)
    place = f"/{name.removesuffix(_FILE)}"
    if len(raw) > DOCUMENT_BYTES:
        most = DOCUMENT_BYTES // 1024**2
        why, why_zh = f"the file has more than {most} MB", f"文件超过 {most} MB"
        raise Refusal(BODY_TOO_LARGE, "the file", pointer=place, why=why, why_zh=why_zh)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        why, why_zh = "must be text in UTF-8", "须为 UTF-8 文本"
        raise Refusal(INVALID_INPUT, pointer=place, why=why, why_zh=why_zh) from error
