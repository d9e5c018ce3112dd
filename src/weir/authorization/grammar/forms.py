"""Strict reading of parameters: a form that two readers could understand differently is refused.

A parameter given twice is refused (RFC 6749 section 3.1); one without a value counts as omitted.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import unquote_plus

from weir.authorization.declares import AUTHORIZATION_PARAMETERS, OAUTH_INVALID_REQUEST
from weir.consent.declares import AUTHORIZATION_FORM_BYTES
from weir.kernel.declares import UNSUPPORTED_MEDIA_TYPE
from weir.kernel.outcomes import Refusal
from weir.wire.declares import BODY_TOO_LARGE, REQUEST_TIMEOUT

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# application/x-www-form-urlencoded in ASCII, every percent sign with its two digits.
_ENCODED = re.compile(r"[!-$&-~]*(?:%[0-9A-Fa-f]{2}[!-$&-~]*)*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LINE_ENDS: Final = "\r\n\t"
_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"


def parse(
    raw: bytes, at_most: int = AUTHORIZATION_PARAMETERS, *, lines: bool = False
) -> dict[str, str]:
    """Return the parameters of a form body or a query.

    With `lines` a value may have several, as people type them into a page. Refusals
    OAUTH_INVALID_REQUEST, which says what is wrong, and BODY_TOO_LARGE.
    """
    if len(raw) > AUTHORIZATION_FORM_BYTES:
        raise Refusal(BODY_TOO_LARGE)
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise _wrong("is not percent-encoded ASCII") from error
    if _ENCODED.fullmatch(text) is None:
        raise _wrong("is not percent-encoded ASCII")
    pairs = text.split("&") if text else []
    if len(pairs) > at_most:
        raise _wrong("has too many parameters")
    return _unique([_pair(pair, _LINE_ENDS if lines else "") for pair in pairs])


async def read_body(content_type: str, receive: Receive) -> bytes:
    """Return the body of an ASGI request, if it is a form of acceptable length.

    Refusals UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE and REQUEST_TIMEOUT.
    """
    media_type, _, parameter = content_type.partition(";")
    charset = parameter.strip().lower()
    if media_type.strip().lower() != _MEDIA_TYPE or charset not in ("", "charset=utf-8"):
        raise Refusal(UNSUPPORTED_MEDIA_TYPE, "not a form")
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Refusal(REQUEST_TIMEOUT, "the caller has gone")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > AUTHORIZATION_FORM_BYTES:
            raise Refusal(BODY_TOO_LARGE)
    return body


def _unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise _wrong("repeats a parameter")
    return {name: value for name, value in pairs if value}


def _pair(pair: str, besides: str) -> tuple[str, str]:
    """Return name and value, decoded. OAUTH_INVALID_REQUEST."""
    name, equals, value = pair.partition("=")
    if not name or not equals:
        raise _wrong("holds something that is not name=value")
    return _decode(name, ""), _decode(value, besides)


def _decode(text: str, besides: str) -> str:
    """Decode a text; of control characters it may hold only ones in `besides`."""
    if "%" not in text and "+" not in text:  # printable ASCII that stands for itself
        return text
    try:
        plain = unquote_plus(text, encoding="utf-8", errors="strict")
    except UnicodeDecodeError as error:
        raise _wrong("is not UTF-8") from error
    if not set(_CONTROL.findall(plain)).issubset(besides):
        raise _wrong("holds a control character")
    return plain


def _wrong(reason: str) -> Refusal:
    return Refusal(OAUTH_INVALID_REQUEST, f"form {reason}", why=f"the form {reason}")
