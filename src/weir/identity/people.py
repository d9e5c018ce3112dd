"""People who sign in: a name, a passphrase, and what they are to the platform."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.identity.tables import people
from weir.kernel import outcomes
from weir.kernel.inputs import text, wrong
from weir.store.unit import UnitOfWork

PersonKind = Literal["customer", "operator", "member", "partner"]
LANGUAGES: Final = ("en", "zh-Hans")

# ASCII only: two names that look alike are two people who can be taken for one another.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{1,62}[a-z0-9])")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in. `organisation` is set for staff and None for customers."""

    id: str
    name: str
    display_name: str
    kind: PersonKind
    organisation: str | None
    language: str


def sign_in_name(value: str) -> str:
    """The stored form of a sign-in name: lower case, 3 to 64 characters. INVALID_INPUT else."""
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
) -> Person:
    """A new person. CONFLICT with pointer `/name` when the name is taken."""
    person = Person(
        unit.mint("usr"),
        sign_in_name(name),
        text(display_name, "/display_name"),
        kind,
        organisation,
        language if language in LANGUAGES else "en",
    )
    created = await unit.connection.execute(
        insert(people)
        .values(**_row(person), passphrase_hash=passphrase_hash, created_at=unit.now)
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(people.c.id)
    )
    if created.one_or_none() is None:
        raise outcomes.Refusal(outcomes.CONFLICT, "sign-in name taken", pointer="/name")
    unit.audit("person.created", person.id, {"kind": kind})
    return person


async def find(connection: AsyncConnection, person_id: str) -> Person | None:
    """By identifier."""
    found = await connection.execute(select(people).where(people.c.id == person_id))
    row: Any = found.one_or_none()
    return None if row is None else _person(row)


async def find_with_hash(connection: AsyncConnection, name: str) -> tuple[Person, str] | None:
    """By sign-in name, with the stored passphrase hash: for signing in only."""
    found = await connection.execute(select(people).where(people.c.name == name.strip().lower()))
    row: Any = found.one_or_none()
    return None if row is None else (_person(row), row.passphrase_hash)


def _person(row: Any) -> Person:
    return Person(row.id, row.name, row.display_name, row.kind, row.organisation, row.language)


def _row(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "display_name": person.display_name,
        "kind": person.kind,
        "organisation": person.organisation,
        "language": person.language,
    }
