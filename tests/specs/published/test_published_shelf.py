"""Real documents of open-banking authorities, on a running platform: imported by a member, put on
the shelf whole, subscribed to, and every operation called through a gateway.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from echo_member import ECHO, EchoMember
from keep_alive import Connection
from platform_world import World
from published_folder import published_documents

from weir.client.management.requests import collect
from weir.openapi.operations import ImportedDocument, ImportedOperation, import_document
from weir.openapi.reader import read_document
from weir.openapi.regeneration import normalise
from weir_demo import parties

pytestmark = pytest.mark.xdist_group("platform")

DOCUMENTS = published_documents()


@dataclass(frozen=True, slots=True)
class Published:
    """A document as its authority published it, and what the importer reads in it."""

    slug: str
    raw: bytes
    read: ImportedDocument


@pytest.fixture(params=DOCUMENTS, ids=lambda path: path.name)
def document(request: pytest.FixtureRequest) -> Published:
    path: Path = request.param
    raw = path.read_bytes()
    return Published(path.stem.replace(".", "-"), raw, import_document(raw))


def concrete(operation: ImportedOperation) -> str:
    """The operation's path with a value of its own in each place."""
    pieces = operation.path.split("/")
    filled = [f"v-{n}" if piece.startswith("{") else piece for n, piece in enumerate(pieces)]
    return "/".join(filled)


async def shelved(platform: World, echo: EchoMember, document: Published) -> dict[str, Any]:
    """The product with every operation of a document, imported and published by the member."""
    if ECHO.slug not in platform.stage.members:
        await parties.admit_member(platform.stage, echo.running())
    member = platform.stage.members[ECHO.slug]
    management = member.management
    made = await management.documents.import_document(document.slug, echo.url, document.raw)
    stored = await management.documents.openapi(made["document"]["id"])
    source = normalise(read_document(document.raw))
    assert json.dumps(normalise(stored)) == json.dumps(source)
    capabilities = await collect(management.capabilities.list(made["document"]["id"]))
    assert len(capabilities) == made["operations"] == len(document.read.operations)
    drafted = await management.products.draft(
        slug=document.slug,
        title_en=document.slug,
        title_zh="公开文档",
        sandbox=True,
        capabilities=[each["id"] for each in capabilities],
    )
    published: dict[str, Any] = await management.products.publish(drafted["id"])
    member.products[document.slug] = published
    return published


async def test_every_operation_of_a_document_is_called_through_every_gateway(
    platform: World, echo: EchoMember, document: Published
) -> None:
    product = await shelved(platform, echo, document)
    scope = f"{ECHO.slug}.{document.slug}"
    assert product["scope"] == scope
    caller = await platform.partner(f"reader-of-{document.slug}", scope)
    token = await platform.token(caller, scope)
    everywhere = await platform.connect_everywhere(caller)
    assert len(document.read.operations) > 0
    for connection in everywhere.values():
        for operation in document.read.operations:
            await _call(connection, echo, product, document.read.base_path, operation, token)
        connection.close()


async def _call(
    connection: Connection,
    echo: EchoMember,
    product: dict[str, Any],
    base_path: str,
    operation: ImportedOperation,
    token: str,
) -> None:
    """The member was asked for exactly this operation, once, at its own address."""
    target = concrete(operation)
    echo.asked.clear()
    body = b"{}" if operation.method in ("POST", "PUT", "PATCH") else None
    heard = await connection.call(operation.method, product["prefix"] + target, token, body=body)
    assert heard.status == 200, (operation.operation_id, heard)
    assert echo.asked == [(operation.method, base_path + target)]
    assert heard.json() == {"method": operation.method, "path": base_path + target}
