"""Calls that are wrong on purpose, each with the one refusal it must meet."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from weir.client.exchange import Answer, Exchange
from weir.client.network import address_of
from weir.client.session import refused
from weir.client.tokens import Token
from weir.client.trust import tls_context
from weir_demo.stage import Caller, Stage

_CLOCK_S: Final = 1.0  # a token's end is a whole second
_ANSWER_BYTES: Final = 65_536
_QUOTES: Final = "/summit-securities/quotes/v1/instruments"
_ACCOUNTS: Final = "/river-bank/accounts/v1/accounts"


@dataclass(frozen=True, slots=True)
class WrongCall:
    """A wrong call, the fault in words, and the code of the refusal it must meet."""

    words: str
    expects: str
    call: Callable[[], Awaitable[Answer]]


async def wrong_calls(stage: Stage) -> list[WrongCall]:
    """Return every kind of wrong call, ready to be made again and again."""
    shopping = stage.consents["shopping"]
    lantern, mirror = stage.callers["lantern-life"], stage.callers["clear-mirror"]
    strangers = await stage.resources.enter_async_context(
        Exchange(stage.platform.ca_file, connections=4)
    )
    public = stage.platform.portal_origin.replace("://portal.", "://api.", 1)
    theirs, mine = (
        shopping.token,
        await mirror.server.client_credentials("summit-securities.quotes"),
    )
    foreign = stage.consents["saving"].accounts[0]
    ended = await _ended_token(stage)
    permitted = stage.consents["credit"]
    listing = f"{_ACCOUNTS}/{permitted.accounts[0]}/transactions"

    def sending(
        exchange: Exchange, path: str, token: Token | str | None, origin: str | None = None
    ) -> Callable[[], Awaitable[Answer]]:
        return lambda: _send(exchange, (origin or stage.platform.api_origin) + path, token)

    return [
        WrongCall("no certificate", "certificate_required",
                  sending(strangers, _ACCOUNTS, theirs, public)),
        WrongCall("someone else's token", "certificate_mismatch",
                  sending(mirror.exchange, _ACCOUNTS, theirs)),
        WrongCall("another customer's account", "consent_account",
                  sending(lantern.exchange, f"{_ACCOUNTS}/{foreign}/balances", theirs)),
        WrongCall("an expired token", "token_expired",
                  sending(lantern.exchange, _ACCOUNTS, ended)),
        WrongCall("no token", "token_missing", sending(mirror.exchange, _QUOTES, None)),
        WrongCall("an altered token", "token_invalid",
                  sending(mirror.exchange, _QUOTES, _altered(mine))),
        WrongCall("a product not subscribed to", "subscription_required",
                  sending(mirror.exchange, _ACCOUNTS, mine)),
        WrongCall("more than the customer allowed", "consent_permission",
                  sending(permitted.caller.exchange, listing, permitted.token)),
        WrongCall("an unknown path", "unknown_path",
                  sending(mirror.exchange, f"{_QUOTES}/nothing/here", mine)),
        WrongCall("malformed HTTP", "malformed_http", lambda: _malformed(stage, mirror)),
    ]  # fmt: skip


async def _ended_token(stage: Stage) -> Token:
    """Wait for the end of the short consent's token, and return it."""
    token = stage.consents["glance"].token
    await asyncio.sleep(max(0.0, token.ends_monotonic_s - time.monotonic()) + _CLOCK_S)
    return token


async def _send(exchange: Exchange, url: str, token: Token | str | None) -> Answer:
    value = token.access_token if isinstance(token, Token) else token
    headers = {} if value is None else {"authorization": f"Bearer {value}"}
    answer = await exchange.send("GET", url, headers=headers)
    if answer.status >= 400:
        raise refused(answer)
    return answer


def _altered(token: Token) -> str:
    """Return the token with one bit of its signature changed."""
    body, _, signature = token.access_token.rpartition(".")
    octets = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    octets[0] ^= 1
    return f"{body}.{base64.urlsafe_b64encode(bytes(octets)).rstrip(b'=').decode()}"


async def _malformed(stage: Stage, caller: Caller) -> Answer:
    """Send a request that no HTTP library would, by hand over TLS; raise its refusal."""
    parts = urlsplit(stage.platform.api_origin)
    credentials = caller.profile.credentials
    context: ssl.SSLContext = tls_context(
        stage.platform.ca_file, credentials.certificate_file, credentials.key_file
    )
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(
        address_of(parts.hostname),
        parts.port or 443,
        ssl=context,
        server_hostname=parts.hostname,
    )
    host = parts.netloc.encode()
    writer.write(b"GET / HTTP/1.1\r\nhost: " + host + b"\r\ncontent-length: 1\r\ncontent-length: 2")
    writer.write(b"\r\n\r\n")
    said = await reader.read(_ANSWER_BYTES)
    while not reader.at_eof():
        more = await reader.read(_ANSWER_BYTES)
        said += more
        if len(said) > _ANSWER_BYTES:
            break
    writer.close()
    raise refused(_parsed(said))


def _parsed(said: bytes) -> Answer:
    """Parse an answer by hand, since no library sent the request."""
    head, _, body = said.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    fields = [(name.strip(), value.strip()) for name, _, value in (x.partition(":") for x in lines)]
    return Answer(int(status_line.split(" ")[1]), httpx.Headers(fields), body)
