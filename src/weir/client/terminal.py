"""Sign-in of a person at a terminal, and its session, kept in a folder only that person can read.

The terminal makes a key, asks the platform, and a person confirms in a browser. With a browser on
the same machine the answer comes to a port of it (RFC 8252 section 7.3); without one the person
types a code elsewhere, and the terminal asks again until it is confirmed (RFC 8628). The session is
bound to the key (RFC 9449) and lasts some minutes.

```
session.json         the platform's addresses, the token, whose it is and until when
session-key.pem      the private key, made for this session
ca.pem               the alliance's root
```
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from joserfc.jwk import ECKey

from weir.client.credentials import write_private
from weir.client.errors import ProtocolError, RefusedError, WeirError, json_object
from weir.client.exchange import Answer, Exchange
from weir.client.platform import ADDRESSES, Platform
from weir.client.possession import DpopKey
from weir.client.proofs import Pkce
from weir.client.session import MANAGEMENT_KEY, Session, refused
from weir.client.tokens import Token, TokenKeeper

_FILE: Final = "session.json"
_KEY_FILE: Final = "session-key.pem"
_CA_FILE: Final = "ca.pem"
_PENDING: Final = "terminal_sign_in_pending"


@dataclass(frozen=True, slots=True)
class TerminalSession:
    """A person's session at this terminal. Times are Unix seconds; `role` is the present one."""

    platform: Platform
    token: str = field(repr=False)
    key: ECKey = field(repr=False)
    person: str
    display_name: str
    role: str
    organisation: str
    organisation_slug: str
    ends_at_s: float
    fresh_until_s: float

    def save(self, folder: Path) -> None:
        """Write the session and its key into `folder`, readable by its owner only."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        kept = {name: getattr(self, name) for name in _KEPT} | {
            name: getattr(self.platform, name) for name in ADDRESSES
        }
        if self.platform.ca_file != folder / _CA_FILE:
            write_private(folder / _CA_FILE, self.platform.ca_file.read_bytes())
        write_private(folder / _KEY_FILE, self.key.as_pem(private=True))
        write_private(folder / _FILE, json.dumps(kept, indent=2).encode() + b"\n")

    @classmethod
    def load(cls, folder: Path) -> TerminalSession | None:
        """Load the session of a folder; None when there is none. WeirError when it is unfit."""
        path = folder / _FILE
        if not path.exists():
            return None
        if path.stat().st_mode & 0o077:
            raise WeirError(f"{path} can be read by others; run chmod 600 on it.")
        kept = json_object(path.read_bytes())
        if kept is None or not all(name in kept for name in (*_KEPT, *ADDRESSES)):
            raise WeirError(f"{path} is not a session; run `weir sign-out`.")
        platform = Platform(**{name: kept[name] for name in ADDRESSES}, ca_file=folder / _CA_FILE)
        try:
            key = ECKey.import_key((folder / _KEY_FILE).read_bytes())
        except (OSError, ValueError) as error:
            raise WeirError(f"{folder / _KEY_FILE} is not a readable private key") from error
        return cls(platform=platform, key=key, **{name: kept[name] for name in _KEPT})

    @staticmethod
    def remove(folder: Path) -> None:
        """Delete the session of a folder, and its key."""
        for name in (_FILE, _KEY_FILE):
            (folder / name).unlink(missing_ok=True)

    def calls(self, exchange: Exchange) -> Session:
        """Open calls of the management API in the person's name."""

        async def renew(_: Token | None) -> Token:
            raise WeirError("The session of this terminal has ended: run `weir sign-in` again.")

        ends = time.monotonic() + self.ends_at_s - time.time()
        return Session(
            self.platform.public_manage_origin,
            exchange,
            TokenKeeper(renew, Token(self.token, ends, scheme="DPoP")),
            key_header=MANAGEMENT_KEY,
            dpop=DpopKey(self.key),
        )


_KEPT: Final = (
    "token", "person", "display_name", "role", "organisation", "organisation_slug", "ends_at_s",
    "fresh_until_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TerminalSignIn:
    """A sign-in that was asked for: `address` is to be opened, `code` to be compared or typed."""

    platform: Platform
    exchange: Exchange = field(repr=False)
    key: ECKey = field(repr=False)
    verifier: str = field(repr=False)
    request: str = field(repr=False)
    address: str
    code: str
    expires_in_s: int
    interval_s: int

    async def claim(self, answer: str | None = None) -> TerminalSession | None:
        """Get the session once a person has confirmed; None before that.

        `answer` is the code that came to the port. RefusedError when it was refused or is too late.
        """
        given = {"request": self.request, "verifier": self.verifier, "answer": answer}
        try:
            body = await _asked(
                self.platform, self.exchange, self.key, "/v1/terminal-sessions", given
            )
        except RefusedError as error:
            if error.code == _PENDING:
                return None
            raise
        try:
            return _session(self.platform, self.key, body)
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError("the answer is not a terminal's session") from error


async def ask(
    platform: Platform, exchange: Exchange, *, machine: str, port: int | None = None
) -> TerminalSignIn:
    """Ask for this terminal to be signed in, with a new key.

    `machine` is what the person reads of it. `port` is one of this machine that waits for the
    browser, or None when the person has a browser elsewhere only.
    """
    key = ECKey.generate_key("P-256")
    pkce = Pkce.make()
    given = {"machine": machine, "challenge": pkce.challenge, "port": port}
    body = await _asked(platform, exchange, key, "/v1/terminal-sign-ins", given)
    try:
        return TerminalSignIn(
            platform=platform,
            exchange=exchange,
            key=key,
            verifier=pkce.verifier,
            request=str(body["request"]),
            address=str(body["address"]),
            code=str(body["code"]),
            expires_in_s=int(body["expires_in"]),
            interval_s=max(1, int(body["interval"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError("the answer is not a terminal's sign-in") from error


async def end(session: TerminalSession, exchange: Exchange) -> None:
    """End the session at the platform. RefusedError when it has ended already."""
    await _asked(
        session.platform, exchange, session.key, "/v1/terminal-sessions/end", {}, session.token
    )


async def _asked(
    platform: Platform,
    exchange: Exchange,
    key: ECKey,
    path: str,
    given: dict[str, Any],
    token: str | None = None,
) -> dict[str, Any]:
    """Send a JSON body with a proof by the key, and return the answer's JSON object."""
    url = platform.public_manage_origin + path
    headers = {
        "content-type": "application/json",
        "dpop": DpopKey(key).proof("POST", url, token),
    }
    if token is not None:
        headers["authorization"] = f"DPoP {token}"
    answer: Answer = await exchange.send(
        "POST", url, content=json.dumps(given).encode(), headers=headers
    )
    if answer.status >= 400:
        raise refused(answer)
    return answer.object()


def _session(platform: Platform, key: ECKey, body: dict[str, Any]) -> TerminalSession:
    person = body["person"]
    return TerminalSession(
        platform=platform,
        token=str(body["access_token"]),
        key=key,
        person=str(person["id"]),
        display_name=str(person["display_name"]),
        role=str(person["role"]),
        organisation=str(body["organisation"]),
        organisation_slug=str(body["organisation_slug"]),
        ends_at_s=time.time() + int(body["expires_in"]),
        fresh_until_s=datetime.fromisoformat(body["fresh_until"]).timestamp(),
    )
