"""A refusal of the gateway's own as a page, since people in browsers must not be shown JSON.

It stands alone, since the server of style sheets may be away, and says its words in both languages,
since only the portal knows which one was chosen.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from typing import Final

from weir.kernel.outcomes import Refusal, Retry
from weir.wire.message import Field

READ_BY_PEOPLE: Final = ("portal", "auth")  # the hosts whose answers browsers show
_STYLE: Final = (
    ":root{color-scheme:light dark;background:light-dark(#fdfcf9,#0f1716);"
    "color:light-dark(#16211f,#e6ece9);font:1rem/1.6 system-ui,'PingFang SC','Microsoft YaHei',"
    "'Noto Sans SC',sans-serif}main{max-width:36rem;margin:12vh auto;padding:0 1rem}"
    "h1{font-size:1.5rem;line-height:1.3}section+section{margin-top:2.5rem}"
    "code{overflow-wrap:anywhere}"
)
_POLICY: Final = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)
_WHAT_NOW: Final = {
    True: (
        "Nothing was changed. Wait a moment, then load this page again.",
        "未做任何更改。请稍候，再重新加载本页。",
    ),
    False: ("Nothing was changed. Go back to where you were.", "未做任何更改。请返回上一页。"),
}


def wants_page(role: str, fields: Iterable[Field]) -> bool:
    """Whether a person is to read the answer: a browser asked for a page, from a host of pages."""
    return role in READ_BY_PEOPLE and any(
        name == b"accept" and b"text/html" in value.lower() for name, value in fields
    )


def lines(refusal: Refusal, interaction_id: bytes) -> bytes:
    """Return the field lines of the page."""
    written = (
        "content-type: text/html; charset=utf-8\r\ncache-control: no-store\r\n"
        "referrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\n"
        f"content-security-policy: {_POLICY}\r\n"
    )
    wait_s = refusal.public.get("retry_after_s")
    later = b"" if wait_s is None else b"retry-after: %d\r\n" % int(wait_s)
    return written.encode() + b"x-fapi-interaction-id: %b\r\n" % interaction_id + later


def body(refusal: Refusal, interaction_id: bytes) -> bytes:
    """Return the page: what happened, what became of the request, and what to do."""
    outcome = refusal.outcome
    english, chinese = _WHAT_NOW[outcome.retry is Retry.LATER]
    reference = f"<p><code>{outcome.code} · {escape(interaction_id.decode())}</code></p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(outcome.en)} · weir</title><style>{_STYLE}</style></head><body><main>"
        f"<section><h1>{escape(outcome.en)}</h1><p>{english}</p></section>"
        f'<section lang="zh-Hans"><h2>{escape(outcome.zh)}</h2><p>{chinese}</p></section>'
        f"{reference}</main></body></html>"
    ).encode()
