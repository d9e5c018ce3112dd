"""Prices: a random walk that depends only on the seed and the time.

The price at a day's end is a random step from the day before, pulled a little towards the first
price, so that prices stay plausible for years. Within a day the walk is a Brownian bridge between
the two ends, computed by halving the day fourteen times: a price holds for about five seconds. The
model market never closes.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from statistics import NormalDist
from typing import Final

from weir_sandbox.preparation import CHINA
from weir_sandbox.securities.instruments import INSTRUMENTS, Instrument

BEGINNING: Final = datetime(2024, 1, 1, tzinfo=CHINA)
TICK_MINOR: Final = 1

_HALVINGS: Final = 14
_PULL: Final = 0.004
_DAY_S: Final = 86_400
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Quote:
    """One instrument's prices at one moment, in fen."""

    last_minor: int
    bid_minor: int
    ask_minor: int
    previous_close_minor: int


def quote(seed: int, instrument: Instrument, at: datetime) -> Quote:
    """Return the quote of an instrument at a time; before the walk begins, prices are constant."""
    day, second = divmod(max(0, int((at - BEGINNING).total_seconds())), _DAY_S)
    walk = _walk(seed, instrument.instrument_id)
    last = _price(instrument, walk.level(day, second / _DAY_S))
    return Quote(
        last_minor=last,
        bid_minor=last - TICK_MINOR,
        ask_minor=last + TICK_MINOR,
        previous_close_minor=_price(instrument, walk.close(day)),
    )


def _price(instrument: Instrument, level: float) -> int:
    return max(2 * TICK_MINOR, round(instrument.start_minor * math.exp(level)))


class _Walk:
    """The logarithm of a price relative to the first price, by day and within a day."""

    def __init__(self, seed: int, instrument: Instrument) -> None:
        self._name = f"{seed}/{instrument.instrument_id}"
        self._volatility = instrument.daily_volatility
        self._steps = random.Random(self._name)
        self._closes = [0.0]

    def close(self, day: int) -> float:
        """Return the walk's level when a day begins."""
        while len(self._closes) <= day:
            before = self._closes[-1]
            self._closes.append(before * (1 - _PULL) + self._steps.gauss(0, self._volatility))
        return self._closes[day]

    def level(self, day: int, fraction: float) -> float:
        """Return the level of the walk within a day, at a `fraction` of it from 0 to 1.

        The middle of an interval is the mean of its ends plus a random step.
        """
        low, high = self.close(day), self.close(day + 1)
        node, spread = 1, self._volatility / 2
        for _ in range(_HALVINGS):
            middle = (low + high) / 2 + spread * self._push(day, node)
            fraction *= 2
            if fraction < 1:
                high, node = middle, node * 2
            else:
                low, node, fraction = middle, node * 2 + 1, fraction - 1
            spread /= math.sqrt(2)
        return low

    def _push(self, day: int, node: int) -> float:
        digest = hashlib.blake2b(f"{self._name}/{day}/{node}".encode(), digest_size=7).digest()
        return _NORMAL.inv_cdf((int.from_bytes(digest) + 0.5) / 2**56)


@lru_cache(maxsize=256)
def _walk(seed: int, instrument_id: str) -> _Walk:
    return _Walk(seed, INSTRUMENTS[instrument_id])
