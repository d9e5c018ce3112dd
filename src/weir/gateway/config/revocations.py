"""The set of revoked keys, each kept as long as something it voids could be presented.

There may be a million at a time, so each takes 12 bytes: 64 bits of the SHA-256 of its key, and the
minute it is over. They lie sorted in small shards, so that adding one moves a few bytes, finding
one takes a handful of comparisons, and the garbage collector has nothing to walk through. Two keys
may share their 64 bits: a token is then refused although nothing was revoked, once in
18,000,000,000,000 tokens with a million revocations. A revoked key is never missed.
"""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

SHARDS: Final = 4_096
_SHIFT: Final = 52  # the shard is the first 12 of the 64 bits
_BYTES: Final = 8
MINUTE_S: Final = 60
NEVER: Final = 2**32 - 1  # the minute of a key without an end


class _Shard:
    """Revocations whose fingerprints begin alike: sorted, and the minute of each beside it."""

    __slots__ = ("fingerprints", "minutes")

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self.fingerprints = array("Q")
        self.minutes = array("I")
        for fingerprint, minute in pairs:
            self.fingerprints.append(fingerprint)
            self.minutes.append(minute)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Return (fingerprint, minute), sorted by fingerprint."""
        return zip(self.fingerprints, self.minutes, strict=True)

    def find(self, fingerprint: int) -> tuple[int, bool]:
        """Return the fingerprint's position, or where it would be, and whether it is there."""
        at = bisect_left(self.fingerprints, fingerprint)
        return at, at < len(self.fingerprints) and self.fingerprints[at] == fingerprint


class Revocations:
    """A set of keys that leave by themselves. Snapshots share it: it is not part of their value.

    A revocation enters it a moment before the snapshot that makes known tokens be checked again.
    """

    __slots__ = ("_next", "_shards")

    def __init__(self) -> None:
        self._shards: dict[int, _Shard] = {}
        self._next = 0  # the shard to be swept next

    def __len__(self) -> int:
        return sum(len(shard.minutes) for shard in self._shards.values())

    def __contains__(self, key: object) -> bool:
        if not self._shards:
            return False
        fingerprint = _fingerprint(str(key))
        shard = self._shards.get(fingerprint >> _SHIFT)
        return shard is not None and shard.find(fingerprint)[1]

    def add(self, key: str, until_s: float | None) -> None:
        """Hold `key` revoked until `until_s` (Unix time) at least; None is for ever."""
        fingerprint = _fingerprint(key)
        minute = NEVER if until_s is None else min(NEVER, math.ceil(until_s / MINUTE_S))
        shard = self._shard(fingerprint)
        at, there = shard.find(fingerprint)
        if there:
            shard.minutes[at] = minute
        else:
            shard.fingerprints.insert(at, fingerprint)
            shard.minutes.insert(at, minute)

    def discard(self, key: str) -> None:
        """Hold `key` revoked no longer."""
        fingerprint = _fingerprint(key)
        shard = self._shard(fingerprint)
        at, there = shard.find(fingerprint)
        if there:
            del shard.fingerprints[at]
            del shard.minutes[at]

    def _shard(self, fingerprint: int) -> _Shard:
        number = fingerprint >> _SHIFT
        shard = self._shards.get(number)
        if shard is None:
            shard = self._shards[number] = _Shard()
        return shard

    # --- all at once, when a process starts ----------------------------------------------------

    def take(self, minute: int, fingerprints: bytes) -> None:
        """Add many distinct keys that are over at `minute`; `settle` must follow the last.

        `fingerprints` are the first 8 bytes of the SHA-256 of each key, one after another.
        """
        minute = min(NEVER, minute)
        numbers = array("Q", fingerprints)
        if sys.byteorder == "little":
            numbers.byteswap()  # a digest begins with its most significant byte
        shards = self._shards
        for fingerprint in numbers:
            shard = shards.get(fingerprint >> _SHIFT)
            if shard is None:
                shard = shards[fingerprint >> _SHIFT] = _Shard()
            shard.fingerprints.append(fingerprint)
            shard.minutes.append(minute)

    def settle(self) -> None:
        """Sort the keys that `take` has added."""
        for number, shard in self._shards.items():
            self._shards[number] = _Shard(sorted(shard.pairs()))

    # --- leaving -------------------------------------------------------------------------------

    def sweep(self, now_s: float) -> int:
        """Forget the keys of the next shard that are over. Return how many they were.

        Every key has left when each of the `SHARDS` was swept after its minute.
        """
        number, self._next = self._next, (self._next + 1) % SHARDS
        shard = self._shards.get(number)
        now_minute = now_s / MINUTE_S
        if shard is None or not shard.minutes or min(shard.minutes) > now_minute:
            return 0
        kept = _Shard(pair for pair in shard.pairs() if pair[1] > now_minute)
        self._shards[number] = kept
        return len(shard.minutes) - len(kept.minutes)


def _fingerprint(key: str) -> int:
    return int.from_bytes(sha256(key.encode()).digest()[:_BYTES], "big")
