"""Base models of bodies and answers: closed, strict, with times in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from weir.kernel import inputs
from weir.kernel.declares import NAME_CHARACTERS, PAGE_ROWS, PROSE_CHARACTERS, URL_CHARACTERS

Item = TypeVar("Item")


class Given(BaseModel):
    """Base of a body that a caller sends: unknown fields are refused, and no type is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Shown(BaseModel):
    """Base of an answer, filled from a stored value's attributes."""

    model_config = ConfigDict(from_attributes=True)


class Page(Shown, Generic[Item]):
    """One page of a list. Send `next` as `after` for the next page; it is null at the end."""

    # A page of something is another class, which would not keep these words otherwise.
    model_config = ConfigDict(json_schema_extra={"description": "One page of a list."})

    items: list[Item]
    next: str | None = Field(default=None, description="Send as `after` for the next page.")


class ConfirmedChange(Shown):
    """A change that every gateway has applied; the last one had done so at `effective_at`."""

    effective_at: datetime


Text = Annotated[str, Field(max_length=NAME_CHARACTERS)]
Prose = Annotated[str, Field(max_length=PROSE_CHARACTERS)]
Url = Annotated[str, Field(max_length=URL_CHARACTERS)]
Name = Annotated[
    str, Field(max_length=64, pattern=inputs.IDENTIFIER, description="An identifier or a slug.")
]
After = Annotated[
    str, Query(max_length=64, pattern=r"^[a-z0-9_-]*$", description="`next` of the page before.")
]
# For lists whose newest come first.
NewestAfter = Annotated[
    str | None,
    Query(max_length=64, pattern=r"^[a-z0-9_]*$", description="`next` of the page before."),
]
Minor = Annotated[int, Field(ge=0, le=2**53 - 1, description="Whole minor units.")]

MOMENT: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"


def read_moment(text: str, pointer: str = "/effective_from") -> datetime:
    """Parse a time that fits `MOMENT`. INVALID_INPUT when there is no such day or hour."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        why = "must be an RFC 3339 date and time with offset"
        raise inputs.wrong(pointer, why, "须为带时区的 RFC 3339 日期时间") from error


def as_object(value: msgspec.Struct) -> dict[str, Any]:
    """Return the JSON object that a struct is written as."""
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


def next_of(items: list[Item], key: str) -> str | None:
    """Return `next` of a page: the last item's key when the page is full, else None."""
    return str(getattr(items[-1], key)) if len(items) == PAGE_ROWS else None
