"""Transparency log: a Merkle tree over all seals, in the order of their ingest.

It only grows (RFC 9162): a signed root over its first n seals fixes all of them, and a proof of
consistency shows that a later root rewrote nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy import Row, func, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs, merkle
from weir.kernel.seals import Inclusion, Root, Seal, SealingKey
from weir.metering.declares import SEAL_LOG_LOCK
from weir.metering.tables import log_nodes, roots, segments
from weir.store.locks import hold


async def append(connection: AsyncConnection, seal: Seal) -> int:
    """Add a seal as the next leaf; return its index. Locks the tree until the commit."""
    await hold(connection, SEAL_LOG_LOCK)
    index = await size(connection)
    found = merkle.leaf_hash(seal.statement())
    nodes = [{"level": 0, "position": index, "hash": found}]
    level, position = 0, index
    siblings = await _fetch(connection, _siblings(index))
    while position & 1:
        found = merkle.inner_hash(siblings[level, position - 1], found)
        level, position = level + 1, position >> 1
        nodes.append({"level": level, "position": position, "hash": found})
    await connection.execute(insert(log_nodes), nodes)
    return index


async def size(connection: AsyncConnection) -> int:
    """Return the number of seals in the tree."""
    newest = await connection.scalar(select(func.max(segments.c.leaf)))
    return 0 if newest is None else int(newest) + 1


async def sign_root(
    connection: AsyncConnection, key: SealingKey, at: datetime, day: date | None = None
) -> Root:
    """Sign a root over all seals; return the last one if no seal was added since.

    With `day`, the root closes this day, unless one does already.
    """
    await hold(connection, SEAL_LOG_LOCK)
    if day is not None and (row := await _root(connection, roots.c.day == day)):
        return _document(row)
    count = await size(connection)
    if row := await _root(connection, roots.c.size == count):
        return _document(row)
    node = await _nodes(connection, lambda node: merkle.root(count, node))
    root = key.sign_root(
        Root(
            size=count,
            root=merkle.root(count, node).hex(),
            at_us=round(at.timestamp() * 1_000_000),
            day=None if day is None else day.isoformat(),
            key="",
        )
    )
    await connection.execute(
        upsert(roots).values(size=count, day=day, at=at, document=msgspec.to_builtins(root))
    )
    return root


async def inclusion(connection: AsyncConnection, leaf: int) -> Inclusion | None:
    """Return the proof that a seal is under the oldest root that covers it; None without one.

    RFC 9162 section 2.1.3.
    """
    row = (
        await connection.execute(
            select(roots).where(roots.c.size > leaf).order_by(roots.c.size).limit(1)
        )
    ).first()
    if row is None:
        return None
    root = _document(row)
    node = await _nodes(connection, lambda node: merkle.inclusion(leaf, root.size, node))
    path = merkle.inclusion(leaf, root.size, node)
    return Inclusion(leaf, [each.hex() for each in path], root)


async def consistency(connection: AsyncConnection, old: int, new: int) -> list[str]:
    """Return the proof that the tree of `new` seals begins with the tree of `old` seals.

    RFC 9162 section 2.1.4. INVALID_INPUT when they are not sizes the tree has had, smaller first.
    """
    if not 0 < old <= new <= await size(connection):
        raise inputs.wrong(
            "query:since",
            "must be a size the tree has had, not over the root's",
            "须为该树曾有的大小，且不大于所查的根",
        )
    node = await _nodes(connection, lambda node: merkle.consistency(old, new, node))
    return [each.hex() for each in merkle.consistency(old, new, node)]


def today(at: datetime) -> date:
    """Return the UTC day of a time."""
    return at.astimezone(UTC).date()


def _siblings(index: int) -> list[tuple[int, int]]:
    """Return the (level, position) of the nodes that adding leaf `index` needs."""
    wanted = []
    level, position = 0, index
    while position & 1:
        wanted.append((level, position - 1))
        level, position = level + 1, position >> 1
    return wanted


async def _nodes(connection: AsyncConnection, use: Callable[[merkle.Node], Any]) -> merkle.Node:
    """Fetch at once the nodes that the computation `use` asks for.

    It is run first with empty hashes, to learn which nodes it needs.
    """
    wanted: list[tuple[int, int]] = []

    def note(level: int, position: int) -> bytes:
        wanted.append((level, position))
        return b""

    use(note)
    found = await _fetch(connection, wanted)
    return lambda level, position: found[level, position]


async def _fetch(
    connection: AsyncConnection, wanted: list[tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    if not wanted:
        return {}
    places = [
        (log_nodes.c.level == level) & (log_nodes.c.position == position)
        for level, position in wanted
    ]
    rows = await connection.execute(select(log_nodes).where(or_(*places)))
    return {(row.level, row.position): bytes(row.hash) for row in rows}


async def _root(connection: AsyncConnection, where: Any) -> Row[Any] | None:
    return (await connection.execute(select(roots).where(where))).first()


def _document(row: Row[Any]) -> Root:
    return msgspec.convert(row.document, Root)
