"""How bodies are read and answers written: closed, strict, and with times in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from weir.kernel import limits

Item = TypeVar("Item")


class Given(BaseModel):
    """What a caller sends. Unknown fields are refused, and nothing is turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Shown(BaseModel):
    """What a caller is shown, from a stored value's attributes."""

    model_config = ConfigDict(from_attributes=True)


class Page(Shown, Generic[Item]):
    """One page of a list. `next` is what to send as `after` for the next page; null at the end."""

    # A page of something is another class, which would not keep these words otherwise.
    model_config = ConfigDict(json_schema_extra={"description": "One page of a list."})

    items: list[Item]
    next: str | None = Field(default=None, description="Send as `after` for the next page.")


class Effective(Shown):
    """When a change held everywhere: the moment every gateway had applied it."""

    effective_at: datetime


Text = Annotated[str, Field(max_length=limits.NAME_CHARACTERS)]
Prose = Annotated[str, Field(max_length=limits.PROSE_CHARACTERS)]
Url = Annotated[str, Field(max_length=limits.URL_CHARACTERS)]
Name = Annotated[str, Field(max_length=64, description="An identifier or a slug.")]
After = Annotated[
    str, Query(max_length=64, pattern=r"^[a-z0-9_-]*$", description="`next` of the page before.")
]


def next_of(items: list[Item], key: str) -> str | None:
    """The name of the next page: the last item's key when the page is full."""
    return str(getattr(items[-1], key)) if len(items) == limits.PAGE_ROWS else None
