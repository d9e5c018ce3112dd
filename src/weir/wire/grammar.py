"""Grammars of the parts of an HTTP message, each pattern beside its ABNF.

Every match is total. llhttp has read the message before these patterns see its parts; they close
what it leaves open, so that gateway and member can never read one message in two ways.
"""

from __future__ import annotations

import re
from typing import Final

# token = 1*tchar                                                      (RFC 9110 section 5.6.2)
TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


# origin-form = absolute-path [ "?" query ]                            (RFC 9112 section 3.2.1)
# absolute-path = 1*( "/" segment ), segment = *pchar, query = *( pchar / "/" / "?" )
# pchar = unreserved / pct-encoded / sub-delims / ":" / "@"            (RFC 3986 section 3.3)
# As a class of characters, deleted in one pass; what is left over is not allowed in a target.
_TARGET_CHARACTERS: Final = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/?%"
)
# Percent signs are rare; when there is one, each must begin a pct-encoded.
_PERCENT: Final = re.compile(rb"[^%]*(?:%[0-9A-Fa-f]{2}[^%]*)*")

# absolute-form = absolute-URI                                         (RFC 9112 section 3.2.2)
ABSOLUTE_FORM: Final = re.compile(rb"https://(?P<authority>[^/?#@]+)(?P<rest>/[^#]*)")

# Host = uri-host [ ":" port ], a registered name or an IPv4 address   (RFC 9110 section 7.2)
HOST: Final = re.compile(rb"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))(?::[0-9]{1,5})?")

# UUID = 8HEX "-" 4HEX "-" 4HEX "-" 4HEX "-" 12HEX                     (RFC 4122 section 3)
UUID: Final = re.compile(
    rb"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
)

# media-type for JSON: application/json or a structured suffix, UTF-8 or nothing said.
JSON_TYPE: Final = re.compile(
    rb"application/(?:[A-Za-z0-9!#$&^_.\-]+\+)?json"
    rb"(?:[ \t]*;[ \t]*charset=(?:utf-8|\"utf-8\"))?",
    re.IGNORECASE,
)

# connection-option values that mean something here                    (RFC 9110 section 7.6.1)
CONNECTION_OPTIONS: Final = frozenset({b"close", b"keep-alive", b"te"})


def is_target(target: bytes) -> bool:
    """Whether `target` is an origin-form whose every percent sign begins a pct-encoded."""
    return (
        target.startswith(b"/")
        and not target.translate(None, _TARGET_CHARACTERS)
        and (b"%" not in target or _PERCENT.fullmatch(target) is not None)
    )


def host_name(host: bytes) -> bytes | None:
    """Return the name of a Host field in lower case, without its port; None when malformed."""
    found = HOST.fullmatch(host)
    return None if found is None else found["name"].lower()
