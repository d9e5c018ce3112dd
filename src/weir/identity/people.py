"""People who sign in: customers, and the staff of organisations with their roles.

A customer works for no organisation here. Every other person works for one organisation in one
role, and needs a second factor to sign in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.access.roles import OWNER, ROLES
from weir.identity import links
from weir.identity.tables import people
from weir.kernel.declares import CONFLICT, NOT_FOUND
from weir.kernel.inputs import choice, text, wrong
from weir.kernel.outcomes import Refusal
from weir.store.unit import UnitOfWork

PersonKind = Literal["customer", "operator", "member", "partner"]
LANGUAGES: Final = ("en", "zh-Hans")

# ASCII only, so that two people cannot have names that look alike.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{1,62}[a-z0-9])")


@dataclass(frozen=True, slots=True)
class Person:
    """A person who signs in.

    `organisation` and `role` are set for staff and None for customers. Sessions opened before
    `sessions_since` have ended.
    """

    id: str
    name: str
    display_name: str
    kind: PersonKind
    organisation: str | None
    language: str
    role: str | None
    status: str
    sessions_since: datetime
    created_at: datetime

    @property
    def is_staff(self) -> bool:
        """Whether the person works for an organisation."""
        return self.kind != "customer"


def sign_in_name(value: str) -> str:
    """Return the stored form of a sign-in name: lower case, 3 to 64 characters.

    Refusal INVALID_INPUT.
    """
    name = value.strip().lower()
    if _NAME.fullmatch(name) is None:
        raise wrong(
            "/name",
            "must be 3 to 64 letters, digits and . _ @ + -",
            "须为 3 至 64 个字母、数字或 . _ @ + - 符号",
        )
    return name


async def create(
    unit: UnitOfWork,
    *,
    name: str,
    display_name: str,
    passphrase_hash: str,
    kind: PersonKind,
    organisation: str | None,
    language: str,
    role: str | None = None,
) -> Person:
    """Create a person. Refusal CONFLICT with the pointer `/name` when the name is taken."""
    person = Person(
        unit.mint("usr"),
        sign_in_name(name),
        text(display_name, "/display_name"),
        kind,
        organisation,
        language if language in LANGUAGES else "en",
        role,
        "active",
        unit.now,
        unit.now,
    )
    created = await unit.connection.execute(
        insert(people)
        .values(**asdict(person), passphrase_hash=passphrase_hash)
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(people.c.id)
    )
    if created.one_or_none() is None:
        raise Refusal(CONFLICT, "sign-in name taken", pointer="/name")
    detail = {"kind": kind} if role is None else {"kind": kind, "role": role}
    unit.audit("person.created", person.id, detail)
    return person


async def find(connection: AsyncConnection, person_id: str) -> Person | None:
    """Find a person by its identifier."""
    found = await connection.execute(select(people).where(people.c.id == person_id))
    row: Any = found.one_or_none()
    return None if row is None else _person(row)


async def find_with_hash(connection: AsyncConnection, name: str) -> tuple[Person, str] | None:
    """Find an active person by its sign-in name, for signing in only.

    Returns the person and the stored passphrase hash.
    """
    named = (people.c.name == name.strip().lower()) & (people.c.status == "active")
    found = await connection.execute(select(people).where(named))
    row: Any = found.one_or_none()
    return None if row is None else (_person(row), row.passphrase_hash)


async def of_organisation(connection: AsyncConnection, organisation: str) -> Sequence[Person]:
    """Return the staff of an organisation, oldest first; never more than PEOPLE."""
    statement = select(people).where(_working_for(organisation)).order_by(people.c.id)
    return [_person(row) for row in await connection.execute(statement)]


async def get_colleague(connection: AsyncConnection, organisation: str, person_id: str) -> Person:
    """Return one of an organisation's staff. Refusal NOT_FOUND."""
    statement = select(people).where(_working_for(organisation), people.c.id == person_id)
    row = (await connection.execute(statement)).first()
    if row is None:
        raise Refusal(NOT_FOUND, f"{person_id} does not work for {organisation}")
    return _person(row)


async def change_role(unit: UnitOfWork, organisation: str, person_id: str, role: str) -> Person:
    """Give one of an organisation's staff another role. Open invitations of a demoted owner end.

    Refusal CONFLICT when the person is the last owner.
    """
    choice(role, ROLES, "/role")
    await _lock_owners(unit, organisation, person_id)
    before = await get_colleague(unit.connection, organisation, person_id)
    await _keep_an_owner(unit, before, role)
    await _set(unit, person_id, role=role)
    if role != OWNER:
        await links.void_links_made_by(unit, person_id)
    unit.audit("person.role_changed", person_id, {"from": before.role, "to": role}, organisation)
    return replace(before, role=role)


async def remove(unit: UnitOfWork, organisation: str, person_id: str) -> Person:
    """Remove one of an organisation's staff at once.

    The person's sessions end, and so do the unused links that the person made. The sign-in name
    stays taken. Refusal CONFLICT when the person is the last owner.
    """
    await _lock_owners(unit, organisation, person_id)
    before = await get_colleague(unit.connection, organisation, person_id)
    await _keep_an_owner(unit, before, None)
    await _set(unit, person_id, status="removed", sessions_since=unit.now)
    await links.void_links_made_by(unit, person_id)
    unit.audit("person.removed", person_id, {"role": before.role}, organisation)
    return replace(before, status="removed")


async def renew(unit: UnitOfWork, person_id: str, passphrase_hash: str) -> Person:
    """Set a new passphrase and end every session. The caller removes the second factors."""
    await _set(unit, person_id, passphrase_hash=passphrase_hash, sessions_since=unit.now)
    unit.audit("person.renewed", person_id, {})
    person = await find(unit.connection, person_id)
    assert person is not None
    return person


async def end_sessions(unit: UnitOfWork, person_id: str) -> None:
    """End all sessions of a person."""
    await _set(unit, person_id, sessions_since=unit.now)


async def _lock_owners(unit: UnitOfWork, organisation: str, person_id: str) -> None:
    """Lock the rows of a person and of all owners, before any of them is read, in one order.

    So two owners who leave at the same time do not both see the other, and neither waits for a row
    that the other locked first.
    """
    concerned = (people.c.id == person_id) | (people.c.role == OWNER)
    await unit.connection.execute(
        select(people.c.id)
        .where(_working_for(organisation), concerned)
        .order_by(people.c.id)
        .with_for_update()
    )


async def _keep_an_owner(unit: UnitOfWork, person: Person, role: str | None) -> None:
    """Refuse (CONFLICT) to leave an organisation without an owner; it could never get one again."""
    if person.role != OWNER or role == OWNER:
        return
    owners = await unit.connection.execute(
        select(people.c.id).where(_working_for(str(person.organisation)), people.c.role == OWNER)
    )
    if len(owners.all()) == 1:
        raise Refusal(
            CONFLICT,
            "the last owner",
            pointer="/role",
            why="is the last owner: make somebody else an owner first",
            why_zh="是最后一位所有者，请先将他人设为所有者",
        )


def _working_for(organisation: str) -> ColumnElement[bool]:
    return (people.c.organisation == organisation) & (people.c.status == "active")


async def _set(unit: UnitOfWork, person_id: str, **values: Any) -> None:
    await unit.connection.execute(update(people).where(people.c.id == person_id).values(**values))


def _person(row: Any) -> Person:
    stored = row._mapping
    return Person(**{field.name: stored[field.name] for field in fields(Person)})
