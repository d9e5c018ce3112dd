"""Sign-ins of terminals that wait for a person's word, kept in the cache.

A terminal asks with the key that its session will be bound to. The person looks at the request on
the portal's page and confirms it there; the terminal then claims its session. The way back to the
terminal follows from what it asked for:

- With a *port*, the browser is sent to that port of its own machine with a code (RFC 8252 section
  7.3, with PKCE as of section 8.1). Whoever started a sign-in on another machine never gets it.
- Without one, as for a terminal on a machine without a browser, the person types the code that the
  terminal shows, and compares what the page tells of the machine (RFC 8628 sections 5.4 and 6.1).
"""

from __future__ import annotations

import base64
import hmac
import secrets as random
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from weir.identity import secrets
from weir.identity.declares import (
    SIGN_IN_LOCKED,
    TERMINAL_CODE_ATTEMPTS,
    TERMINAL_SIGN_IN_OVER,
    TERMINAL_SIGN_IN_PENDING,
    TERMINAL_SIGN_IN_S,
    TERMINAL_SIGN_INS,
    TERMINAL_SIGN_INS_WINDOW_S,
)
from weir.kernel.outcomes import Refusal
from weir.store.cache import Cache
from weir.wire.networks import network_of

# No vowels, so that no code is a word, and none that look alike (RFC 8628 section 6.1).
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_CODE_LETTERS: Final = 8


@dataclass(frozen=True, slots=True)
class TerminalSignIn:
    """A terminal that asked to be signed in.

    `name` is the digest of the request's secret, `code` what terminal and page both show. `machine`
    is the terminal's own word for itself, `network` where it asked from. `challenge` is that of
    PKCE (RFC 7636 section 4.2, S256), `thumbprint` that of its key (RFC 7638). `port` is on the
    machine of the browser, or None. `person` and `proven_at` (ISO 8601) are set once confirmed, and
    `answer` is the digest of the code that went to the port.
    """

    name: str
    code: str
    machine: str
    network: str
    challenge: str
    thumbprint: str
    port: int | None
    person: str | None = None
    proven_at: str | None = None
    confirmed_at: str | None = None
    answer: str | None = None

    @property
    def shown_code(self) -> str:
        """The code as people compare and type it: two groups of four letters."""
        return f"{self.code[:4]}-{self.code[4:]}"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A sign-in that a person confirmed: who, when proven and said, and the terminal it is for."""

    sign_in: TerminalSignIn
    person: str
    proven_at: datetime
    confirmed_at: datetime


async def ask(
    cache: Cache, *, machine: str, challenge: str, thumbprint: str, port: int | None, address: str
) -> tuple[TerminalSignIn, str]:
    """Keep a terminal's request for TERMINAL_SIGN_IN_S; return it and its secret.

    Refusal SIGN_IN_LOCKED when too many came from one network.
    """
    network = network_of(address)
    counted = await cache.count(f"terminal-ask:{network}", TERMINAL_SIGN_INS_WINDOW_S)
    if counted > TERMINAL_SIGN_INS:
        raise Refusal(SIGN_IN_LOCKED, f"{counted} terminals of {network}")
    secret = secrets.new_secret()
    code = "".join(random.choice(_LETTERS) for _ in range(_CODE_LETTERS))
    asked = TerminalSignIn(
        secrets.digest(secret), code, machine, network, challenge, thumbprint, port
    )
    await cache.put_json(_key(asked.name), asdict(asked), TERMINAL_SIGN_IN_S)
    if port is None:
        await cache.put_json(_code_key(code), asked.name, TERMINAL_SIGN_IN_S)
    return asked, secret


async def find(cache: Cache, secret: str) -> TerminalSignIn:
    """Return a request by its secret. Refusal TERMINAL_SIGN_IN_OVER when there is none."""
    if not secrets.is_secret(secret):
        raise Refusal(TERMINAL_SIGN_IN_OVER, "not a secret")
    return await _named(cache, secrets.digest(secret))


async def find_of_browser(cache: Cache, secret: str) -> TerminalSignIn:
    """Return the request of a terminal that sent the browser here, by its secret.

    A terminal that is confirmed by a typed code is never found so: a link that somebody sent must
    not stand for the code. Refusal TERMINAL_SIGN_IN_OVER.
    """
    asked = await find(cache, secret)
    if asked.port is None:
        raise Refusal(TERMINAL_SIGN_IN_OVER, "its code is to be typed")
    return asked


async def find_by_code(cache: Cache, person: str, typed: str) -> TerminalSignIn:
    """Return the request whose code a person typed; only those without a port have one to type.

    Refusal TERMINAL_SIGN_IN_OVER when there is none, SIGN_IN_LOCKED after too many attempts of the
    person (RFC 8628 section 5.1).
    """
    counted = await cache.count(f"terminal-code-of:{person}", TERMINAL_SIGN_INS_WINDOW_S)
    if counted > TERMINAL_CODE_ATTEMPTS:
        raise Refusal(SIGN_IN_LOCKED, f"{counted} codes of {person}")
    code = "".join(letter for letter in typed.upper()[:32] if letter in _LETTERS)
    name = await cache.get_json(_code_key(code)) if len(code) == _CODE_LETTERS else None
    if name is None:
        raise Refusal(TERMINAL_SIGN_IN_OVER, "no such code")
    return await _named(cache, name)


async def confirm(
    cache: Cache, asked: TerminalSignIn, person: str, proven_at: datetime, now: datetime
) -> str:
    """Say yes for a person, whose identity was proven then; return the code for the port.

    Refusal TERMINAL_SIGN_IN_OVER when the request ended meanwhile, or was confirmed before.
    """
    if asked.person is not None:
        raise Refusal(TERMINAL_SIGN_IN_OVER, "confirmed before")
    answer = secrets.new_secret()
    said = replace(
        asked,
        person=person,
        proven_at=proven_at.isoformat(),
        confirmed_at=now.isoformat(),
        answer=secrets.digest(answer),
    )
    if not await cache.replace_json(_key(asked.name), asdict(said), TERMINAL_SIGN_IN_S):
        raise Refusal(TERMINAL_SIGN_IN_OVER, "ended meanwhile")
    await cache.take_json(_code_key(asked.code))
    return answer


async def refuse(cache: Cache, asked: TerminalSignIn) -> None:
    """Say no: the request ends."""
    await cache.take_json(_key(asked.name))
    await cache.take_json(_code_key(asked.code))


async def claim(
    cache: Cache, secret: str, *, verifier: str, thumbprint: str, answer: str | None
) -> Confirmed:
    """Use a confirmed request up, by the terminal that made it.

    `verifier` is that of PKCE, `thumbprint` of the key that signed this request, `answer` the code
    that came to the port. Refusal TERMINAL_SIGN_IN_PENDING while nobody confirmed it;
    TERMINAL_SIGN_IN_OVER when it is unknown, another's, expired or used.
    """
    asked = await find(cache, secret)
    if not _is_of(asked, verifier, thumbprint):
        raise Refusal(TERMINAL_SIGN_IN_OVER, "another terminal's")
    if asked.person is None or asked.proven_at is None or asked.confirmed_at is None:
        raise Refusal(TERMINAL_SIGN_IN_PENDING)
    came = secrets.digest(answer or "")
    if asked.port is not None and not hmac.compare_digest(came, str(asked.answer)):
        raise Refusal(TERMINAL_SIGN_IN_OVER, "not the code that was sent to its port")
    if await cache.take_json(_key(asked.name)) is None:
        raise Refusal(TERMINAL_SIGN_IN_OVER, "claimed at the same moment")
    return Confirmed(
        asked,
        asked.person,
        datetime.fromisoformat(asked.proven_at),
        datetime.fromisoformat(asked.confirmed_at),
    )


def _is_of(asked: TerminalSignIn, verifier: str, thumbprint: str) -> bool:
    digest = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    known = hmac.compare_digest(digest, asked.challenge)
    return known and hmac.compare_digest(thumbprint, asked.thumbprint)


async def _named(cache: Cache, name: str) -> TerminalSignIn:
    found: dict[str, Any] | None = await cache.get_json(_key(name))
    if found is None:
        raise Refusal(TERMINAL_SIGN_IN_OVER, "unknown or expired")
    return TerminalSignIn(**found)


def _key(name: str) -> str:
    return f"terminal:{name}"


def _code_key(code: str) -> str:
    return f"terminal-code:{code}"
