"""Path templates (OpenAPI 3.0.3 section 4.7.8): text and `{name}` between slashes.

A path that two readers could take for different addresses is refused: no empty or dot segments
inside, no query, no fragment, nothing that RFC 3986 wants percent-encoded.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from weir.openapi.declares import DOCUMENT_NAME_CHARACTERS

# RFC 3986 section 3.3: pchar; then any run of literals and {names}
_LITERAL: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_NAME: Final = r"\{([^{}/?#\s\x00-\x1f\x7f]+)\}"
_SEGMENT: Final = re.compile(rf"(?:{_LITERAL}|{_NAME})*")
_NAMES: Final = re.compile(_NAME)


def path_fault(path: str) -> str:
    """Return the fault of `path` as a path template, as a sentence; '' when it is one."""
    if not path.startswith("/"):
        return "A path must begin with a slash."
    if len(path) > DOCUMENT_NAME_CHARACTERS:
        return f"A path has more than {DOCUMENT_NAME_CHARACTERS} characters."
    segments = path[1:].split("/")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        return "A path may hold only what RFC 3986 allows in a path, and {names}."
    if "" in segments[:-1]:
        return "A path has an empty segment."
    if any(unquote(segment) in (".", "..") for segment in segments):
        return "A path has a segment of dots only."
    names = parameter_names(path)
    if len(set(names)) != len(names):
        return "A path names a parameter twice."
    return ""


def parameter_names(path: str) -> list[str]:
    """Return the names in braces, in order."""
    return _NAMES.findall(path)


def shape(path: str) -> str:
    """Return the path without its parameters' names; one shape matches the same addresses."""
    return _NAMES.sub("{}", path)
