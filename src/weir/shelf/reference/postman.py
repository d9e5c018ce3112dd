"""A product as a Postman collection (format v2.1.0): a request for each of its operations.

The address and the token are variables of the collection, parts of a path are the request's own
variables, and optional parameters are in each request, switched off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from weir.kernel.declares import PROSE_CHARACTERS
from weir.openapi.bodies import is_json
from weir.shelf.capabilities import Capability
from weir.shelf.products import Product
from weir.shelf.reference.operations import OperationDescription, Parameter
from weir.shelf.reference.samples import json_text

_SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_HOW: Final = """\
Set the variable `token` to an access token with the scope `{scope}`. Tokens are bound to your \
client certificate: add it in Postman under Settings, Certificates, for the host of `baseUrl`, and \
the alliance's authority as a CA certificate."""
_ADDRESS: Final = "{{baseUrl}}"
_VARIABLE: Final = re.compile(r"\{([^{}/]+)\}")


def collection(
    product: Product, api_origin: str, operations: Iterable[tuple[Capability, OperationDescription]]
) -> dict[str, Any]:
    """Return the collection. Its variables are `baseUrl` and `token`; Postman holds the
    certificate.
    """
    said = product.description or product.description_zh
    how = _HOW.format(scope=product.scope)
    return {
        "info": {
            "name": f"{product.title_en} {product.title_zh} v{product.version}",
            "description": f"{said}\n\n{how}" if said else how,
            "schema": _SCHEMA,
        },
        "auth": {
            "type": "bearer",
            "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}],
        },
        "variable": [
            {"key": "baseUrl", "value": f"{api_origin}{product.prefix}", "type": "string"},
            {"key": "token", "value": "", "type": "string"},
        ],
        "item": [_item(capability, described) for capability, described in operations],
    }


def _item(capability: Capability, described: OperationDescription) -> dict[str, Any]:
    by_place: dict[str, list[Parameter]] = {"path": [], "query": [], "header": []}
    for each in described.parameters:
        by_place.get(each.where, []).append(each)
    body = next((each for each in described.bodies if is_json(each.media)), None)
    typed = [] if body is None else [{"key": "content-type", "value": body.media}]
    request: dict[str, Any] = {
        "method": capability.method,
        "description": described.description[:PROSE_CHARACTERS],
        "header": [*map(_written, by_place["header"]), *typed],
        "url": _url(capability.path, by_place["path"], by_place["query"]),
    }
    if body is not None:
        language = {"raw": {"language": "json"}}
        request["body"] = {"mode": "raw", "raw": json_text(body.example), "options": language}
    return {"name": capability.summary or capability.operation_id, "request": request}


def _url(path: str, within: list[Parameter], query: list[Parameter]) -> dict[str, Any]:
    """Return the address in Postman's form.

    Postman knows variables of whole segments (`:id`); in other segments the example is filled in.
    """
    examples = {each.node.name: each.example for each in within}
    whole, segments = set(), []
    for segment in path.lstrip("/").split("/"):
        name = _VARIABLE.fullmatch(segment)
        if name:
            whole.add(name[1])
            segments.append(f":{name[1]}")
        else:
            segments.append(_VARIABLE.sub(lambda m: examples.get(m[1], m[0]), segment))
    asked = [_written(each) for each in query]
    sent = "&".join(f"{each['key']}={each['value']}" for each in asked if "disabled" not in each)
    return {
        "raw": "/".join([_ADDRESS, *segments]) + (f"?{sent}" if sent else ""),
        "host": [_ADDRESS],
        "path": segments,
        "query": asked,
        "variable": [_written(each) for each in within if each.node.name in whole],
    }


def _written(parameter: Parameter) -> dict[str, Any]:
    node = parameter.node
    off = {} if node.required or parameter.where == "path" else {"disabled": True}
    told = {"description": node.description} if node.description else {}
    return {"key": node.name, "value": parameter.example, **told, **off}
