"""Base path of a document's operations, from its servers, without a last slash."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from weir.openapi.declares import DOCUMENT_NAME_CHARACTERS
from weir.openapi.path_templates import parameter_names, path_fault
from weir.openapi.refusals import invalid

_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")


def base_path_20(document: dict[str, Any]) -> str:
    """Return `basePath` of OpenAPI 2.0: it must begin with a slash; absent, it is empty."""
    return _checked(document.get("basePath", "/"), "/basePath")


def base_path_3(servers: list[dict[str, Any]], pointer: str) -> str:
    """Return the path of the first server's address, its variables at their defaults.

    No servers mean the address `/` (OpenAPI 3.0.3 section 4.7.1.1). DOCUMENT_INVALID for an address
    that is neither absolute nor begins with a slash, since it would depend on the document's own
    address.
    """
    if not servers:
        return ""
    at = f"{pointer}/0/url"
    url = _substituted(servers[0], at)
    if url.startswith("/") and not url.startswith("//"):
        return _checked(url, at)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise invalid(at, "The server's address cannot be read.") from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise invalid(at, "A server's address must begin with https://, http:// or a slash.")
    if parts.query or parts.fragment:
        raise invalid(at, "A server's address has no query and no fragment.")
    return _checked(parts.path or "/", at)


def _substituted(server: dict[str, Any], at: str) -> str:
    variables = server.get("variables", {})
    url: str = server["url"]
    if len(url) > DOCUMENT_NAME_CHARACTERS:
        raise invalid(at, f"It has more than {DOCUMENT_NAME_CHARACTERS} characters.")

    def default_of(found: re.Match[str]) -> str:
        if found[1] not in variables:
            raise invalid(at, "A variable of the server's address is not declared.")
        default: str = variables[found[1]]["default"]
        return default[: DOCUMENT_NAME_CHARACTERS + 1]

    return _VARIABLE.sub(default_of, url)


def _checked(path: str, at: str) -> str:
    why = path_fault(path)
    if why or parameter_names(path):
        raise invalid(at, why or "A base path has no parameters.")
    return path.rstrip("/")
