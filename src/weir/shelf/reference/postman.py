"""A product as a Postman collection (format v2.1.0): a request for each of its operations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from weir.shelf.capabilities import Capability
from weir.shelf.products import Product
from weir.shelf.reference.samples import Call

_SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def collection(product: Product, calls: Iterable[tuple[Capability, Call]]) -> dict[str, Any]:
    """The collection. The token is the variable `token`; Postman holds the client certificate."""
    return {
        "info": {
            "name": f"{product.title_en} {product.title_zh} v{product.version}",
            "description": product.description or product.description_zh,
            "schema": _SCHEMA,
        },
        "auth": {
            "type": "bearer",
            "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}],
        },
        "variable": [{"key": "token", "value": ""}],
        "item": [_item(capability, call) for capability, call in calls],
    }


def _item(capability: Capability, call: Call) -> dict[str, Any]:
    parts = urlsplit(call.url)
    address: dict[str, Any] = {
        "raw": call.url,
        "protocol": parts.scheme,
        "host": [parts.netloc],
        "path": parts.path.lstrip("/").split("/"),
    }
    if parts.query:
        pairs = [pair.partition("=") for pair in parts.query.split("&")]
        address["query"] = [{"key": name, "value": value} for name, _, value in pairs]
    request: dict[str, Any] = {
        "method": call.method,
        "header": [{"key": name, "value": value} for name, value in call.sent.items()],
        "url": address,
    }
    if call.body is not None:
        request["body"] = {
            "mode": "raw",
            "raw": call.text,
            "options": {"raw": {"language": "json"}},
        }
    return {"name": capability.summary or capability.operation_id, "request": request}
