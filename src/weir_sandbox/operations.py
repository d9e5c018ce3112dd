"""Operations of institutions: a row of a table, a call, an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import QueryParams

from weir_sandbox.answers import AnswerLine, line
from weir_sandbox.database import Database
from weir_sandbox.identity import Identity
from weir_sandbox.input_checks import query_values


@dataclass(frozen=True, slots=True)
class Desk:
    """The objects that every operation of a running institution uses.

    `document` is the OpenAPI document, `document_type` its media type.
    """

    database: Database
    seed: int
    document: bytes
    document_type: str


@dataclass(frozen=True, slots=True)
class Call:
    """A request after the doorway: its identity is checked, its body bounded."""

    method: str
    path: str
    names: Mapping[str, str]
    query: QueryParams
    body: bytes
    idempotency_key: str | None
    caller: Identity | None

    @property
    def identity(self) -> Identity:
        """The caller of a business operation, which the doorway lets in only with one."""
        if self.caller is None:
            raise AssertionError("a business operation was called without an identity")
        return self.caller

    def values(self, *allowed: str) -> Mapping[str, str]:
        """Return the query values. MALFORMED for names that are not allowed."""
        return query_values(self.query, allowed)

    def line(self, status: int) -> AnswerLine:
        """Make the log line of an answer to this call, given now."""
        return line(self.caller, self.method, self.path, status)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with a JSON value, or with bytes in another media type.

    `logged` is true when the log line was written in the transaction that decided the answer.
    """

    content: object
    status: int = 200
    logged: bool = False
    media_type: str = "application/json"


Handler = Callable[[Call, Desk], Awaitable[Answer]]
Caller = Literal["partner", "platform"]


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of an institution's table: method, path, handler, and the kind of caller.

    A `partner` operation is business: it needs the identity header and is logged. A `platform`
    operation refuses that header, so that no partner's call can reach it through the gateway. Where
    `moves_money`, the identity must be signed for the one call.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    caller: Caller = "partner"
    moves_money: bool = False


def join(*tables: Iterable[Operation]) -> tuple[Operation, ...]:
    """Join tables of operations, one after another."""
    return tuple(operation for table in tables for operation in table)
