import asyncio
import time

import pytest

from weir.client.errors import ProtocolError
from weir.client.tokens import Token, TokenKeeper


def token(name: str, lifetime_s: float = 300) -> Token:
    return Token(access_token=name, ends_monotonic_s=time.monotonic() + lifetime_s)


class Server:
    """Counts how often it is asked; answers slowly, so that askers overlap."""

    def __init__(self, lifetime_s: float = 300) -> None:
        self.asked: list[Token | None] = []
        self._lifetime_s = lifetime_s

    async def renew(self, old: Token | None) -> Token:
        self.asked.append(old)
        await asyncio.sleep(0.01)
        return token(f"token-{len(self.asked)}", self._lifetime_s)


async def test_many_waiting_callers_cause_one_renewal() -> None:
    server = Server()
    keeper = TokenKeeper(server.renew)
    tokens = await asyncio.gather(*(keeper.token() for _ in range(50)))
    assert {each.access_token for each in tokens} == {"token-1"}
    assert server.asked == [None]


async def test_a_token_near_its_end_is_renewed_before_it() -> None:
    server = Server()
    ending = token("ending", lifetime_s=5)
    keeper = TokenKeeper(server.renew, ending)
    assert (await keeper.token()).access_token == "token-1"
    assert (await keeper.token()).access_token == "token-1"
    assert server.asked == [ending]


async def test_a_token_with_life_left_is_kept() -> None:
    server = Server()
    keeper = TokenKeeper(server.renew, token("fresh"))
    assert (await keeper.token()).access_token == "fresh"
    assert server.asked == []


async def test_a_refused_token_is_replaced_once_for_all_who_were_refused() -> None:
    server = Server()
    old = token("old")
    keeper = TokenKeeper(server.renew, old)
    tokens = await asyncio.gather(*(keeper.replace(old) for _ in range(20)))
    assert {each.access_token for each in tokens} == {"token-1"}
    assert len(server.asked) == 1


async def test_a_token_whose_whole_life_is_short_still_gets_used() -> None:
    server = Server(lifetime_s=1)
    keeper = TokenKeeper(server.renew)
    assert (await keeper.token()).access_token == "token-1"
    assert (await keeper.token()).access_token == "token-2"


async def test_a_failed_renewal_fails_its_askers_and_is_tried_again() -> None:
    calls = 0

    async def renew(_: Token | None) -> Token:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ProtocolError("no")
        return token("second")

    keeper = TokenKeeper(renew)
    with pytest.raises(ProtocolError):
        await keeper.token()
    assert (await keeper.token()).access_token == "second"


def test_what_was_granted_can_be_read_from_the_token() -> None:
    read = Token.read(
        {
            "access_token": "secret-value",
            "token_type": "Bearer",
            "expires_in": 300,
            "grant_id": "cns_1",
            "authorization_details": [{"accounts": ["a", "b"]}, {"debtor_account": "c"}],
        }
    )
    assert (read.accounts(), read.grant_id) == (["a", "b", "c"], "cns_1")
    assert "secret-value" not in repr(read)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": "x", "expires_in": 300, "token_type": "mac"},
        {"access_token": "x", "expires_in": "300", "token_type": "Bearer"},
        {"access_token": 1, "expires_in": 300, "token_type": "Bearer"},
        {"access_token": "x", "expires_in": 3, "token_type": "Bearer", "authorization_details": {}},
    ],
)
def test_an_answer_without_a_token_is_not_believed(body: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        Token.read(body)
