"""Products: versioned bundles of an owner's capabilities.

A draft may change; a published version never does, so subscribers are served what they subscribed
to. A new version is a new row and a new address, and lives beside the old one until that is
retired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import (
    CONFLICT,
    ILLEGAL_STATE,
    MEMBER_ANSWER_TIMEOUT_S,
    NOT_FOUND,
    PAGE_ROWS,
)
from weir.kernel.outcomes import Refusal
from weir.shelf import backends, capabilities, documents, routes
from weir.shelf.declares import PRODUCT_CAPABILITIES, PRODUCTS
from weir.shelf.owners import Owner
from weir.shelf.published import PRODUCT, OperationDocument, ProductDocument
from weir.shelf.scenes import read_scenes
from weir.shelf.search import index
from weir.shelf.states import PRODUCT_MOVES, move
from weir.shelf.tables import product_capabilities, products
from weir.store.room import require_room
from weir.store.unit import Change, UnitOfWork

_MEMBER_TIMEOUT_MS = MEMBER_ANSWER_TIMEOUT_S * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A product's own texts: its description, its users, and the scenes it suits."""

    description: str = ""
    description_zh: str = ""
    suits_en: str = ""
    suits_zh: str = ""
    scenes: Sequence[str] = ()


SAYING_NOTHING: Final = Words()


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One version of a product as stored."""

    id: str
    owner: str
    owner_slug: str
    slug: str
    version: int
    direction: str
    title_en: str
    title_zh: str
    description: str
    description_zh: str
    suits_en: str
    suits_zh: str
    scenes: Sequence[str]
    signed_messages: bool
    sandbox: bool
    status: str
    drafted_at: datetime
    published_at: datetime | None
    retired_at: datetime | None

    @property
    def prefix(self) -> str:
        """The path under which the gateway serves the product."""
        return f"/{self.owner_slug}/{self.slug}/v{self.version}"

    @property
    def scope(self) -> str:
        """The OAuth scope that covers the product, in every version."""
        return f"{self.owner_slug}.{self.slug}"


async def draft(
    unit: UnitOfWork,
    owner: Owner,
    *,
    slug: str,
    direction: str,
    title_en: str,
    title_zh: str,
    words: Words = SAYING_NOTHING,
    signed_messages: bool = False,
    sandbox: bool = False,
    capability_ids: Sequence[str] = (),
) -> Product:
    """Draft the next version of an owner's product, the first one if there is none.

    With `signed_messages` it takes signed requests only, and its answers are signed (RFC 9421).
    With `sandbox` it is answered by model data, and organisations that are not admitted yet may
    take it. Refusals: INVALID_INPUT; FORBIDDEN when the owner's kind offers nothing in this
    direction; CONFLICT when there is a draft of it already, or two capabilities answer the same
    addresses.
    """
    owner.may_offer(inputs.choice(direction, {"go-out", "bring-in"}, "/direction"))
    version = await _next_version(unit.connection, owner, inputs.slug(slug, "/slug"))
    await require_room(unit, products, products.c.owner == owner.id, owner.id, "PRODUCTS", PRODUCTS)
    added = await unit.connection.execute(
        insert(products)
        .values(
            id=unit.mint("prd"),
            owner=owner.id,
            owner_slug=owner.slug,
            slug=slug,
            version=version,
            direction=direction,
            title_en=inputs.text(title_en, "/title_en"),
            title_zh=inputs.text(title_zh, "/title_zh"),
            **_checked(words),
            signed_messages=signed_messages,
            sandbox=sandbox,
            status="draft",
            drafted_at=unit.now,
        )
        .on_conflict_do_nothing()
        .returning(products)
    )
    row = added.one_or_none()
    if row is None:
        raise Refusal(CONFLICT, "another draft was begun at the same moment")
    product = _product(row)
    await _put_capabilities(unit, product, capability_ids)
    detail = {"slug": slug, "version": version, "capabilities": len(capability_ids)}
    unit.audit("product.drafted", product.id, detail, organisation=owner.id)
    return product


def _checked(words: Words) -> dict[str, Any]:
    """Check a product's texts and scenes; return them by column. INVALID_INPUT."""
    prose = ("description", "description_zh", "suits_en", "suits_zh")
    return {
        **{name: inputs.prose(getattr(words, name), f"/{name}") for name in prose},
        "scenes": read_scenes(words.scenes, "/scenes"),
    }


async def set_capabilities(
    unit: UnitOfWork, product_id: str, capability_ids: Sequence[str]
) -> Product:
    """Replace the capabilities of a draft. ILLEGAL_STATE when it is no draft."""
    product = await lock(unit.connection, product_id)
    _require_draft(product)
    await unit.connection.execute(
        delete(product_capabilities).where(product_capabilities.c.product == product.id)
    )
    await _put_capabilities(unit, product, capability_ids)
    detail = {"capabilities": len(capability_ids)}
    unit.audit("product.changed", product.id, detail, organisation=product.owner)
    return product


async def publish(unit: UnitOfWork, owner: Owner, product_id: str) -> Product:
    """Put an owner's draft on the shelf. From here on neither it nor its capabilities change.

    Refusals: PRODUCTION_NEEDED while the owner is in the sandbox,
    NOT_FOUND, ILLEGAL_STATE, INVALID_INPUT when it has no capability, CONFLICT when two
    capabilities answer the same addresses; of a product for production, BACKEND_NOT_REGISTERED when
    one of its services is not registered, BACKEND_NOT_GUARDED when one did not pass its test.
    """
    owner.may_publish()
    product = await lock(unit.connection, product_id)
    status = move(PRODUCT_MOVES, product.status, "publish")
    held = await capabilities_of(unit.connection, product.id)
    if not held:
        raise inputs.wrong("/capabilities", "must not be empty", "不得为空")
    _refuse_ambiguous(held)
    document = await _document(unit.connection, product, held)
    if not product.sandbox:
        urls = {each.backend_url for each in document.operations}
        await backends.require_guarded(unit.connection, product.owner, urls)
    await capabilities.publish(unit, [capability.id for capability in held])
    after = await _change(unit, product, "product.published", status, published_at=unit.now)
    unit.publish(Change(PRODUCT, after.id, document))
    await index.write(unit.connection, after)
    return after


async def retire(unit: UnitOfWork, product_id: str) -> Product:
    """Take a version off the shelf for good: the gateways stop serving it at once.

    `weir.shelf.subscriptions.end_all` ends its living subscriptions in the same unit.
    """
    product = await lock(unit.connection, product_id)
    status = move(PRODUCT_MOVES, product.status, "retire")
    after = await _change(unit, product, "product.retired", status, retired_at=unit.now)
    unit.publish(Change(PRODUCT, after.id, None))
    await index.remove(unit.connection, after.owner, after.slug)
    for newest in (await find_by_scope(unit.connection, after.scope))[:1]:
        await index.write(unit.connection, newest)
    return after


async def index_missing(connection: AsyncConnection) -> int:
    """Index up to PAGE_ROWS products that search does not know; return their number."""
    found = await index.list_missing(connection, PAGE_ROWS)
    for product_id in found:
        await index.write(connection, await get(connection, product_id))
    return len(found)


async def get(connection: AsyncConnection, product_id: str) -> Product:
    """Return the product version. NOT_FOUND."""
    found = await connection.execute(select(products).where(products.c.id == product_id))
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such product")
    return _product(row)


async def get_many(connection: AsyncConnection, product_ids: Sequence[str]) -> dict[str, Product]:
    """Return the product versions that exist, by their identifiers."""
    found = await connection.execute(select(products).where(products.c.id.in_(product_ids)))
    return {row.id: _product(row) for row in found}


async def find_by_scope(connection: AsyncConnection, scope: str) -> Sequence[Product]:
    """Return the published versions that a scope `<owner>.<product>` covers, newest first."""
    owner_slug, _, slug = scope.partition(".")
    rows = await connection.execute(
        select(products)
        .where(products.c.owner_slug == owner_slug, products.c.slug == slug)
        .where(products.c.status == "published")
        .order_by(products.c.version.desc())
    )
    return [_product(row) for row in rows]


async def list_shelf(
    connection: AsyncConnection, *, direction: str | None = None, after: str = ""
) -> Sequence[Product]:
    """Return up to PAGE_ROWS published product versions, oldest first, after `after`."""
    statement = select(products).where(products.c.status == "published", products.c.id > after)
    if direction is not None:
        statement = statement.where(products.c.direction == direction)
    rows = await connection.execute(statement.order_by(products.c.id).limit(PAGE_ROWS))
    return [_product(row) for row in rows]


async def list_owned(
    connection: AsyncConnection, owner: str, *, after: str = ""
) -> Sequence[Product]:
    """Return up to PAGE_ROWS of an owner's product versions in any state, oldest first."""
    rows = await connection.execute(
        select(products)
        .where(products.c.owner == owner, products.c.id > after)
        .order_by(products.c.id)
        .limit(PAGE_ROWS)
    )
    return [_product(row) for row in rows]


async def ids_of(connection: AsyncConnection, owner: str) -> frozenset[str]:
    """Return the identifiers of all of an owner's product versions."""
    found = await connection.execute(select(products.c.id).where(products.c.owner == owner))
    return frozenset(found.scalars())


async def capabilities_of(
    connection: AsyncConnection, product_id: str
) -> list[capabilities.Capability]:
    """Return a product version's capabilities, in the order of the documents."""
    held = await connection.execute(
        select(product_capabilities.c.capability).where(
            product_capabilities.c.product == product_id
        )
    )
    return await capabilities.get_many(connection, list(held.scalars()))


async def lock(connection: AsyncConnection, product_id: str) -> Product:
    """Return the product version, its row locked until the commit. NOT_FOUND."""
    found = await connection.execute(
        select(products).where(products.c.id == product_id).with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such product")
    return _product(row)


async def _next_version(connection: AsyncConnection, owner: Owner, slug: str) -> int:
    found = await connection.execute(
        select(
            func.coalesce(func.max(products.c.version), 0),
            func.count().filter(products.c.status == "draft"),
        ).where(products.c.owner == owner.id, products.c.slug == slug)
    )
    newest, drafts = found.one()
    if drafts:
        raise Refusal(
            CONFLICT,
            why="there is a draft of this product already",
            why_zh="该产品已有一个草稿",
        )
    return int(newest) + 1


async def _put_capabilities(
    unit: UnitOfWork, product: Product, capability_ids: Sequence[str]
) -> None:
    wanted = list(dict.fromkeys(capability_ids))
    if len(wanted) > PRODUCT_CAPABILITIES:
        most = PRODUCT_CAPABILITIES
        raise inputs.wrong("/capabilities", f"must be at most {most}", f"不得超过 {most} 个")
    held = await capabilities.get_many(unit.connection, wanted)
    own = {capability.id for capability in held if capability.owner == product.owner}
    for number, capability_id in enumerate(wanted):
        if capability_id not in own:
            raise inputs.wrong(
                f"/capabilities/{number}", "is not a capability of yours", "不是您的能力"
            )
    _refuse_ambiguous(held)
    if wanted:
        await unit.connection.execute(
            product_capabilities.insert(),
            [{"product": product.id, "capability": each} for each in wanted],
        )


def _refuse_ambiguous(held: Sequence[capabilities.Capability]) -> None:
    routes.refuse_ambiguous([routes.Route(each.id, each.method, each.path) for each in held])


def _require_draft(product: Product) -> None:
    if product.status != "draft":
        raise Refusal(ILLEGAL_STATE, state=product.status)


async def _change(
    unit: UnitOfWork, product: Product, event: str, status: str, **values: Any
) -> Product:
    changed = await unit.connection.execute(
        update(products)
        .where(products.c.id == product.id)
        .values(status=status, **values)
        .returning(products)
    )
    after = _product(changed.one())
    detail = {"slug": after.slug, "version": after.version}
    unit.audit(event, after.id, detail, organisation=after.owner)
    return after


async def _document(
    connection: AsyncConnection, product: Product, held: Sequence[capabilities.Capability]
) -> ProductDocument:
    """Return the product version as gateways read it."""
    sources = {
        document_id: await documents.get(connection, document_id)
        for document_id in dict.fromkeys(capability.document for capability in held)
    }
    base_paths = await capabilities.base_paths(connection, [each.id for each in held])
    return ProductDocument(
        id=product.id,
        owner=product.owner,
        slug=product.slug,
        version=product.version,
        prefix=product.prefix,
        scope=product.scope,
        status="published",
        direction=product.direction,  # type: ignore[arg-type] # the database holds the closed list
        operations=[
            _operation(each, sources[each.document].backend_url, base_paths[each.id])
            for each in held
        ],
        signed_messages=product.signed_messages,
    )


def _operation(
    capability: capabilities.Capability, backend_url: str, base_path: str
) -> OperationDocument:
    return OperationDocument(
        capability=capability.id,
        operation_id=capability.operation_id,
        method=capability.method,
        path=capability.path,
        member=capability.owner,
        backend_url=backend_url,
        base_path=base_path,
        consent_type=capability.consent_type,
        permission=capability.permission,
        moves_money=capability.moves_money,
        bindings=capability.bindings,
        timeout_ms=_MEMBER_TIMEOUT_MS,
    )


def _product(row: Row[Any]) -> Product:
    return Product(**row._mapping)
