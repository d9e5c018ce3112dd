"""A full shelf: 71 institutions with a hundred products each, and 100,000 operations in all."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import JSON, Table

from bench.documents import mint
from weir.openapi.operations import ImportedDocument, import_document
from weir.partners import organisations
from weir.partners.tables import organisations as organisation_table
from weir.shelf.scenes import SCENES
from weir.shelf.search.terms import vector
from weir.shelf.tables import (
    capabilities,
    documents,
    plans,
    product_capabilities,
    products,
    shelf_entries,
)
from weir.store.bulk_copy import copy_rows
from weir.store.database import Database

OWNERS = 71
PRODUCTS_EACH = 100
OPERATIONS_EACH = 14
OPERATIONS = 100_000
_NAMES = ("江", "河", "湖", "海", "山", "川", "东", "西", "南", "北")
_KINDS = ("bank", "insurer", "securities")
_THINGS = (
    ("account", "账户"), ("balance", "余额"), ("payment", "支付"), ("transaction", "交易明细"),
    ("policy", "保单"), ("claim", "理赔"), ("quotation", "报价"), ("loan", "贷款"),
    ("portfolio", "投资组合"), ("order", "委托"), ("deposit", "存款"), ("invoice", "发票"),
    ("merchant", "商户"), ("salary", "薪资"), ("tax", "税务"), ("fund", "基金"),
)  # fmt: skip
_DOING = (("list", "查询"), ("read", "读取"), ("create", "新建"), ("change", "修改"),
          ("close", "关闭"), ("confirm", "确认"), ("open", "开户"))  # fmt: skip
_SAID = "What this field says of the customer, in a sentence as documents have it."
_PRICINGS: tuple[tuple[list[str], list[dict[str, Any]]], ...] = (
    (["per-call"], [{"kind": "per_call", "price": "0.05"}]),
    (["free"], []),
    (["monthly"], [{"kind": "fixed", "price": "100"}]),
    (["share"], [{"kind": "value", "rate": "0.001"}]),
)


# What refers to another row comes behind it.
_ORDER = (
    organisation_table, documents, capabilities, products, product_capabilities, plans,
    shelf_entries,
)  # fmt: skip


@dataclass(slots=True)
class Stock:
    """Stock of the shelf: owner and product slugs."""

    products: list[tuple[str, str]] = field(default_factory=list)
    operations: int = 0
    rows: dict[Table, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: Table, **row: Any) -> None:
        self.rows.setdefault(table, []).append(row)


def path_item(operation_id: str, summary_zh: str, fields: int = 4) -> dict[str, Any]:
    """One operation with a body of its own to answer."""
    properties = {
        f"field_{n}": {"type": "string", "description": _SAID, "maxLength": 40}
        for n in range(fields)
    }
    answer = {"application/json": {"schema": {"type": "object", "properties": properties}}}
    operation = {
        "operationId": operation_id,
        "summary": f"{operation_id} of a customer",
        "x-summary-zh": summary_zh,
        "description": "Answers what the customer granted, and nothing else.",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "responses": {"200": {"description": "ok", "content": answer}},
    }
    return {"get": operation}


async def owners(database: Database) -> list[str]:
    """The institutions' identifiers."""
    async with database.connect() as connection:
        return [each.id for each in await organisations.list_page(connection, kind="member")]


async def fill(database: Database) -> Stock:
    """Make the rows as publication makes them, and store them by COPY, one owner's at a time."""
    stock, dice = Stock(), random.Random(2026)
    for number in range(OWNERS):
        await asyncio.to_thread(_owner, stock, dice, number)
        async with database.engine.begin() as connection:
            for table in _ORDER:
                rows = stock.rows.pop(table)
                await copy_rows(connection, table, list(rows[0]), (_row(table, r) for r in rows))
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql("VACUUM ANALYZE")
    return stock


def _row(table: Table, row: dict[str, Any]) -> list[Any]:
    """As COPY takes it: JSON is given as its text."""
    return [
        json.dumps(value) if isinstance(table.c[name].type, JSON) else value
        for name, value in row.items()
    ]


def _owner(stock: Stock, dice: random.Random, number: int) -> None:
    """An institution and all it has on the shelf."""
    name = f"{_NAMES[number % 10]}{_NAMES[number // 10]}"
    owner, kind = mint("org"), _KINDS[number % 3]
    stock.add(
        organisation_table, id=owner, kind="member", slug=f"bank-{number}",
        name_en=f"Bank {number}", name_zh=f"{name}银行", partner_class=None, licence_kind=kind,
        directory_url=None, status="active", admitted_at=_now(), admitted_by=owner,
        changed_at=_now(),
    )  # fmt: skip
    for place in range(PRODUCTS_EACH):
        _product(stock, dice, (owner, f"bank-{number}", f"{name}银行", kind), place)


def _product(stock: Stock, dice: random.Random, owner: tuple[str, ...], place: int) -> None:
    owner_id, owner_slug, owner_name, kind = owner
    things = dice.sample(_THINGS, 2)
    more = len(stock.products) < OPERATIONS - OWNERS * PRODUCTS_EACH * OPERATIONS_EACH
    parsed = _document(*things, OPERATIONS_EACH + more)
    product, title_zh = mint("prd"), f"{things[0][1]}与{things[1][1]}服务"
    title_en = f"{things[0][0]} and {things[1][0]}".capitalize()
    slug, at = f"product-{place}", _now() - timedelta(minutes=len(stock.products))
    held = _operations(stock, owner_id, product, parsed)
    scenes, (prices, components) = dice.sample(list(SCENES), 2), dice.choice(_PRICINGS)
    said = "为客户授权的应用提供服务，实时返回结果"
    stock.add(
        products, id=product, owner=owner_id, owner_slug=owner_slug, slug=slug, version=1,
        direction="go-out", title_en=title_en, title_zh=title_zh, description="",
        description_zh=said, suits_en="", suits_zh="", scenes=scenes, signed_messages=False,
        status="published", drafted_at=at, published_at=at,
    )  # fmt: skip
    stock.add(
        plans, id=mint("pln"), product=product, name="standard", currency="CNY",
        pricing={"components": components}, rate_per_s=None, quota=None, quota_period=None,
        auto_approve=True, status="offered", offered_at=at,
    )  # fmt: skip
    words = vector(
        (("A", f"{title_en} {title_zh}"), ("B", f"{owner_name} {said} {owner_slug}"),
         *(("C", each) for each in held))
    )  # fmt: skip
    stock.add(
        shelf_entries, product=product, owner=owner_slug, kind=kind, direction="go-out",
        terms=words, grade=dice.choice((None, 1, 2, 3, 4)), prices=prices, scenes=scenes,
        published_at=at,
    )  # fmt: skip
    stock.products.append((owner_slug, slug))


@cache
def _document(one: tuple[str, str], other: tuple[str, str], operations: int) -> ImportedDocument:
    """A document about two things, read as an import reads it; once for all who have its like."""
    dice, paths = random.Random(f"{one} {other}"), {}
    for number in range(operations):
        (thing, thing_zh), (doing, doing_zh) = (one, other)[number % 2], dice.choice(_DOING)
        name = "read2" if number == 2 else f"{doing}{thing.capitalize()}{number}"
        paths[f"/{thing}s/{{id}}/{doing}{number}"] = path_item(name, f"{doing_zh}{thing_zh}信息")
    document = {"openapi": "3.0.3", "info": {"title": "made", "version": "1"}, "paths": paths}
    return import_document(json.dumps(document).encode())


def _operations(stock: Stock, owner: str, product: str, parsed: ImportedDocument) -> list[str]:
    """The document's rows; the words each operation is found by."""
    document = mint("doc")
    stock.add(
        documents, id=document, owner=owner, slug=f"d-{time.time_ns()}", version=1, title="made",
        document_version="1", openapi="3.0", backend_url="https://127.0.0.1:9", base_path="",
        sha256=hashlib.sha256(document.encode()).hexdigest(), raw=b"", shared=parsed.shared,
        imported_at=_now(), imported_by="bench",
    )  # fmt: skip
    words = []
    for position, operation in enumerate(parsed.operations):
        capability = mint("cap")
        summary = f"{operation.summary} {operation.source['x-summary-zh']}"
        stock.add(
            capabilities, id=capability, document=document, position=position, owner=owner,
            operation_id=operation.operation_id, method=operation.method, path=operation.path,
            summary=operation.summary, definition=msgspec.to_builtins(operation),
            state="published", moves_money=False,
        )  # fmt: skip
        found_by = vector((("A", summary), ("B", f"{operation.operation_id} {operation.path}")))
        stock.add(product_capabilities, product=product, capability=capability, terms=found_by)
        words.append(f"{summary} {operation.operation_id} {operation.path}")
        stock.operations += 1
    return words


def _now() -> datetime:
    return datetime.now(UTC)
