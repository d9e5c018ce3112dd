"""Backends: the endpoints, authority and health check of an organisation's services.

Products name a service by its address and never change; its endpoints may change any day. Without a
registration the address itself is the one endpoint, under the alliance's authority.

A service is tested: it must refuse callers besides the gateways, or whoever holds any certificate
could speak for any caller. It carries no product for production before it is registered and does;
while it carries one, it is not removed, and changed only to endpoints that do too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NoReturn

from cryptography import x509
from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import CONFLICT, NOT_FOUND, URL_CHARACTERS
from weir.kernel.inputs import PRIVATE_KEY_MARK
from weir.kernel.outcomes import Refusal
from weir.shelf.declares import (
    BACKEND_IN_USE,
    BACKEND_NOT_GUARDED,
    BACKEND_NOT_REGISTERED,
    MEMBER_BACKENDS,
    MEMBER_ENDPOINTS,
)
from weir.shelf.published import BACKEND, BackendDocument, backend_key
from weir.shelf.tables import backends, capabilities, documents, product_capabilities, products
from weir.store.room import require_room
from weir.store.unit import Change, UnitOfWork

# absolute-path [ "?" query ] of a health check, in the characters of RFC 3986 section 3.3.
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/?-]*")

# A test finds that calls with a party's certificate are answered; that calls without one are; that
# a gateway's with a forged identity are; that gateways themselves get no answer.
Finding = Literal["answers_parties", "answers_anybody", "believes_forgeries", "unreachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One service as stored. `endpoints` are `host:port`.

    `authority` is the PEM of its certificate authority, None for the alliance's. With
    `signs_each_call` the identity of every call is signed for it alone. `findings` are
    None until it was tested since its last change.
    """

    id: str
    owner: str
    url: str
    endpoints: list[str]
    authority: str | None
    health_path: str | None
    changed_at: datetime
    signs_each_call: bool
    tested_at: datetime | None
    findings: list[Finding] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Checked endpoints, authority and health check of a service."""

    endpoints: list[str]
    authority: str | None
    health_path: str | None
    signs_each_call: bool


def read_reach(
    *,
    endpoints: Sequence[str],
    authority: str | None = None,
    health_path: str | None = None,
    signs_each_call: bool = False,
) -> Reach:
    """Check a service's endpoints, authority and health check. INVALID_INPUT."""
    if not 0 < len(endpoints) <= MEMBER_ENDPOINTS or len(set(endpoints)) < len(endpoints):
        most = MEMBER_ENDPOINTS
        raise inputs.wrong(
            "/endpoints", f"must be 1 to {most} different ones", f"须为 1 至 {most} 个且互不相同"
        )
    for at, endpoint in enumerate(endpoints):
        _check_endpoint(endpoint, f"/endpoints/{at}")
    if authority is not None:
        _check_authority(authority)
    if health_path is not None:
        _check_path(health_path)
    return Reach(
        endpoints=list(endpoints),
        authority=authority,
        health_path=health_path,
        signs_each_call=signs_each_call,
    )


async def register(unit: UnitOfWork, owner: str, url: str, reach: Reach) -> Backend:
    """Register a service's endpoints. CONFLICT when it is registered; LIMIT_REACHED."""
    inputs.https_url(url, "/url")
    mine = backends.c.owner == owner
    await require_room(unit, backends, mine, owner, "MEMBER_BACKENDS", MEMBER_BACKENDS)
    added = await unit.connection.execute(
        insert(backends)
        .values(id=unit.mint("bck"), owner=owner, url=url, **_values(reach), changed_at=unit.now)
        .on_conflict_do_nothing()
        .returning(backends)
    )
    row = added.one_or_none()
    if row is None:
        why = {"why": "is already registered", "why_zh": "已登记"}
        raise Refusal(CONFLICT, pointer="/url", **why)
    return _told(unit, "backend.registered", _backend(row))


async def change(
    unit: UnitOfWork, backend_id: str, reach: Reach, findings: Sequence[Finding] | None
) -> Backend:
    """Replace a service's endpoints: no new call is sent to endpoints that are gone.

    `findings` are of a test of the new endpoints, None where there was none. BACKEND_NOT_GUARDED
    when a product for production is served by the service and they did not pass.
    """
    backend = await _lock(unit, backend_id)
    if findings != [] and await _carries_production(unit.connection, backend):
        _refuse_unguarded(backend.id, findings)
    tested = {"tested_at": unit.now, "findings": list(findings)} if findings is not None else {}
    changed = await unit.connection.execute(
        update(backends)
        .where(backends.c.id == backend_id)
        .values(**_values(reach) | tested, changed_at=unit.now)
        .returning(backends)
    )
    after = _told(unit, "backend.changed", _backend(changed.one()))
    if findings is not None:
        _audit_test(unit, after, findings)
    return after


async def note_test(unit: UnitOfWork, tested: Backend, findings: Sequence[Finding]) -> Backend:
    """Keep what a test found. CONFLICT when the service was changed meanwhile."""
    changed = await unit.connection.execute(
        update(backends)
        .where(backends.c.id == tested.id, backends.c.changed_at == tested.changed_at)
        .values(tested_at=unit.now, findings=list(findings))
        .returning(backends)
    )
    row = changed.one_or_none()
    if row is None:
        raise Refusal(CONFLICT, why="it was changed meanwhile", why_zh="该服务已在检测期间变更")
    _audit_test(unit, tested, findings)
    return _backend(row)


async def require_guarded(connection: AsyncConnection, owner: str, urls: Collection[str]) -> None:
    """Refuse unless each service of `urls` is registered and passed its test.

    The rows stay locked until the commit, so that no change meanwhile gets around this. Refusals:
    BACKEND_NOT_REGISTERED, BACKEND_NOT_GUARDED.
    """
    rows = await connection.execute(
        select(backends)
        .where(backends.c.owner == owner, backends.c.url.in_(urls))
        .order_by(backends.c.id)
        .with_for_update()
    )
    registered = [_backend(row) for row in rows]
    missing = sorted(set(urls) - {backend.url for backend in registered})
    if missing:
        raise Refusal(BACKEND_NOT_REGISTERED, url=missing[0])
    for backend in registered:
        if backend.findings != []:
            _refuse_unguarded(backend.id, backend.findings)


async def remove(unit: UnitOfWork, backend_id: str) -> Backend:
    """Delete a registration: from then on the service's own address is its one endpoint.

    BACKEND_IN_USE while a product for production is served by the service.
    """
    if await _carries_production(unit.connection, await _lock(unit, backend_id)):
        raise Refusal(BACKEND_IN_USE)
    removed = await unit.connection.execute(
        delete(backends).where(backends.c.id == backend_id).returning(backends)
    )
    backend = _backend(removed.one())
    unit.audit("backend.removed", backend.id, {"url": backend.url}, organisation=backend.owner)
    unit.publish(Change(BACKEND, backend_key(backend.owner, backend.url), None))
    return backend


async def get(connection: AsyncConnection, backend_id: str) -> Backend:
    """Return the registration. NOT_FOUND."""
    found = await connection.execute(select(backends).where(backends.c.id == backend_id))
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such backend")
    return _backend(row)


async def list_owned(connection: AsyncConnection, owner: str) -> Sequence[Backend]:
    """Return all registrations of an organisation, oldest first; MEMBER_BACKENDS at most."""
    rows = await connection.execute(
        select(backends).where(backends.c.owner == owner).order_by(backends.c.id)
    )
    return [_backend(row) for row in rows]


async def _lock(unit: UnitOfWork, backend_id: str) -> Backend:
    """Return the registration, its row locked until the commit. NOT_FOUND."""
    found = await unit.connection.execute(
        select(backends).where(backends.c.id == backend_id).with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise Refusal(NOT_FOUND, "no such backend")
    return _backend(row)


async def _carries_production(connection: AsyncConnection, backend: Backend) -> bool:
    """Return whether a published product for production has operations at this service."""
    found = await connection.execute(
        select(products.c.id)
        .join(product_capabilities, product_capabilities.c.product == products.c.id)
        .join(capabilities, capabilities.c.id == product_capabilities.c.capability)
        .join(documents, documents.c.id == capabilities.c.document)
        .where(products.c.owner == backend.owner, documents.c.backend_url == backend.url)
        .where(products.c.status == "published", products.c.sandbox.is_(False))
        .limit(1)
    )
    return found.first() is not None


def _refuse_unguarded(backend_id: str, findings: Sequence[Finding] | None) -> NoReturn:
    raise Refusal(
        BACKEND_NOT_GUARDED, backend=backend_id, findings=", ".join(findings or ["untested"])
    )


def _audit_test(unit: UnitOfWork, tested: Backend, findings: Sequence[Finding]) -> None:
    detail = {"url": tested.url, "findings": list(findings)}
    unit.audit("backend.tested", tested.id, detail, organisation=tested.owner)


def _check_endpoint(endpoint: str, pointer: str) -> None:
    """Refuse all but `host:port`, or a host at port 443, which every parser reads alike."""
    parts = inputs.split_url(f"https://{endpoint}", pointer)
    if parts.netloc != endpoint:
        raise inputs.wrong(pointer, "must be host:port", "须为 主机:端口")


def _check_authority(pem: str) -> None:
    """Refuse all but one certificate of a certificate authority: no key, no chain."""
    if PRIVATE_KEY_MARK in pem:
        raise inputs.wrong(
            "/authority",
            "holds a private key: never send one, replace it and its certificate",
            "包含私钥：私钥切勿外发，请更换该密钥及其证书",
        )
    try:
        (certificate,) = x509.load_pem_x509_certificates(pem.encode("ascii"))
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        good = basic.value.ca
    except (ValueError, x509.ExtensionNotFound):
        good = False
    if not good:
        raise inputs.wrong(
            "/authority",
            "must be one certificate of a certificate authority, in PEM",
            "须为一张 PEM 格式的 CA 证书",
        )


def _check_path(path: str) -> None:
    dots = any(segment in (".", "..") for segment in path.partition("?")[0].split("/"))
    if dots or len(path) > URL_CHARACTERS or _PATH.fullmatch(path) is None:
        raise inputs.wrong(
            "/health_path", "must be a path such as /healthz", "须为路径，例如 /healthz"
        )


def _values(reach: Reach) -> dict[str, Any]:
    return {
        "endpoints": reach.endpoints,
        "authority": reach.authority,
        "health_path": reach.health_path,
        "signs_each_call": reach.signs_each_call,
        "tested_at": None,
        "findings": None,
    }


def _told(unit: UnitOfWork, event: str, backend: Backend) -> Backend:
    """Audit the change and publish it to the gateways; return the backend."""
    detail = {
        "url": backend.url,
        "endpoints": backend.endpoints,
        "own_authority": backend.authority is not None,
    }
    unit.audit(event, backend.id, detail, organisation=backend.owner)
    document = BackendDocument(
        member=backend.owner,
        url=backend.url,
        endpoints=backend.endpoints,
        authority=backend.authority,
        health_path=backend.health_path,
        signs_each_call=backend.signs_each_call,
    )
    unit.publish(Change(BACKEND, backend_key(backend.owner, backend.url), document))
    return backend


def _backend(row: Row[Any]) -> Backend:
    return Backend(**row._mapping)
