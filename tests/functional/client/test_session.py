"""Calls over real connections: fresh tokens, repeats only where safe, errors as types."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tls_listener import Listener

from weir.client.errors import InstitutionError, RefusedError, UnreachableError
from weir.client.exchange import Exchange
from weir.client.session import NO_RETRIES, RetryPolicy, Session
from weir.client.tokens import Token, TokenKeeper
from weir.gateway.declares import CONSENT_WITHDRAWN, QUOTA_EXCEEDED
from weir.kernel.declares import OVERLOADED, TOKEN_EXPIRED
from weir.kernel.outcomes import Outcome, Refusal

QUICK = RetryPolicy(tries=3, wait_s=2.0, first_wait_s=0.001)
DROP = b""
OK = b'HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"fine": 1}'


def refusal(outcome: Outcome, *fields: str) -> bytes:
    body = json.dumps(Refusal(outcome).problem("made-up")).encode()
    lines = [f"HTTP/1.1 {outcome.status} X", f"content-length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


class Script:
    """Gives the answers in order and keeps what was asked."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                named = (line.split(": ", 1) for line in lines[1:] if line)
                fields = {name.lower(): value for name, value in named}
                await reader.readexactly(int(fields.get("content-length", "0")))
                self.asked.append(fields | {"line": lines[0]})
                answer = self.answers.pop(0)
                if answer == DROP:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        writer.close()


@asynccontextmanager
async def calling(
    listener: Listener, script: Script, retries: RetryPolicy = QUICK
) -> AsyncIterator[Session]:
    made = 0

    async def renew(_: Token | None) -> Token:
        nonlocal made
        made += 1
        return Token(access_token=f"token-{made}", ends_monotonic_s=time.monotonic() + 300)

    async with (
        listener.serve(script.talk) as port,
        Exchange(listener.ca_file, connections=2) as exchange,
    ):
        origin = f"https://api.localhost:{port}"
        yield Session(origin, exchange, TokenKeeper(renew), retries)


async def test_a_call_carries_the_token_and_a_name_of_its_own(listener: Listener) -> None:
    script = Script(OK, OK)
    async with calling(listener, script) as session:
        answer = await session.call("GET", "/a/b/v1/c", params={"x": "1"})
        await session.call("GET", "/a/b/v1/c")
    assert answer.object() == {"fine": 1}
    first, second = script.asked
    assert first["line"] == "GET /a/b/v1/c?x=1 HTTP/1.1"
    assert first["authorization"] == "Bearer token-1"
    assert first["x-fapi-interaction-id"] != second["x-fapi-interaction-id"]


async def test_a_call_that_may_be_repeated_is_when_the_platform_says_later(
    listener: Listener,
) -> None:
    script = Script(refusal(OVERLOADED), DROP, OK)
    async with calling(listener, script) as session:
        assert (await session.call("GET", "/x")).status == 200
    assert len({each["x-fapi-interaction-id"] for each in script.asked}) == 3


async def test_a_post_is_repeated_only_under_an_idempotency_key(listener: Listener) -> None:
    script = Script(refusal(OVERLOADED))
    async with calling(listener, script) as session:
        with pytest.raises(RefusedError, match="overloaded"):
            await session.call("POST", "/x", json={})
    script = Script(refusal(OVERLOADED), DROP, OK)
    async with calling(listener, script) as session:
        await session.pay("/x", {"amount": "1.00"})
    keys = {each["x-idempotency-key"] for each in script.asked}
    assert (len(script.asked), len(keys)) == (3, 1)


async def test_a_lost_post_is_not_sent_again(listener: Listener) -> None:
    script = Script(DROP, OK)
    async with calling(listener, script) as session:
        with pytest.raises(UnreachableError):
            await session.call("POST", "/x", json={})
    assert len(script.asked) == 1


async def test_what_will_not_change_is_not_asked_again(listener: Listener) -> None:
    script = Script(refusal(CONSENT_WITHDRAWN), OK)
    async with calling(listener, script) as session:
        with pytest.raises(RefusedError) as caught:
            await session.call("GET", "/x")
    assert caught.value.code == "consent_withdrawn"
    assert caught.value.interaction_id == "made-up"
    assert len(script.asked) == 1


async def test_a_long_wait_is_said_and_not_waited(listener: Listener) -> None:
    script = Script(refusal(QUOTA_EXCEEDED, "retry-after: 7200"))
    async with calling(listener, script) as session:
        with pytest.raises(RefusedError) as caught:
            await session.call("GET", "/x")
    assert (caught.value.code, caught.value.retry_after_s) == ("quota_exceeded", 7200)


async def test_patience_ends(listener: Listener) -> None:
    script = Script(*[refusal(OVERLOADED)] * 4)
    async with calling(listener, script) as session:
        with pytest.raises(RefusedError):
            await session.call("GET", "/x")
    assert len(script.asked) == 3
    script = Script(*[refusal(OVERLOADED)] * 4)
    async with calling(listener, script, NO_RETRIES) as session:
        with pytest.raises(RefusedError):
            await session.call("GET", "/x")
    assert len(script.asked) == 1


async def test_a_token_the_platform_calls_expired_is_renewed_once_even_for_a_post(
    listener: Listener,
) -> None:
    """It was refused before anybody saw the call, so sending it again is safe."""
    expired = refusal(TOKEN_EXPIRED)
    script = Script(expired, OK)
    async with calling(listener, script, NO_RETRIES) as session:
        assert (await session.call("POST", "/x", json={})).status == 200
    assert [each["authorization"] for each in script.asked] == ["Bearer token-1", "Bearer token-2"]
    script = Script(expired, expired)
    async with calling(listener, script, NO_RETRIES) as session:
        with pytest.raises(RefusedError, match="token_expired"):
            await session.call("GET", "/x")


async def test_the_institutions_own_refusal_is_told_apart_from_the_platforms(
    listener: Listener,
) -> None:
    body = b'{"type":"about:blank","title":"No such payment","status":404}'
    script = Script(b"HTTP/1.1 404 X\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
    async with calling(listener, script) as session:
        with pytest.raises(InstitutionError, match="answered 404: No such payment"):
            await session.call("GET", "/x")
