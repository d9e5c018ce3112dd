"""The caller's own count of calls and refusals, independent of the platform's."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from weir.client.errors import InstitutionError, RefusedError, UnreachableError
from weir.client.exchange import Answer

_SURPRISES_KEPT: Final = 20
# Refusals given before the gateway knows the application: they are counted but not recorded.
OF_NOBODY: Final = frozenset(
    {"malformed_http", "token_missing", "token_invalid", "token_expired", "certificate_required",
     "certificate_mismatch"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """The end of one call for its sender. `refusal` is None when the institution answered.

    `status` is 0 without any answer; `began_s` is on the clock of `time.perf_counter`.
    """

    interaction_id: str | None
    status: int
    refusal: str | None
    began_s: float
    latency_ms: float
    answer: Answer | None = None


@dataclass(slots=True)
class Tally:
    """Counts, latencies and identifiers of all calls, to be compared with the stored records.

    `interactions` are the calls of an application that the gateway knew.
    """

    sent: int = 0
    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    interactions: list[str] = field(default_factory=list)
    answered_by: dict[str, set[str]] = field(default_factory=dict)  # member -> interactions
    surprises: list[str] = field(default_factory=list)

    async def count(
        self,
        words: str,
        call: Callable[[], Awaitable[Answer]],
        *,
        expects: Collection[str | None] = (None,),
        member: str | None = None,
    ) -> Seen:
        """Make a call and count it. `expects` are the refusals it may meet; None is an answer."""
        seen = await observe(call)
        self.add(words, seen, expects, member)
        return seen

    def add(
        self, words: str, seen: Seen, expects: Collection[str | None], member: str | None
    ) -> None:
        """Count a call, and note a surprise when its end is not among `expects`."""
        self.sent += 1
        self.latencies_ms.append(seen.latency_ms)
        if seen.interaction_id is not None and seen.refusal not in OF_NOBODY:
            self.interactions.append(seen.interaction_id)
        if seen.refusal is None:
            self.answered += 1
            if member is not None and seen.interaction_id is not None:
                self.answered_by.setdefault(member, set()).add(seen.interaction_id)
        else:
            self.refused[seen.refusal] += 1
        if seen.refusal not in expects and len(self.surprises) < _SURPRISES_KEPT:
            wanted = " or ".join(str(each or "an answer") for each in expects)
            self.surprises.append(
                f"{words}: {seen.refusal or seen.status}, expected {wanted} [{seen.interaction_id}]"
            )

    @property
    def recorded_refusals(self) -> Counter[str]:
        """Refusals that have a record, counted by code."""
        return Counter({code: n for code, n in self.refused.items() if code not in OF_NOBODY})

    def percentile_ms(self, part: float) -> float:
        """Return the latency that `part` of all calls stayed under (nearest rank)."""
        if not self.latencies_ms:
            return 0.0
        ordered = sorted(self.latencies_ms)
        return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 2)


async def observe(call: Callable[[], Awaitable[Answer]]) -> Seen:
    """Make a call, and return its outcome and latency."""
    began_s = time.perf_counter()
    answer: Answer | None = None
    try:
        answer = await call()
        interaction_id, status, refusal = answer.interaction_id, answer.status, None
    except RefusedError as error:
        interaction_id, status, refusal = error.interaction_id, error.status, error.code
    except InstitutionError as error:
        interaction_id, status, refusal = error.interaction_id, error.status, None
    except UnreachableError:
        await asyncio.sleep(0)
        interaction_id, status, refusal = None, 0, "no_answer"
    latency_ms = (time.perf_counter() - began_s) * 1000
    return Seen(interaction_id, status, refusal, began_s, latency_ms, answer)
